import { beforeEach, describe, expect, it } from 'vitest';
import { SourceUnavailable } from '../../../../src/domain/errors.js';
import { type DeltaQuery, type DeltaSource, deltaPath } from '../../../../src/entra/delta-hints.js';
import { DeltaLost } from '../../../../src/entra/delta-pages.js';
import type { Key, Reason } from '../../../../src/queue/queue.js';
import { type KeptLink, type LinkStore, linksInMemory } from '../../../../src/reconcile/catch-up/links.js';
import type { Watched } from '../../../../src/reconcile/catch-up/queries.js';
import { catchUpRound } from '../../../../src/reconcile/catch-up/round.js';
import { ALICE, BOB, EVERYBODY, LAB } from '../../domain/builders.js';
import { createFakeClock, type FakeClock } from '../fakes/clock.js';
import { oidOf } from '../fakes/world.js';

const DAY = 86_400_000;
const signal = new AbortController().signal;

/** Graph as a row of changes; a link is a place in it. */
function createFakeSource() {
  const source = {
    changes: [] as { kind: DeltaQuery['kind']; users: string[]; groups: string[]; of: string }[],
    /** What was asked, in order. */
    calls: [] as string[],
    fail: (_call: string): unknown => undefined,
    /** Called before each call is answered. */
    during: (_call: string): void => undefined,
    tell(kind: DeltaQuery['kind'], of: string, told: { users?: string[]; groups?: string[] }) {
      source.changes.push({ kind, of, users: told.users ?? [], groups: told.groups ?? [] });
    },
    async begin(query: DeltaQuery) {
      call(`begin ${nameOf(query)}`);
      return { link: linkOf(query), requests: 1 };
    },
    async follow(kind: DeltaQuery['kind'], link: string) {
      const { ids, place } = JSON.parse(link) as { ids?: string[]; place: number };
      call(`follow ${nameOf({ kind, ids })}`);
      const rows = source.changes.slice(place).filter((row) => row.kind === kind && (!ids || ids.includes(row.of)));
      return {
        users: new Set(rows.flatMap((row) => row.users)),
        groups: new Set(rows.flatMap((row) => row.groups)),
        link: linkOf({ kind, ids }),
        requests: 1,
      };
    },
  };
  function call(name: string): void {
    source.calls.push(name);
    source.during(name);
    const error = source.fail(name);
    if (error !== undefined) throw error;
  }
  const linkOf = ({ ids }: DeltaQuery) => JSON.stringify({ ids, place: source.changes.length });
  return source satisfies DeltaSource & object;
}

const nameOf = ({ kind, ids }: DeltaQuery) => `${kind} ${ids ? ids.length : 'all'}`;

let clock: FakeClock;
let source: ReturnType<typeof createFakeSource>;
let links: LinkStore;
let put: Map<Key, Reason | undefined>;
let watched: Watched;
let events: { event: string; fields: unknown }[];
let order: string[];

beforeEach(() => {
  clock = createFakeClock();
  source = createFakeSource();
  links = linksInMemory();
  put = new Map();
  watched = { groups: [EVERYBODY], users: [ALICE] };
  events = [];
  order = [];
});

function round(change: { put?: (key: Key) => Promise<void>; links?: LinkStore; signal?: AbortSignal } = {}) {
  return catchUpRound(
    {
      source,
      hints: {
        async put(key, reason) {
          await change.put?.(key);
          put.set(key, reason);
          order.push(key);
        },
      },
      links: change.links ?? {
        list: () => links.list(),
        async replace(next) {
          order.push('links');
          await links.replace(next);
        },
      },
      watched: () => watched,
      clock,
      log: (event, fields) => void events.push({ event, fields }),
    },
    change.signal ?? signal,
  );
}

/** Past the beginning, with nothing that is left of it. */
async function begun(): Promise<void> {
  await round();
  put.clear();
  source.calls.length = 0;
  events.length = 0;
  order.length = 0;
}

