import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { desiredOf } from '../../../src/domain/desired.js';
import { Busy } from '../../../src/domain/errors.js';
import { ownerIn } from '../../../src/domain/proxmox-comment.js';
import { reconcileIdentities } from '../../../src/reconcile/identities.js';
import { createIdentityLocks } from '../../../src/reconcile/identity-locks.js';
import { sweep } from '../../../src/reconcile/sweep.js';
import { ADMINS, EVERYBODY, HOUR, LAB } from '../domain/builders.js';
import type { Person } from './fakes/directory.js';
import { createMemoryLedger, type MemoryLedger } from './fakes/memory-ledger.js';
import { createFakeWorld, type FakeWorld, oidOf } from './fakes/world.js';

const PEOPLE = [1, 2, 3, 4].map(oidOf);
const [LISTED_BY_ID] = PEOPLE as [string];
/** Several of them map to one Unix name. */
const UPNS = [
  'ann@example.com',
  'ann@example.org',
  'b.c@example.com',
  'b_c@example.com',
  'dora@example.com',
  'eve@x.y',
];
const STRANGERS_NAME = 'eve';
const STRANGER = 'dora@example.com@entra';

const person = fc.integer({ min: 0, max: PEOPLE.length - 1 });
const groups = fc.subarray([EVERYBODY, ADMINS, LAB]);
const target = fc.constantFrom('linux' as const, 'proxmox' as const);

const event = fc.oneof(
  fc.record({ kind: fc.constant('move' as const), person, groups }),
  fc.record({ kind: fc.constant('enable' as const), person, enabled: fc.boolean() }),
  fc.record({
    kind: fc.constant('stand' as const),
    person,
    standing: fc.constantFrom('there' as const, 'soft-deleted' as const, 'hard-deleted' as const),
  }),
  fc.record({ kind: fc.constant('rename' as const), person, upn: fc.constantFrom(...UPNS) }),
  fc.record({ kind: fc.constant('fault' as const), target, on: fc.boolean() }),
  fc.record({ kind: fc.constant('blind' as const), target, on: fc.boolean() }),
  fc.record({ kind: fc.constant('unreadable' as const), person, on: fc.boolean() }),
  fc.record({ kind: fc.constant('group' as const), group: fc.constantFrom(EVERYBODY, LAB), on: fc.boolean() }),
  fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1000, 6000, 13 * HOUR, 30 * HOUR) }),
  fc.record({ kind: fc.constant('restart' as const) }),
);
const look = fc.oneof(
  fc.record({ kind: fc.constant('reconcile' as const), people: fc.uniqueArray(person, { minLength: 1 }) }),
  fc.record({ kind: fc.constant('report' as const), person }),
  fc.record({ kind: fc.constant('sweep' as const) }),
  fc.record({ kind: fc.constant('crash' as const), sweep: fc.boolean(), saves: fc.nat(3) }),
  fc.record({ kind: fc.constant('stop' as const), sweep: fc.boolean(), steps: fc.nat(6) }),
);
// Something is looked at nearly as often as something happens.
const action = fc.oneof({ arbitrary: event, weight: 4 }, { arbitrary: look, weight: 3 });
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

async function createModelWorld(): Promise<FakeWorld> {
  const world = await createFakeWorld({
    policy: { userIds: [LISTED_BY_ID], extraGroups: ['users'] },
    ledger: createMemoryLedger(),
  });
  for (const [index, oid] of PEOPLE.entries()) {
    world.directory.add({ oid, upn: UPNS[index] ?? '', groups: [EVERYBODY] });
  }
  world.linux.foreign.add(STRANGERS_NAME);
  world.proxmox.users.set(STRANGER, stranger());
  return world;
}

function stranger() {
  return { userid: STRANGER, enabled: true, comment: 'by hand', firstName: '', lastName: '', email: '', groups: [] };
}

