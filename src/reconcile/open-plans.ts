import type { HeldPlan, HeldRemoval, RejectedRemoval } from '../ledger/document.js';
import type { Context } from './context.js';
import { linesOfChanges, linesOfRemovals, type PlanLine } from './difference.js';
import type { FirstPlan } from './first-run.js';
import { rejectedPlans } from './rejection.js';
import { removalsOf } from './removals.js';
import type { SweepReport } from './sweep.js';

/** A plan that an operator may decide on. */
export interface OpenPlan {
  kind: 'held' | 'rejected' | 'first-run';
  hash: string;
  /** Which of several rejections: when it was made, epoch ms. 0 for the others, of which there is one. */
  since: number;
  lines: PlanLine[];
  /** What it takes away. */
  removals: readonly HeldRemoval[];
}

/** The plans that an operator can have seen in the status. */
export function knownPlans({ ledger }: Pick<Context, 'ledger'>): OpenPlan[] {
  const { guard, firstRun } = ledger.data;
  return openPlans(guard.held, guard.rejected ?? [], firstRun?.state === 'waiting' ? firstRun : undefined, []);
}

/** The plans as this sweep, which wrote nothing, found them. */
export function plansOf(ctx: Context, { clearance, firstPlan, outcomes }: SweepReport): OpenPlan[] {
  const plans = outcomes.flatMap(({ prepared: { plan } }) => (plan ? [plan] : []));
  return openPlans(clearance.held, clearance.rejected, firstPlan, firstPlan ? removalsOf(ctx, plans) : []);
}

/** While the first run waits nothing else is open: nothing was ever done here. */
function openPlans(
  held: HeldPlan | undefined,
  rejected: readonly RejectedRemoval[],
  firstPlan: FirstPlan | undefined,
  firstRemovals: readonly HeldRemoval[],
): OpenPlan[] {
  if (firstPlan) {
    const { hash, changes } = firstPlan;
    return [{ kind: 'first-run', hash, since: 0, lines: linesOfChanges(changes), removals: firstRemovals }];
  }
  const heldPlans = held ? [{ ...held, kind: 'held' as const, since: 0 }] : [];
  const others = rejectedPlans(rejected).map(({ hash, at, removals }) => ({
    kind: 'rejected' as const,
    hash,
    since: at,
    removals,
  }));
  return [...heldPlans, ...others].map(({ kind, hash, since, removals }) => ({
    kind,
    hash,
    since,
    removals,
    lines: linesOfRemovals(removals),
  }));
}
