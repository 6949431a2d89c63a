import { createHash } from 'node:crypto';
import { messageOf } from '../domain/errors.js';
import type { IdentityPlan } from '../domain/plan.js';
import { describeStep, type Step } from '../domain/step.js';
import type { Context } from './context.js';

/** Tells metrics, audit log and log of one step. Throws where the audit log cannot be written. */
export function recordStep(ctx: Context, plan: IdentityPlan, step: Step, by: string, error: unknown): void {
  const outcome = error === undefined ? 'done' : 'failed';
  const { target, action, name, oid } = step;
  ctx.metrics.steps.inc({ target, action, outcome });
  const { upn } = plan.entry;
  const why = error === undefined ? {} : { error: messageOf(error) };
  ctx.log(error === undefined ? 'reconcile.step.done' : 'reconcile.step.failed', {
    by,
    target,
    action,
    name,
    oid,
    ...why,
  });
  const belongs = { by, action, oid, upn, target, name, plan: planHashOf(plan) };
  ctx.audit.append({ kind: 'step', ...belongs, ...beforeAndAfter(step), outcome, ...why });
}

/** The same for every step of one plan: SHA-256 over what it would do, first 12 hex digits. */
export function planHashOf({ oid, steps }: Pick<IdentityPlan, 'oid' | 'steps'>): string {
  const text = [oid, ...steps.map(describeStep)].join('\n');
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
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
