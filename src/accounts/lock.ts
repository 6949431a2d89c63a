import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkCeiling } from './ceiling.js';
import { syncDirectory } from './durable-file.js';
import { AgentError } from './errors.js';
import { groupsOf, readEtc, type ShadowLine } from './etc.js';
import { mustRun } from './exec.js';
import type { Entry, LockRecord } from './ledger.js';
import { killProcesses, processesOf } from './processes.js';
import type { LockResult } from './protocol.js';
import { staleLocks } from './stale-locks.js';
import { isSudoAllowed, revokeSudo, sudoersFile } from './sudoers.js';
import { isExpiredByUs, isLockedByUs, isShadowLocked, type Own, openOwn, type Workshop } from './workshop.js';

/** Groups that give power over the host. Left at every lock, whoever granted them. */
const PRIVILEGED = new Set(
  `root sudo wheel adm admin disk kmem docker kvm lxd libvirt libvirt-qemu shadow staff systemd-journal www-data
  backup operator src tty video render input crontab`.split(/\s+/),
);

/**
 * Locks an account of ours completely: sudo rule, password and expiry (so that keys, cron and at fail too),
 * privileged and managed groups, linger, logins, processes; then reads everything back. Safe to repeat. A step
 * that fails does not keep the following ones from being done, but the lock then counts as incomplete and
 * AgentError `failed` names what is missing. Throws `ceiling` before anything is changed.
 */
export async function lockAccount(workshop: Workshop, oid: string): Promise<LockResult> {
  const own = openOwn(workshop, oid, 'lock');
  let entry = own.entry;
  if (countsAnew(own)) checkCeiling(workshop, 'locks');
  const problems: string[] = [];
  const attempt = async (what: string, work: () => unknown): Promise<void> => {
    try {
      await work();
    } catch (error) {
      problems.push(`${what}: ${error instanceof Error ? error.message : error}`);
    }
  };

  let revoked = false;
  await attempt('sudo rule', () => {
    revoked = revokeSudo(workshop, entry.uid);
  });
  // On a full disk the record cannot be written, and without it the lock of the password could not be undone; the
  // sudo rule and the processes go all the same.
  let recorded = false;
  await attempt('ledger', () => {
    entry = recordIntent(workshop, own);
    recorded = true;
  });
  if (recorded) await attempt('password and expiry', () => lockShadow(workshop, own));
  for (const group of powerfulGroups(workshop, own)) {
    revoked = true;
    await attempt(`group ${group}`, () => mustRun(workshop.run, 'gpasswd', ['-d', entry.name, group]));
  }
  await attempt('linger', () => rmSync(join(workshop.paths.linger, entry.name), { force: true }));
  for (const verb of existsSync('/run/systemd/system') ? ['disable-linger', 'terminate-user'] : []) {
    // Both end with 1 where there is nothing to do; what counts is read back.
    await attempt(verb, () => workshop.run('loginctl', [verb, entry.name], { timeoutMs: 10_000 }));
  }
  await attempt('processes', () => killProcesses(entry.uid, workshop.run, workshop.paths.proc));
  await attempt('read back', () => {
    syncDirectory(workshop.paths.etc);
    problems.push(...readBack(workshop, entry));
  });
  if (problems.length > 0) {
    throw new AgentError(
      'failed',
      `${entry.name} is not locked completely: ${[...new Set(problems)].join('; ')}`,
      staleLocks(workshop.paths.etc, workshop.paths.proc).join('; ') || 'mend it; the lock is tried again',
    );
  }
  return finish(workshop, entry, revoked ? await afterthoughts(workshop, own) : []);
}

/** A lock that is finished, or was begun, counted already. */
function countsAnew({ entry, etc }: Own): boolean {
  return !isLockedByUs(entry, etc) && (entry.lock === undefined || entry.lock.since !== undefined);
}

/** What was there before, written down before the first change; a repeated lock keeps the first record. */
function recordIntent({ ledger, clock }: Workshop, own: Own): Entry {
  const { entry, etc, shadow } = own;
  if (isLockedByUs(entry, etc)) return entry;
  // What was archived for a deletion is out of date once the account was open again.
  const { archive: _, ...rest } = entry;
  const open = { ...rest, lock: formerState(entry.lock, shadow) };
  if (countsAnew(own)) ledger.putCounted(open, 'locks', clock.now());
  else ledger.put(open);
  return open;
}

/** Field by field: what bears our mark now was saved before; what does not is the state to come back to. */
function formerState(record: LockRecord | undefined, shadow: ShadowLine | undefined): LockRecord {
  const marked = shadow !== undefined && isExpiredByUs(shadow);
  const locked = shadow?.password.startsWith('!') ?? false;
  // Whatever is no day, such as -1, means never.
  const expiry = /^\d{1,9}$/.test(shadow?.expiry ?? '') ? (shadow?.expiry ?? '') : '';
  return {
    previousExpiry: marked && record ? record.previousExpiry : expiry,
    passwordWasLocked: locked && record ? record.passwordWasLocked : locked,
  };
}

async function lockShadow({ run }: Workshop, { entry, passwd, shadow }: Own): Promise<void> {
  if (!passwd || isShadowLocked(shadow)) return;
  // usermod -L does nothing, and says 0, where shadow has no line; -e makes one.
  if (!shadow) await mustRun(run, 'usermod', ['-e', '1', entry.name]);
  const outcome = await run('usermod', ['-L', '-e', '1', entry.name]);
  if (outcome.code !== 0) {
    // A nearly full disk may still have room for shadow alone, and expiry stops every login.
    await mustRun(run, 'chage', ['-E', '0', entry.name]);
  }
}

function powerfulGroups({ policy }: Workshop, { entry, etc }: Own): string[] {
  return groupsOf(etc, entry.name).filter((name) => PRIVILEGED.has(name) || policy.allowedGroups.includes(name));
}

function readBack({ paths }: Workshop, entry: Entry): string[] {
  const etc = readEtc(paths.etc);
  const shadow = etc.shadow.get(entry.name);
  const left = processesOf(entry.uid, paths.proc);
  return [
    ...(etc.passwd.has(entry.name) && !isShadowLocked(shadow) ? ['shadow does not show the lock'] : []),
    ...(existsSync(sudoersFile(paths.sudoers, entry.uid)) ? ['the sudo rule is still there'] : []),
    ...(existsSync(join(paths.linger, entry.name)) ? ['linger is still on'] : []),
    ...(left.length > 0 ? [`processes ${left.slice(0, 10).join(', ')} survived being killed`] : []),
  ];
}

function finish({ ledger, clock }: Workshop, entry: Entry, notes: string[]): LockResult {
  const { lock, name } = entry;
  if (lock?.since !== undefined) return { name, lockedSince: lock.since, notes };
  if (!lock) throw new AgentError('failed', `the lock of ${name} was not written down`);
  const since = clock.now();
  ledger.put({ ...entry, lock: { ...lock, since, bootId: clock.bootId(), uptimeMs: clock.uptimeMs() } });
  return { name, lockedSince: since, notes };
}

async function afterthoughts(workshop: Workshop, { entry, passwd }: Own): Promise<string[]> {
  if (!passwd || !(await isSudoAllowed(workshop, entry.name))) return [];
  return [`sudo still lists a rule for ${entry.name} that entramox did not make; the expired account cannot use it`];
}
