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
 * applied, so whoever came back meanwhile is not touched. Throws Rejected where the hash is not the held plan's, and in
 * a dry run. `claimedUser`: who the operator says to be.
 */
export async function approve(
  ctx: Context,
  hash: string,
  operator: string,
  claimedUser?: string | undefined,
): Promise<Approval> {
  const { guard } = ctx.ledger.data;
  const plan = guard.held;
  if (ctx.dryRun) throw new Rejected('DRY_RUN is on, so nothing is approved: nothing would come of it');
  if (!plan) throw new Rejected('no plan is held');
  if (plan.hash !== hash) {
    throw new Rejected(`the held plan is ${plan.hash}, not ${hash}: look at it again with "entramox status"`);
  }
  ctx.audit.append({
    by: operator,
    action: 'approve',
    claimedUser,
    name: hash,
    after: plan.removals,
    outcome: 'done',
  });
  ctx.audit.flush();
  const until = ctx.clock.now() + APPROVAL_MS;
  guard.approved = [...guard.approved, ...plan.removals.map(({ oid, kind }) => ({ oid, kind, until }))];
  guard.held = undefined;
  ctx.metrics.guardHeld.set(0);
  ctx.ledger.changed();
  await ctx.ledger.save();
  ctx.log('reconcile.guard.approved', { hash, operator, claimedUser, identities: plan.removals.length });
  // Only a sweep deletes. Targeted work on the same identities would only overtake it.
  const users = plan.removals.filter(({ kind }) => kind === 'lock').map(({ oid }): Key => `user:${oid}`);
  return { plan, keys: plan.removals.some(({ kind }) => kind === 'delete') ? [...users, 'sweep'] : users };
}
