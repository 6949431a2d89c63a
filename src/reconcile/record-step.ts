import { createHash } from 'node:crypto';
import { messageOf } from '../domain/errors.js';
import type { IdentityPlan } from '../domain/plan.js';
import { describeStep, type LakefsStep, type Step } from '../domain/step.js';
import type { Context } from './context.js';

/** Tells metrics, audit log and log of one step. Throws where the audit log cannot be written. */
export function recordStep(
  ctx: Context,
  plan: Pick<IdentityPlan, 'entry'> & { hash: string },
  step: Step,
  by: string,
  error: unknown,
): void {
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
  const belongs = { by, action, oid, upn, target, name, plan: plan.hash };
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
  if (step.target === 'lakefs') return lakefsBeforeAndAfter(step);
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

function lakefsBeforeAndAfter(step: LakefsStep): { before?: unknown; after?: unknown } {
  switch (step.action) {
    case 'create-user':
      return { after: { invited: step.invite } };
    case 'add-member':
      return { after: { group: step.group, groupName: step.groupName } };
    case 'remove-member':
      return { before: { group: step.group, groupName: step.groupName } };
    case 'create-group':
      return { after: { group: step.oid } };
    case 'delete-group':
      return { before: { group: step.oid } };
    case 'attach-policy':
      return { after: { policy: step.policy } };
    case 'detach-policy':
      return { before: { policy: step.policy } };
    case 'set-permission':
      return { before: { permission: step.before }, after: { permission: step.permission } };
    default:
      return step satisfies never;
  }
}
