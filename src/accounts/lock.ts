import { existsSync, rmSync } from 'node:fs';
import { checkCeiling } from './ceiling.js';
import { syncDirectory } from './durable-file.js';
import { askLogind, endProcesses, lingerFlag } from './end-processes.js';
import { AgentError } from './errors.js';
import { groupsOf, readEtc, type ShadowLine } from './etc.js';
import { failureOf, mustRun } from './exec.js';
import type { Entry, LockRecord } from './ledger.js';
import { createSteps } from './lock-failure.js';
import { beyondReach, DESKTOP_GROUPS, PRIVILEGED_GROUPS } from './privileged-groups.js';
import type { LockResult } from './protocol.js';
import { sudoersFile } from './sudo-rule.js';
import { forgetSudoTimestamps, isSudoAllowed, revokeSudo } from './sudoers.js';
import { isExpiredByUs, isLockedByUs, isShadowLocked, type Own, openOwn, type Workshop } from './workshop.js';

/**
 * Locks an account of ours completely: sudo rule, password and expiry (so that keys, cron and at fail too),
 * privileged and managed groups, linger, logins, processes; then reads everything back. Safe to repeat. A step
 * that fails does not keep the following ones from being done, but the lock then counts as incomplete and
 * AgentError `failed` names what is missing, or `busy` where it only has to wait. Throws `ceiling` before anything is changed.
 */
export async function lockAccount(workshop: Workshop, oid: string): Promise<LockResult> {
  const own = openOwn(workshop, oid, 'lock');
  let entry = own.entry;
  if (countsAnew(own)) checkCeiling(workshop, 'locks');
  const { attempt, miss, failure } = createSteps();

  let revoked = false;
  await attempt('sudo rule', () => {
    revoked = revokeSudo(workshop, entry.uid);
  });
  // On a full disk nothing can be recorded. Whoever has to go is locked all the same, and what was there before is
  // kept in memory; but the lock counts as incomplete, and its time begins, when it is on the disk.
  entry = intentOf(own);
  await attempt('ledger', () => record(workshop, own, entry));
  await attempt('password and expiry', () => lockShadow(workshop, own));
  await attempt('sudo timestamps', () => forgetSudoTimestamps(workshop, entry));
  const left = powerfulGroups(workshop, own);
  for (const group of left) {
    revoked = true;
    await attempt(`group ${group}`, () => mustRun(workshop.run, 'gpasswd', ['-d', entry.name, group]));
  }
  // Nobody can come in any more; now whoever is in goes.
  const notes: string[] = [];
  await attempt('linger', async () => {
    if (!existsSync(lingerFlag(workshop, entry.name))) return;
    await askLogind(workshop, ['disable-linger', entry.name]);
    rmSync(lingerFlag(workshop, entry.name), { force: true });
  });
  await attempt('processes', async () => {
    const ending = await endProcesses(workshop, entry);
    miss(...ending.problems);
    notes.push(...ending.notes, ...beyondReach(entry.name, left));
  });
  await attempt('read back', () => {
    syncDirectory(workshop.paths.etc);
    miss(...readBack(workshop, entry));
  });
  const failed = failure(entry.name);
  if (failed) throw failed;
  if (revoked) notes.push(...(await afterthoughts(workshop, own)));
  return finish(workshop, entry, notes);
}

/** A lock that is finished, or was begun, counted already. */
function countsAnew({ entry, etc }: Own): boolean {
  return !isLockedByUs(entry, etc) && (entry.lock === undefined || entry.lock.since !== undefined);
}

/** The entry with what was there before; a repeated lock keeps the first record. */
function intentOf({ entry, etc, shadow }: Own): Entry {
  if (isLockedByUs(entry, etc)) return entry;
  // What was archived for a deletion is out of date once the account was open again.
  const { archive: _, ...rest } = entry;
  return { ...rest, lock: formerState(entry.lock, shadow) };
}

/** Written down before the first change of the account; where the disk takes nothing, kept in memory. */
function record({ ledger, clock }: Workshop, own: Own, open: Entry): void {
  if (isLockedByUs(own.entry, own.etc)) return;
  try {
    if (countsAnew(own)) ledger.putCounted(open, 'locks', clock.now());
    else ledger.put(open);
  } catch (error) {
    ledger.keepUnwritten(open, clock.now());
    throw error;
  }
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
  if (outcome.code === 0) return;
  // A nearly full disk may still have room for shadow alone, and expiry stops every login. The password is still open,
  // so the lock stays incomplete.
  await mustRun(run, 'chage', ['-E', '0', entry.name]);
  throw failureOf('usermod', outcome);
}

function powerfulGroups({ policy }: Workshop, { entry, etc }: Pick<Own, 'entry' | 'etc'>): string[] {
  const powerful = new Set([
    ...PRIVILEGED_GROUPS,
    ...DESKTOP_GROUPS,
    ...policy.endSessionsOnLossOf,
    ...policy.allowedGroups,
  ]);
  return groupsOf(etc, entry.name).filter((name) => powerful.has(name));
}

/** What the files still show; the processes were looked at when they were ended. */
function readBack(workshop: Workshop, entry: Entry): string[] {
  const { paths } = workshop;
  const etc = readEtc(paths.etc);
  const shadow = etc.shadow.get(entry.name);
  const groups = powerfulGroups(workshop, { entry, etc });
  return [
    ...(etc.passwd.has(entry.name) && !isShadowLocked(shadow) ? ['shadow does not show the lock'] : []),
    ...(existsSync(sudoersFile(paths.sudoers, entry.uid)) ? ['the sudo rule is still there'] : []),
    ...(existsSync(lingerFlag(workshop, entry.name)) ? ['linger is still on'] : []),
    ...(groups.length > 0 ? [`still in ${groups.join(', ')}`] : []),
  ];
}

function finish({ ledger, clock }: Workshop, entry: Entry, notes: string[]): LockResult {
  const { lock, name } = entry;
  if (lock?.since !== undefined && !entry.lostGroups) return { name, lockedSince: lock.since, notes };
  if (!lock) throw new AgentError('failed', `the lock of ${name} was not written down`);
  // With the processes every group that they held is gone.
  const { lostGroups: _, ...rest } = entry;
  const now = { since: clock.now(), bootId: clock.bootId(), uptimeMs: clock.uptimeMs() };
  const locked = { ...now, ...lock };
  ledger.put({ ...rest, lock: locked });
  return { name, lockedSince: locked.since, notes };
}

async function afterthoughts(workshop: Workshop, { entry, passwd }: Own): Promise<string[]> {
  if (!passwd || !(await isSudoAllowed(workshop, entry.name))) return [];
  return [`sudo still lists a rule for ${entry.name} that entramox did not make; the expired account cannot use it`];
}
