import { Rejected } from '../domain/errors.js';
import { removalKey } from '../domain/guard.js';
import type { HeldPlan, RejectedRemoval } from '../ledger/document.js';
import type { Context } from './context.js';
import { recordDecision } from './plan-decisions.js';
import { type DueRemoval, hashOf } from './removals.js';

/** A clock may be set by this much without a rejection counting as one of another time. */
const SLACK_MS = 3_600_000;

/**
 * Whether a rejection speaks of this removal: the same person and kind, for the same cause. Who leaves as a whole is
 * kept for that reason, whatever the targets show by then; where only rights are lost, what is lost is the cause.
 */
export function speaksOf(rejection: RejectedRemoval, removal: DueRemoval): boolean {
  if (removalKey(rejection) !== removalKey(removal) || rejection.reason !== removal.reason) return false;
  return removal.reason !== undefined || removal.takes.every((take) => rejection.takes?.includes(take));
}

/** Whether a rejection still stands. One from ahead of now (the clock was set back) does not: it is asked again. */
export function stands({ at, until }: RejectedRemoval, now: number): boolean {
  return now < until && at <= now + SLACK_MS;
}

/** People whose removal was rejected together, with the hash under which they can be approved after all. */
export interface RejectedPlan {
  hash: string;
  at: number;
  until: number;
  claimedUser?: string | undefined;
  removals: RejectedRemoval[];
}

export function rejectedPlans(rejected: readonly RejectedRemoval[]): RejectedPlan[] {
  const byPlan = new Map<string, RejectedRemoval[]>();
  for (const item of rejected) {
    const key = `${item.plan} ${item.at}`;
    byPlan.set(key, [...(byPlan.get(key) ?? []), item]);
  }
  return [...byPlan.values()].map((removals) => {
    const [{ at, until, claimedUser }] = removals as [RejectedRemoval];
    return { hash: hashOf(removals), at, until, claimedUser, removals };
  });
}

/**
 * Drops the held plan with this hash: nobody in it loses anything for this cause until the rejection ends. Throws
 * Rejected where the hash is not the held plan's, and in a dry run. `claimedUser`: who the operator says to be.
 */
export async function reject(
  ctx: Context,
  hash: string,
  operator: string,
  claimedUser?: string | undefined,
): Promise<{ plan: HeldPlan; until: number }> {
  const { guard, firstRun } = ctx.ledger.data;
  const plan = guard.held;
  if (ctx.dryRun) throw new Rejected('DRY_RUN is on, so nothing is rejected: nothing would come of it');
  if (firstRun?.state === 'waiting' && firstRun.hash === hash) {
    throw new Rejected(
      'this is the plan of the first run, and nothing is written before it is approved: there is nothing to reject',
    );
  }
  if (!plan) throw new Rejected('no plan is held');
  if (plan.hash !== hash) {
    throw new Rejected(`the held plan is ${plan.hash}, not ${hash}: look at it again with "entramox status"`);
  }
  const at = ctx.clock.now();
  const until = at + ctx.policy.guard.rejectForMs;
  recordDecision(ctx, { hash, decision: 'rejected', at, claimedUser }, operator, plan.removals);
  const keys = new Set(plan.removals.map(removalKey));
  guard.rejected = [
    ...(guard.rejected ?? []).filter((item) => !keys.has(removalKey(item))),
    ...plan.removals.map((removal) => ({ ...removal, plan: hash, at, until, claimedUser })),
  ];
  guard.held = undefined;
  ctx.ledger.changed();
  await ctx.ledger.save();
  ctx.log('reconcile.guard.rejected', { hash, operator, claimedUser, identities: plan.removals.length });
  return { plan, until };
}
