import { Busy, messageOf } from '../domain/errors.js';
import { removalKindOf } from '../domain/guard.js';
import type { GroupId, ObjectId } from '../domain/identity.js';
import type { Step } from '../domain/step.js';
import { type Applied, applyPlans, type Manner } from './apply.js';
import type { Assessment, AssessOptions } from './assess.js';
import type { Context } from './context.js';
import { awaitsFirstRun, LOOK_AGAIN_MS } from './first-run.js';
import { type Clearance, clear } from './held.js';
import { beginLook, type LakefsLook } from './lakefs-look.js';
import { PATIENCE } from './lakefs-patience.js';
import { withLakefs } from './lakefs-people.js';
import { lockUnremembered } from './lock-unremembered.js';
import { look } from './look.js';
import { type Prepared, prepare } from './prepare.js';
import { conclude, remember, rememberIntents } from './remember.js';

export type Result =
  | 'ignored'
  | 'confirming'
  | 'unknown'
  | 'unchanged'
  | 'applied'
  /** Would be applied: a plan or a dry run, nothing was written. */
  | 'planned'
  | 'conflict'
  | 'held'
  /** Something would be taken away, and an operator said no to that. */
  | 'rejected'
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
  /** Why it is unknown, held, rejected or failed. */
  why?: string | undefined;
  error?: unknown;
}

export interface SettleOptions extends AssessOptions {
  manner: Manner;
  /** false: plan and guard, write nothing. */
  apply: boolean;
  /** What a sweep saw of lakeFS, or that it is to be left alone. Targeted work looks by itself. */
  lakefs?: LakefsLook | 'none' | undefined;
  /** Groups for lakeFS that could not be read. */
  unreadable?: ReadonlySet<GroupId> | undefined;
  progress?: ((done: number, all: number) => void) | undefined;
}

/** How a pass came out, and what the guard said of it. */
export interface Settled {
  outcomes: Outcome[];
  clearance: Clearance;
}

/** As `settleAll`, for whoever asks for the outcomes alone. */
export async function settle(
  ctx: Context,
  assessments: readonly Assessment[],
  options: SettleOptions,
  signal: AbortSignal,
): Promise<Outcome[]> {
  return (await settleAll(ctx, assessments, options, signal)).outcomes;
}

/**
 * The one path of a targeted reconcile and of a sweep: observe, plan, guard, apply, record. Throws Busy where the
 * ledger or the audit log cannot be written; what was done until then is remembered, and who left is locked all the same.
 */
export async function settleAll(
  ctx: Context,
  assessments: readonly Assessment[],
  options: SettleOptions,
  signal: AbortSignal,
): Promise<Settled> {
  const { manner } = options;
  const looking = options.lakefs ? undefined : beginLook(ctx, assessments, options.unreadable ?? new Set(), signal);
  const sights = await look(ctx, assessments, signal);
  const inLakefs = looking
    ? await looking.within(patienceFor(ctx, prepare(ctx, assessments, sights, options)))
    : options.lakefs;
  // From here until the intents are in the ledger nothing is awaited, so that no other pass comes in between.
  // What was judged while the first run waited is not done because an operator let it go meanwhile.
  const firstRun = options.apply && (awaitsFirstRun(ctx) || (options.assumeConfirmed === true && !ctx.dryRun));
  const write = options.apply && !ctx.dryRun && !firstRun;
  const all = withLakefs(
    ctx,
    prepare(ctx, assessments, sights, options),
    inLakefs === 'none' ? undefined : inLakefs,
    options,
  );
  const isOvertaken = (oid: ObjectId) => write && manner.sweep && ctx.locks.isOvertaken(oid, manner.begun);
  const overtaken = new Set(all.map(oidOf).filter(isOvertaken));
  const prepared = all.filter((item) => !overtaken.has(oidOf(item)));
  const plans = prepared.flatMap((item) => (item.plan ? [item.plan] : []));
  const clearance = clear(ctx, plans, manner.sweep ? 'sweep' : 'targeted', !write);
  const applied = new Map<ObjectId, Applied>();
  if (write) {
    const cleared = prepared.flatMap((item) => clearedOf(item, clearance));
    try {
      if (clearance.unrecorded) throw clearance.unrecorded;
      await rememberIntents(ctx, cleared, manner.by);
      try {
        await applyAndRemember(ctx, cleared, applied, options, signal);
      } finally {
        await ctx.ledger.save();
      }
    } catch (error) {
      if (error instanceof Busy) await lockUnremembered(ctx, cleared, applied, { manner, cause: error }, signal);
      throw error;
    }
  }
  const circumstances: Circumstances = { clearance, write, firstRun: firstRun && !ctx.dryRun, sweep: manner.sweep };
  const outcomes = all.map(
    (item): Outcome =>
      overtaken.has(oidOf(item))
        ? { oid: oidOf(item), prepared: item, steps: [], result: 'overtaken' }
        : outcomeOf(ctx, item, applied.get(oidOf(item)), circumstances),
  );
  return { outcomes, clearance };
}

