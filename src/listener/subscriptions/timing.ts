import { createHash } from 'node:crypto';
import type { LiveRecord } from './record.js';

const MINUTE_MS = 60_000;
/** Graph raises anything shorter to 45 minutes. */
const MIN_LIFETIME_MS = 45 * MINUTE_MS;
/** Graph allows 41,760 minutes, which is just below 29 days; a day stays for clocks that differ. */
const MAX_LIFETIME_MS = 28 * 24 * 60 * MINUTE_MS;
/** Graph: never renew and reauthorize within ten minutes (change-notifications-lifecycle-events). */
export const REST_MS = 10 * MINUTE_MS;
/** With less left, nothing is more important than the renewal. Two looks at the default interval fit in. */
const SOON_MS = 30 * MINUTE_MS;

/** The expiry to ask for. */
export function askedExpiry(now: number, lifetimeMs: number): number {
  return now + Math.min(Math.max(lifetimeMs, MIN_LIFETIME_MS), MAX_LIFETIME_MS);
}

/** When to renew: between 40 and 50 % of the life since the expiry was set, spread by id so that not all fall together. */
export function renewAt({ id, renewedAt, expiresAt }: LiveRecord): number {
  const spread = createHash('sha256').update(`${id} ${renewedAt}`).digest().readUInt16BE(0) / 0x1_0000;
  return renewedAt + (expiresAt - renewedAt) * (0.5 - 0.1 * spread);
}

/** Whether a renewal is due. A renewal in the future tells that the clock was set back: how much is left is unknown. */
export function isDue(record: LiveRecord, now: number): boolean {
  return now >= renewAt(record) || endsSoon(record, now) || record.renewedAt > now + MINUTE_MS;
}

/** Whether so little is left that a renewal may not wait. */
export function endsSoon({ expiresAt }: LiveRecord, now: number): boolean {
  return expiresAt - now < SOON_MS;
}

/**
 * Whether a reauthorization would come in the way of a renewal: one that is due, or that must be made before the rest
 * after it is over. A renewal reauthorizes as well, so it is made instead.
 */
export function needsRenewalFirst(record: LiveRecord, now: number): boolean {
  return isDue(record, now + REST_MS);
}
