import type { ObjectId } from './identity.js';
import type { GuardLimits } from './policy.js';
import type { Effect, Step } from './step.js';

export type RemovalKind = 'lock' | 'delete';

/** One identity that a plan would lock (or take rights from), or delete. */
export interface Removal {
  oid: ObjectId;
  kind: RemovalKind;
}

/** A removal that was applied, remembered for the sliding window. */
export interface PastRemoval extends Removal {
  /** Epoch ms. */
  at: number;
}

export interface GuardInput {
  removals: readonly Removal[];
  window: readonly PastRemoval[];
  /** Removals that an operator approved; they are neither counted nor held. */
  approved: readonly Removal[];
  /** Identities that we look after and that are not deleted. */
  owned: number;
  limits: GuardLimits;
  now: number;
}

export type GuardDecision =
  | { kind: 'free' }
  /** None of the unapproved removals may be applied; `why` says which limit and by how much. */
  | { kind: 'held'; why: string };

/** Effects that take something away from a person. Deleting is counted apart. */
export function removalKindOf(effect: Effect): RemovalKind | undefined {
  if (effect === 'delete') return 'delete';
  return effect === 'lock' || effect === 'revoke' ? 'lock' : undefined;
}

/** The removals in a list of steps, each identity once per kind. */
export function removalsIn(steps: readonly Step[]): Removal[] {
  const found = new Map<string, Removal>();
  for (const step of steps) {
    const kind = removalKindOf(step.effect);
    if (kind) found.set(removalKey({ oid: step.oid, kind }), { oid: step.oid, kind });
  }
  return [...found.values()];
}

export function removalKey(removal: Removal): string {
  return `${removal.kind}:${removal.oid}`;
}

/** Past removals that still count. A time ahead of now (the clock was set back) counts as now. */
export function withinWindow(window: readonly PastRemoval[], limits: GuardLimits, now: number): PastRemoval[] {
  return window.filter((past) => past.at > now - limits.windowMs);
}

/**
 * Whether these removals may go ahead: per kind, the identities in the window and in the plan together must not
 * exceed the larger of count and share.
 */
export function guard(input: GuardInput): GuardDecision {
  const approved = new Set(input.approved.map(removalKey));
  const recent = withinWindow(input.window, input.limits, input.now);
  const fresh = input.removals.filter((removal) => !approved.has(removalKey(removal)));
  for (const kind of ['lock', 'delete'] as const) {
    const planned = new Set(fresh.filter((removal) => removal.kind === kind).map((removal) => removal.oid));
    if (planned.size === 0) continue;
    const past = new Set(recent.filter((removal) => removal.kind === kind).map((removal) => removal.oid));
    const total = new Set([...planned, ...past]).size;
    const limit = limitOf(kind, input.limits, input.owned);
    if (total > limit) {
      const verb = kind === 'lock' ? 'locked' : 'deleted';
      return {
        kind: 'held',
        why: `${total} of ${input.owned} identities would be ${verb} within the window, at most ${limit} may`,
      };
    }
  }
  return { kind: 'free' };
}

/** How many identities may be removed in a window: the larger of count and share. */
export function limitOf(kind: RemovalKind, limits: GuardLimits, owned: number): number {
  const [count, percent] =
    kind === 'lock' ? [limits.maxLocks, limits.maxLocksPercent] : [limits.maxDeletes, limits.maxDeletesPercent];
  return Math.max(count, Math.floor((owned * percent) / 100));
}
