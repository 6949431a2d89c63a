import { AgentError } from './errors.js';
import { type Etc, type PasswdLine, readEtc, type ShadowLine } from './etc.js';
import type { Run } from './exec.js';
import type { Entry, Ledger } from './ledger.js';
import type { Policy } from './policy.js';

/** Places on the host, so that tests can point at others. */
export interface Paths {
  etc: string;
  sudoers: string;
  proc: string;
  linger: string;
  sudoTimestamps: string;
  crontabs: string;
  atJobs: string;
  mail: string;
  skeleton: string;
}

export const HOST_PATHS: Paths = {
  etc: '/etc',
  sudoers: '/etc/sudoers.d',
  proc: '/proc',
  linger: '/var/lib/systemd/linger',
  sudoTimestamps: '/run/sudo/ts',
  crontabs: '/var/spool/cron/crontabs',
  atJobs: '/var/spool/cron/atjobs',
  mail: '/var/mail',
  skeleton: '/etc/skel',
};

/** Wall clock, and the clock of this boot, which nobody can set. */
export interface AgentClock {
  now(): number;
  bootId(): string;
  uptimeMs(): number;
}

/** What every verb works with. The policy is the one read for this very request. */
export interface Workshop {
  policy: Policy;
  ledger: Ledger;
  run: Run;
  paths: Paths;
  clock: AgentClock;
}

/** An account of ours that is not deleted, as the files show it now. `passwd` and `shadow` are missing when half made. */
export interface Own {
  entry: Entry;
  etc: Etc;
  passwd: PasswdLine | undefined;
  shadow: ShadowLine | undefined;
}

/**
 * Looks up an account of ours. Throws AgentError `refused` for an object id that is not in the ledger or was
 * deleted, `conflict` when the name now belongs to another uid than the one we gave it. A uid outside the range is
 * refused too, except to be locked: whoever narrows the range must not keep leavers in.
 */
export function openOwn(workshop: Workshop, oid: string, purpose: 'lock' | 'any' = 'any'): Own {
  const entry = workshop.ledger.get(oid);
  if (!entry) throw new AgentError('refused', `no account of ours belongs to ${oid}`, 'create or adopt it first');
  if (entry.state === 'deleted') throw new AgentError('refused', `the account ${entry.name} was deleted`);
  if (entry.state === 'released') throw new AgentError('refused', `root took the account ${entry.name} back`);
  const [first, last] = workshop.policy.uidRange;
  if (purpose === 'any' && (entry.uid < first || entry.uid > last)) {
    throw new AgentError('refused', `uid ${entry.uid} of ${entry.name} is outside uidRange ${first}-${last}`);
  }
  const etc = readEtc(workshop.paths.etc);
  const problem = identityProblem(etc, entry);
  if (problem) throw new AgentError('conflict', problem, 'give the account back its uid, or remove it by hand');
  return { entry, etc, passwd: etc.passwd.get(entry.name), shadow: etc.shadow.get(entry.name) };
}

/** Why the name and uid of an entry do not meet in the files; undefined where they do or neither is there. */
export function identityProblem(etc: Etc, { name, uid }: Pick<Entry, 'name' | 'uid'>): string | undefined {
  const line = etc.passwd.get(name);
  if (line && line.uid !== uid) return `${name} has uid ${line.uid} in /etc/passwd, our account has ${uid}`;
  const holder = etc.nameOfUid.get(uid);
  if (holder !== undefined && holder !== name) return `uid ${uid} of our account ${name} belongs to ${holder}`;
  return undefined;
}

/** Whether shadow shows a complete lock: password locked and account expired, so that keys fail too. */
export function isShadowLocked(shadow: ShadowLine | undefined): boolean {
  return shadow?.password.startsWith('!') === true && isExpiredByUs(shadow);
}

/** 0 and 1 both mean expired; chage writes the one, usermod the other. */
export function isExpiredByUs(shadow: ShadowLine): boolean {
  return shadow.expiry === '1' || shadow.expiry === '0';
}

/** Whether our own lock is complete and still holds. Where the account has vanished nobody can log in. */
export function isLockedByUs(entry: Entry, etc: Etc): boolean {
  if (entry.lock?.since === undefined) return false;
  return !etc.passwd.has(entry.name) || isShadowLocked(etc.shadow.get(entry.name));
}
