import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Busy, SourceUnavailable } from '../../../src/domain/errors.js';
import type { ObjectId } from '../../../src/domain/identity.js';
import { reconcileIdentities } from '../../../src/reconcile/identities.js';
import { createIdentityLocks } from '../../../src/reconcile/identity-locks.js';
import { sweep } from '../../../src/reconcile/sweep.js';
import { EVERYBODY, HOUR } from '../domain/builders.js';
import { OWN_USER } from './fakes/lakefs.js';
import { createLakefsWorld, DATA, type LakefsWorld, OPS } from './fakes/lakefs-world.js';
import { createMemoryLedger, type MemoryLedger } from './fakes/memory-ledger.js';
import { oidOf } from './fakes/world.js';

/** Some thousand find what a change broke; these few are for every day. */
const RUNS = 40;
const PEOPLE = [1, 2, 3].map(oidOf);
const STRANGER = 'stranger';
const person = fc.integer({ min: 0, max: PEOPLE.length - 1 });
const CALLS = ['listGroups', 'listUsers', 'listMembers', 'listUserGroups', 'getUser', 'add-', 'remove-', 'create-'];

const action = fc.oneof(
  fc.record({ kind: fc.constant('move' as const), person, groups: fc.subarray([EVERYBODY, DATA, OPS]) }),
  fc.record({ kind: fc.constant('enable' as const), person, enabled: fc.boolean() }),
  fc.record({
    kind: fc.constant('stand' as const),
    person,
    standing: fc.constantFrom('there' as const, 'hard-deleted' as const),
  }),
  fc.record({
    kind: fc.constant('user' as const),
    person,
    as: fc.constantFrom('id' as const, 'email' as const, 'none' as const),
  }),
  fc.record({ kind: fc.constant('hand' as const), person, group: fc.constantFrom('Data', 'Ops'), put: fc.boolean() }),
  fc.record({ kind: fc.constant('unmade' as const), group: fc.constantFrom('Data', 'Ops') }),
  fc.record({ kind: fc.constant('fault' as const), calls: fc.subarray(CALLS) }),
  fc.record({ kind: fc.constant('unreadable' as const), group: fc.constantFrom(DATA, OPS), on: fc.boolean() }),
  fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1000, 6000, HOUR) }),
  fc.record({ kind: fc.constant('restart' as const) }),
  fc.record({ kind: fc.constant('reconcile' as const), person }),
  fc.record({ kind: fc.constant('sweep' as const) }),
  fc.record({ kind: fc.constant('crash' as const), saves: fc.nat(3) }),
  fc.record({ kind: fc.constant('crash-after-write' as const), writes: fc.nat(4) }),
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

const forever = new AbortController().signal;
const idOf = (oid: ObjectId) => `waad|${oid}`;
const mailOf = (oid: ObjectId) => `mail-${oid}`;
const upnOf = (oid: ObjectId) => `p${oid.slice(-1)}@example.com`;

async function createModel(): Promise<LakefsWorld> {
  const limits = { windowMs: HOUR, maxLocks: 1000, maxLocksPercent: 100, rejectForMs: HOUR };
  const world = await createLakefsWorld({
    policy: { guard: { ...limits, maxDeletes: 1000, maxDeletesPercent: 100 } },
  });
  world.ctx.ledger = createMemoryLedger();
  for (const oid of PEOPLE) world.join(oid, upnOf(oid), [DATA]);
  world.lakefs.addUser(STRANGER);
  return world;
}

/** The process is gone: what the ledger's disk held is all that is left. */
function restart(world: LakefsWorld): void {
  const { saved } = world.ctx.ledger as MemoryLedger;
  world.ctx.ledger = createMemoryLedger(saved);
  world.ctx.locks = createIdentityLocks();
}

/** Whatever fails is tried again by the queue; here by what comes next. */
async function attempt(work: () => Promise<unknown>): Promise<void> {
  await work().catch((error: unknown) => {
    if (!(error instanceof Busy || error instanceof SourceUnavailable)) throw error;
  });
}

const look = (world: LakefsWorld, oid: ObjectId) =>
  attempt(() => reconcileIdentities(world.ctx, [oid], { by: 'notification', apply: true }, forever));
const sweepOnce = (world: LakefsWorld) => attempt(() => sweep(world.ctx, { apply: true }, forever));

