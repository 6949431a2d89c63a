import { adoptionObstacle } from './adopt.js';
import type { Claim } from './claims.js';
import { type Etc, groupsOf, type PasswdLine } from './etc.js';
import { homeOf } from './home.js';
import type { Entry, Ledger } from './ledger.js';
import type { Policy } from './policy.js';
import { uidOf } from './uid.js';
import { type AgentClock, isShadowLocked } from './workshop.js';

/** What of the agent's own record can be rebuilt. */
export interface Rebuilding {
  entries: Entry[];
  /** What root is shown, one line for each claim that is not in the record as it is. */
  lines: string[];
  /** How many claims were refused. */
  refused: number;
}

interface Surroundings {
  ledger: Ledger;
  policy: Policy;
  etc: Etc;
  clock: AgentClock;
}

/**
 * Looks at each account that the reconciler's ledger names and our own record does not, without changing anything. An
 * account is taken over as in an adoption, and only with the uid that it was seen with or that comes from its object id;
 * what was deleted, or is not on this host, becomes a tombstone, so that neither name nor uid is ever handed on.
 */
export function examineForRepair(around: Surroundings, claims: readonly Claim[]): Rebuilding {
  const found: Rebuilding = { entries: [], lines: [], refused: 0 };
  const taken = new Map<string | number, string>();
  for (const claim of claims) {
    const known = around.ledger.get(claim.oid);
    if (known?.name === claim.name && (claim.uid === undefined || claim.uid === known.uid)) continue;
    const result = known ? differs(known, claim) : examine(around, claim);
    if (result === undefined) continue;
    const twin = typeof result === 'string' ? undefined : (taken.get(result.name) ?? taken.get(result.uid));
    if (typeof result === 'string' || twin !== undefined) {
      found.refused += 1;
      const why = typeof result === 'string' ? result : `the ledger gives its name or uid to ${twin} too`;
      found.lines.push(`refused    ${claim.name} of ${claim.oid}: ${why}`);
      continue;
    }
    taken.set(result.name, result.oid).set(result.uid, result.oid);
    found.entries.push(result);
    found.lines.push(describe(result, around.etc));
  }
  return found;
}

function differs(known: Entry, { uid }: Claim): string {
  const said = uid === undefined ? '' : ` with uid ${uid}`;
  return `the record has ${known.name} with uid ${known.uid}, the ledger another name${said || ' for it'}: entramox repair`;
}

/** The entry, why there can be none, or undefined where nothing was ever made. */
function examine(around: Surroundings, claim: Claim): Entry | string | undefined {
  const { etc, policy } = around;
  const line = etc.passwd.get(claim.name);
  if (!line) return claim.uid === undefined && claim.state !== 'deleted' ? undefined : tombstone(around, claim);
  if (claim.state === 'deleted') return `the ledger says that it was deleted, yet there is an account of that name`;
  const obstacle = adoptionObstacle(around, claim);
  if (obstacle !== undefined) return obstacle;
  const uid = claim.uid ?? uidOf(claim.oid, policy);
  if (line.uid !== uid) {
    return `it has uid ${line.uid}, not ${uid}; if it is theirs: accounts adopt --oid ${claim.oid} --name ${claim.name}`;
  }
  return takenOver(around, claim, line);
}

function takenOver({ etc, policy, clock }: Surroundings, { oid, name, state }: Claim, line: PasswdLine): Entry {
  const isOurMake =
    line.gid === line.uid && etc.group.get(name)?.gid === line.uid && line.home === homeOf(policy.homeBase, name);
  const entry: Entry = { oid, name, uid: line.uid, state: 'made', adopted: !isOurMake, formerNames: [] };
  // Who was not made by us may have been locked by root: that lock is not taken for ours, and is never undone by us.
  const isOurLock = isOurMake && (state === 'grace' || state === 'suspended') && isShadowLocked(etc.shadow.get(name));
  if (!isOurLock) return entry;
  // Since when is lost, so the time before a deletion begins anew; so is what was there before the lock.
  const since = { since: clock.now(), bootId: clock.bootId(), uptimeMs: clock.uptimeMs() };
  return { ...entry, lock: { previousExpiry: '', passwordWasLocked: false, ...since } };
}

function tombstone({ ledger, policy, etc }: Surroundings, { oid, name, ...claim }: Claim): Entry | string {
  const uid = claim.uid ?? uidOf(oid, policy);
  const owner = ledger.ownerOfName(name) ?? ledger.ownerOfUid(uid);
  if (owner) return `${owner.oid} has, or had, the account ${owner.name} with uid ${owner.uid}`;
  const holder = etc.nameOfUid.get(uid);
  if (holder !== undefined) return `its uid ${uid} belongs to the account ${holder}`;
  return { oid, name, uid, state: 'deleted', adopted: false, formerNames: [] };
}

function describe({ oid, name, uid, state, adopted, lock }: Entry, etc: Etc): string {
  if (state === 'deleted')
    return `tombstone  ${name}, uid ${uid}, of ${oid}: there is no such account, name and uid stay theirs`;
  const locked = lock ? '; locked by us, to be opened wholly if they come back' : '';
  if (!adopted) return `take over  ${name}, uid ${uid}, of ${oid}${locked}`;
  const line = etc.passwd.get(name);
  const has = `home ${line?.home}, shell ${line?.shell}, groups ${groupsOf(etc, name).join(' ') || 'none'}`;
  return `take over  ${name}, uid ${uid}, of ${oid} (as adopted: ${has})`;
}