describe('the first round', () => {
  it('takes its places and has a sweep find what was before them', async () => {
    const report = await round();

    expect(source.calls).toEqual(['begin users 1', 'begin groups 1']);
    expect([...put]).toEqual([['sweep', 'caught-up']]);
    expect(links.list().map(({ query }) => deltaPath(query))).toEqual([
      deltaPath({ kind: 'users', ids: [ALICE] }),
      deltaPath({ kind: 'groups', ids: [EVERYBODY] }),
    ]);
    expect(report).toMatchObject({ requests: { users: 1, groups: 1 }, users: 'by-id', keys: 0 });
    expect(report.swept).toContain('no earlier place');
  });

  it('asks for the sweep after the places were taken, so that nothing falls between the two', async () => {
    source.during = () => expect(put.size).toBe(0);

    await round();

    expect(put.has('sweep')).toBe(true);
  });
});

describe('a round', () => {
  it('puts each object that Graph names once, as something that only catch-up told', async () => {
    await begun();
    source.tell('users', ALICE, { users: [ALICE] });
    source.tell('groups', EVERYBODY, { users: [BOB, ALICE], groups: [LAB] });

    const report = await round();

    expect(Object.fromEntries(put)).toEqual({
      [`user:${ALICE}`]: 'caught-up',
      [`user:${BOB}`]: 'caught-up',
      [`group:${LAB}`]: 'caught-up',
    });
    expect([...report.found].sort()).toEqual([ALICE, BOB].sort());
    expect(report).toMatchObject({ requests: { users: 1, groups: 1 }, keys: 3, swept: undefined });
  });

  it('tells nothing twice', async () => {
    await begun();
    source.tell('users', ALICE, { users: [ALICE] });

    await round();
    put.clear();
    await round();

    expect(put.size).toBe(0);
  });

  it('stores its links only after every key is stored', async () => {
    await begun();
    source.tell('users', ALICE, { users: [ALICE] });
    source.tell('groups', EVERYBODY, { users: [BOB] });

    await round();

    expect(order.at(-1)).toBe('links');
    expect(order).toHaveLength(3);
  });

  it('tells everything again where one key could not be stored', async () => {
    await begun();
    source.tell('users', ALICE, { users: [ALICE] });
    source.tell('groups', EVERYBODY, { users: [BOB] });
    const full = async (key: Key) => {
      if (key === `user:${BOB}`) throw new Error('no space left');
    };

    await expect(round({ put: full })).rejects.toThrow('no space left');
    put.clear();
    await round();

    expect([...put.keys()].sort()).toEqual([`user:${ALICE}`, `user:${BOB}`].sort());
  });

  it('tells everything again where it ended between the keys and the links', async () => {
    await begun();
    source.tell('users', ALICE, { users: [ALICE] });
    const dying: LinkStore = { list: links.list, replace: () => Promise.reject(new Error('killed')) };

    await expect(round({ links: dying })).rejects.toThrow('killed');
    const before = [...put.keys()];
    put.clear();
    await round();

    expect([before, [...put.keys()]]).toEqual([[`user:${ALICE}`], [`user:${ALICE}`]]);
  });

  it('ends where it is told to, and remembers nothing of it', async () => {
    await begun();
    source.tell('users', ALICE, { users: [ALICE] });
    const ending = new AbortController();
    source.fail = () => {
      ending.abort(new Error('stopping'));
      return new Error('aborted');
    };

    await expect(round({ signal: ending.signal })).rejects.toThrow('stopping');

    expect([put.size, order]).toEqual([0, []]);
  });

  it('keeps what one query told where another one is refused', async () => {
    await begun();
    source.tell('groups', EVERYBODY, { users: [BOB] });
    source.tell('users', ALICE, { users: [ALICE] });
    source.fail = (call) => (call.startsWith('follow users') ? new Error('403 Forbidden') : undefined);

    await expect(round()).rejects.toThrow('403 Forbidden');
    const first = [...put.keys()];
    put.clear();
    source.fail = () => undefined;
    await round();

    expect(first).toEqual([`user:${BOB}`]);
    expect([...put.keys()]).toEqual([`user:${ALICE}`]);
  });

  it('still hears of people where only the changes of groups cannot be read', async () => {
    await begun();
    source.tell('users', ALICE, { users: [ALICE] });
    watched = { groups: [EVERYBODY, LAB], users: [ALICE] };
    source.fail = (call) => (call.startsWith('begin groups') ? new SourceUnavailable('Graph is away') : undefined);

    await expect(round()).rejects.toThrow('Graph is away');

    expect([...put.keys()]).toEqual([`user:${ALICE}`]);
  });

  it('has one sweep look instead of a thousand readings', async () => {
    await begun();
    const many = Array.from({ length: 1001 }, (_, n) => oidOf(n));
    source.tell('groups', EVERYBODY, { users: many });

    const report = await round();

    expect([...put.keys()]).toEqual(['sweep']);
    expect(report.swept).toContain('1001 objects changed');
    expect(report.found.size).toBe(1001);
  });
});

