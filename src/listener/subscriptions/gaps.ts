import type { GapKind, SubscriptionRecord } from './record.js';

/** A time in which Graph did not tell us of a resource. Times are epoch ms. */
export interface Gap {
  resource: string;
  kind: GapKind;
  /** When coverage was last known to be good. */
  from: number;
  /** When Graph had confirmed a subscription again. */
  to: number;
  /** Never negative, whatever the clock did meanwhile. */
  lengthMs: number;
}

/** So often within a day a subscription does not go by itself. */
const SUSPICIOUS_TIMES = 3;
/** So often within a day one that was altered is made anew. */
const ALTERED_TIMES = 2;
const DAY_MS = 24 * 3600_000;

/** The record with a gap that is open; one that is open already goes on. `goodAt`: when coverage was last confirmed. */
export function openGap<R extends SubscriptionRecord>(
  record: R,
  kind: GapKind,
  now: number,
  goodAt: number | undefined,
): R {
  if (record.gap) return record;
  const known = goodAt ?? record.goodAt ?? record.renewedAt;
  const goneAt = kind === 'gone' ? [...recent(record.goneAt, now), now].slice(-SUSPICIOUS_TIMES) : record.goneAt;
  return { ...record, gap: { since: Math.min(known, now), kind }, goneAt };
}

/** The record with an alteration by somebody else in it; undefined: it was made anew for that too often already. */
export function countAlteration<R extends SubscriptionRecord>(record: R, now: number): R | undefined {
  const alteredAt = recent(record.alteredAt, now);
  return alteredAt.length < ALTERED_TIMES ? { ...record, alteredAt: [...alteredAt, now] } : undefined;
}

/** The record with its gap measured and counted, where one was open. */
export function closeGap<R extends SubscriptionRecord>(record: R, now: number): { record: R; gap: Gap | undefined } {
  if (!record.gap) return { record, gap: undefined };
  const { since, kind } = record.gap;
  const lengthMs = Math.max(0, now - since);
  const closed: R = {
    ...record,
    lastGap: { from: since, to: now, kind },
    gaps: (record.gaps ?? 0) + 1,
    gapMs: (record.gapMs ?? 0) + lengthMs,
  };
  delete closed.gap;
  return { record: closed, gap: { resource: record.resource, kind, from: since, to: now, lengthMs } };
}

/** Says so when somebody else seems to delete a subscription again and again. */
export function suspicion({ goneAt }: SubscriptionRecord, now: number): string | undefined {
  const times = recent(goneAt, now).length;
  if (times < SUSPICIOUS_TIMES) return undefined;
  return (
    `it was gone at Graph ${times} times within a day, and was made anew each time. Somebody deletes it: another ` +
    'listener with the same PUBLIC_URL and app registration, or a script'
  );
}

function recent(times: readonly number[] | undefined, now: number): number[] {
  return (times ?? []).filter((at) => at <= now && now - at < DAY_MS);
}
