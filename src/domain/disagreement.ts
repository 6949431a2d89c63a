import type { ObjectId } from './identity.js';
import type { LedgerEntry } from './ledger-entry.js';
import type { ProxmoxMark } from './proxmox-mark.js';

/** One account of the account agent's own record. */
export interface RecordedAccount {
  oid: ObjectId;
  name: string;
  uid: number;
  state: 'whole' | 'partial' | 'deleted';
  /** Locked by us, completely. */
  locked: boolean;
  /** Handed over by root, who may have done so before the ledger heard of it. */
  adopted: boolean;
}

/** The account agent's whole record, and what it says of names that the ledger gives to others than it knows. */
export interface AgentRecord {
  accounts: readonly RecordedAccount[];
  /** Whose account root took back: it is nobody's, and the agent keeps its name and uid. */
  givenBack: ReadonlySet<ObjectId>;
  /** Object id -> why the name that the ledger gives it is not its own on this host; missing where the name is free. */
  strangers: ReadonlyMap<ObjectId, string>;
}

/** Everything that is compared. A side that is not in use, or could not be seen, is undefined. */
export interface Sides {
  entries: readonly LedgerEntry[];
  agent?: AgentRecord | undefined;
  marks?: readonly ProxmoxMark[] | undefined;
  /** Epoch ms at which a countdown that began now would end: a mark that ends later was written by a wrong clock. */
  latestEnd?: number | undefined;
}

export type DisagreementKind =
  /** An account or a Proxmox user of ours that the ledger does not know. */
  | 'not-in-ledger'
  /** An account that the ledger knows and the agent's record does not. */
  | 'not-in-agent'
  | 'name'
  | 'uid'
  /** The countdown in the ledger ends before the one that Proxmox shows: the ledger is an older one. */
  | 'countdown';

export interface Disagreement {
  kind: DisagreementKind;
  oid: ObjectId;
  what: string;
}

export interface Comparison {
  /** A whole side that is lost, beside which the other one shows what was ours. */
  lost?: 'ledger' | 'agent' | undefined;
  items: readonly Disagreement[];
}

const MINUTE_MS = 60_000;

/**
 * Where the ledger and the other sides' own records contradict each other. Nothing is listed that a crash between two
 * steps leaves behind and the next pass mends by itself: a name that is written down for an account that was not made
 * yet, an account or a user that was locked, deleted or enabled before the ledger said so, a Proxmox user that somebody
 * removed. Nor is an account that root has just adopted.
 */
export function compareRecords(sides: Sides): Comparison {
  const known = new Map(sides.entries.map((entry) => [entry.oid, entry]));
  const remembers = sides.entries.some(({ names }) => names.linux ?? names.proxmox);
  const untold = missingInLedger(sides, known, remembers, 'as adopted now');
  const isLost = untold.length > 0 && !remembers;
  // A ledger that is lost may well have known what looks as if it had just been adopted.
  const missing = isLost ? missingInLedger(sides, known, remembers, 'as adopted before') : untold;
  const items = [...missing, ...missingInAgent(sides), ...contradictions(sides, known)];
  return { lost: isLost ? 'ledger' : isAgentLost(sides) ? 'agent' : undefined, items };
}

function isAgentLost({ entries, agent }: Sides): boolean {
  if (!agent || agent.accounts.length + agent.givenBack.size > 0) return false;
  return entries.some(({ oid, names, uid }) => names.linux && (uid !== undefined || agent.strangers.has(oid)));
}

function missingInLedger(
  { agent, marks }: Sides,
  known: ReadonlyMap<ObjectId, LedgerEntry>,
  remembers: boolean,
  untouched: 'as adopted now' | 'as adopted before',
): Disagreement[] {
  const found = new Map<ObjectId, string[]>();
  const note = (oid: ObjectId, what: string) => found.set(oid, [...(found.get(oid) ?? []), what]);
  for (const account of agent?.accounts ?? []) {
    const { oid, name, uid, state } = account;
    if (known.has(oid) || (untouched === 'as adopted now' && isJustAdopted(account))) continue;
    note(oid, state === 'deleted' ? `the deleted account ${name} (uid ${uid})` : `the account ${name} (uid ${uid})`);
  }
  for (const { oid, userid, state } of marks ?? []) {
    // Beside a ledger that is there the agent knows who has an account here; a mark alone may be another host's.
    const isOurs = !agent || !remembers || found.has(oid);
    if (!known.has(oid) && isOurs) note(oid, `the Proxmox user ${userid} (${state})`);
  }
  return [...found].map(([oid, parts]) => ({
    kind: 'not-in-ledger',
    oid,
    what: `the ledger does not know ${oid}, who has ${parts.join(' and ')}`,
  }));
}