describe('a place that Graph has lost', () => {
  it('is taken anew, and a sweep finds what is lost with it', async () => {
    await begun();
    source.fail = (call) => (call === 'follow groups 1' ? new DeltaLost('410: start over') : undefined);

    const report = await round();
    source.fail = () => undefined;
    put.clear();
    source.tell('groups', EVERYBODY, { users: [BOB] });
    await round();

    expect(report.swept).toBe('410: start over');
    expect(source.calls.slice(0, 3)).toEqual(['follow users 1', 'follow groups 1', 'begin groups 1']);
    expect([...put.keys()]).toEqual([`user:${BOB}`]);
  });

  it('does not hide what other places tell', async () => {
    await begun();
    source.tell('users', ALICE, { users: [ALICE] });
    source.fail = (call) => (call === 'follow groups 1' ? new DeltaLost('410') : undefined);

    await round();

    expect([...put.keys()]).toEqual([`user:${ALICE}`, 'sweep']);
  });

  it('asks for one sweep more once a new one can be taken, and for none while it cannot', async () => {
    await begun();
    source.fail = (call) =>
      call === 'follow groups 1' ? new DeltaLost('410') : call.startsWith('begin') ? new Error('refused') : undefined;

    await expect(round()).rejects.toThrow('refused');
    put.clear();
    await expect(round()).rejects.toThrow('refused');
    const meanwhile = [...put.keys()];
    source.fail = () => undefined;
    await round();

    expect(meanwhile).toEqual([]);
    expect([...put.keys()]).toEqual(['sweep']);
  });
});

describe('the age of a place', () => {
  /** As Graph would, were it to give the same link as long as nothing changes. */
  function repeatLinks(): void {
    const { follow } = source;
    source.follow = async (kind, link) => ({ ...(await follow(kind, link)), link });
  }

  it('starts anew with each link that a round brings', async () => {
    await begun();
    for (let day = 0; day < 10; day += 1) {
      clock.time += DAY;
      source.tell('users', BOB, {});
      await round();
    }

    expect(source.calls.filter((call) => call.startsWith('begin'))).toEqual([]);
  });

  it('is renewed after six days of the same link, without a gap and so without a sweep', async () => {
    await begun();
    repeatLinks();
    clock.time += 6 * DAY;
    await round();
    const inTime = [...source.calls];
    source.calls.length = 0;
    clock.time += 1;
    source.during = (call) => {
      if (call.startsWith('begin users')) source.tell('users', ALICE, { users: [ALICE] });
    };

    await round();

    expect(inTime.some((call) => call.startsWith('begin'))).toBe(false);
    expect(source.calls).toEqual(['begin users 1', 'begin groups 1', 'follow users 1', 'follow groups 1']);
    expect([...put.keys()]).toEqual([`user:${ALICE}`]);
  });

  it.each([
    ['is refused', new Error('400 Bad Request')],
    ['meets a Graph that is away', new SourceUnavailable('Graph is away')],
  ])('loses nothing where the last look at an old place %s', async (_what, error) => {
    await begun();
    repeatLinks();
    clock.time += 6 * DAY + 1;
    source.tell('users', ALICE, { users: [ALICE] });
    source.fail = (call) => (call === 'follow users 1' ? error : undefined);

    await expect(round()).rejects.toThrow(error.message);
    source.fail = () => undefined;
    await round();

    expect([...put.keys()].some((key) => key === 'sweep' || key === `user:${ALICE}`)).toBe(true);
  });

  it('has a sweep follow where the old link is lost by then', async () => {
    await begun();
    clock.time += 8 * DAY;
    source.fail = (call) => (call.startsWith('follow') ? new DeltaLost('410') : undefined);

    await round();

    expect([...put.keys()]).toEqual(['sweep']);
    expect(links.list().every(({ issuedAt }) => issuedAt === clock.time)).toBe(true);
  });
});

