import { readFileSync } from 'node:fs';
import { replaceFile } from './durable-file.js';
import { AgentError, errnoOf, messageOf } from './errors.js';
import { isGuid, nameProblem } from './names.js';
import { openUnwrittenLocks, type UnwrittenLock, type UnwrittenLocks } from './unwritten-locks.js';

/** The lock of one account: what must be restored to undo it, and since when it is complete. */
export interface LockRecord {
  /** Field 8 of /etc/shadow before, days or empty. */
  previousExpiry: string;
  /** The password was locked before us, so unlocking leaves it locked. */
  passwordWasLocked: boolean;
  /** Epoch ms when the lock was read back complete; absent while it is under way. */
  since?: number;
  /** Boot and milliseconds of uptime at `since`, against jumps of the clock. */
  bootId?: string;
  uptimeMs?: number;
}

/**
 * One identity's account. `creating` is written before the first change on the host, `deleting` before the first
 * removal, so that a crash never leaves an account that nobody knows. `deleted` entries stay for ever as tombstones, and
 * so do `released` ones: root took the account back, we do not touch it, and name and uid are never anybody else's.
 */
export interface Entry {
  oid: string;
  name: string;
  uid: number;
  state: 'creating' | 'made' | 'deleting' | 'deleted' | 'released';
  /** Root handed over an account that existed before. */
  adopted: boolean;
  /** Names of former lives of this identity; never given to another one. */
  formerNames: string[];
  lock?: LockRecord;
  /** Groups that were taken away while processes may still hold them; gone once these are ended. */
  lostGroups?: string[];
  /** The finished archive of the home while a deletion is under way; null where none was needed. */
  archive?: string | null;
  /** Archives of homes of former lives, the newest last; absent in records of older releases. */
  archives?: string[];
  /** Epoch ms when root took the account back. */
  releasedAt?: number;
}

export type CeilingKind = 'locks' | 'deletes';

/** The agent's own durable record. Every method that changes it returns only after the change is on disk. */
export interface Ledger {
  entries(): Entry[];
  get(oid: string): Entry | undefined;
  /** Who has this name now or had it in a former life. */
  ownerOfName(name: string): Entry | undefined;
  ownerOfUid(uid: number): Entry | undefined;
  put(entry: Entry): void;
  /** Epoch ms of the locks or deletions that still count at `now`. */
  recent(kind: CeilingKind, now: number): number[];
  /** Counts one lock or deletion against the ceiling; durable together with the entry. */
  putCounted(entry: Entry, kind: CeilingKind, now: number): void;
  /**
   * Remembers the begun lock of an entry that could not be put, and counts it, until anything can be put for that
   * identity. Throws where it is not known after our end.
   */
  keepUnwritten(entry: Entry, now: number): void;
}

interface Stored {
  version: 1;
  accounts: Entry[];
  locks: number[];
  deletes: number[];
}

const HOUR_MS = 3_600_000;

/**
 * Opens the ledger file, empty where there is none yet. A file that cannot be understood, or a missing one whose
 * former copy is there, throws AgentError `failed`: nothing is ever replaced by an empty ledger.
 */
export function openLedger(file: string, unwritten: UnwrittenLocks = openUnwrittenLocks()): Ledger {
  const stored = read(file);
  const byOid = new Map(stored.accounts.map((entry) => [entry.oid, entry]));
  const byName = new Map<string, string>();
  const byUid = new Map<number, string>();
  for (const entry of byOid.values()) index(entry);

  function index(entry: Entry): void {
    byUid.set(entry.uid, entry.oid);
    for (const name of [entry.name, ...entry.formerNames]) byName.set(name, entry.oid);
  }

  function save(next: Stored): void {
    replaceFile(file, `${JSON.stringify(next)}\n`, 0o600);
  }

  function change(entry: Entry, count?: { kind: CeilingKind; now: number }): void {
    const problem = entryProblem(entry);
    // What could not be read again must not be written.
    if (problem) throw new AgentError('failed', `the entry of ${entry.name} is not written: ${problem}`);
    const accounts = new Map(byOid).set(entry.oid, entry);
    const late = lateLock(entry.oid);
    const counted = {
      ...(late ? { locks: [...stored.locks, late.at] } : {}),
      ...(count ? { [count.kind]: [...stored[count.kind].filter((at) => isRecent(at, count.now)), count.now] } : {}),
    };
    // On disk first: what memory says must never be ahead of the file.
    save({ ...stored, ...counted, accounts: [...accounts.values()] });
    Object.assign(stored, counted);
    byOid.set(entry.oid, entry);
    index(entry);
    if (late) unwritten.forget(entry.oid);
  }

  /** The lock of this identity that could not be written down, where there is one that makes sense. */
  function lateLock(oid: string): UnwrittenLock | undefined {
    const late = unwritten.all().get(oid);
    const isUsable = isRecord(late) && Number.isFinite(late.at) && lockProblem(late.lock) === undefined;
    return isUsable ? (late as unknown as UnwrittenLock) : undefined;
  }

  function withLateLock(entry: Entry): Entry {
    const late = lateLock(entry.oid);
    return late ? { ...entry, lock: late.lock } : entry;
  }

  function see(oid: string | undefined): Entry | undefined {
    const entry = byOid.get(oid ?? '');
    return entry && withLateLock(entry);
  }

  function unwrittenTimes(kind: CeilingKind): number[] {
    return kind === 'locks' ? [...unwritten.all().keys()].flatMap((oid) => lateLock(oid)?.at ?? []) : [];
  }

  return {
    entries: () => [...byOid.values()].map(withLateLock),
    get: see,
    ownerOfName: (name) => see(byName.get(name)),
    ownerOfUid: (uid) => see(byUid.get(uid)),
    put: (entry) => change(entry),
    recent: (kind, now) => [...stored[kind], ...unwrittenTimes(kind)].filter((at) => isRecent(at, now)),
    putCounted: (entry, kind, now) => change(entry, { kind, now }),
    keepUnwritten({ oid, lock }, now) {
      if (lock) unwritten.keep(oid, { lock, at: lateLock(oid)?.at ?? now });
    },
  };
}

