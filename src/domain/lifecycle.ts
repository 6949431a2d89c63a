import { type Desired, sourceOf } from './desired.js';
import type { Entitlement } from './entitlement.js';
import type { ObjectId } from './identity.js';
import type { LedgerEntry, LifecycleState } from './ledger-entry.js';
import type { Policy } from './policy.js';

/** What the targets are to be brought to. */
export type Wanted =
  | { presence: 'active'; entitlement: Entitlement }
  | { presence: 'suspended' }
  | { presence: 'grace'; deleteAt: number }
  | { presence: 'deleted' };

export type Verdict =
  /** Not ours and not wanted: nothing to remember, nothing to look at. */
  | { kind: 'ignore' }
  /** The reading is unknown: nothing may change on its account. */
  | { kind: 'hold'; why: string }
  /** A first sign that the identity left; look again at `recheckAt`. */
  | { kind: 'confirm'; entry: LedgerEntry; recheckAt: number }
  /** Bring the targets to `wanted`; `entry` is what to remember then. */
  | { kind: 'settle'; entry: LedgerEntry; wanted: Wanted; recheckAt?: number | undefined };

export interface Circumstances {
  now: number;
  /** Only a sweep ends countdowns. */
  sweep: boolean;
  /** When a notification reported that this identity was removed from a group. */
  removalReportedAt?: number | undefined;
}

/** What one reading means for one identity, given what we remember. Pure; the heart of the lifecycle. */
export function judge(
  oid: ObjectId,
  known: LedgerEntry | undefined,
  desired: Desired,
  policy: Policy,
  circumstances: Circumstances,
): Verdict {
  const entry = withReport(withoutFuture(known, circumstances), circumstances);
  switch (desired.kind) {
    case 'unknown':
      return { kind: 'hold', why: desired.why };
    case 'member':
      return judgeMember(oid, entry, desired, policy, circumstances);
    case 'outsider':
      return judgeOutsider(entry, desired, policy, circumstances);
    default:
      return desired satisfies never;
  }
}

/** A sign that is ahead of the clock, because that was set back, would never be old enough: it counts from now. */
function withoutFuture(entry: LedgerEntry | undefined, { now }: Circumstances): LedgerEntry | undefined {
  if (!entry?.suspicion || entry.suspicion.since <= now) return entry;
  return { ...entry, suspicion: { ...entry.suspicion, since: now } };
}

/** A reported removal is the first of the two signs; an older suspicion stands, unless it was doubted since. */
function withReport(
  entry: LedgerEntry | undefined,
  { removalReportedAt, now }: Circumstances,
): LedgerEntry | undefined {
  if (!entry || removalReportedAt === undefined) return entry;
  if (entry.suspicion && !entry.suspicion.doubted) return entry;
  if (entry.state !== 'active' && entry.state !== 'suspended') return entry;
  return { ...entry, suspicion: { since: Math.floor(Math.min(removalReportedAt, now)), by: 'notification' } };
}

function judgeMember(
  oid: ObjectId,
  entry: LedgerEntry | undefined,
  desired: Extract<Desired, { kind: 'member' }>,
  policy: Policy,
  { now }: Circumstances,
): Verdict {
  const described = {
    upn: desired.attributes.upn,
    displayName: desired.attributes.displayName ?? '',
    groups: desired.groups,
    ...(entry?.groupsUnknown ? { groupsUnknown: undefined } : {}),
  };
  const base: LedgerEntry = entry
    ? { ...entry, ...described }
    : { oid, ...described, state: 'active', since: now, names: {}, retired: [], conflicts: [] };
  // A reading taken right after a reported removal may be a stale one: it does not clear the suspicion yet.
  const fresh = !base.suspicion || now - base.suspicion.since >= policy.confirmBeforeLockMs;
  const suspicion = fresh || !base.suspicion ? undefined : { ...base.suspicion, doubted: true };
  const recheckAt = suspicion ? suspicion.since + policy.confirmBeforeLockMs : undefined;
  if (desired.enabled) {
    const next = enter({ ...base, suspicion }, 'active', undefined, now);
    return { kind: 'settle', entry: next, wanted: { presence: 'active', entitlement: desired.entitlement }, recheckAt };
  }
  // Disabled: never creates, never starts a countdown, cancels one; a deleted identity stays deleted.
  if (!entry) return { kind: 'ignore' };
  if (entry.state === 'deleted')
    return { kind: 'settle', entry: { ...base, suspicion }, wanted: { presence: 'deleted' } };
  const next = enter({ ...base, suspicion }, 'suspended', `disabled in ${sourceOf(policy)}`, now);
  return { kind: 'settle', entry: next, wanted: { presence: 'suspended' }, recheckAt };
}

function judgeOutsider(
  entry: LedgerEntry | undefined,
  desired: Extract<Desired, { kind: 'outsider' }>,
  policy: Policy,
  { now, sweep }: Circumstances,
): Verdict {
  if (!entry) return { kind: 'ignore' };
  const described = desired.attributes
    ? { ...entry, upn: desired.attributes.upn, displayName: desired.attributes.displayName ?? '', groups: [] }
    : { ...entry, groups: [] };
  if (entry.state === 'deleted') return { kind: 'settle', entry: described, wanted: { presence: 'deleted' } };
  if (entry.state === 'grace') {
    const deleteAt = entry.deleteAt ?? now + policy.deleteAfterMs;
    if (sweep && now >= deleteAt) {
      const next = enter({ ...described, deleteAt: undefined }, 'deleted', entry.reason, now);
      return { kind: 'settle', entry: next, wanted: { presence: 'deleted' } };
    }
    return { kind: 'settle', entry: { ...described, deleteAt }, wanted: { presence: 'grace', deleteAt } };
  }
  const since = entry.suspicion?.since ?? now;
  const confirmed = desired.positive || (entry.suspicion !== undefined && now - since >= policy.confirmBeforeLockMs);
  if (!confirmed) {
    const suspicion = entry.suspicion ?? { since: now, by: 'reading' as const };
    return { kind: 'confirm', entry: { ...entry, suspicion }, recheckAt: since + policy.confirmBeforeLockMs };
  }
  const deleteAt = now + policy.deleteAfterMs;
  const next = enter({ ...described, suspicion: undefined, deleteAt }, 'grace', desired.reason, now);
  return { kind: 'settle', entry: next, wanted: { presence: 'grace', deleteAt } };
}

function enter(entry: LedgerEntry, state: LifecycleState, reason: string | undefined, now: number): LedgerEntry {
  const deleteAt = state === 'grace' ? entry.deleteAt : undefined;
  if (entry.state === state) return { ...entry, reason, deleteAt };
  return { ...entry, state, since: now, reason, deleteAt };
}
