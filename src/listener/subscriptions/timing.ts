import { createHash } from 'node:crypto';
import type { LiveRecord, SubscriptionRecord } from './record.js';

const MINUTE_MS = 60_000;
/** Graph raises anything shorter to 45 minutes. */
const MIN_LIFETIME_MS = 45 * MINUTE_MS;
/** Graph allows 41,760 minutes, which is just below 29 days; a day stays for clocks that differ. */
const MAX_LIFETIME_MS = 28 * 24 * 60 * MINUTE_MS;
/** Graph: never renew and reauthorize within ten minutes (change-notifications-lifecycle-events). */
const REST_MS = 10 * MINUTE_MS;
/** Two events that were sent for one cause. */
const SAME_CAUSE_MS = MINUTE_MS;

/** The expiry to ask for. */
export function askedExpiry(now: number, lifetimeMs: number): number {
  return now + Math.min(Math.max(lifetimeMs, MIN_LIFETIME_MS), MAX_LIFETIME_MS);
}

/** When to renew: between 40 and 50 % of the life since the expiry was set, spread by id so that not all fall together. */
export function renewAt({ id, renewedAt, expiresAt }: LiveRecord): number {
  const spread = createHash('sha256').update(`${id} ${renewedAt}`).digest().readUInt16BE(0) / 0x1_0000;
  return renewedAt + (expiresAt - renewedAt) * (0.5 - 0.1 * spread);
}

/** Whether Graph may be asked to do this to a subscription now. The same again is allowed, the other is not. */
export function mayTouch(record: SubscriptionRecord, by: 'renew' | 'reauthorize', now: number): boolean {
  const rested = now - record.touchedAt;
  if (record.touchedBy === 'create' || rested >= REST_MS) return true;
  return record.touchedBy === by && rested >= SAME_CAUSE_MS;
}