/** A lock elsewhere does not wait for lakeFS: what is done there is tried again. */
function patienceFor({ lakefs }: Context, prepared: readonly Prepared[]): number {
  const { lookMs, urgentLookMs } = lakefs?.patience ?? PATIENCE;
  const isUrgent = prepared.some(({ plan }) => plan?.steps.some(({ effect }) => removalKindOf(effect) !== undefined));
  return isUrgent ? urgentLookMs : lookMs;
}

/** What may be done of it now. Who may not lose what they should lose is given nothing either: the two belong together. */
function clearedOf(item: Prepared, clearance: Clearance): Prepared[] {
  if (!item.plan) return [item];
  const plan = clearance.part(item.plan);
  return plan ? [{ ...item, plan }] : [];
}

async function applyAndRemember(
  ctx: Context,
  prepared: readonly Prepared[],
  applied: Map<ObjectId, Applied>,
  { manner, progress }: SettleOptions,
  signal: AbortSignal,
): Promise<void> {
  const byOid = new Map(prepared.map((item) => [oidOf(item), item]));
  const doable = prepared.flatMap(({ plan }) => (plan && plan.steps.length > 0 ? [plan] : []));
  for (const item of prepared) if (item.plan?.steps.length === 0) remember(ctx, item, undefined);
  try {
    await applyPlans(ctx, doable, manner, signal, (plan, state) => {
      applied.set(plan.oid, state);
      remember(ctx, byOid.get(plan.oid) as Prepared, state);
      progress?.(applied.size, doable.length);
    });
  } finally {
    flushAudit(ctx);
  }
}

function flushAudit(ctx: Context): void {
  try {
    ctx.audit.flush();
  } catch (error) {
    throw new Busy(`the audit log cannot be written: ${messageOf(error)}`);
  }
}

function oidOf({ assessment }: Prepared): ObjectId {
  return assessment.oid;
}

interface Circumstances {
  clearance: Clearance;
  write: boolean;
  /** The first run waits for an operator. */
  firstRun: boolean;
  sweep: boolean;
}

function outcomeOf(
  ctx: Context,
  prepared: Prepared,
  applied: Applied | undefined,
  { clearance, write, firstRun, sweep }: Circumstances,
): Outcome {
  const { assessment, plan } = prepared;
  const { oid, verdict } = assessment;
  const base = { oid, prepared, steps: [] as Step[] };
  if (verdict.kind === 'ignore' && !plan) return { ...base, result: 'ignored' };
  if (verdict.kind === 'hold') return { ...base, result: 'unknown', why: verdict.why };
  if (verdict.kind === 'confirm') return { ...base, result: 'confirming', recheckAt: verdict.recheckAt };
  if (!plan) return { ...base, result: 'unchanged' };
  const recheckAt = soonest(verdict.kind === 'settle' ? verdict.recheckAt : undefined, plan.lakefs?.recheckAt);
  if (firstRun && !sweep && plan.steps.length > 0) {
    const why = 'the first run on this host waits for approval: entramox status';
    return { ...base, steps: plan.steps, result: 'held', why, recheckAt: ctx.clock.now() + LOOK_AGAIN_MS };
  }
  if (applied?.overtaken) return { ...base, steps: applied.steps, result: 'overtaken' };
  const { failure, conflicts } = conclude(plan, applied, ctx.ledger.entry(oid), ctx.clock.now());
  if (failure && applied) {
    const why = `${failure.target}: ${messageOf(failure.error)}`;
    return { ...base, steps: applied.steps, result: 'failed', why, error: failure.error, recheckAt };
  }
  if (applied?.stopped) {
    const error = new Busy('the pass was ended before the last step');
    return { ...base, steps: applied.steps, result: 'failed', why: error.message, error, recheckAt };
  }
  const obstacle = clearance.obstacle(oid);
  if (obstacle && !firstRun) return { ...base, steps: plan.steps, ...obstacle, recheckAt };
  const steps = applied?.steps ?? (write ? [] : plan.steps);
  const blind = plan.unknown[0];
  if (blind) {
    // A target that cannot be seen is not this identity's fault: it is tried until it can.
    const why = `${blind.target}: ${blind.why}`;
    return { ...base, steps, result: 'unknown', why, error: new Busy(why), recheckAt };
  }
  if (conflicts.length > 0) return { ...base, steps, result: 'conflict', why: conflicts[0]?.what, recheckAt };
  if (steps.length === 0 && plan.lakefs?.recheckAt !== undefined) return { ...base, result: 'confirming', recheckAt };
  return { ...base, steps, result: steps.length === 0 ? 'unchanged' : write ? 'applied' : 'planned', recheckAt };
}

function soonest(...times: (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