/** Untouched since: the next pass takes it in, as it was meant. */
function isJustAdopted({ adopted, locked, state }: RecordedAccount): boolean {
  return adopted && !locked && state !== 'deleted';
}

function missingInAgent({ entries, agent }: Sides): Disagreement[] {
  if (!agent) return [];
  const recorded = new Set([...agent.givenBack, ...agent.accounts.map(({ oid }) => oid)]);
  return entries.flatMap((entry): Disagreement[] => {
    const { oid, uid, upn, state } = entry;
    const name = entry.names.linux;
    if (name === undefined || recorded.has(oid)) return [];
    const why = agent.strangers.get(oid);
    // Without a uid nobody has ever seen the account: it was written down and never made.
    if (uid === undefined && (why === undefined || state === 'deleted')) return [];
    const host = why ?? 'there is no such account on this host';
    const what = `the ledger gives ${upn} (${oid}) the account ${name}, which the account agent does not know: ${host}`;
    return [{ kind: 'not-in-agent', oid, what }];
  });
}

function contradictions({ agent, marks, latestEnd }: Sides, known: ReadonlyMap<ObjectId, LedgerEntry>): Disagreement[] {
  const found: Disagreement[] = [];
  for (const { oid, name, uid } of agent?.accounts ?? []) {
    const entry = known.get(oid);
    if (!entry) continue;
    const said = `the ledger gives ${entry.upn} (${oid})`;
    if (entry.names.linux !== undefined && entry.names.linux !== name) {
      found.push({ kind: 'name', oid, what: `${said} the account ${entry.names.linux}, the account agent ${name}` });
    } else if (entry.uid !== undefined && entry.uid !== uid) {
      found.push({ kind: 'uid', oid, what: `${said} the uid ${entry.uid}, the account agent ${uid}` });
    }
  }
  for (const mark of marks ?? []) {
    const entry = known.get(mark.oid);
    if (entry && endsSooner(entry, mark, latestEnd)) {
      const what = `the countdown of ${entry.upn} (${mark.oid}) ends sooner in the ledger than Proxmox shows on ${mark.userid}`;
      found.push({ kind: 'countdown', oid: mark.oid, what });
    }
  }
  return found;
}

/** Whether the ledger ends a countdown before the one that Proxmox shows; the comment there shows whole minutes. */
export function endsSooner(
  entry: LedgerEntry,
  mark: ProxmoxMark,
  latestEnd = Number.POSITIVE_INFINITY,
): mark is ProxmoxMark & { deleteAt: number } {
  if (entry.state !== 'grace' || mark.state !== 'grace') return false;
  if (entry.deleteAt === undefined || mark.deleteAt === undefined) return false;
  return mark.deleteAt - entry.deleteAt > MINUTE_MS && mark.deleteAt <= latestEnd + MINUTE_MS;
}

/**
 * Why nothing may happen to an identity for now; undefined where it may. `entry`: what the ledger knows of it, `stays`:
 * whether it is in scope and enabled. While a whole side is lost nobody is removed, and while it is the account agent's,
 * which knows the names and uids that were given out, nobody is made either.
 */
export function heldBackBy(
  { lost, items }: Comparison,
  oid: ObjectId,
  entry: LedgerEntry | undefined,
  stays: boolean,
): string | undefined {
  const own = items.find((item) => item.oid === oid);
  if (own) return own.what;
  if (lost === 'agent') return "the account agent's record is lost";
  if (lost === 'ledger' && entry && !stays) return 'the ledger is lost, so nobody is removed';
  return undefined;
}

/** Which side has to be rebuilt to settle this. */
export function sideToMend(kind: DisagreementKind): 'ledger' | 'agent' {
  return kind === 'not-in-agent' ? 'agent' : 'ledger';
}
