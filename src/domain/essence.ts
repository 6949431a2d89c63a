import { describeStep, type ProxmoxStep, type Step } from './step.js';

/**
 * What a step does to somebody, in words that stay the same for as long as it is the same step: `linux lock alice`.
 * Two plans are the same when these words are. Nothing volatile is in them, such as the instants in a comment, and of
 * what is only text (a display name) merely that it changes.
 */
export function essenceOf(step: Step): string {
  if (step.target === 'proxmox') return `proxmox ${proxmoxEssence(step)}`;
  if (step.target === 'lakefs') return describeStep(step);
  const subject = `linux ${step.action} ${step.name}`;
  switch (step.action) {
    case 'groups':
      return [subject, ...gained(step.before, step.groups), ...lost(step.before, step.groups)].join(' ');
    case 'sudo':
      return `${subject} ${step.granted ? 'grant' : 'revoke'}`;
    default:
      return subject;
  }
}

function proxmoxEssence(step: ProxmoxStep): string {
  if (step.action === 'create') return ['create', step.name, ...gained([], step.fields.groups)].join(' ');
  const subject = `${step.effect} ${step.name}`;
  // Who is disabled loses every right with it, whatever becomes of the groups.
  if (step.effect === 'lock') return subject;
  const enabled = step.change.enabled ? ['enabled'] : [];
  const taken = step.append ? [] : lost(step.before.groups, step.groups);
  return [subject, ...enabled, ...gained(step.before.groups, step.groups), ...taken].join(' ');
}

function gained(before: readonly string[], after: readonly string[]): string[] {
  return after.filter((group) => !before.includes(group)).map((group) => `+${group}`);
}

function lost(before: readonly string[], after: readonly string[]): string[] {
  return before.filter((group) => !after.includes(group)).map((group) => `-${group}`);
}
