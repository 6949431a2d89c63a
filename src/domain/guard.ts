import { essenceOf } from './essence.js';
import type { ObjectId } from './identity.js';
import type { GuardLimits, TargetName } from './policy.js';
import type { Effect, Step } from './step.js';

export type RemovalKind = 'lock' | 'delete';

/** One identity that a plan would lock (or take rights from), or delete. */
export interface Removal {
  oid: ObjectId;
  kind: RemovalKind;
  /** Where something is taken away. Absent in records of an older release: in every target. */
  targets?: readonly TargetName[] | undefined;
}

/** A removal of a plan, with what exactly is taken away. */
export interface PlannedRemoval extends Removal {
  targets: readonly TargetName[];
  /** `essenceOf` each step that takes something away, sorted. */
  takes: readonly string[];
}

/** A removal that was applied, remembered for the sliding window. */
export interface PastRemoval extends Removal {
  /** Epoch ms. */
  at: number;
}

/** What of somebody a removal is about: lakeFS is judged for itself, so that it keeps nobody's account open. */
export type RemovalPart = 'accounts' | 'lakefs';

export interface GuardInput {
  /** What is to be judged together; what an operator approved or rejected is not among it. */
  removals: readonly Removal[];
  window: readonly PastRemoval[];
  /** For each target in use: identities that we look after there and that are not deleted. */
  owned: ReadonlyMap<TargetName, number>;
  limits: GuardLimits;
  now: number;
  /** What is counted, in words; default: identities. */
  subject?: string | undefined;
}

/** One limit that a plan is over. */
export interface Trip {
  target: TargetName;
  kind: RemovalKind;
  /** Identities removed within the window and by this plan, together. */
  total: number;
  owned: number;
  limit: number;
  subject?: string | undefined;
}

export type GuardDecision =
  | { kind: 'free' }
  /** None of the removals may be applied, in no target. */
  | { kind: 'held'; trips: Trip[] };

/** Effects that take something away from a person. Deleting is counted apart. */
export function removalKindOf(effect: Effect): RemovalKind | undefined {
  if (effect === 'delete') return 'delete';
  return effect === 'lock' || effect === 'revoke' ? 'lock' : undefined;
}

/** The removals in a list of steps, each identity once per kind and part. */
export function removalsIn(steps: readonly Step[]): PlannedRemoval[] {
  const found = new Map<string, Step[]>();
  for (const step of steps) {
    const kind = removalKindOf(step.effect);
    if (!kind) continue;
    const key = removalKey({ oid: step.oid, kind, targets: [step.target] });
    found.set(key, [...(found.get(key) ?? []), step]);
  }
  return [...found.values()].map((group) => {
    const [first] = group as [Step];
    return {
      oid: first.oid,
      kind: first.effect === 'delete' ? 'delete' : 'lock',
      targets: [...new Set(group.map((step) => step.target))].sort(),
      takes: group.map(essenceOf).sort(),
    };
  });
}

/** The same for every removal of this kind and part from this identity. */
export function removalKey(removal: Removal): string {
  const key = `${removal.kind}:${removal.oid}`;
  return partOf(removal) === 'lakefs' ? `${key}:lakefs` : key;
}

/** Which part a removal is about; records of an older release are of accounts. */
export function partOf({ targets = [] }: Pick<Removal, 'targets'>): RemovalPart {
  return targets.length > 0 && targets.every((target) => target === 'lakefs') ? 'lakefs' : 'accounts';
}

/** Past removals that still count. One ahead of now (the clock was set back) counts as one of now. */
export function withinWindow(window: readonly PastRemoval[], limits: GuardLimits, now: number): PastRemoval[] {
  return window
    .filter((past) => past.at > now - limits.windowMs)
    .map((past) => (past.at > now ? { ...past, at: now } : past));
}

/**
 * Whether these removals may go ahead. In each target by itself, and for each kind, the identities in the window and
 * in the plan together must not exceed the limit for what we own there; one limit that is exceeded holds everything.
 */
export function guard({ removals, window, owned, limits, now, subject }: GuardInput): GuardDecision {
  const recent = withinWindow(window, limits, now);
  const targets = new Set([...owned.keys(), ...removals.flatMap((removal) => removal.targets ?? [])]);
  const trips: Trip[] = [];
  for (const target of targets) {
    for (const kind of ['lock', 'delete'] as const) {
      const planned = identitiesIn(removals, target, kind);
      if (planned.length === 0) continue;
      const total = new Set([...planned, ...identitiesIn(recent, target, kind)]).size;
      const ownedHere = owned.get(target) ?? 0;
      const limit = limitOf(kind, limits, ownedHere);
      if (total > limit) trips.push({ target, kind, total, owned: ownedHere, limit, ...(subject && { subject }) });
    }
  }
  return trips.length > 0 ? { kind: 'held', trips } : { kind: 'free' };
}

function identitiesIn(removals: readonly Removal[], target: TargetName, kind: RemovalKind): ObjectId[] {
  return removals
    .filter((removal) => removal.kind === kind && (removal.targets?.includes(target) ?? true))
    .map(({ oid }) => oid);
}

/**
 * How many identities of one target may be removed in a window: the larger of count and share. A count of 0 is no
 * count but a rule, "always ask", and no share overrides it; a share of 0 only means that the count stands alone.
 */
export function limitOf(kind: RemovalKind, limits: GuardLimits, owned: number): number {
  const [count, percent] =
    kind === 'lock' ? [limits.maxLocks, limits.maxLocksPercent] : [limits.maxDeletes, limits.maxDeletesPercent];
  return count === 0 ? 0 : Math.max(count, Math.floor((owned * percent) / 100));
}

/** Which limit it is and by how much it is exceeded, in words. */
export function describeTrip({ target, kind, total, owned, limit, subject = 'identities' }: Trip): string {
  const verb = kind === 'delete' ? 'deleted' : target === 'lakefs' ? 'stripped of rights' : 'locked';
  const most = limit === 0 ? 'none may without being asked for' : `at most ${limit} may`;
  return `${total} of ${owned} ${subject} on ${target} would be ${verb} within the window, ${most}`;
}
