import { Rejected } from '../domain/errors.js';
import type { HeldPlan } from '../ledger/document.js';
import type { Key } from '../queue/queue.js';
import type { Context } from './context.js';

/** How long an approval lasts; what was not applied by then is guarded again. */
const APPROVAL_MS = 3_600_000;

export interface Approval {
  plan: HeldPlan;
  /** What to work on now: the approved identities, and a sweep where deletions are among them. */
  keys: Key[];
}

/**
 * Lets the removals of the held plan with this hash pass the guard, once each. Everything is read anew before it is
 * applied, so whoever came back meanwhile is not touched. Throws Rejected where the hash is not the held plan's.
 */
export async function approve(ctx: Context, hash: string, operator: string): Promise<Approval> {
  const { guard } = ctx.ledger.data;
  const plan = guard.held;
  if (!plan) throw new Rejected('no plan is held');
  if (plan.hash !== hash) {
    throw new Rejected(`the held plan is ${plan.hash}, not ${hash}: look at it again with "entramox status"`);
  }
  const until = ctx.clock.now() + APPROVAL_MS;
  guard.approved = [...guard.approved, ...plan.removals.map(({ oid, kind }) => ({ oid, kind, until }))];
  guard.held = undefined;
  ctx.metrics.guardHeld.set(0);
  ctx.ledger.changed();
  ctx.audit.append({ by: operator, action: 'approve', name: hash, after: plan.removals, outcome: 'done' });
  ctx.audit.flush();
  await ctx.ledger.save();
  ctx.log('reconcile.guard.approved', { hash, operator, identities: plan.removals.length });
  const keys = plan.removals.map(({ oid }): Key => `user:${oid}`);
  return { plan, keys: plan.removals.some((item) => item.kind === 'delete') ? [...keys, 'sweep'] : keys };
}
