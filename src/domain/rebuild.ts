import { compareRecords, endsSooner, type RecordedAccount, type Sides } from './disagreement.js';
import type { ObjectId } from './identity.js';
import type { LedgerEntry } from './ledger-entry.js';
import type { ProxmoxMark } from './proxmox-mark.js';

/** What rebuilding the ledger would change about one identity. */
export interface Rebuilt {
  oid: ObjectId;
  before?: LedgerEntry | undefined;
  after: LedgerEntry;
}

export interface RebuildOptions {
  /** Epoch ms. */
  now: number;
  deleteAfterMs: number;
  realm: string;
}

interface Evidence {
  /** The first name that was met: of the account where there is one. */
  metAs: string;
  account?: RecordedAccount | undefined;
  /** The user that the identity has now. */
  mark?: ProxmoxMark | undefined;
  retired: string[];
}

/**
 * The entries that the other sides' marks make of an empty, an older or a contradicting ledger. Nothing is granted by it:
 * an entry only says what was ours, and the next reading decides. A countdown ends when Proxmox says so, else begins
 * anew; it is never shorter than it was.
 */
export function rebuildLedger(sides: Sides, options: RebuildOptions): Rebuilt[] {
  const known = new Map(sides.entries.map((entry) => [entry.oid, entry]));
  const missing = new Set(
    compareRecords(sides).items.flatMap(({ kind, oid }) => (kind === 'not-in-ledger' ? oid : [])),
  );
  return [...evidenceOf(sides)].flatMap(([oid, evidence]): Rebuilt[] => {
    const before = known.get(oid);
    if (!before) return missing.has(oid) ? [{ oid, after: entryFrom(oid, evidence, options) }] : [];
    const after = corrected(before, evidence, options.now + options.deleteAfterMs);
    return after === before ? [] : [{ oid, before, after }];
  });
}

function evidenceOf({ agent, marks }: Sides): Map<ObjectId, Evidence> {
  const found = new Map<ObjectId, Evidence>();
  const of = (oid: ObjectId, name: string): Evidence => {
    const evidence = found.get(oid) ?? { metAs: name, retired: [] };
    found.set(oid, evidence);
    return evidence;
  };
  for (const account of agent?.accounts ?? []) of(account.oid, account.name).account = account;
  for (const mark of marks ?? []) {
    const evidence = of(mark.oid, mark.userid);
    if (mark.state === 'retired') evidence.retired.push(mark.userid);
    else if (!evidence.mark) evidence.mark = mark;
    // Two current users of one person: the enabled one is in use, and the other one stays looked after.
    else if (mark.enabled && !evidence.mark.enabled) {
      evidence.retired.push(evidence.mark.userid);
      evidence.mark = mark;
    } else evidence.retired.push(mark.userid);
  }
  return found;
}

function corrected(before: LedgerEntry, { account, mark }: Evidence, latestEnd: number): LedgerEntry {
  let after = before;
  const renamed = account && before.names.linux !== undefined && before.names.linux !== account.name;
  if (account && renamed) after = { ...after, names: { ...after.names, linux: account.name }, uid: account.uid };
  if (account && after.uid !== undefined && after.uid !== account.uid) after = { ...after, uid: account.uid };
  if (mark && endsSooner(after, mark, latestEnd)) after = { ...after, deleteAt: mark.deleteAt };
  return after;
}

function entryFrom(oid: ObjectId, { metAs, account, mark, retired }: Evidence, options: RebuildOptions): LedgerEntry {
  const { now, realm } = options;
  const { state, deleteAt, reason } = standingFrom(account, mark, options);
  return {
    oid,
    upn: withoutRealm(mark?.userid ?? metAs, realm),
    displayName: '',
    state,
    since: now,
    ...(reason === undefined ? {} : { reason }),
    ...(deleteAt === undefined ? {} : { deleteAt }),
    groups: [],
    ...(state === 'deleted' ? {} : { groupsUnknown: true as const }),
    names: { ...(account ? { linux: account.name } : {}), ...(mark ? { proxmox: mark.userid } : {}) },
    ...(account ? { uid: account.uid } : {}),
    retired: retired.filter((userid) => userid !== mark?.userid).sort(),
    conflicts: [],
  };
}

const REBUILT = 'rebuilt from the records of the targets';

function standingFrom(
  account: RecordedAccount | undefined,
  mark: ProxmoxMark | undefined,
  { now, deleteAfterMs }: RebuildOptions,
): Pick<LedgerEntry, 'state' | 'deleteAt' | 'reason'> {
  const gone = account?.state === 'deleted';
  const anew = { state: 'grace', deleteAt: now + deleteAfterMs, reason: REBUILT } as const;
  switch (mark?.state) {
    case 'grace':
      // A countdown that cannot be read begins anew.
      return { ...anew, deleteAt: mark.deleteAt ?? anew.deleteAt, reason: mark.reason ?? REBUILT };
    case 'suspended':
      return { state: 'suspended', reason: REBUILT };
    case 'deleted':
      return gone || !account ? { state: 'deleted', reason: REBUILT } : anew;
    default:
      break;
  }
  if (gone) return { state: 'deleted', reason: REBUILT };
  // Nothing but the lock speaks for a leaver, or for somebody suspended: the next reading tells which.
  if (!mark && account?.locked) return anew;
  return { state: 'active' };
}

function withoutRealm(userid: string, realm: string): string {
  return userid.endsWith(`@${realm}`) ? userid.slice(0, -realm.length - 1) : userid;
}
