import { Conflict, Rejected } from '../../../../src/domain/errors.js';
import type { ObjectId } from '../../../../src/domain/identity.js';
import type { Ask, LinuxAccount, Sight } from '../../../../src/domain/sight.js';
import type { LinuxStep } from '../../../../src/domain/step.js';
import type { Target } from '../../../../src/reconcile/context.js';

/** A host with accounts, as strict as the real agent: it gives a locked account nothing and one name to nobody twice. */
export interface FakeLinux extends Target<LinuxAccount, LinuxStep> {
  accounts: Map<ObjectId, LinuxAccount>;
  /** Names of accounts that are not ours. */
  foreign: Set<string>;
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
    foreign: new Set(),
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

function sightOf(linux: FakeLinux, { oid, name }: Ask): Sight<LinuxAccount> {
  if (linux.blind) return { certainty: 'unknown', why: 'the agent is down' };
  const own = linux.accounts.get(oid);
  if (own) return { certainty: 'present', value: { ...own } };
  const taken = linux.foreign.has(name) || [...linux.accounts.values()].some((other) => other.name === name);
  return taken
    ? { certainty: 'foreign', what: `${name} is somebody else's`, remedy: 'adopt it' }
    : { certainty: 'absent' };
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