/** A time in the future counts too: a clock that was set back must not lift the ceiling. */
function isRecent(at: number, now: number): boolean {
  return at > now - HOUR_MS;
}

function read(file: string): Stored {
  const text = readIfThere(file);
  if (text === undefined) {
    if (readIfThere(`${file}.prev`) !== undefined) {
      throw broken(file, 'it is missing, but its former copy is there');
    }
    return { version: 1, accounts: [], locks: [], deletes: [] };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw broken(file, messageOf(error));
  }
  const problem = problemOf(value);
  if (problem) throw broken(file, problem);
  return value as Stored;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw broken(file, messageOf(error));
  }
}

function broken(file: string, why: string): AgentError {
  return new AgentError(
    'failed',
    `the account ledger ${file} cannot be used: ${why}`,
    `nothing is written until it is repaired; the last good copy is ${file}.prev`,
  );
}

function problemOf(value: unknown): string | undefined {
  if (!isRecord(value)) return 'it is not a JSON object';
  if (value.version !== 1) return `its version is ${JSON.stringify(value.version)}, this program knows 1`;
  if (!Array.isArray(value.accounts)) return 'accounts is not a list';
  for (const kind of ['locks', 'deletes']) {
    const times = value[kind];
    if (!Array.isArray(times) || !times.every(Number.isFinite)) return `${kind} is not a list of times`;
  }
  const seen = new Set<unknown>();
  for (const [position, entry] of value.accounts.entries()) {
    const problem = entryProblem(entry);
    if (problem) return `account ${position}: ${problem}`;
    const { oid, uid, name, formerNames } = entry as Entry;
    for (const key of [oid, uid, ...new Set([name, ...formerNames])]) {
      if (seen.has(key)) return `account ${position}: ${key} is there twice`;
      seen.add(key);
    }
  }
  return undefined;
}

function entryProblem(entry: unknown): string | undefined {
  if (!isRecord(entry)) return 'not an object';
  if (typeof entry.oid !== 'string' || !isGuid(entry.oid)) return 'oid is not a GUID';
  if (typeof entry.name !== 'string' || nameProblem(entry.name)) return 'name is not a Unix name';
  if (!Number.isSafeInteger(entry.uid) || (entry.uid as number) < 1000) return 'uid is not from 1000 up';
  const states = ['creating', 'made', 'deleting', 'deleted', 'released'];
  if (!states.includes(String(entry.state))) return 'state is unknown';
  if (typeof entry.adopted !== 'boolean') return 'adopted is not true or false';
  const formerNames = entry.formerNames;
  if (!Array.isArray(formerNames) || formerNames.some((name) => typeof name !== 'string' || nameProblem(name))) {
    return 'formerNames is not a list of names';
  }
  if (entry.archive !== undefined && entry.archive !== null && typeof entry.archive !== 'string') {
    return 'archive is not a path';
  }
  const { archives = [], releasedAt = 0, lostGroups = [] } = entry;
  if (!Array.isArray(lostGroups) || lostGroups.some((group) => typeof group !== 'string')) {
    return 'lostGroups is not a list of groups';
  }
  if (!Array.isArray(archives) || archives.some((path) => typeof path !== 'string')) return 'archives is not a list';
  if (!Number.isFinite(releasedAt)) return 'releasedAt is not a time';
  return entry.lock === undefined ? undefined : lockProblem(entry.lock);
}

function lockProblem(lock: unknown): string | undefined {
  if (!isRecord(lock)) return 'lock is not an object';
  if (typeof lock.previousExpiry !== 'string' || !/^\d{0,9}$/.test(lock.previousExpiry)) {
    return 'lock.previousExpiry is not a number of days';
  }
  if (typeof lock.passwordWasLocked !== 'boolean') return 'lock.passwordWasLocked is not true or false';
  for (const key of ['since', 'uptimeMs']) {
    if (lock[key] !== undefined && !Number.isFinite(lock[key])) return `lock.${key} is not a time`;
  }
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
