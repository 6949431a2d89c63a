import { describe, expect, it } from 'vitest';
import type { GroupTree, NestedReading } from '../../../src/domain/group-tree.js';
import { createWatchList, type WatchListOptions } from '../../../src/listener/watch-list.js';
import type { Key, Reason } from '../../../src/queue/queue.js';
import { guid } from '../queue/fixtures.js';

const STAFF = guid(1);
const ADMINS = guid(2);
const TEAM = guid(3);
const CREW = guid(4);

/** A branch that holds these groups, or that cannot be read. */
type Branches = Record<string, string[] | 'unreadable'>;

function treeOf(branches: Branches): GroupTree {
  const below = (ids: string[] | 'unreadable'): NestedReading =>
    ids === 'unreadable'
      ? { certainty: 'unknown', why: 'Graph is away' }
      : {
          certainty: 'present',
          groups: ids.map((id) => ({ id, displayName: undefined, kind: 'assigned', hidden: false })),
        };
  return new Map(Object.entries(branches).map(([id, ids]) => [id, { id, facts: undefined, below: below(ids) }]));
}

/** A watch list over a tree that the test changes, with time that passes when it is told to. */
function createBench(branches: Branches, recorded: string[] = [], given: Partial<WatchListOptions> = {}) {
  const bench = {
    branches,
    reads: 0,
    puts: [] as [Key, Reason | undefined][],
    changes: 0,
    full: false,
    events: [] as string[],
    now: 1_000_000,
    sleepers: [] as { at: number; wake: () => void }[],
    /** Lets time pass, and whatever was waiting for it happen. */
    async pass(ms: number) {
      const end = bench.now + ms;
      for (;;) {
        await settled();
        const next = bench.sleepers.sort((a, b) => a.at - b.at)[0];
        if (!next || next.at > end) break;
        bench.sleepers.shift();
        bench.now = next.at;
        next.wake();
      }
      bench.now = end;
      await settled();
    },
  };
  const list = createWatchList({
    configured: Object.keys(branches),
    users: [],
    readTree: async () => {
      bench.reads += 1;
      return treeOf(bench.branches);
    },
    recorded: () => recorded,
    hints: {
      async put(key, reason) {
        if (bench.full) throw new Error('the disk is full');
        bench.puts.push([key, reason]);
      },
    },
    clock: {
      now: () => bench.now,
      sleep: (ms) => new Promise((wake) => bench.sleepers.push({ at: bench.now + ms, wake })),
    },
    log: (event) => void bench.events.push(event),
    onChange: () => {
      bench.changes += 1;
    },
    signal: new AbortController().signal,
    ...given,
  });
  return { bench, list };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const groupsIn = (n: number) => Array.from({ length: n }, (_, index) => guid(0x100 + index));

describe('what is watched', () => {
  it('is every group found below a configured one, each by itself', async () => {
    const { list } = createBench({ [STAFF]: [TEAM], [ADMINS]: [CREW, STAFF] });

    await list.refresh();

    const expected = [STAFF, ADMINS, TEAM, CREW].map((id) => `/groups/${id}`);
    expect(list.wanted()).toEqual([...expected, '/users']);
    expect([STAFF, TEAM, CREW].every(list.isWatchedGroup)).toBe(true);
    expect(list.isWatchedGroup(guid(9))).toBe(false);
  });

  it('goes to whole collections above the quota, and accepts the nested groups alone', async () => {
    const { list } = createBench({ [STAFF]: groupsIn(89) });

    await list.refresh();

    expect(list.wanted()).toEqual(['/groups', '/users']);
    expect(list.isWatchedGroup(guid(0x100))).toBe(true);
    expect(list.isWatchedGroup(guid(9))).toBe(false);
  });

  it('does not waver between both while the number does', async () => {
    const { bench, list } = createBench({ [STAFF]: groupsIn(88) });
    const seen: (string | undefined)[] = [];

    for (const nested of [88, 89, 88, 89, 80, 69, 68, 69, 88]) {
      bench.branches = { [STAFF]: groupsIn(nested) };
      bench.now += 60_000;
      await list.refresh();
      seen.push(list.wanted()[0] === '/groups' ? 'all' : 'each');
    }

    expect(seen).toEqual(['each', 'all', 'all', 'all', 'all', 'all', 'each', 'each', 'each']);
  });

  it('keeps what it knew of a branch that cannot be read', async () => {
    const { bench, list } = createBench({ [STAFF]: [TEAM], [ADMINS]: [CREW] });
    await list.refresh();

    bench.branches = { [STAFF]: 'unreadable', [ADMINS]: [] };
    bench.now += 60_000;
    await list.refresh();

    expect(list.isWatchedGroup(TEAM)).toBe(true);
    expect(list.isWatchedGroup(CREW)).toBe(false);
    expect(list.wanted()).toEqual([`/groups/${STAFF}`, `/groups/${ADMINS}`, `/groups/${TEAM}`, '/users']);
    expect(bench.events).toContain('listener.tree.unread');
  });

  it('keeps the subscriptions of an earlier process until the tree was read once', async () => {
    const recorded = [`/groups/${STAFF}`, `/groups/${TEAM}`, `/groups/${CREW}`, '/users'];
    const { bench, list } = createBench({ [STAFF]: 'unreadable' }, recorded);

    const atStart = [...list.wanted()];
    await list.refresh();
    const whileUnreadable = [...list.wanted()];
    bench.branches = { [STAFF]: [TEAM] };
    bench.now += 60_000;
    await list.refresh();

    expect(atStart.toSorted()).toEqual(recorded.toSorted());
    expect(whileUnreadable.toSorted()).toEqual(recorded.toSorted());
    expect(list.wanted()).toEqual([`/groups/${STAFF}`, `/groups/${TEAM}`, '/users']);
  });

  it('lets a group go that left a readable branch, although another branch was never readable', async () => {
    const recorded = [`/groups/${TEAM}`, `/groups/${CREW}`];
    const { bench, list } = createBench({ [STAFF]: [TEAM], [ADMINS]: 'unreadable' }, recorded);
    await list.refresh();

    bench.branches = { [STAFF]: [], [ADMINS]: 'unreadable' };
    bench.now += 60_000;
    await list.refresh();

    expect(list.isWatchedGroup(TEAM)).toBe(false);
    expect(list.isWatchedGroup(CREW)).toBe(true);
  });

  it('keeps whole collections over a restart until the groups are counted again', async () => {
    const { bench, list } = createBench({ [STAFF]: 'unreadable' }, ['/groups', '/users']);

    await list.refresh();
    const whileUnreadable = list.wanted();
    bench.branches = { [STAFF]: [TEAM] };
    bench.now += 60_000;
    await list.refresh();

    expect(whileUnreadable).toEqual(['/groups', '/users']);
    expect(list.wanted()).toEqual([`/groups/${STAFF}`, `/groups/${TEAM}`, '/users']);
  });

  it('is the listed users alone where no group is configured, and nothing is read then', async () => {
    const { bench, list } = createBench({}, [], { users: [guid(8)] });

    await list.refresh();
    list.noteNesting();
    await bench.pass(120_000);

    expect(list.wanted()).toEqual([`/users/${guid(8)}`]);
    expect(bench.reads).toBe(0);
  });
});

describe('a branch that changed', () => {
  it('is looked at as a whole, and the subscriptions at once', async () => {
    const { bench, list } = createBench({ [STAFF]: [TEAM], [ADMINS]: [] });
    await list.refresh();

    bench.branches = { [STAFF]: [], [ADMINS]: [CREW] };
    bench.now += 60_000;
    await list.refresh();

    expect(bench.puts).toEqual([
      [`group:${STAFF}`, undefined],
      [`group:${ADMINS}`, undefined],
    ]);
    expect(bench.changes).toBe(2);
  });

  it('is nothing new at the first reading, which a sweep follows', async () => {
    const { bench, list } = createBench({ [STAFF]: [TEAM] });

    await list.refresh();

    expect(bench.puts).toEqual([]);
  });

  it('is looked at when it can be read only later: what was told of its groups was dropped until then', async () => {
    const { bench, list } = createBench({ [STAFF]: 'unreadable' });
    await list.refresh();

    bench.branches = { [STAFF]: [TEAM] };
    const before = bench.changes;
    bench.now += 60_000;
    await list.refresh();

    expect(bench.puts).toEqual([[`group:${STAFF}`, undefined]]);
    expect(bench.changes).toBe(before + 1);
  });

  it('is not forgotten when the hint cannot be stored', async () => {
    const { bench, list } = createBench({ [STAFF]: [TEAM] });
    await list.refresh();
    bench.branches = { [STAFF]: [] };
    bench.full = true;
    bench.now += 60_000;
    await list.refresh();

    bench.full = false;
    await list.refresh();

    expect(bench.puts).toEqual([[`group:${STAFF}`, undefined]]);
  });
});

describe('a notification that may be about nesting', () => {
  it('has the tree read soon, and once more when all of Graph should know', async () => {
    const { bench, list } = createBench({ [STAFF]: [] });
    await list.refresh();
    bench.now += 600_000;
    bench.branches = { [STAFF]: [TEAM] };

    list.noteNesting();
    await bench.pass(1999);
    const before = bench.reads;
    await bench.pass(1);
    const soon = bench.reads;
    await bench.pass(120_000);

    expect([before, soon, bench.reads]).toEqual([1, 2, 3]);
    expect(bench.changes).toBe(1);
    expect(list.isWatchedGroup(TEAM)).toBe(true);
  });

  it('costs four reads a minute at most, however many there are', async () => {
    const { bench, list } = createBench({ [STAFF]: [] });
    await list.refresh();

    for (let second = 0; second < 600; second += 1) {
      for (let item = 0; item < 10; item += 1) list.noteNesting();
      await bench.pass(1000);
    }

    expect(bench.reads).toBeGreaterThan(20);
    expect(bench.reads).toBeLessThanOrEqual(41);
  });

  it('does not keep the care of the subscriptions waiting for long, which are looked after again when it is read', async () => {
    let answer: (tree: GroupTree) => void = () => undefined;
    const { bench, list } = createBench({ [STAFF]: [] }, [], {
      readTree: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    let isOver = false;

    const refreshing = list.refresh().then(() => {
      isOver = true;
    });
    await bench.pass(9_999);
    const before = isOver;
    await bench.pass(1);
    await refreshing;
    const wanted = list.wanted();
    answer(treeOf({ [STAFF]: [TEAM] }));
    await bench.pass(0);

    expect([before, isOver]).toEqual([false, true]);
    expect(wanted).toEqual([`/groups/${STAFF}`, '/users']);
    expect(list.isWatchedGroup(TEAM)).toBe(true);
    expect(bench.changes).toBe(1);
  });

  it('is not read again by a look at the subscriptions that comes right after', async () => {
    const { bench, list } = createBench({ [STAFF]: [] });

    await list.refresh();
    bench.now += 1000;
    await list.refresh();

    expect(bench.reads).toBe(1);
  });
});

describe('a hint about a member', () => {
  it('is one about a group where its id is known to be one', async () => {
    const { bench, list } = createBench({ [STAFF]: [TEAM], [ADMINS]: [] });
    await list.refresh();

    await list.hints.put(`user:${TEAM}`, 'removed');
    await list.hints.put(`user:${ADMINS}`, 'changed');
    await list.hints.put(`user:${guid(9)}`, 'removed');
    await list.hints.put('sweep');

    expect(bench.puts).toEqual([
      [`group:${TEAM}`, undefined],
      [`group:${ADMINS}`, undefined],
      [`user:${guid(9)}`, 'removed'],
      ['sweep', undefined],
    ]);
  });
});

describe('groups that Entra itself selects', () => {
  it('are watched beside the configured ones, with what is nested below them', async () => {
    const { bench, list } = createBench({ [STAFF]: [] }, [], { discover: async () => [TEAM] });
    bench.branches = { [STAFF]: [], [TEAM]: [CREW] };

    await list.refresh();

    expect(list.wanted()).toEqual(expect.arrayContaining([`/groups/${TEAM}`, `/groups/${CREW}`]));
    expect(list.isWatchedGroup(TEAM)).toBe(true);
  });

  it('are looked at by a sweep when one came, and kept while it cannot be told which they are', async () => {
    let found: string[] | undefined = [TEAM];
    const { bench, list } = createBench({}, [], { discover: async () => found });
    bench.branches = { [TEAM]: [], [CREW]: [] };
    await list.refresh();
    expect(bench.puts).toEqual([]);

    found = [TEAM, CREW];
    await bench.pass(600_000);
    await list.refresh();
    found = undefined;
    await bench.pass(600_000);
    await list.refresh();

    expect(bench.puts).toContainEqual(['sweep', undefined]);
    expect(list.wanted()).toEqual(expect.arrayContaining([`/groups/${TEAM}`, `/groups/${CREW}`]));
  });

  it('keep nobody from watching the configured ones, whatever goes wrong with them', async () => {
    const discover = () => Promise.reject(new TypeError('unexpected'));
    const { bench, list } = createBench({ [STAFF]: [] }, [], { discover });
    bench.branches = { [STAFF]: [CREW] };

    await list.refresh();

    expect(list.wanted()).toEqual(expect.arrayContaining([`/groups/${STAFF}`, `/groups/${CREW}`]));
  });

  it('keep the subscriptions of an earlier process until they could be read', async () => {
    const { list } = createBench({}, [`/groups/${TEAM}`], { discover: async () => undefined });

    await list.refresh();

    expect(list.wanted()).toContain(`/groups/${TEAM}`);
  });
});
