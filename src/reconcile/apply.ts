import { Busy, Conflict, messageOf } from '../domain/errors.js';
import type { ObjectId } from '../domain/identity.js';
import type { IdentityPlan } from '../domain/plan.js';
import type { TargetName } from '../domain/policy.js';
import { ownerIn } from '../domain/proxmox-comment.js';
import type { Effect, Step } from '../domain/step.js';
import type { Context } from './context.js';
import { applyLakefs, obstacleTo } from './lakefs-apply.js';
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
  const pass: Pass = { ctx, manner, signal };
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
  if (pass.broken) {
    throw new Busy(`the audit log cannot be written, so nothing more is done: ${messageOf(pass.broken.error)}`);
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
      else await lanes[target].add(work, { priority: pass.manner.priority });
    }),
  );
}

async function runSteps(pass: Pass, plan: IdentityPlan, steps: readonly Step[], state: Applied): Promise<void> {
  const { ctx, manner, signal } = pass;
  for (const step of steps) {
    if (signal.aborted || pass.broken) state.stopped = true;
    if (state.overtaken || state.stopped) return;
    const obstacle = step.target === 'lakefs' ? obstacleTo(ctx, step) : undefined;
    if (obstacle) {
      // The group's own failure is on record; this would be one more line for each of its members.
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
    await applyStep(ctx, step, signal);
    state.steps.push(step);
  } catch (error) {
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
