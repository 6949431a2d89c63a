import { type GapKind, isLive, type SubscriptionRecord } from './record.js';
import type { Touch } from './touches.js';

/** One wanted or existing subscription, for a person. Never holds the client state. Times are epoch ms. */
export interface SubscriptionView {
  resource: string;
  id: string | undefined;
  /** The address that it sends to; undefined also where an older release made it. */
  sendsTo: string | undefined;
  state: 'live' | 'expired' | 'missing';
  expiresAt: number | undefined;
  touchedAt: number | undefined;
  touchedBy: Touch | undefined;
  /** Since when, and why, it does not tell us of changes. */
  gap: { since: number; kind: GapKind } | undefined;
  lastGap: { from: number; to: number; kind: GapKind } | undefined;
  /** How many gaps have ended, and how long they were together. */
  gaps: number;
  gapMs: number;
  /** What is in the way, from the last look. */
  problem: string | undefined;
}

export function viewOf(
  resource: string,
  record: SubscriptionRecord | undefined,
  problem: string | undefined,
  now: number,
): SubscriptionView {
  const live = isLive(record) ? record : undefined;
  const gone = record?.gap !== undefined && record.gap.kind !== 'changed' && record.gap.kind !== 'replaced';
  return {
    resource,
    id: live?.id,
    sendsTo: live?.notificationUrl,
    state: stateOf(live?.expiresAt, gone, now),
    expiresAt: live?.expiresAt,
    touchedAt: live?.touchedAt,
    touchedBy: live?.touchedBy,
    gap: record?.gap,
    lastGap: record?.lastGap,
    gaps: record?.gaps ?? 0,
    gapMs: record?.gapMs ?? 0,
    problem,
  };
}

/** A recorded one that Graph does not have any more is missing, whatever its expiry. */
function stateOf(expiresAt: number | undefined, gone: boolean, now: number): SubscriptionView['state'] {
  if (expiresAt === undefined) return 'missing';
  if (expiresAt <= now) return 'expired';
  return gone ? 'missing' : 'live';
}
