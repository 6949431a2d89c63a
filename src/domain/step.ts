import type { ObjectId } from './identity.js';

/**
 * What a step does to a person, which orders it and decides whether the guard counts it:
 * `revoke` and `lock` take access away, `delete` destroys, `create` and `grant` give, `touch` changes text only.
 */
export type Effect = 'revoke' | 'lock' | 'delete' | 'create' | 'grant' | 'touch';

export type LinuxStep =
  | { target: 'linux'; action: 'create'; effect: 'create' | 'touch'; oid: ObjectId; name: string; gecos: string }
  | { target: 'linux'; action: 'lock'; effect: 'lock'; oid: ObjectId; name: string }
  | { target: 'linux'; action: 'unlock'; effect: 'grant'; oid: ObjectId; name: string }
  | {
      target: 'linux';
      action: 'groups';
      effect: 'grant' | 'revoke';
      oid: ObjectId;
      name: string;
      groups: readonly string[];
      before: readonly string[];
    }
  | { target: 'linux'; action: 'sudo'; effect: 'grant' | 'revoke'; oid: ObjectId; name: string; granted: boolean }
  | { target: 'linux'; action: 'delete'; effect: 'delete'; oid: ObjectId; name: string };

/** The fields of a Proxmox user that we own. */
export interface ProxmoxFields {
  enabled: boolean;
  comment: string;
  firstName: string;
  lastName: string;
  email: string;
  groups: readonly string[];
}

export type ProxmoxStep =
  | { target: 'proxmox'; action: 'create'; effect: 'create'; oid: ObjectId; name: string; fields: ProxmoxFields }
  | {
      target: 'proxmox';
      action: 'update';
      effect: Exclude<Effect, 'create' | 'delete'>;
      oid: ObjectId;
      name: string;
      /** Only what differs, but `groups` always: our token may only write users of groups that it names. */
      change: Partial<Omit<ProxmoxFields, 'groups'>>;
      groups: readonly string[];
      /** true: `groups` are added and nothing is taken away (the user is in groups that are not ours). */
      append: boolean;
      before: ProxmoxFields;
    };

export type Step = LinuxStep | ProxmoxStep;

/** One line for a person: `linux lock alice`. */
export function describeStep(step: Step): string {
  const detail =
    step.target === 'linux' && step.action === 'groups'
      ? ` [${step.before.join(' ')}] -> [${step.groups.join(' ')}]`
      : step.target === 'linux' && step.action === 'sudo'
        ? step.granted
          ? ' grant'
          : ' revoke'
        : step.target === 'proxmox' && step.action === 'update'
          ? ` ${describeChange(step)}`
          : '';
  return `${step.target} ${step.action} ${step.name}${detail}`;
}

function describeChange(step: Extract<ProxmoxStep, { action: 'update' }>): string {
  const parts = Object.entries(step.change).map(([field, value]) => `${field}=${JSON.stringify(value)}`);
  const before = step.before.groups.join(' ');
  const after = step.groups.join(' ');
  if (before !== after) parts.push(`groups [${before}] ${step.append ? '+' : '->'} [${after}]`);
  return parts.join(', ');
}
