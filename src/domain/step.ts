import type { GroupId, ObjectId } from './identity.js';
import type { LakefsPermission } from './lakefs.js';

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

/** A write to one person's membership; `name` is the lakeFS user. */
export type LakefsPersonStep =
  | { target: 'lakefs'; action: 'create-user'; effect: 'create'; oid: ObjectId; name: string; invite: boolean }
  | {
      target: 'lakefs';
      action: 'add-member';
      effect: 'grant';
      oid: ObjectId;
      name: string;
      group: GroupId;
      groupName: string;
    }
  | {
      target: 'lakefs';
      action: 'remove-member';
      effect: 'revoke';
      oid: ObjectId;
      name: string;
      group: GroupId;
      groupName: string;
    };

/** A write to a lakeFS group itself; `oid` is the Entra group that it stands for, `name` its name in lakeFS. */
export type LakefsGroupStep =
  | { target: 'lakefs'; action: 'create-group'; effect: 'create'; oid: GroupId; name: string }
  | { target: 'lakefs'; action: 'attach-policy'; effect: 'grant'; oid: GroupId; name: string; policy: string }
  | { target: 'lakefs'; action: 'detach-policy'; effect: 'revoke'; oid: GroupId; name: string; policy: string }
  | {
      target: 'lakefs';
      action: 'set-permission';
      effect: 'grant' | 'revoke';
      oid: GroupId;
      name: string;
      permission: LakefsPermission;
      before: LakefsPermission | undefined;
    }
  | { target: 'lakefs'; action: 'delete-group'; effect: 'delete'; oid: GroupId; name: string };

export type LakefsStep = LakefsPersonStep | LakefsGroupStep;

export type Step = LinuxStep | ProxmoxStep | LakefsStep;

/** One line for a person: `linux lock alice`. */
export function describeStep(step: Step): string {
  if (step.target === 'lakefs') return `lakefs ${describeLakefs(step)}`;
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

function describeLakefs(step: LakefsStep): string {
  const { action, name } = step;
  switch (action) {
    case 'add-member':
      return `add-member ${name} to ${step.groupName}`;
    case 'remove-member':
      return `remove-member ${name} from ${step.groupName}`;
    case 'attach-policy':
      return `attach-policy ${step.policy} to ${name}`;
    case 'detach-policy':
      return `detach-policy ${step.policy} from ${name}`;
    case 'set-permission':
      return `set-permission ${name} ${step.before ?? 'none'} -> ${step.permission}`;
    case 'create-user':
      return step.invite ? `invite ${name}` : `create-user ${name}`;
    default:
      return `${action} ${name}`;
  }
}

function describeChange(step: Extract<ProxmoxStep, { action: 'update' }>): string {
  const parts = Object.entries(step.change).map(([field, value]) => `${field}=${JSON.stringify(value)}`);
  const before = step.before.groups.join(' ');
  const after = step.groups.join(' ');
  if (before !== after) parts.push(`groups [${before}] ${step.append ? '+' : '->'} [${after}]`);
  return parts.join(', ');
}
