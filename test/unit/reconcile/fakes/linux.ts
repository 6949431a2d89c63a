import { Busy, Conflict, Rejected } from '../../../../src/domain/errors.js';
import type { ObjectId } from '../../../../src/domain/identity.js';
import type { Ask, LinuxAccount, Sight } from '../../../../src/domain/sight.js';
import type { LinuxStep } from '../../../../src/domain/step.js';
import type { LinuxPort } from '../../../../src/reconcile/context.js';

/** A host with accounts, as strict as the real agent: it gives a locked account nothing and one name to nobody twice. */
export interface FakeLinux extends LinuxPort {
  accounts: Map<ObjectId, LinuxAccount>;
  /** Whose accounts root handed over. */
  adopted: Set<ObjectId>;
  /** Names of accounts that are not ours. */
  foreign: Set<string>;
  /** Those of them that root may hand over, by name. */
  adoptable: Map<string, LinuxAccount>;
  /** Why root may not, by name. */
  obstacles: Map<string, string>;
  /** Identities whose account root took back. */
  released: Set<ObjectId>;
  /** Nothing can be seen. */
  blind: boolean;
  /** What a step throws instead of being done. */
  fault: (step: LinuxStep) => unknown;
  /** Called before a step is done. */
  onApply: (step: LinuxStep) => void | Promise<void>;
  onObserve: () => void | Promise<void>;
  applied: LinuxStep[];
  account(oid: ObjectId): LinuxAccount | undefined;
}

export function createFakeLinux(): FakeLinux {
  const linux: FakeLinux = {
    accounts: new Map(),
    adopted: new Set(),
    foreign: new Set(),
    adoptable: new Map(),
    obstacles: new Map(),
    released: new Set(),
    blind: false,
    fault: () => undefined,
    onApply: () => undefined,
    onObserve: () => undefined,
    applied: [],
    account: (oid) => linux.accounts.get(oid),
    async observe(asks) {
      await linux.onObserve();
      return new Map(asks.map((ask) => [ask.oid, sightOf(linux, ask)]));
    },
    async record(named) {
      if (linux.blind) throw new Busy('the agent is down');
      const ours = [...linux.accounts].filter(([oid]) => !linux.released.has(oid));
      const accounts = ours.map(([oid, { name, uid, state, locked }]) => ({
        ...{ oid, name, uid, state, locked },
        adopted: linux.adopted.has(oid),
      }));
      const strangers = named.filter(({ oid, name }) => !linux.accounts.has(oid) && isTaken(linux, name));
      return {
        accounts,
        givenBack: linux.released,
        strangers: new Map(strangers.map(({ oid, name }) => [oid, `${name} is somebody else's`])),
      };
    },
    async apply(step) {
      await linux.onApply(step);
      const error = linux.fault(step);
      if (error !== undefined) throw error;
      linux.accounts.set(step.oid, next(linux, step));
      linux.applied.push(step);
    },
  };
  return linux;
}

function isTaken(linux: FakeLinux, name: string): boolean {
  return linux.foreign.has(name) || [...linux.accounts.values()].some((other) => other.name === name);
}

function sightOf(linux: FakeLinux, { oid, name }: Ask): Sight<LinuxAccount> {
  if (linux.blind) return { certainty: 'unknown', why: 'the agent is down' };
  const shared = { certainty: 'foreign', what: `${name} is somebody else's`, remedy: 'adopt it' } as const;
  if (linux.released.has(oid)) return { ...shared, what: `root took ${name} back`, released: true };
  const own = linux.accounts.get(oid);
  if (own) return { certainty: 'present', value: { ...own } };
  const adoptable = linux.adoptable.get(name);
  if (adoptable) return { ...shared, adoptable, obstacle: linux.obstacles.get(name) };
  return isTaken(linux, name) ? shared : { certainty: 'absent' };
}

function next(linux: FakeLinux, step: LinuxStep): LinuxAccount {
  const own = linux.accounts.get(step.oid);
  if (step.action === 'create') {
    const holder = [...linux.accounts].find(([oid, other]) => oid !== step.oid && other.name === step.name);
    if (holder || linux.foreign.has(step.name)) throw new Conflict(`${step.name} is somebody else's`, 'adopt it');
    const kept = own && own.state !== 'deleted' ? own : { locked: false, groups: [], sudo: false };
    return { uid: 20_000 + linux.accounts.size, ...kept, name: step.name, state: 'whole', gecos: step.gecos };
  }
  if (!own || own.state === 'deleted') throw new Rejected(`no account of ours belongs to ${step.oid}`);
  const gives =
    (step.action === 'sudo' && step.granted) ||
    (step.action === 'groups' && step.groups.some((group) => !own.groups.includes(group)));
  if (gives && (own.locked || own.halfLocked)) throw new Rejected(`${own.name} is locked and gets nothing`);
  switch (step.action) {
    case 'lock':
      return { ...own, locked: true, halfLocked: false, sudo: false, groups: [] };
    case 'unlock':
      return { ...own, locked: false, halfLocked: false };
    case 'groups':
      return { ...own, groups: step.groups };
    case 'sudo':
      return { ...own, sudo: step.granted };
    case 'delete':
      if (!own.locked) throw new Rejected(`${own.name} is not locked`);
      return { ...own, state: 'deleted', locked: false, sudo: false, groups: [] };
    default:
      return step satisfies never;
  }
}