async function act(world: FakeWorld, step: Action): Promise<void> {
  const { directory } = world;
  const at = (index: number): Person => directory.person(PEOPLE[index] ?? '');
  switch (step.kind) {
    case 'move':
      at(step.person).groups = step.groups;
      return;
    case 'enable':
      at(step.person).enabled = step.enabled;
      return;
    case 'stand':
      // Entra does not let somebody come back to a name that was given away meanwhile.
      if (step.standing === 'there' && isTaken(world, at(step.person).upn, at(step.person).oid)) return;
      if (at(step.person).standing !== 'hard-deleted') at(step.person).standing = step.standing;
      return;
    case 'rename':
      if (!isTaken(world, step.upn, at(step.person).oid)) at(step.person).upn = step.upn;
      return;
    case 'fault':
      world[step.target].fault = () => (step.on ? new Error('it broke') : undefined);
      return;
    case 'blind':
      world[step.target].blind = step.on;
      return;
    case 'unreadable':
      directory.unreadable[step.on ? 'add' : 'delete'](at(step.person).oid);
      return;
    case 'group':
      directory.unreadableGroups[step.on ? 'add' : 'delete'](step.group);
      return;
    case 'time':
      world.clock.time += step.ms;
      return;
    case 'restart':
      world.ctx = { ...world.ctx, ledger: createMemoryLedger((world.ctx.ledger as { saved?: string }).saved) };
      return;
    case 'reconcile':
      await world.reconcile(...step.people.map((index) => at(index).oid));
      return;
    case 'report': {
      const { oid } = at(step.person);
      const removalReports = new Map([[oid, world.clock.time - 6000]]);
      const request = { by: 'notification', apply: true, removalReports } as const;
      await reconcileIdentities(world.ctx, [oid], request, new AbortController().signal);
      return;
    }
    case 'sweep':
      await world.sweep();
      return;
    case 'crash':
      await crash(world, step.sweep, step.saves);
      return;
    case 'stop':
      await stop(world, step.sweep, step.steps);
      return;
    default:
      return step satisfies never;
  }
}

/** A pass whose ledger reaches the disk so many times and no more; what was done in the targets stays done. */
async function crash(world: FakeWorld, sweeping: boolean, saves: number): Promise<void> {
  const ledger = world.ctx.ledger as MemoryLedger;
  const save = ledger.save;
  let left = saves;
  ledger.save = async () => {
    if (left === 0) throw new Busy('killed');
    left -= 1;
    await save();
  };
  await (sweeping ? world.sweep() : world.reconcile(...PEOPLE)).catch(expectBusy);
  world.ctx = { ...world.ctx, ledger: createMemoryLedger(ledger.saved), locks: createIdentityLocks() };
}

/** A pass that is ended in an orderly way after so many steps. */
async function stop(world: FakeWorld, sweeping: boolean, steps: number): Promise<void> {
  const ending = new AbortController();
  let left = steps;
  const count = () => {
    if (left === 0) ending.abort(new Busy('stopping'));
    left -= 1;
  };
  const { linux, proxmox, ctx } = world;
  linux.onApply = count;
  proxmox.onApply = count;
  const request = { by: 'notification', apply: true } as const;
  const pass = sweeping
    ? sweep(ctx, { apply: true }, ending.signal)
    : reconcileIdentities(ctx, PEOPLE, request, ending.signal);
  await pass.catch(expectBusy);
  linux.onApply = () => undefined;
  proxmox.onApply = () => undefined;
}

function expectBusy(error: unknown): void {
  if (!(error instanceof Busy)) throw error;
}

function isTaken(world: FakeWorld, upn: string, by: string): boolean {
  return [...world.directory.people.values()].some(
    (other) => other.oid !== by && other.upn === upn && other.standing === 'there',
  );
}

interface Snapshot {
  accounts: FakeWorld['linux']['accounts'];
  entries: Map<string, NonNullable<ReturnType<FakeWorld['entry']>>>;
  given: number;
}

function snapshot(world: FakeWorld): Snapshot {
  return {
    accounts: new Map(world.linux.accounts),
    entries: new Map(structuredClone(world.ctx.ledger.entries()).map((entry) => [entry.oid, entry])),
    given: world.directory.given.length,
  };
}

