import { SourceUnavailable } from '../domain/errors.js';
import { describeStep } from '../domain/step.js';
import type { Context } from '../reconcile/context.js';
import { plansOf } from '../reconcile/open-plans.js';
import { resync } from '../reconcile/resync.js';
import { noteSeen } from '../reconcile/seen-plans.js';
import type { Outcome } from '../reconcile/settle.js';
import { type SweepReport, sweep } from '../reconcile/sweep.js';
import {
  firstRunView,
  type HeldView,
  heldIn,
  heldView,
  type RejectedView,
  rejectedIn,
  type SweepView,
  sweepView,
} from './views.js';

/** One identity of a plan, as it is shown. */
export interface PlannedIdentity {
  oid: string;
  /** The object id itself where nothing else is known of somebody. */
  upn: string;
  result: Outcome['result'];
  steps: string[];
  why?: string | undefined;
}

/** What would be done; nothing was. */
export interface PlanAnswer {
  /** How a sweep would end; undefined in the plan of one person. */
  record?: SweepView | undefined;
  identities: PlannedIdentity[];
  held?: HeldView | undefined;
  /** Whom an operator's rejection keeps as they are. */
  rejected?: RejectedView[] | undefined;
}

/** The plan of a sweep. Throws SourceUnavailable where the scope cannot be read at all. */
export async function planAll(ctx: Context, signal: AbortSignal): Promise<PlanAnswer> {
  const report = await sweep(ctx, { apply: false }, signal);
  noteSeen(ctx, plansOf(ctx, report));
  return { record: sweepView(report.record), identities: planned(ctx, report.outcomes), ...waitingIn(ctx, report) };
}

/** What would wait for an operator after this sweep. The same removals have the same hash, whoever asked for them. */
export function waitingIn(ctx: Context, { clearance, firstPlan }: SweepReport): Pick<PlanAnswer, 'held' | 'rejected'> {
  const { firstRun } = ctx.ledger.data;
  const since = firstRun?.state === 'waiting' ? firstRun.since : ctx.clock.now();
  const held = firstPlan ? firstRunView(firstPlan, since) : clearance.held && heldView(clearance.held);
  return { held, rejected: rejectedIn({ guard: { ...ctx.ledger.data.guard, rejected: [...clearance.rejected] } }) };
}

/** The plan of one person. Throws Rejected where nobody has that name, SourceUnavailable where it cannot be read. */
export async function planOne(ctx: Context, who: string, signal: AbortSignal): Promise<PlanAnswer> {
  const problems: string[] = [];
  const outcome = await resync(ctx, who, false, ({ ok, finding }) => void (ok || problems.push(finding)), signal);
  if (!outcome) throw new SourceUnavailable(problems.join('; '));
  const { data } = ctx.ledger;
  return { identities: planned(ctx, [outcome]), held: heldIn(data), rejected: rejectedIn(data) };
}

/** Identities with something to do or to decide, in the order of their names. */
export function planned(ctx: Context, outcomes: readonly Outcome[]): PlannedIdentity[] {
  return outcomes
    .filter((outcome) => outcome.result !== 'ignored' && outcome.result !== 'unchanged')
    .map(({ oid, prepared, result, steps, why }) => {
      const { verdict } = prepared.assessment;
      const entry = prepared.plan?.entry ?? ('entry' in verdict ? verdict.entry : ctx.ledger.entry(oid));
      return { oid, upn: entry?.upn ?? oid, result, steps: steps.map(describeStep), why };
    })
    .sort((a, b) => (a.upn < b.upn ? -1 : 1));
}
