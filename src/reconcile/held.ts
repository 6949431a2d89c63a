import { createHash } from 'node:crypto';
import { guard, type Removal, removalKey, removalsIn, withinWindow } from '../domain/guard.js';
import type { ObjectId } from '../domain/identity.js';
import type { IdentityPlan } from '../domain/plan.js';
import { describeStep } from '../domain/step.js';
import type { HeldPlan, HeldRemoval } from '../ledger/document.js';
import type { Context } from './context.js';

/** Which identities' removals are held in this pass. */
export interface Clearance {
  held: ReadonlySet<ObjectId>;
  why?: string | undefined;
}

/**
 * Guards the removals of a pass. Free removals enter the window at once, before anything is applied, so that a crash
 * cannot get around it; held ones are kept for an operator under a hash.
 */
export function clear(ctx: Context, plans: readonly IdentityPlan[], by: HeldPlan['by'], dryRun: boolean): Clearance {
  const { guard: state } = ctx.ledger.data;
  const now = ctx.clock.now();
  const limits = ctx.policy.guard;
  const removals = removalsIn(plans.flatMap((plan) => plan.steps));
  const approved = state.approved.filter((item) => item.until > now);
  const owned = ctx.ledger.entries().filter((entry) => entry.state !== 'deleted').length;
  const approvedKeys = new Set(approved.map(removalKey));
  // What an operator approved is never held, and does not use up the room that the guard leaves for everything else.
  const unapproved = removals.filter((removal) => !approvedKeys.has(removalKey(removal)));
  // Those who are held already are judged together with all who are held beside them: looked at one by one they would
  // slip through, and the plan would change under the operator's eyes. A sweep sees everybody anyway.
  const waiting = by === 'sweep' ? [] : (state.held?.removals ?? []);
  const waitingKeys = new Set(waiting.map(removalKey));
  const isWaiting = (removal: Removal) => waitingKeys.has(removalKey(removal));
  const judge = (planned: readonly Removal[]) =>
    guard({ removals: planned, window: state.window, approved, owned, limits, now });
  const fresh = judge(removals.filter((removal) => !isWaiting(removal)));
  const again = unapproved.some(isWaiting) ? judge([...removals, ...waiting]) : fresh;
  const held = unapproved.filter((removal) => (isWaiting(removal) ? again : fresh).kind === 'held');
  const decision = fresh.kind === 'held' ? fresh : again;
  const why = decision.kind === 'held' ? decision.why : undefined;
  if (!dryRun && (removals.length > 0 || state.held || approved.length < state.approved.length)) {
    ctx.ledger.changed();
    const counted = unapproved.filter((removal) => !held.includes(removal));
    state.window = [...withinWindow(state.window, limits, now), ...counted.map((item) => ({ ...item, at: now }))];
    state.approved = approved;
    keepHeld(ctx, plans, held, by, why);
  }
  return { held: new Set(held.map((item) => item.oid)), why };
}

/** An approval lets its removal pass once: this one was done. What failed may be tried again until the approval ends. */
export function spendApprovals(ctx: Context, plan: IdentityPlan): void {
  const { guard: state } = ctx.ledger.data;
  const done = new Set(removalsIn(plan.steps).map(removalKey));
  const left = state.approved.filter((item) => !done.has(removalKey(item)));
  if (left.length === state.approved.length) return;
  state.approved = left;
  ctx.ledger.changed();
}

/** A pass replaces what was held of the identities that it judged, and leaves the others as they are. */
function keepHeld(
  ctx: Context,
  plans: readonly IdentityPlan[],
  held: readonly Removal[],
  by: HeldPlan['by'],
  why: string | undefined,
): void {
  const { guard: state } = ctx.ledger.data;
  const planOf = new Map(plans.map((plan) => [plan.oid, plan]));
  const earlier = (state.held?.removals ?? []).filter((item) => stillHeld(item, planOf.get(item.oid), by));
  const described = held.map((item): HeldRemoval => {
    const plan = planOf.get(item.oid);
    const { upn, reason } = plan?.entry ?? {};
    return { ...item, upn, reason, steps: (plan?.steps ?? []).map(describeStep) };
  });
  const removals = [...earlier, ...described];
  const hash = removals.length > 0 ? hashOf(removals) : undefined;
  const reason = why ?? state.held?.why ?? '';
  if (hash !== undefined && hash !== state.held?.hash) {
    ctx.log('reconcile.guard.held', { hash, by, why: reason, identities: removals.length });
  }
  state.held =
    hash === undefined ? undefined : { hash, since: state.held?.since ?? ctx.clock.now(), by, why: reason, removals };
  ctx.metrics.guardHeld.set(state.held ? 1 : 0);
}

/** Deletions are judged by sweeps alone: targeted work on somebody whose countdown runs says nothing about one. */
function stillHeld(item: Removal, plan: IdentityPlan | undefined, by: HeldPlan['by']): boolean {
  if (!plan) return true;
  return by === 'targeted' && item.kind === 'delete' && plan.entry.state === 'grace';
}

/** Names a set of removals, whatever their order. */
export function hashOf(removals: readonly Removal[]): string {
  const text = removals.map(removalKey).sort().join('\n');
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
