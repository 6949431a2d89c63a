import { Busy, Conflict, messageOf } from '../domain/errors.js';
import type { ObjectId } from '../domain/identity.js';
import type { IdentityPlan } from '../domain/plan.js';
import type { TargetName } from '../domain/policy.js';
import { ownerIn } from '../domain/proxmox-comment.js';
import type { Effect, Step } from '../domain/step.js';
import type { Context } from './context.js';
import { applyLakefs, obstacleTo } from './lakefs-apply.js';
import { type LakefsDeadline, openDeadline, PATIENCE } from './lakefs-patience.js';
import { planHashOf, recordStep } from './record-step.js';

/** Who asked for a pass, and how it goes about it. */
export interface Manner {
  by: 'notification' | 'sweep' | 'resync' | 'approval';
  /** Higher goes first in a lane. */
  priority: number;
  /** The mark taken before anything was read; a sweep leaves alone what targeted work read since. */
  begun: number;
  sweep: boolean;
}

export interface Failure {
  step: Step;
  target: TargetName;
  error: unknown;
}

export interface Applied {
  steps: Step[];
  failures: Failure[];
  /** Left as it is: targeted work has a newer reading than this sweep. */
  overtaken: boolean;
  /** The pass was ended before the last step. */
  stopped: boolean;
  /** The plan's, made once: a plan may have hundreds of steps. */
  hash?: string | undefined;
}

/** One pass over many plans. `broken`: what forbids any further step of the whole pass. */
interface Pass {
  ctx: Context;
  manner: Manner;
  signal: AbortSignal;
  /** How long lakeFS may take for its part of targeted work. */
  lakefs?: LakefsDeadline | undefined;
  broken?: { error: unknown };
}

const PHASES: readonly (readonly Effect[])[] = [['revoke', 'lock'], ['create', 'grant', 'touch'], ['delete']];

/**
 * Does the steps of many identities: first whatever takes away, for everybody, then what gives, then deletions. Within
 * a target an identity's steps stop at the first failure, but for lakeFS, see `isStopped`; other identities and the
 * other targets go on. `finished` is
 * called once for each plan that has steps. Throws Busy, after everything else is over, when a step could not be
 * written into the audit log: from then on no step is begun.
 */
export async function applyPlans(
  ctx: Context,
  plans: readonly IdentityPlan[],
  manner: Manner,
  signal: AbortSignal,
  finished: (plan: IdentityPlan, applied: Applied) => void,
): Promise<void> {
  const isBounded = !manner.sweep && plans.some(({ steps }) => steps.some(({ target }) => target === 'lakefs'));
  const { writeMs } = ctx.lakefs?.patience ?? PATIENCE;
  const lakefs = isBounded ? openDeadline(writeMs, signal) : undefined;
  const pass: Pass = { ctx, manner, signal, lakefs };
  try {
    await applyAll(pass, plans, finished);
  } finally {
    lakefs?.end();
  }
  if (pass.broken) {
    throw new Busy(`the audit log cannot be written, so nothing more is done: ${messageOf(pass.broken.error)}`);
  }
}

async function applyAll(
  pass: Pass,
  plans: readonly IdentityPlan[],
  finished: (plan: IdentityPlan, applied: Applied) => void,
): Promise<void> {
  const states = new Map<ObjectId, Applied>(
    plans.map((plan) => [plan.oid, { steps: [], failures: [], overtaken: false, stopped: false }]),
  );
  for (const [index, phase] of PHASES.entries()) {
    const due = plans.filter((plan) => stepsOf(plan, phase).length > 0);
    const work = async (plan: IdentityPlan): Promise<void> => {
      const state = states.get(plan.oid) as Applied;
      await applyPhase(pass, plan, stepsOf(plan, phase), state);
      const later = PHASES.slice(index + 1).some((next) => stepsOf(plan, next).length > 0);
      if (!later) finished(plan, state);
    };
    // Packing a home may take minutes. It does not occupy the lane, so that a leaver's lock never waits for it.
    if (phase.includes('delete')) for (const plan of due) await work(plan);
    else await Promise.all(due.map(work));
  }
}

function stepsOf(plan: IdentityPlan, phase: readonly Effect[]): Step[] {
  return plan.steps.filter((step) => phase.includes(step.effect));
}

