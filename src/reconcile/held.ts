import { createHash } from 'node:crypto';
import { guard, type Removal, removalKey, removalsIn, withinWindow } from '../domain/guard.js';
import type { IdentityPlan } from '../domain/plan.js';
import { describeStep } from '../domain/step.js';
import type { HeldPlan } from '../ledger/document.js';
import type { Context } from './context.js';

/** Which identities' removals are held in this pass. */
export interface Clearance {
  held: ReadonlySet<string>;
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
  const decision = guard({ removals, window: state.window, approved, owned, limits, now });
  const approvedKeys = new Set(approved.map(removalKey));
  const unapproved = removals.filter((removal) => !approvedKeys.has(removalKey(removal)));
  const held = decision.kind === 'held' ? unapproved : [];
  if (!dryRun && (removals.length > 0 || state.held || approved.length < state.approved.length)) {
    ctx.ledger.changed();
    const free = decision.kind === 'held' ? removals.filter((item) => approvedKeys.has(removalKey(item))) : removals;
    const used = new Set(free.map(removalKey));
    // What an operator approved does not use up the room that the guard leaves for everything else.
    const counted = free.filter((item) => !approvedKeys.has(removalKey(item)));
    state.window = [...withinWindow(state.window, limits, now), ...counted.map((item) => ({ ...item, at: now }))];
    state.approved = approved.filter((item) => !used.has(removalKey(item)));
    keepHeld(ctx, plans, held, by, decision.kind === 'held' ? decision.why : '');
  }
  return { held: new Set(held.map((item) => item.oid)), why: decision.kind === 'held' ? decision.why : undefined };
}

/** A sweep sees everything and replaces what was held; targeted work adds to it, or takes back what it settled. */
function keepHeld(
  ctx: Context,
  plans: readonly IdentityPlan[],
  held: readonly Removal[],
  by: HeldPlan['by'],
  why: string,
): void {
  const { guard: state } = ctx.ledger.data;
  const judged = new Set(plans.map((plan) => plan.oid));
  const earlier = by === 'sweep' ? [] : (state.held?.removals ?? []).filter((item) => !judged.has(item.oid));
  const stepsOf = new Map(plans.map((plan) => [plan.oid, plan.steps.map(describeStep)]));
  const removals = [...earlier, ...held.map((item) => ({ ...item, steps: stepsOf.get(item.oid) ?? [] }))];
  const hash = removals.length > 0 ? hashOf(removals) : undefined;
  if (hash !== undefined && hash !== state.held?.hash) {
    ctx.log('reconcile.guard.held', { hash, by, why: why || state.held?.why, identities: removals.length });
  }
  state.held =
    hash === undefined
      ? undefined
      : { hash, since: state.held?.since ?? ctx.clock.now(), by, why: why || (state.held?.why ?? ''), removals };
  ctx.metrics.guardHeld.set(state.held ? 1 : 0);
}

/** Names a set of removals, whatever their order. */
export function hashOf(removals: readonly Removal[]): string {
  const text = removals.map(removalKey).sort().join('\n');
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
