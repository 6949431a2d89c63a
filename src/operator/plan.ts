import { SourceUnavailable } from '../domain/errors.js';
import { describeStep } from '../domain/step.js';
import type { Context } from '../reconcile/context.js';
import { resync } from '../reconcile/resync.js';
import type { Outcome } from '../reconcile/settle.js';
import { sweep } from '../reconcile/sweep.js';
import { type HeldView, heldView, type SweepView, sweepView } from './views.js';

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
}

/** The plan of a sweep. Throws SourceUnavailable where the scope cannot be read at all. */
export async function planAll(ctx: Context, signal: AbortSignal): Promise<PlanAnswer> {
  const { record, outcomes } = await sweep(ctx, { apply: false }, signal);
  return { record: sweepView(record), identities: planned(ctx, outcomes), held: heldOf(ctx) };
}

/** The plan of one person. Throws Rejected where nobody has that name, SourceUnavailable where it cannot be read. */
export async function planOne(ctx: Context, who: string, signal: AbortSignal): Promise<PlanAnswer> {
  const problems: string[] = [];
  const outcome = await resync(ctx, who, false, ({ ok, finding }) => void (ok || problems.push(finding)), signal);
  if (!outcome) throw new SourceUnavailable(problems.join('; '));
  return { identities: planned(ctx, [outcome]), held: heldOf(ctx) };
}

/** Identities with something to do or to decide, in the order of their names. */
export function planned(ctx: Context, outcomes: readonly Outcome[]): PlannedIdentity[] {
  return outcomes
    .filter((outcome) => outcome.result !== 'ignored' && outcome.result !== 'unchanged')
    .map(({ oid, prepared, result, steps, why }) => {
      const { verdict } = prepared.assessment;
      const entry = 'entry' in verdict ? verdict.entry : ctx.ledger.entry(oid);
      return { oid, upn: entry?.upn ?? oid, result, steps: steps.map(describeStep), why };
    })
    .sort((a, b) => (a.upn < b.upn ? -1 : 1));
}

function heldOf(ctx: Context): HeldView | undefined {
  const { held } = ctx.ledger.data.guard;
  return held && heldView(held);
}