async function applyPhase(pass: Pass, plan: IdentityPlan, steps: readonly Step[], state: Applied): Promise<void> {
  const { lanes } = pass.ctx;
  await Promise.all(
    (['linux', 'proxmox', 'lakefs'] as const).map(async (target) => {
      const own = steps.filter((step) => step.target === target);
      if (own.length === 0 || isStopped(target, state)) return;
      const work = () => runSteps(pass, plan, own, state);
      if (own.some((step) => step.effect === 'delete')) await work();
      else if (target === 'lakefs' && pass.lakefs) await inLaneOrLate(pass, pass.lakefs, own, state, work);
      else await lanes[target].add(work, { priority: pass.manner.priority });
    }),
  );
}

/** A sweep's write to a lakeFS that hangs keeps the lane; what waits behind it for too long is left for another try. */
async function inLaneOrLate(
  { ctx, manner }: Pass,
  deadline: LakefsDeadline,
  steps: readonly Step[],
  state: Applied,
  work: () => Promise<void>,
): Promise<void> {
  let standing: 'waits' | 'begun' | 'late' = 'waits';
  const done = ctx.lanes.lakefs.add(
    async () => {
      if (standing === 'late') return;
      standing = 'begun';
      await work();
    },
    { priority: manner.priority },
  );
  const late = new Promise<void>((resolve) => {
    const giveUp = () => {
      if (standing !== 'waits') return;
      standing = 'late';
      const [step] = steps;
      if (step) state.failures.push({ step, target: 'lakefs', error: deadline.error });
      resolve();
    };
    if (deadline.signal.aborted) giveUp();
    else deadline.signal.addEventListener('abort', giveUp, { once: true });
  });
  await Promise.race([done, late]);
}

async function runSteps(pass: Pass, plan: IdentityPlan, steps: readonly Step[], state: Applied): Promise<void> {
  const { ctx, manner, signal } = pass;
  for (const step of steps) {
    if (signal.aborted || pass.broken) state.stopped = true;
    if (state.overtaken || state.stopped) return;
    const late = pass.lakefs?.expired() ? pass.lakefs.error : undefined;
    const obstacle = step.target === 'lakefs' ? (late ?? obstacleTo(ctx, step)) : undefined;
    if (obstacle) {
      // What is in the way is on record already; this would be one more line for each of its members.
      state.failures.push({ step, target: step.target, error: obstacle });
      continue;
    }
    const work = () => runStep(pass, plan, step, state);
    const running = manner.sweep ? ctx.locks.share(plan.oid, manner.begun, work) : work();
    if (!running) state.overtaken = true;
    else if (!(await running) && isStopped(step.target, state)) return;
  }
}

/** Memberships and policies do not rest on each other: only what was to be made first stops the others. */
function isStopped(target: TargetName, { failures }: Applied): boolean {
  return failures.some(
    (failure) => failure.target === target && (target !== 'lakefs' || failure.step.effect === 'create'),
  );
}

/** Whether the next step may follow. */
async function runStep(pass: Pass, plan: IdentityPlan, step: Step, state: Applied): Promise<boolean> {
  const { ctx, signal } = pass;
  let failure: Failure | undefined;
  try {
    await applyStep(ctx, step, (step.target === 'lakefs' && pass.lakefs?.signal) || signal);
    state.steps.push(step);
  } catch (caught) {
    const isLate = step.target === 'lakefs' && pass.lakefs?.expired() && !(caught instanceof Conflict);
    const error = isLate ? pass.lakefs?.error : caught;
    failure = { step, target: step.target, error };
    state.failures.push(failure);
  }
  try {
    state.hash ??= planHashOf(plan);
    recordStep(ctx, { entry: plan.entry, hash: state.hash }, step, pass.manner.by, failure?.error);
  } catch (error) {
    pass.broken ??= { error };
  }
  return failure === undefined;
}

async function applyStep(ctx: Context, step: Step, signal: AbortSignal): Promise<void> {
  switch (step.target) {
    case 'linux':
      return ctx.targets.linux?.apply(step, signal);
    case 'proxmox':
      return ctx.targets.proxmox?.apply(step, signal);
    case 'lakefs':
      return applyLakefs(ctx, step, signal);
    default:
      return step satisfies never;
  }
}

/**
 * The conflict that kept something from becoming ours, so that nothing is: it stopped a creation, or the first write to
 * a user that nobody had marked. Undefined for every other failure.
 */
export function takeoverConflict({ step, error }: Failure): Conflict | undefined {
  if (!(error instanceof Conflict)) return undefined;
  const unmarked = step.target === 'proxmox' && step.action === 'update' && ownerIn(step.before.comment) === undefined;
  return step.effect === 'create' || unmarked ? error : undefined;
}
