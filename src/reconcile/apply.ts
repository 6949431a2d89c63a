import { messageOf } from '../domain/errors.js';
import type { ObjectId } from '../domain/identity.js';
import type { IdentityPlan } from '../domain/plan.js';
import type { TargetName } from '../domain/policy.js';
import type { Effect, Step } from '../domain/step.js';
import type { Context } from './context.js';

/** Who asked for a pass, and how it goes about it. */
export interface Manner {
  by: 'notification' | 'sweep' | 'resync' | 'approval';
  /** Higher goes first in a lane. */
  priority: number;
  /** When the reading was taken, epoch ms; a sweep leaves alone what was settled since. */
  readAt: number;
  sweep: boolean;
}

export interface Applied {
  steps: Step[];
  failures: { target: TargetName; error: unknown }[];
  /** Left as it is: a newer reading settled this identity while the sweep was on its way, or the pass was stopped. */
  overtaken: boolean;
}

const PHASES: readonly (readonly Effect[])[] = [['revoke', 'lock'], ['create', 'grant', 'touch'], ['delete']];

/**
 * Does the steps of many identities: first whatever takes away, for everybody, then what gives, then deletions. Within
 * a target an identity's steps stop at the first failure; other identities and the other target go on.
 */
export async function applyPlans(
  ctx: Context,
  plans: readonly IdentityPlan[],
  manner: Manner,
  signal: AbortSignal,
  finished: (plan: IdentityPlan, applied: Applied) => void,
): Promise<void> {
  const states = new Map<ObjectId, Applied>(
    plans.map((plan) => [plan.oid, { steps: [], failures: [], overtaken: false }]),
  );
  const remaining = new Map(plans.map((plan) => [plan.oid, plan.steps.length === 0 ? 0 : phasesOf(plan)]));
  for (const phase of PHASES) {
    const due = plans.filter((plan) => plan.steps.some((step) => phase.includes(step.effect)));
    await Promise.all(
      due.map(async (plan) => {
        const state = states.get(plan.oid) as Applied;
        const steps = plan.steps.filter((step) => phase.includes(step.effect));
        await applyPhase(ctx, plan, steps, state, manner, signal);
        const left = (remaining.get(plan.oid) ?? 1) - 1;
        remaining.set(plan.oid, left);
        if (left === 0) finished(plan, state);
      }),
    );
  }
}

function phasesOf(plan: IdentityPlan): number {
  return PHASES.filter((phase) => plan.steps.some((step) => phase.includes(step.effect))).length;
}

async function applyPhase(
  ctx: Context,
  plan: IdentityPlan,
  steps: readonly Step[],
  state: Applied,
  manner: Manner,
  signal: AbortSignal,
): Promise<void> {
  const lane = (target: TargetName) =>
    runLane(
      ctx,
      plan,
      steps.filter((step) => step.target === target),
      state,
      manner,
      signal,
    );
  await Promise.all([lane('linux'), lane('proxmox')]);
}

async function runLane(
  ctx: Context,
  plan: IdentityPlan,
  steps: readonly Step[],
  state: Applied,
  manner: Manner,
  signal: AbortSignal,
): Promise<void> {
  const target = steps[0]?.target;
  if (!target || state.failures.some((failure) => failure.target === target)) return;
  const work = () =>
    ctx.lanes[target].add(() => runSteps(ctx, plan, steps, state, manner, signal), { priority: manner.priority });
  await work();
}

async function runSteps(
  ctx: Context,
  plan: IdentityPlan,
  steps: readonly Step[],
  state: Applied,
  manner: Manner,
  signal: AbortSignal,
): Promise<void> {
  for (const step of steps) {
    const newer = manner.sweep && ctx.locks.settledSince(plan.oid, manner.readAt);
    if (state.overtaken || newer || signal.aborted) {
      state.overtaken = true;
      return;
    }
    try {
      await applyStep(ctx, step, signal);
      state.steps.push(step);
      record(ctx, plan, step, manner, undefined);
    } catch (error) {
      state.failures.push({ target: step.target, error });
      record(ctx, plan, step, manner, error);
      return;
    }
  }
}

async function applyStep(ctx: Context, step: Step, signal: AbortSignal): Promise<void> {
  switch (step.target) {
    case 'linux':
      return ctx.targets.linux?.apply(step, signal);
    case 'proxmox':
      return ctx.targets.proxmox?.apply(step, signal);
    default:
      return step satisfies never;
  }
}

function record(ctx: Context, plan: IdentityPlan, step: Step, manner: Manner, error: unknown): void {
  const outcome = error === undefined ? 'done' : 'failed';
  const { target, action, name, oid } = step;
  ctx.metrics.steps.inc({ target, action, outcome });
  const { upn } = plan.entry;
  const why = error === undefined ? {} : { error: messageOf(error) };
  ctx.audit.append({ by: manner.by, action, oid, upn, target, name, ...beforeAndAfter(step), outcome, ...why });
  ctx.log(error === undefined ? 'reconcile.step.done' : 'reconcile.step.failed', {
    by: manner.by,
    target,
    action,
    name,
    oid,
    ...why,
  });
}

function beforeAndAfter(step: Step): { before?: unknown; after?: unknown } {
  if (step.target === 'proxmox') {
    return step.action === 'create'
      ? { after: step.fields }
      : { before: step.before, after: { ...step.change, groups: step.groups } };
  }
  switch (step.action) {
    case 'create':
      return { after: { gecos: step.gecos } };
    case 'groups':
      return { before: { groups: step.before }, after: { groups: step.groups } };
    case 'sudo':
      return { before: { sudo: !step.granted }, after: { sudo: step.granted } };
    case 'lock':
      return { before: { locked: false }, after: { locked: true } };
    case 'unlock':
      return { before: { locked: true }, after: { locked: false } };
    case 'delete':
      return { before: { locked: true }, after: { deleted: true } };
    default:
      return step satisfies never;
  }
}
