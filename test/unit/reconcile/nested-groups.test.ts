import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SourceUnavailable } from '../../../src/domain/errors.js';
import type { GroupTree } from '../../../src/domain/group-tree.js';
import type { GroupId } from '../../../src/domain/identity.js';
import { groupViews } from '../../../src/operator/groups.js';
import type { Key } from '../../../src/queue/queue.js';
import { createGroupStanding, type GroupProof } from '../../../src/reconcile/group-standing.js';
import { createLoop, type Loop } from '../../../src/reconcile/loop.js';
import { ALICE, BOB, EVERYBODY, LAB } from '../domain/builders.js';
import { createMemoryQueue, type MemoryQueue } from './fakes/queue.js';
import { createFakeWorld, type FakeWorld, oidOf } from './fakes/world.js';

/** Two groups that are nested somewhere, and a device. */
const TEAM = oidOf(0x7001);
const CREW = oidOf(0x7002);
const PRINTER = oidOf(0x7003);

let world: FakeWorld;
let queue: MemoryQueue;
let loop: Loop;
/** What is below each configured group; undefined: that branch cannot be read. */
let below: Record<GroupId, GroupId[] | undefined>;
/** Ids that Graph shows as groups. */
let groups: Set<GroupId>;
let asked: string[][];
let treeReads: number;
let fault: Error | undefined;

beforeEach(async () => {
  world = await createFakeWorld({ policy: { guard: { ...LENIENT } } });
  below = { [EVERYBODY]: [TEAM], [LAB]: [] };
  groups = new Set([EVERYBODY, LAB, TEAM, CREW]);
  asked = [];
  treeReads = 0;
  fault = undefined;
  world.ctx.groups = createGroupStanding({
    configured: () => [EVERYBODY, LAB],
    async readTree() {
      treeReads += 1;
      return tree();
    },
    async whichAreGroups(ids) {
      asked.push([...ids]);
      if (fault) throw fault;
      return new Map(ids.map((id): [string, GroupProof] => [id, groups.has(id) ? 'group' : 'no group']));
    },
    clock: world.clock,
    log: world.ctx.log,
  });
  queue = createMemoryQueue(world.clock);
  loop = createLoop(world.ctx, {
    queue,
    confirmAfterMs: [30_000, 300_000],
    maxAttempts: 3,
    failOpen: true,
    random: () => 0,
  });
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY, TEAM] });
  world.directory.add({ oid: BOB, upn: 'bob@example.com', groups: [EVERYBODY] });
  loop.start();
  await hint('sweep');
});
afterEach(async () => {
  await loop.stop();
  await world.remove();
});

const LENIENT = {
  windowMs: 3_600_000,
  maxLocks: 1000,
  maxLocksPercent: 100,
  maxDeletes: 1000,
  maxDeletesPercent: 100,
  rejectForMs: 3_600_000,
};

const NOTHING = {
  readTree: () => Promise.resolve<GroupTree>(new Map()),
  whichAreGroups: () => Promise.resolve(new Map<string, GroupProof>()),
  log: () => undefined,
};

function tree(): GroupTree {
  const facts = (id: GroupId) => ({ id, displayName: `group ${id}`, kind: 'assigned' as const, hidden: false });
  return new Map(
    Object.entries(below).map(([id, ids]) => [
      id,
      {
        id,
        facts: facts(id),
        below: ids
          ? { certainty: 'present' as const, groups: ids.map(facts) }
          : { certainty: 'unknown' as const, why: 'time-out' },
      },
    ]),
  );
}

async function rest(): Promise<void> {
  await vi.waitUntil(
    async () => {
      const { pending, deferred, processing } = await queue.stats();
      return pending === deferred && processing === 0 && !loop.busy().sweep;
    },
    { interval: 2, timeout: 10_000 },
  );
}

async function later(ms: number): Promise<void> {
  world.clock.time += ms;
  queue.wake();
  await rest();
}

async function hint(key: Key): Promise<void> {
  await queue.put(key);
  await rest();
}

const isLocked = (oid: string) => world.linux.account(oid)?.locked === true;

/** The branch is taken off, in Entra and in what the tree shows. */
function takeOff(...who: string[]): void {
  for (const oid of who) world.directory.person(oid).groups = [TEAM];
  below[EVERYBODY] = [];
}