/** `byHand`: whom somebody else put where; whoever Entra never showed us there is a stranger to us, and stays. */
async function perform(world: LakefsWorld, step: Action, byHand: Set<string>): Promise<void> {
  const { directory, lakefs } = world;
  const oid = 'person' in step ? (PEOPLE[step.person] as ObjectId) : '';
  switch (step.kind) {
    case 'move':
      directory.person(oid).groups = [...step.groups];
      return;
    case 'enable':
      directory.person(oid).enabled = step.enabled;
      return;
    case 'stand':
      directory.person(oid).standing = step.standing;
      return;
    case 'user': {
      for (const { members } of lakefs.groups.values()) for (const id of [idOf(oid), mailOf(oid)]) members.delete(id);
      lakefs.users.delete(idOf(oid));
      lakefs.users.delete(mailOf(oid));
      if (step.as === 'id') lakefs.addUser(idOf(oid));
      if (step.as === 'email') lakefs.addUser(mailOf(oid), { email: upnOf(oid) });
      return;
    }
    case 'hand': {
      const group = [...lakefs.groups.values()].find(({ name }) => name === step.group);
      if (!lakefs.users.has(idOf(oid))) return;
      if (step.put && !group?.members.has(idOf(oid))) byHand.add(`${step.group} ${idOf(oid)}`);
      if (step.put) group?.members.add(idOf(oid)).add(STRANGER);
      else group?.members.delete(idOf(oid));
      return;
    }
    case 'unmade':
      for (const { id, name } of lakefs.groups.values()) if (name === step.group) lakefs.groups.delete(id);
      return;
    case 'fault':
      lakefs.fault = (call) =>
        step.calls.some((each) => call.startsWith(each)) ? new SourceUnavailable('down') : undefined;
      return;
    case 'unreadable':
      if (step.on) directory.unreadableGroups.add(step.group);
      else directory.unreadableGroups.delete(step.group);
      return;
    case 'time':
      world.clock.time += step.ms;
      return;
    case 'restart':
      return restart(world);
    case 'reconcile':
      return look(world, oid);
    case 'sweep':
      return sweepOnce(world);
    case 'crash': {
      const { ledger } = world.ctx;
      let left = step.saves;
      const { save } = ledger;
      ledger.save = async () => {
        left -= 1;
        if (left < 0) throw new Busy('crashed');
        return save();
      };
      await sweepOnce(world);
      return restart(world);
    }
    case 'crash-after-write': {
      const until = lakefs.writes.length + step.writes;
      const { fault } = lakefs;
      const { ledger } = world.ctx;
      const { save } = ledger;
      lakefs.fault = (call) => (lakefs.writes.length > until ? new SourceUnavailable('crashed') : fault(call));
      ledger.save = () => (lakefs.writes.length > until ? Promise.reject(new Busy('crashed')) : save());
      await sweepOnce(world);
      lakefs.fault = fault;
      return restart(world);
    }
    default:
      return step satisfies never;
  }
}

/** What holds at every moment, whatever failed. */
function stillSafe(world: LakefsWorld): void {
  const admins = world.lakefs.group('Admins');
  expect([...admins.members]).toEqual([OWN_USER]);
  const written = world.lakefs.writes.filter((write) => /Admins|stranger/.test(write) || write.includes(OWN_USER));
  expect(written).toEqual([]);
}

/** Who has never been in a group for accounts has none. */
function noAccountsFor(world: LakefsWorld, everAccounts: ReadonlySet<ObjectId>): void {
  const others = world.ctx.ledger.entries().filter(({ oid }) => !everAccounts.has(oid));
  expect(others).toEqual([]);
}

async function comesTrue(world: LakefsWorld, byHand: ReadonlySet<string>): Promise<void> {
  world.lakefs.fault = () => undefined;
  world.directory.unreadableGroups.clear();
  for (let round = 0; round < 4; round += 1) {
    await sweepOnce(world);
    world.clock.time += HOUR;
  }
  for (const [group, name] of [[DATA, 'Data'] as const, [OPS, 'Ops'] as const]) {
    const found = [...world.lakefs.group(name).members].filter((user) => user !== STRANGER);
    const wanted = PEOPLE.flatMap((oid) => {
      const { groups, enabled, standing } = world.directory.person(oid);
      if (!groups.includes(group) || !enabled || standing !== 'there') return [];
      return [idOf(oid), mailOf(oid)].filter((user) => world.lakefs.users.has(user));
    });
    const ours = found.filter((user) => wanted.includes(user) || !byHand.has(`${name} ${user}`));
    expect(ours.sort(), name).toEqual(wanted.sort());
    expect(Object.values(world.record().groups[group]?.members ?? {}).sort()).toEqual(wanted);
  }
  const { outcomes } = await sweep(world.ctx, { apply: false }, forever);
  expect(outcomes.flatMap(({ steps }) => steps.filter(({ target }) => target === 'lakefs'))).toEqual([]);
}

describe('lakeFS, whatever happens and fails in whatever order', () => {
  it('comes true in the end, never touches what is not ours, and gives nobody an account', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 4, maxLength: 24 }), async (steps) => {
        const world = await createModel();
        const byHand = new Set<string>();
        const everAccounts = new Set<ObjectId>();
        try {
          for (const step of steps) {
            await perform(world, step, byHand);
            if (step.kind === 'move' && step.groups.includes(EVERYBODY)) {
              everAccounts.add(PEOPLE[step.person] as ObjectId);
            }
            stillSafe(world);
            noAccountsFor(world, everAccounts);
          }
          await comesTrue(world, byHand);
        } finally {
          await world.remove();
        }
      }),
      { numRuns: RUNS },
    );
  }, 120_000);
});
