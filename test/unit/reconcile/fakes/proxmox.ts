import { Busy, Conflict, Rejected } from '../../../../src/domain/errors.js';
import { ownerIn } from '../../../../src/domain/proxmox-comment.js';
import { markOf } from '../../../../src/domain/proxmox-mark.js';
import type { Ask, ProxmoxUser, Sight } from '../../../../src/domain/sight.js';
import type { ProxmoxStep } from '../../../../src/domain/step.js';
import type { ProxmoxPort } from '../../../../src/reconcile/context.js';

/** A Proxmox VE with users. A user is somebody's by the mark in its comment. */
export interface FakeProxmox extends ProxmoxPort {
  users: Map<string, ProxmoxUser>;
  adoptExisting: boolean;
  blind: boolean;
  /** These users cannot be seen. */
  blindTo: Set<string>;
  groupsMissing: string[];
  realmMissing: boolean;
  /** These unmarked users are in none of our groups, and our token may write no others. */
  outOfReach: Set<string>;
  fault: (step: ProxmoxStep) => unknown;
  onApply: (step: ProxmoxStep) => void | Promise<void>;
  onObserve: () => void | Promise<void>;
  applied: ProxmoxStep[];
  user(userid: string): ProxmoxUser | undefined;
}

export function createFakeProxmox(): FakeProxmox {
  const proxmox: FakeProxmox = {
    users: new Map(),
    adoptExisting: false,
    blind: false,
    blindTo: new Set(),
    groupsMissing: [],
    realmMissing: false,
    outOfReach: new Set(),
    fault: () => undefined,
    onApply: () => undefined,
    onObserve: () => undefined,
    applied: [],
    user: (userid) => proxmox.users.get(userid),
    async observe(asks) {
      await proxmox.onObserve();
      return new Map(asks.map((ask) => [ask.oid, sightOf(proxmox, ask)]));
    },
    async apply(step) {
      await proxmox.onApply(step);
      const error = proxmox.fault(step);
      if (error !== undefined) throw error;
      proxmox.users.set(step.name, next(proxmox, step));
      proxmox.applied.push(step);
    },
    async marks() {
      if (proxmox.blind) throw new Busy('Proxmox is away');
      return [...proxmox.users.values()].flatMap(
        ({ userid, enabled, comment }) => markOf(userid, enabled, comment) ?? [],
      );
    },
    missingGroups: async () => [...proxmox.groupsMissing],
    missingRealm: async () => (proxmox.realmMissing ? { saw: 'there is no realm', mend: 'add it' } : undefined),
  };
  return proxmox;
}

function sightOf(proxmox: FakeProxmox, { oid, name }: Ask): Sight<ProxmoxUser> {
  if (proxmox.blind || proxmox.blindTo.has(name)) return { certainty: 'unknown', why: 'Proxmox is away' };
  const user = proxmox.users.get(name);
  if (!user && proxmox.realmMissing) return { certainty: 'unknown', why: 'there is no realm' };
  if (!user) return { certainty: 'absent' };
  const owner = ownerIn(user.comment);
  const beyond = owner === undefined && proxmox.outOfReach.has(name);
  if (owner === oid || (owner === undefined && proxmox.adoptExisting && !beyond)) {
    return { certainty: 'present', value: user };
  }
  const shared = { certainty: 'foreign', what: `${name} is not managed`, remedy: 'adopt it' } as const;
  if (owner !== undefined) return shared;
  return { ...shared, adoptable: user, ...(beyond ? { outOfReach: `bring ${name} into reach` } : {}) };
}

function next(proxmox: FakeProxmox, step: ProxmoxStep): ProxmoxUser {
  const before = proxmox.users.get(step.name);
  const missing = proxmox.groupsMissing;
  const groups = step.action === 'create' ? step.fields.groups : step.groups;
  if (groups.some((group) => missing.includes(group))) throw new Rejected('no such group');
  if (step.action === 'create') {
    if (before) throw new Conflict(`${step.name} came into being meanwhile`, 'adopt it');
    return { userid: step.name, ...step.fields };
  }
  if (!before) throw new Rejected(`no such user ${step.name}`);
  const joined = step.append ? [...new Set([...before.groups, ...groups])].sort() : groups;
  return { ...before, ...step.change, groups: joined };
}