describe('a member that is a group', () => {
  it('leads to everybody in it, whatever the hint took it for', async () => {
    world.directory.add({ oid: oidOf(1), upn: 'carol@example.com', groups: [EVERYBODY, CREW] });
    below[EVERYBODY] = [TEAM, CREW];

    await hint(`user:${CREW}`);

    expect(world.linux.account(oidOf(1))?.name).toBe('carol');
    expect(asked).toEqual([[CREW]]);
  });

  it('is known without asking where it was seen below a configured one, also when it is deleted meanwhile', async () => {
    groups.delete(TEAM);
    world.directory.goneGroups.add(TEAM);
    world.directory.person(ALICE).groups = [];
    below[EVERYBODY] = [];

    await hint(`user:${TEAM}`);
    await later(5000);

    expect(asked).toEqual([]);
    expect([isLocked(ALICE), isLocked(BOB)]).toEqual([true, false]);
  });

  it('is asked about again when Graph did not say, instead of being forgotten', async () => {
    world.directory.add({ oid: oidOf(1), upn: 'carol@example.com', groups: [EVERYBODY, CREW] });
    fault = new SourceUnavailable('Graph is away');
    await hint(`user:${CREW}`);
    fault = undefined;

    await later(300_000);

    expect(world.linux.account(oidOf(1))?.name).toBe('carol');
  });

  it('keeps no claim of its batch from being settled where Graph refuses to say', async () => {
    fault = new Error('400 Request_BadRequest');
    await queue.put(`user:${CREW}`);
    world.directory.person(ALICE).enabled = false;
    await hint(`user:${ALICE}`);
    const first = await queue.stats();
    world.directory.person(ALICE).enabled = true;
    fault = undefined;
    await hint(`user:${ALICE}`);

    expect([first.processing, isLocked(ALICE)]).toEqual([0, false]);
    expect(queue.pending.has(`user:${CREW}`)).toBe(true);
  });

  it('is told from a device, which leads to nothing', async () => {
    await hint(`user:${PRINTER}`);

    expect(asked).toEqual([[PRINTER]]);
    expect(queue.pending.has(`group:${PRINTER}`)).toBe(false);
    expect((await queue.stats()).parked).toEqual([]);
  });

  it('is recognised where the directory shows neither a user nor that there is none', async () => {
    world.directory.add({ oid: oidOf(1), upn: 'carol@example.com', groups: [EVERYBODY, CREW] });
    world.directory.unreadable.add(CREW);

    await hint(`user:${CREW}`);

    expect(world.linux.account(oidOf(1))?.name).toBe('carol');
    expect((await queue.stats()).pending).toBe((await queue.stats()).deferred);
  });

  it('is not looked for where a person of ours cannot be read', async () => {
    world.directory.unreadable.add(ALICE);

    await hint(`user:${ALICE}`);

    expect(asked).toEqual([]);
  });
});

describe('a branch that was taken off', () => {
  it('locks its people after the two readings, and nobody else', async () => {
    takeOff(ALICE);

    await hint(`group:${TEAM}`);
    const atOnce = isLocked(ALICE);
    await later(5000);

    expect([atOnce, isLocked(ALICE), isLocked(BOB)]).toEqual([false, true, false]);
  });

  it('locks its people although the group is deleted and shows nobody any more', async () => {
    takeOff(ALICE);
    world.directory.goneGroups.add(TEAM);

    await hint(`group:${TEAM}`);
    await later(5000);

    expect([isLocked(ALICE), isLocked(BOB)]).toEqual([true, false]);
  });

  it('is noticed although another reading of the tree had seen it first', async () => {
    takeOff(ALICE);
    await world.ctx.groups?.refresh(new AbortController().signal);
    world.directory.goneGroups.add(TEAM);

    await hint(`group:${TEAM}`);
    await later(5000);

    expect(isLocked(ALICE)).toBe(true);
  });

  it('has everybody looked at whom we know there, since listings lag behind single readings', async () => {
    takeOff(ALICE);
    world.directory.goneGroups.add(TEAM);
    const stale = world.directory.person(ALICE);
    const reads: string[] = [];
    world.directory.onScope = () => {
      stale.groups = [EVERYBODY, TEAM];
    };
    world.directory.onRead = (oids) => {
      stale.groups = [TEAM];
      reads.push(...oids);
    };

    await hint(`group:${TEAM}`);
    await later(5000);

    expect(new Set(reads)).toEqual(new Set([ALICE, BOB]));
    expect([isLocked(ALICE), isLocked(BOB)]).toEqual([true, false]);
  });

  it('leaves whoever is in another branch as well', async () => {
    takeOff(ALICE);
    world.directory.person(ALICE).groups = [TEAM, EVERYBODY];

    await hint(`group:${TEAM}`);
    await later(5000);
    await later(600_000);

    expect(isLocked(ALICE)).toBe(false);
  });

  it('locks nobody when it is back before the second reading', async () => {
    takeOff(ALICE);
    await hint(`group:${TEAM}`);

    world.directory.person(ALICE).groups = [EVERYBODY, TEAM];
    below[EVERYBODY] = [TEAM];
    await later(5000);
    await later(600_000);

    expect(isLocked(ALICE)).toBe(false);
  });

  it('takes a role away that came by it, from a configured group below another one', async () => {
    world.directory.person(ALICE).groups = [EVERYBODY, LAB];
    below = { [EVERYBODY]: [LAB], [LAB]: [] };
    await hint('sweep');
    expect(world.linux.account(ALICE)?.groups).toContain('lab');

    world.directory.person(ALICE).groups = [EVERYBODY];
    await hint(`group:${LAB}`);
    await later(5000);

    expect(world.linux.account(ALICE)?.groups).not.toContain('lab');
  });

  it('is looked at again later: a tree and a listing that lag show it only then', async () => {
    world.directory.goneGroups.add(TEAM);
    await hint(`group:${TEAM}`);
    expect(queue.pending.has(`user:${ALICE}`)).toBe(false);
    takeOff(ALICE);

    await later(30_000);
    await later(5000);

    expect(isLocked(ALICE)).toBe(true);
  });

  it('concludes nothing where no branch can be read, and tries again', async () => {
    below = { [EVERYBODY]: undefined, [LAB]: undefined };
    world.directory.unreadableGroups.add(EVERYBODY);
    world.directory.unreadableGroups.add(TEAM);

    await hint(`group:${TEAM}`);
    await later(5000);

    expect([isLocked(ALICE), isLocked(BOB)]).toEqual([false, false]);
    expect(queue.pending.has(`group:${TEAM}`)).toBe(true);
  });
});

