import { essenceOf } from '../domain/essence.js';
import { removalsIn } from '../domain/guard.js';
import { describeStep } from '../domain/step.js';
import type { FirstChange, LedgerDocument } from '../ledger/document.js';
import type { Context } from './context.js';
import { knownPlans } from './open-plans.js';
import { hashOfChanges } from './removals.js';
import { noteSeen } from './seen-plans.js';
import type { Outcome } from './settle.js';

/** How often a key that waits for the first run is looked at again: the sweep that follows an approval does the work. */
export const LOOK_AGAIN_MS = 300_000;

/** What the first sweep of this host would do, under the hash that lets it. */
export interface FirstPlan {
  hash: string;
  changes: FirstChange[];
}

/**
 * Whether nothing may be written yet: FIRST_RUN=plan, no sweep was ever applied here, and no operator has let the first
 * one go. A ledger with any identity, or with a sweep that saw one or found everything well, is of a host that has run.
 */
export function awaitsFirstRun({ ledger, policy }: Pick<Context, 'ledger' | 'policy'>): boolean {
  if (policy.firstRun !== 'plan') return false;
  const { data } = ledger;
  return data.firstRun ? data.firstRun.state === 'waiting' : isPristine(data);
}

function isPristine({ identities, lastGoodSweepAt, lastSweep }: LedgerDocument): boolean {
  const swept = lastGoodSweepAt !== undefined || (lastSweep?.identities ?? 0) > 0;
  return !swept && Object.keys(identities).length === 0;
}

/** Whoever would be created, changed or locked. */
export function firstPlanOf(outcomes: readonly Outcome[]): FirstPlan {
  const found = outcomes.flatMap(({ oid, prepared: { plan } }): FirstChange[] =>
    plan && plan.steps.length > 0
      ? [{ oid, upn: plan.entry.upn, steps: plan.steps.map(describeStep), does: plan.steps.map(essenceOf).sort() }]
      : [],
  );
  const changes = found.sort((a, b) => (a.upn < b.upn ? -1 : 1));
  return { hash: hashOfChanges(changes), changes };
}

/** Keeps the plan for an operator; in memory, the caller saves it. */
export function keepFirstPlan(ctx: Context, { hash, changes }: FirstPlan): void {
  const { data } = ctx.ledger;
  const before = data.firstRun?.state === 'waiting' ? data.firstRun : undefined;
  if (before?.hash !== hash) ctx.log('reconcile.first.waiting', { hash, identities: changes.length });
  data.firstRun = { state: 'waiting', hash, since: before?.since ?? ctx.clock.now(), changes };
  noteSeen(ctx, knownPlans(ctx));
  ctx.ledger.changed();
}

/** How many would be created, locked or lose something, and changed otherwise; in words. */
export function summaryOfFirst(outcomes: readonly Outcome[]): string {
  const plans = outcomes.flatMap(({ prepared: { plan } }) => (plan && plan.steps.length > 0 ? [plan] : []));
  const created = plans.filter(({ steps }) => steps.some(({ effect }) => effect === 'create')).length;
  const removed = plans.filter(({ steps }) => removalsIn(steps).length > 0).length;
  return `the first run on this host waits for approval: of ${plans.length} identities ${created} would be created, ${removed} would lose something`;
}