/** What a step did to people that it must not do. */
function harms(world: FakeWorld, before: Snapshot, step: Action, namesEver: Map<string, string>): string[] {
  const found: string[] = [];
  const readings = world.directory.given.slice(before.given);
  if (JSON.stringify(world.proxmox.user(STRANGER)) !== JSON.stringify(stranger())) found.push('a stranger was touched');
  for (const [oid, account] of world.linux.accounts) {
    if (account.name === STRANGERS_NAME) found.push('a foreign account was taken over');
    const owner = namesEver.get(account.name) ?? oid;
    namesEver.set(account.name, owner);
    if (owner !== oid) found.push(`${account.name} was ${owner}'s and is now ${oid}'s`);
    const former = before.accounts.get(oid);
    const entry = before.entries.get(oid);
    const latest = readings.filter((reading) => reading.oid === oid && reading.certainty !== 'unknown').at(-1);
    const kept = (entry?.groups ?? []).filter((group) => world.directory.unreadableGroups.has(group));
    const complete = latest?.certainty === 'present' ? { ...latest, groups: [...latest.groups, ...kept] } : latest;
    const desired = complete && desiredOf(complete, world.ctx.policy);
    if (account.locked && !former?.locked) {
      if (!desired) found.push(`${account.name} was locked without a certain reading`);
      if (desired?.kind === 'member' && desired.enabled) found.push(`${account.name} was locked and is in scope`);
    }
    if (account.state === 'deleted' && former?.state !== 'deleted') {
      if (step.kind === 'reconcile' || step.kind === 'report')
        found.push(`${account.name} was deleted by ${step.kind}`);
      if (entry?.state !== 'grace') found.push(`${account.name} was deleted from ${entry?.state}`);
      if ((entry?.deleteAt ?? Number.POSITIVE_INFINITY) > world.clock.time)
        found.push(`${account.name} was deleted early`);
      if (desired?.kind !== 'outsider') found.push(`${account.name} was deleted without a reading that says so`);
    }
  }
  const holders = world.ctx.ledger.entries().flatMap((entry) => entry.names.linux ?? []);
  if (new Set(holders).size < holders.length) found.push('two identities share a Unix name');
  for (const [oid, { state, deleteAt }] of before.entries) {
    const after = world.entry(oid);
    if (state === 'grace' && after?.state === 'grace' && after.deleteAt !== deleteAt) found.push('a countdown moved');
  }
  return found;
}

/** What is not as Entra wants it, once everything works again. */
function unsettled(world: FakeWorld): string[] {
  const found: string[] = [];
  for (const oid of PEOPLE) {
    const { upn, standing, enabled, groups: memberOf } = world.directory.person(oid);
    const entry = world.entry(oid);
    const inScope = standing === 'there' && (memberOf.length > 0 || oid === LISTED_BY_ID);
    const active = inScope && enabled;
    const conflicting = new Set(entry?.conflicts.map((conflict) => conflict.target));
    const account = world.linux.account(oid);
    const users = [...world.proxmox.users.values()].filter((user) => ownerIn(user.comment) === oid);
    const current = `${upn}@entra`;
    for (const user of users) {
      const shouldBeOpen = active && user.userid === (conflicting.has('proxmox') ? entry?.names.proxmox : current);
      if (user.enabled !== shouldBeOpen) found.push(`${user.userid} of ${oid} is ${user.enabled ? 'open' : 'closed'}`);
    }
    if (active && !conflicting.has('proxmox') && !world.proxmox.user(current)) found.push(`${current} is missing`);
    if (active && !conflicting.has('linux')) {
      const admin = memberOf.includes(ADMINS);
      const lab = memberOf.includes(LAB) ? ['lab', 'users'] : ['users'];
      if (account?.state !== 'whole' || account.locked) found.push(`${upn} is not open: ${JSON.stringify(account)}`);
      if (account?.sudo !== admin || account.groups.join() !== lab.join()) found.push(`${upn} has the wrong rights`);
    }
    if (!active && account && account.state !== 'deleted' && (!account.locked || account.sudo)) {
      found.push(`${upn} is open and should not be`);
    }
    if (!inScope && account && account.state !== 'deleted') found.push(`${upn} left long ago and is still there`);
    if (entry?.problem) found.push(`${upn} still has the problem ${entry.problem}`);
  }
  return found;
}

async function comeToRest(world: FakeWorld): Promise<number> {
  for (const part of [world.linux, world.proxmox]) {
    part.blind = false;
    part.fault = () => undefined;
  }
  world.directory.unreadable.clear();
  world.directory.unreadableGroups.clear();
  await world.sweep();
  world.clock.time += 25 * HOUR;
  await world.sweep();
  await world.sweep();
  const before = world.linux.applied.length + world.proxmox.applied.length;
  await world.sweep();
  return world.linux.applied.length + world.proxmox.applied.length - before;
}

describe('any course of events', () => {
  it('harms nobody on the way, and ends with every target as Entra wants it', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 30 }), async (course) => {
        const world = await createModelWorld();
        const namesEver = new Map<string, string>();
        try {
          for (const [index, step] of course.entries()) {
            const before = snapshot(world);
            await act(world, step);
            expect(harms(world, before, step, namesEver), `after step ${index}, ${step.kind}`).toEqual([]);
          }
          const restless = await comeToRest(world);
          expect(unsettled(world)).toEqual([]);
          expect(restless).toBe(0);
        } finally {
          await world.remove();
        }
      }),
      { numRuns: 250 },
    );
  });
});