describe('a change of a nested group', () => {
  it('brings its newcomers in', async () => {
    world.directory.add({ oid: oidOf(1), upn: 'carol@example.com', groups: [EVERYBODY, TEAM] });

    await hint(`group:${TEAM}`);

    expect(world.linux.account(oidOf(1))?.name).toBe('carol');
  });

  it('that is nowhere below a configured one grants nothing', async () => {
    world.directory.add({ oid: oidOf(1), upn: 'carol@example.com', groups: [CREW] });

    await hint(`group:${CREW}`);

    expect(world.linux.account(oidOf(1))).toBeUndefined();
  });

  it.each([
    ['is a sweep where they joined', [EVERYBODY, TEAM], ['sweep']],
    ['is none where their group is below no configured one', [CREW], []],
  ])('that concerns more people than are looked at one by one %s', async (_what, groupsOfThem, expected) => {
    for (let n = 0; n < 501; n += 1) {
      world.directory.add({ oid: oidOf(0x100 + n), upn: `p${n}@example.com`, groups: groupsOfThem });
    }
    const keys: Key[] = [];
    const { put } = queue;
    queue.put = async (key) => {
      keys.push(key);
    };
    await put(`group:${groupsOfThem.at(-1) ?? ''}`);
    await rest();

    expect(keys).toEqual(expected);
  });
});

describe('many hints about groups', () => {
  it('are one reading of the tree where they came together, and another one where they came later', async () => {
    world.clock.time += 60_000;
    const before = treeReads;
    const since = world.clock.time - 1000;
    for (const group of [TEAM, CREW, LAB, EVERYBODY]) queue.report(`group:${group}`, since);
    await rest();
    const together = treeReads - before;
    await later(10_000);
    await hint(`group:${TEAM}`);

    expect(together).toBe(1);
    expect(treeReads - before).toBe(2);
  });

  it('are not answered by a reading that began before them', async () => {
    await hint('sweep');
    takeOff(ALICE);
    world.clock.time += 1;

    await hint(`group:${TEAM}`);
    await later(5000);

    expect(isLocked(ALICE)).toBe(true);
  });
});

describe('what is watched', () => {
  it('is the configured groups and those below, and what was known where a branch cannot be read', async () => {
    const before = world.ctx.groups?.watchedGroups();
    below = { [EVERYBODY]: undefined, [LAB]: [CREW] };
    await hint('sweep');

    expect(before).toEqual([EVERYBODY, LAB, TEAM]);
    expect(world.ctx.groups?.watchedGroups()).toEqual([EVERYBODY, LAB, TEAM, CREW]);
    expect(world.events.map(({ event }) => event)).toContain('reconcile.tree.unread');
  });
});

describe('what is told of the groups', () => {
  it('is what was read, and that nothing was read yet before', async () => {
    const fresh = {
      ...world.ctx,
      groups: createGroupStanding({ ...NOTHING, configured: () => [EVERYBODY], clock: world.clock }),
    };

    expect(groupViews(fresh)).toEqual(world.ctx.policy.groupIds.map((id) => ({ id, members: expect.any(Number) })));
    expect(groupViews(world.ctx)?.find(({ id }) => id === EVERYBODY)).toEqual({
      id: EVERYBODY,
      displayName: `group ${EVERYBODY}`,
      kind: 'assigned',
      hidden: false,
      members: 2,
      nested: { groups: 1, dynamic: 0 },
      unread: undefined,
    });
  });

  it('keeps the number that was known of a branch that cannot be read, and says why', async () => {
    below = { [EVERYBODY]: undefined, [LAB]: undefined };
    await hint('sweep');

    const view = groupViews(world.ctx)?.find(({ id }) => id === EVERYBODY);

    expect(view).toMatchObject({ nested: { groups: 1 }, unread: 'time-out' });
  });

  it('is nothing where the source has no groups', () => {
    expect(groupViews({ ...world.ctx, groups: undefined })).toBeUndefined();
  });
});
