import { managedPveGroups, sorted } from '../../../src/domain/entitlement.js';
import type { Policy } from '../../../src/domain/policy.js';
import type { LinuxAccount, ProxmoxUser, Sight } from '../../../src/domain/sight.js';
import type { Step } from '../../../src/domain/step.js';

/** What the two targets show for one identity. */
export interface World {
  linux: Sight<LinuxAccount>;
  proxmox: Sight<ProxmoxUser>;
}

/** A plain model of what the real targets do with a step; throws where a real one would refuse. */
export function applied(world: World, step: Step, policy: Policy): World {
  if (step.target === 'proxmox')
    return { ...world, proxmox: { certainty: 'present', value: nextUser(world, step, policy) } };
  if (step.target === 'lakefs') throw new Error('the targets of this model are Linux and Proxmox');
  const value = nextAccount(world, step);
  return { ...world, linux: { certainty: 'present', value } };
}

function nextAccount(world: World, step: Extract<Step, { target: 'linux' }>): LinuxAccount {
  const { linux } = world;
  if (step.action === 'create') {
    if (linux.certainty === 'foreign') throw new Error('created over a foreign account');
    const before = linux.certainty === 'present' ? linux.value : undefined;
    const kept = before && before.state !== 'deleted' ? before : { locked: false, groups: [], sudo: false };
    return { name: step.name, uid: 20_001, ...kept, state: 'whole', gecos: step.gecos };
  }
  if (linux.certainty !== 'present') throw new Error(`${step.action} of an account that is not there`);
  const account = linux.value;
  if (account.state === 'deleted') throw new Error(`${step.action} of a deleted account`);
  switch (step.action) {
    case 'lock':
      return { ...account, locked: true, halfLocked: false, sudo: false, groups: [] };
    case 'unlock':
      return { ...account, locked: false, halfLocked: false };
    case 'groups':
      if (step.groups.some((group) => !account.groups.includes(group))) refuseUnlessOpen(account);
      return { ...account, groups: step.groups };
    case 'sudo':
      if (step.granted) refuseUnlessOpen(account);
      return { ...account, sudo: step.granted };
    case 'delete':
      if (!account.locked) throw new Error('deleted without a lock');
      return { ...account, state: 'deleted' };
    default:
      return step satisfies never;
  }
}

function refuseUnlessOpen({ name, locked, halfLocked, state }: LinuxAccount): void {
  if (locked || halfLocked || state !== 'whole') throw new Error(`${name} is locked or half made and gets nothing`);
}

function nextUser(world: World, step: Extract<Step, { target: 'proxmox' }>, policy: Policy): ProxmoxUser {
  const { proxmox } = world;
  if (step.action === 'create') {
    if (proxmox.certainty !== 'absent') throw new Error('created a user that is there or not ours');
    return { userid: step.name, ...step.fields };
  }
  if (proxmox.certainty !== 'present') throw new Error('changed a user that is not there or not ours');
  const before = proxmox.value;
  if (!step.append && step.groups.length === 0) throw new Error('emptied the groups');
  const managed = managedPveGroups(policy);
  const foreignBefore = before.groups.filter((group) => !managed.includes(group));
  const groups = sorted(step.append ? [...before.groups, ...step.groups] : step.groups);
  if (foreignBefore.some((group) => !groups.includes(group))) throw new Error('took a group away that is not ours');
  return { ...before, ...step.change, groups };
}
