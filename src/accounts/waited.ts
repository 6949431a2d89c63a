import { AgentError } from './errors.js';
import type { Entry } from './ledger.js';
import type { AgentClock } from './workshop.js';

/**
 * Throws AgentError `too-early` until the account was seen locked for `seconds`. Within one boot the clock of the
 * boot must agree with the date, so that nobody is deleted early because the date jumped ahead; over a reboot only
 * the date is there to ask, and a date before the lock counts as no time at all.
 */
export function checkWaited({ name, lock }: Pick<Entry, 'name' | 'lock'>, seconds: number, clock: AgentClock): void {
  if (lock?.since === undefined) {
    throw new AgentError('too-early', `${name} is not locked, so its waiting time has not begun`, 'lock it first');
  }
  const { since, uptimeMs, bootId } = lock;
  const byDateMs = Math.max(0, clock.now() - since);
  const isSameBoot = uptimeMs !== undefined && bootId === clock.bootId();
  const waitedMs = isSameBoot ? Math.min(byDateMs, clock.uptimeMs() - uptimeMs) : byDateMs;
  const missingMs = seconds * 1000 - waitedMs;
  if (missingMs <= 0) return;
  throw new AgentError(
    'too-early',
    `${name} was seen locked for ${Math.max(0, Math.floor(waitedMs / 1000))} s of ${seconds} s`,
    `try again in ${Math.ceil(missingMs / 1000)} s`,
  );
}
