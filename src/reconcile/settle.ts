import { messageOf } from '../domain/errors.js';
import type { ObjectId } from '../domain/identity.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';
import type { IdentityPlan } from '../domain/plan.js';
import type { Step } from '../domain/step.js';
import { type Applied, applyPlans, type Manner } from './apply.js';
import type { Assessment, AssessOptions } from './assess.js';
import type { Context } from './context.js';
import { clear } from './held.js';
import { type Prepared, prepare } from './prepare.js';

export type Result =
  | 'ignored'
  | 'confirming'
  | 'unknown'
  | 'unchanged'
  | 'applied'
  | 'conflict'
  | 'held'
  | 'failed'
  | 'overtaken';

/** How one identity came out of a pass. */
export interface Outcome {
  oid: ObjectId;
  result: Result;
  prepared: Prepared;
  /** Steps that were done; in a plan or a dry run, that would be. */
  steps: Step[];
  /** Look again at this time, epoch ms. */
  recheckAt?: number | undefined;
  /** Why it is unknown, held or failed. */
  why?: string | undefined;
  error?: unknown;
}

export interface SettleOptions extends AssessOptions {
  manner: Manner;
  /** false: plan and guard, write nothing. */
  apply: boolean;
  progress?: ((done: number, all: number) => void) | undefined;
}

/** The one path of a targeted reconcile and of a sweep: observe, plan, guard, apply, record. */
export async function settle(
  ctx: Context,
  assessments: readonly Assessment[],
  options: SettleOptions,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const prepared = await prepare(ctx, assessments, options, signal);
  const plans = prepared.flatMap((item) => (item.plan ? [item.plan] : []));
  const write = options.apply && !ctx.dryRun;
  const clearance = clear(ctx, plans, options.manner.sweep ? 'sweep' : 'targeted', !write);
  const heldPlan = (plan: IdentityPlan) => clearance.held.has(plan.oid);
  if (write) await rememberIntents(ctx, prepared, clearance.held);
  const applied = new Map<ObjectId, Applied>();
  if (write) {
    const doable = plans.filter((plan) => plan.steps.length > 0 && !heldPlan(plan));
    await applyPlans(ctx, doable, options.manner, signal, (plan, state) => {
      applied.set(plan.oid, state);
      remember(ctx, plan, state);
      options.progress?.(applied.size, doable.length);
    });
    ctx.audit.flush();
    for (const plan of plans) if (plan.steps.length === 0) remember(ctx, plan, undefined);
    await ctx.ledger.save();
  }
  return prepared.map((item) =>
    outcomeOf(item, applied.get(item.assessment.oid), clearance.held, clearance.why, write),
  );
}

/** Suspicions, names of accounts about to be made and the guard's window reach the disk before anything is done. */
async function rememberIntents(
  ctx: Context,
  prepared: readonly Prepared[],
  held: ReadonlySet<ObjectId>,
): Promise<void> {
  let dirty = false;
  for (const { assessment, plan } of prepared) {
    const { verdict } = assessment;
    if (verdict.kind === 'confirm') {
      ctx.ledger.put(verdict.entry);
      dirty = true;
    }
    if (!plan || held.has(plan.oid) || plan.steps.length === 0) continue;
    dirty = true;
    const known = ctx.ledger.entry(plan.oid);
    if (!plan.steps.some((step) => step.effect === 'create')) continue;
    const names = { ...plan.entry.names, ...definedNames(known) };
    ctx.ledger.put({ ...(known ?? plan.entry), names });
  }
  if (dirty) await ctx.ledger.save();
}

function definedNames(entry: LedgerEntry | undefined): LedgerEntry['names'] {
  return Object.fromEntries(Object.entries(entry?.names ?? {}).filter(([, name]) => name !== undefined));
}

/** The outcome in the ledger. After a failure the lifecycle stands as it was, so that the next pass plans it again. */
function remember(ctx: Context, plan: IdentityPlan, state: Applied | undefined): void {
  if (state?.overtaken) return;
  const failure = state?.failures[0];
  if (!failure) {
    const { names, state: lifecycle } = plan.entry;
    const nothingMade = !names.linux && !names.proxmox;
    if (nothingMade && lifecycle !== 'active') ctx.ledger.drop(plan.oid);
    else ctx.ledger.put({ ...plan.entry, problem: undefined });
    return;
  }
  const known = ctx.ledger.entry(plan.oid);
  const problem = `${failure.target}: ${messageOf(failure.error)}`;
  // A departure that was half applied stands: its countdown must not begin anew with each attempt.
  const begun = plan.entry.state === 'grace' || plan.entry.state === 'suspended';
  const lifecycle = begun || !known ? plan.entry : known;
  const names = { ...plan.entry.names, ...definedNames(known) };
  ctx.ledger.put({ ...lifecycle, names, conflicts: plan.conflicts, problem });
}

function outcomeOf(
  prepared: Prepared,
  applied: Applied | undefined,
  held: ReadonlySet<ObjectId>,
  heldWhy: string | undefined,
  write: boolean,
): Outcome {
  const { assessment, plan } = prepared;
  const { oid, verdict } = assessment;
  const base = { oid, prepared, steps: [] as Step[] };
  if (verdict.kind === 'ignore') return { ...base, result: 'ignored' };
  if (verdict.kind === 'hold') return { ...base, result: 'unknown', why: verdict.why };
  if (verdict.kind === 'confirm') return { ...base, result: 'confirming', recheckAt: verdict.recheckAt };
  if (!plan) return { ...base, result: 'unchanged' };
  const { recheckAt } = verdict;
  if (held.has(oid)) return { ...base, steps: plan.steps, result: 'held', why: heldWhy, recheckAt };
  if (applied?.overtaken) return { ...base, steps: applied.steps, result: 'overtaken' };
  const failure = applied?.failures[0];
  if (failure) {
    const why = `${failure.target}: ${messageOf(failure.error)}`;
    return { ...base, steps: applied.steps, result: 'failed', why, error: failure.error, recheckAt };
  }
  const steps = applied?.steps ?? (write ? [] : plan.steps);
  const blind = plan.unknown[0];
  if (blind) return { ...base, steps, result: 'unknown', why: `${blind.target}: ${blind.why}`, recheckAt };
  if (plan.conflicts.length > 0) return { ...base, steps, result: 'conflict', why: plan.conflicts[0]?.what, recheckAt };
  return { ...base, steps, result: steps.length > 0 ? 'applied' : 'unchanged', recheckAt };
}