describe('another question', () => {
  it('overlaps with the earlier one, and looks at whom nobody watched until now', async () => {
    await begun();
    watched = { groups: [EVERYBODY, LAB], users: [ALICE, BOB] };
    source.during = (call) => {
      // After the new place and before the old one was read to its end, and after both.
      if (call === 'begin users 2') source.tell('users', ALICE, { users: [ALICE] });
    };

    await round();

    expect(source.calls).toEqual(['begin users 2', 'begin groups 2', 'follow users 1', 'follow groups 1']);
    expect([...put.keys()].sort()).toEqual([`group:${LAB}`, `user:${ALICE}`, `user:${BOB}`].sort());
    expect(links.list().map(({ query }) => query.ids?.length)).toEqual([2, 2]);
  });

  it('keeps the earlier one until the new one has begun', async () => {
    await begun();
    watched = { groups: [LAB], users: [ALICE] };
    source.fail = (call) => (call.startsWith('begin') ? new Error('refused') : undefined);
    source.tell('groups', EVERYBODY, { users: [BOB] });

    await expect(round()).rejects.toThrow('refused');

    expect([...put.keys()]).toEqual([`user:${BOB}`]);
    expect(links.list().flatMap(({ query }) => query.ids ?? [])).toEqual([EVERYBODY, ALICE]);
  });

  it('is not asked because somebody left: their changes still matter for a while', async () => {
    watched = { groups: [EVERYBODY], users: [ALICE, BOB] };
    await begun();
    watched = { groups: [EVERYBODY], users: [ALICE] };

    await round();

    expect(source.calls).toEqual(['follow users 2', 'follow groups 1']);
  });

  it('is not asked while nobody knows who is in scope', async () => {
    await begun();
    watched = { groups: [EVERYBODY], users: undefined };

    await round();

    expect(source.calls).toEqual(['follow users 1', 'follow groups 1']);
  });

  it('takes all users where there are more than fifty, and looks at those whom nobody watched', async () => {
    const people = Array.from({ length: 51 }, (_, n) => oidOf(n));
    watched = { groups: [EVERYBODY], users: people.slice(0, 50) };
    await begun();
    watched = { groups: [EVERYBODY], users: people };

    const report = await round();

    expect(source.calls[0]).toBe('begin users all');
    expect([...put.keys()]).toEqual([`user:${people[50]}`]);
    expect(report.users).toBe('collection');
  });

  it('asks for more than fifty groups by their ids as well, in several queries', async () => {
    watched = { groups: Array.from({ length: 101 }, (_, n) => oidOf(n)), users: [ALICE] };

    const report = await round();

    expect(source.calls).toEqual(['begin users 1', 'begin groups 50', 'begin groups 50', 'begin groups 1']);
    expect(report.requests).toEqual({ users: 1, groups: 3 });
  });
});

/** What a store holds at any moment must be enough to go on from. */
it('never holds fewer links than it asks for, whatever fails', async () => {
  const kinds = (kept: readonly KeptLink[]) => new Set(kept.map(({ query }) => query.kind)).size;
  await begun();
  for (const broken of ['begin users', 'begin groups', 'follow users', 'follow groups']) {
    source.fail = (call) => (call.startsWith(broken) ? new SourceUnavailable('away') : undefined);
    watched = { groups: [...watched.groups, oidOf(watched.groups.length)], users: [...(watched.users ?? []), BOB] };
    await round().catch((error: unknown) => expect(error).toBeInstanceOf(SourceUnavailable));

    expect([broken, kinds(links.list())]).toEqual([broken, 2]);
  }
});
