import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GraphError } from '../../../src/entra/graph-errors.js';
import { createSweepDebts } from '../../../src/listener/subscriptions/debts.js';
import type { StoreData } from '../../../src/listener/subscriptions/record.js';
import { openStoreOn } from '../../../src/listener/subscriptions/store.js';
import { eventually, guid } from '../queue/fixtures.js';
import { type Bed, HOUR_MS, MINUTE_MS, openBed, openMemoryStore, signal, TICK_MS } from './keeper-bed.js';

let bed: Bed;

beforeEach(async () => {
  bed = await openBed();
});
afterEach(() => bed.remove());

describe('a gap in coverage', () => {
  it('is measured from when all was good to when it is again, told, counted and followed by a sweep', async () => {
    const { keeper, puts, gaps, named } = await bed.start();
    await keeper.tick(signal);
    bed.clock.advance(TICK_MS);
    await keeper.tick(signal);
    const from = bed.clock.now();
    bed.clock.advance(7 * MINUTE_MS);
    bed.api.held.clear();
    puts.length = 0;

    await keeper.tick(signal);

    const to = bed.clock.now();
    expect(gaps).toEqual([{ resource: '/users', kind: 'gone', from, to, lengthMs: 7 * MINUTE_MS }]);
    expect(named('listener.subscription.gap')).toMatchObject([{ resource: '/users', kind: 'gone', seconds: 420 }]);
    expect(keeper.list()).toMatchObject([
      { state: 'live', gap: undefined, lastGap: { from, to, kind: 'gone' }, gaps: 1, gapMs: 7 * MINUTE_MS },
    ]);
    expect(puts).toEqual(['sweep']);
  });

  it('is measured over a long downtime of ours, in which the subscription expired', async () => {
    const first = await bed.start();
    await first.keeper.tick(signal);
    const from = bed.clock.now();
    bed.clock.advance(5 * 24 * HOUR_MS);
    const second = await bed.start({ at: first.path });

    await second.keeper.tick(signal);

    expect(second.gaps).toEqual([
      { resource: '/users', kind: 'expired', from, to: bed.clock.now(), lengthMs: 5 * 24 * HOUR_MS },
    ]);
    expect(second.puts).toEqual(['sweep', 'sweep']);
    expect(bed.api.held.size).toBe(1);
  });

  it('knows to some minutes when all was good before a crash', async () => {
    const first = await bed.start();
    await first.keeper.tick(signal);
    bed.clock.advance(2 * HOUR_MS);
    await first.keeper.tick(signal);
    const lastGood = bed.clock.now();
    bed.clock.advance(HOUR_MS);
    bed.api.held.clear();
    const second = await bed.start({ at: first.path });

    await second.keeper.tick(signal);

    expect(second.gaps).toMatchObject([{ from: lastGood, lengthMs: HOUR_MS }]);
  });

  it('stays open, and is shown, until Graph has confirmed another subscription', async () => {
    const { keeper, puts, gaps } = await bed.start();
    await keeper.tick(signal);
    const from = bed.clock.now();
    bed.api.held.clear();
    bed.api.failing = /^create/;
    bed.clock.advance(TICK_MS);
    puts.length = 0;
    await keeper.tick(signal);
    const during = [keeper.list(), [...puts], [...gaps]];
    bed.api.failing = undefined;
    bed.clock.advance(TICK_MS);

    await keeper.tick(signal);

    expect(during).toMatchObject([[{ state: 'missing', gap: { since: from, kind: 'gone' } }], ['sweep'], []]);
    expect(gaps).toMatchObject([{ from, lengthMs: 2 * TICK_MS }]);
    expect(puts).toEqual(['sweep', 'sweep']);
  });

  it('is open over a restart as well', async () => {
    const first = await bed.start();
    await first.keeper.tick(signal);
    const from = bed.clock.now();
    bed.api.held.clear();
    bed.api.failing = /^create/;
    bed.clock.advance(TICK_MS);
    await first.keeper.tick(signal);
    bed.api.failing = undefined;
    bed.clock.advance(TICK_MS);
    const second = await bed.start({ at: first.path });

    await second.keeper.tick(signal);

    expect(second.gaps).toMatchObject([{ from, lengthMs: 2 * TICK_MS }]);
  });

  it.each([
    ['address', { notificationUrl: 'https://elsewhere.example.org/' }],
    ['lifecycle address', { lifecycleNotificationUrl: 'https://elsewhere.example.org/' }],
    ['change type', { changeType: 'updated' }],
    ['resource', { resource: `/groups/${guid(7)}` }],
  ])('is what a changed %s is', async (_what, change) => {
    const { keeper, gaps, puts } = await bed.start();
    await keeper.tick(signal);
    const [held] = bed.api.held.values();
    if (held) bed.api.held.set(held.id, { ...held, ...change });
    bed.clock.advance(TICK_MS);
    puts.length = 0;

    await keeper.tick(signal);

    expect(gaps).toMatchObject([{ kind: 'changed', lengthMs: TICK_MS }]);
    expect(puts).toEqual(['sweep']);
    expect([...bed.api.held.values()]).toMatchObject([{ resource: '/users', changeType: 'updated,deleted' }]);
  });

  it('is over also when somebody else mends what was changed', async () => {
    let ready = true;
    const { keeper, gaps } = await bed.start({
      endpointReady: async () => {
        if (!ready) throw new Error('not now');
      },
    });
    await keeper.tick(signal);
    const [held] = bed.api.held.values();
    if (!held) throw new Error('nothing was created');
    bed.api.held.set(held.id, { ...held, changeType: 'updated' });
    ready = false;
    bed.clock.advance(TICK_MS);
    await keeper.tick(signal);
    bed.api.held.set(held.id, held);
    bed.clock.advance(TICK_MS);

    await keeper.tick(signal);

    expect(gaps).toMatchObject([{ kind: 'changed', lengthMs: 2 * TICK_MS }]);
    expect(keeper.list()).toMatchObject([{ state: 'live', gap: undefined }]);
  });

  it('has no negative length when the clock is set back meanwhile', async () => {
    const { keeper, gaps } = await bed.start();
    await keeper.tick(signal);
    bed.api.held.clear();
    bed.clock.time -= 24 * HOUR_MS;

    await keeper.tick(signal);

    expect(gaps).toMatchObject([{ lengthMs: 0, from: bed.clock.now(), to: bed.clock.now() }]);
  });

  it('has none either when the clock is set back while it is open', async () => {
    const { keeper, gaps } = await bed.start();
    await keeper.tick(signal);
    bed.api.held.clear();
    bed.api.failing = /^create/;
    bed.clock.advance(TICK_MS);
    await keeper.tick(signal);
    bed.api.failing = undefined;
    bed.clock.time -= 24 * HOUR_MS;

    await keeper.tick(signal);

    expect(gaps).toMatchObject([{ lengthMs: 0 }]);
  });

  it('is not what a resource leaves that is not wanted any more', async () => {
    let wanted = ['/users', `/groups/${guid(1)}`];
    const { keeper, gaps, puts } = await bed.start({ wanted: () => wanted });
    await keeper.tick(signal);
    puts.length = 0;
    wanted = ['/users'];
    await keeper.tick(signal);
    wanted = ['/users', `/groups/${guid(1)}`];
    bed.clock.advance(TICK_MS);

    await keeper.tick(signal);

    expect(gaps).toEqual([]);
    expect(puts).toEqual(['sweep']);
    expect(bed.api.held.size).toBe(2);
  });

  describe('by our clock alone, which is ahead,', () => {
    let aheadMs = 0;

    async function startAhead() {
      const { renew } = bed.api;
      bed.api.renew = async (id, expiresAt, ...rest) => {
        if (expiresAt > bed.clock.now() + 29 * 24 * HOUR_MS) {
          const said = 'Subscription expiration can only be 41760 minutes in the future.';
          throw new GraphError(`PATCH: ${said}`, 400, 'InvalidRequest', said, undefined);
        }
        return renew(id, expiresAt, ...rest);
      };
      const clock = { ...bed.clock, now: () => bed.clock.now() + aheadMs };
      aheadMs = 0;
      const one = await bed.start({ clock, monotonicMs: () => bed.clock.now() });
      await one.keeper.tick(signal);
      return one;
    }

    it('costs a renewal and no subscription', async () => {
      const { keeper, gaps, puts } = await startAhead();
      const before = [...bed.api.held.keys()];
      puts.length = 0;
      aheadMs = 4 * 24 * HOUR_MS;

      await keeper.tick(signal);

      expect([...bed.api.held.keys()]).toEqual(before);
      expect(keeper.list()).toMatchObject([{ state: 'live', problem: undefined, gap: undefined }]);
      expect([gaps.map(({ kind }) => kind), puts]).toEqual([['expired'], ['sweep']]);
    });

    it('costs none either where Graph takes no expiry of such a clock, until that is set right', async () => {
      const { keeper } = await startAhead();
      const before = [...bed.api.held.keys()];
      aheadMs = 60 * 24 * HOUR_MS;
      await keeper.tick(signal);
      const meanwhile = keeper.list();
      aheadMs = 0;

      await keeper.tick(signal);

      expect([...bed.api.held.keys()]).toEqual(before);
      expect(meanwhile).toMatchObject([{ gap: { kind: 'expired' }, problem: expect.stringMatching(/minutes in the/) }]);
      expect(keeper.list()).toMatchObject([{ state: 'live', problem: undefined, gap: undefined }]);
    });

    it('is replaced where Graph refuses the renewal for another reason', async () => {
      const { keeper } = await startAhead();
      const before = [...bed.api.held.keys()];
      bed.api.renew = async () => {
        throw new GraphError('PATCH: expired', 400, 'InvalidRequest', 'expired', undefined);
      };
      aheadMs = 4 * 24 * HOUR_MS;

      await keeper.tick(signal);

      expect([...bed.api.held.keys()]).not.toEqual(before);
      expect(keeper.list()).toMatchObject([{ state: 'live', problem: undefined, gap: undefined }]);
    });
  });

  it('is not seen in a look that Graph did not answer', async () => {
    const { keeper, gaps, puts } = await bed.start();
    await keeper.tick(signal);
    const before = [...bed.api.held.keys()];
    puts.length = 0;
    bed.api.failing = /^(get|list)/;
    bed.clock.advance(24 * HOUR_MS);

    await keeper.tick(signal);

    expect([[...bed.api.held.keys()], gaps, puts]).toEqual([before, [], []]);
    expect(keeper.list()[0]?.problem).toMatch(/cannot be asked/);
  });

  it('is as short as can be where a subscription that cannot be renewed is replaced', async () => {
    const { keeper, gaps } = await bed.start();
    await keeper.tick(signal);
    bed.api.frozen = true;
    bed.clock.advance(56 * HOUR_MS);

    await keeper.tick(signal);

    expect(gaps).toMatchObject([{ kind: 'replaced', lengthMs: 0 }]);
    expect(bed.api.held.size).toBe(1);
  });

  it('ends the replacing where Graph goes on showing it otherwise than it was made', async () => {
    const { keeper } = await bed.start();
    bed.api.onCall = (line) => {
      if (!line.startsWith('get')) return;
      for (const [id, held] of bed.api.held) bed.api.held.set(id, { ...held, changeType: 'updated' });
    };
    for (let n = 0; n < 20; n += 1) {
      await keeper.tick(signal);
      bed.clock.advance(TICK_MS);
    }

    expect(bed.calls(/^create/)).toHaveLength(3);
    expect(keeper.list()[0]?.problem).toMatch(/another changeType than it was made with/);
  });

  it('is open, and measured, also while it is not made anew any more for what somebody changes', async () => {
    const { keeper, gaps } = await bed.start();
    bed.api.onCall = (line) => {
      if (!line.startsWith('get')) return;
      for (const [id, held] of bed.api.held) bed.api.held.set(id, { ...held, notificationUrl: 'https://x.example/' });
    };
    for (let n = 0; n < 8; n += 1) {
      await keeper.tick(signal);
      bed.clock.advance(TICK_MS);
    }

    expect(gaps).toHaveLength(2);
    expect(keeper.list()).toMatchObject([{ gap: { kind: 'changed' }, problem: expect.stringMatching(/who else/) }]);
  });

  it('is no gap where Graph has shown it otherwise than it was asked for from the beginning', async () => {
    const { create } = bed.api;
    bed.api.create = (wanted, ...rest) =>
      create({ ...wanted, notificationUrl: `${wanted.notificationUrl}/`, changeType: 'all' }, ...rest);
    const { keeper, gaps } = await bed.start();
    await keeper.tick(signal);
    bed.clock.advance(TICK_MS);

    await keeper.tick(signal);

    expect([gaps, bed.calls(/^create/).length]).toEqual([[], 1]);
    expect(keeper.list()).toMatchObject([{ state: 'live', problem: undefined }]);
  });

  it('is no gap where Graph writes the same in its own way', async () => {
    const { keeper, gaps } = await bed.start();
    await keeper.tick(signal);
    const [held] = bed.api.held.values();
    if (!held) throw new Error('nothing was created');
    bed.api.held.set(held.id, {
      ...held,
      resource: 'Users',
      changeType: 'deleted,updated',
      notificationUrl: held.notificationUrl.replace('hooks.example.org', 'HOOKS.example.org:443'),
    });

    await keeper.tick(signal);

    expect([gaps, bed.calls(/^create/).length]).toEqual([[], 1]);
  });
});

describe('an owed sweep', () => {
  it('is stored no later than the subscription that makes it due, and until its key is durable', async () => {
    const written: StoreData[] = [];
    let stored: StoreData | null = null;
    const store = await openStoreOn({
      read: async () => structuredClone(stored),
      write: async (data) => {
        stored = structuredClone(data);
        written.push(structuredClone(data));
      },
    });
    const order: string[] = [];
    const { keeper } = await bed.start({
      store,
      hints: {
        put: async () => {
          order.push(`put with${stored?.debt ? '' : 'out'} a debt`);
        },
      },
    });
    await keeper.tick(signal);
    bed.api.held.clear();
    bed.clock.advance(TICK_MS);
    order.length = 0;
    written.length = 0;

    await keeper.tick(signal);

    const uncovered = written.findIndex(({ subscriptions }) => subscriptions[0]?.gap);
    const covered = written.findIndex(({ subscriptions }) => subscriptions[0]?.id && !subscriptions[0]?.gap);
    expect(written[uncovered]?.debt?.why).toMatch(/was not covered \(gone\)/);
    expect(written.slice(uncovered, covered + 1).every(({ debt }) => debt !== undefined)).toBe(true);
    expect(order).toEqual(['put with a debt']);
    expect(written.at(-1)?.debt).toBeUndefined();
  });

  it('stays owed over a restart while the queue takes nothing', async () => {
    const first = await bed.start({ hints: { put: () => Promise.reject(new Error('the disk is full')) } });
    await first.keeper.tick(signal);
    const owed = first.store.data().debt;
    const second = await bed.start({ at: first.path });

    await second.keeper.tick(signal);

    expect(owed?.why).toBe('/users was subscribed to');
    expect(first.named('listener.sweep.unstored')).toHaveLength(2);
    expect([second.puts, second.store.data().debt]).toEqual([['sweep'], undefined]);
  });

  it('of a later gap is not settled by the key of an earlier one', async () => {
    let waiting: (() => void) | undefined;
    let put = async (): Promise<void> => undefined;
    const { keeper, store } = await bed.start({ hints: { put: () => put() } });
    await keeper.tick(signal);
    const subscriptionId = keeper.list()[0]?.id ?? '';
    bed.api.held.clear();
    put = () =>
      new Promise((resolve) => {
        waiting = resolve;
      });
    const missed = keeper.handleLifecycle({ event: 'missed', subscriptionId }, signal);
    await eventually(() => waiting !== undefined);
    put = () => Promise.reject(new Error('the disk is full'));
    const removed = keeper.handleLifecycle({ event: 'subscriptionRemoved', subscriptionId }, signal);
    await eventually(() => bed.api.held.size === 1);

    waiting?.();
    await Promise.all([missed, removed]);

    expect(store.data().debt?.why).toBe('/users was subscribed to');
  });

  it('that is new is not settled by a second payment of the one before', async () => {
    const store = await openMemoryStore();
    const answers: (() => void)[] = [];
    const put = () => new Promise<void>((resolve) => answers.push(resolve));
    const debts = createSweepDebts({ store, hints: { put }, clock: bed.clock, log: () => undefined });
    await debts.owe('first');
    const payments = [debts.pay(), debts.pay()];
    await eventually(() => answers.length > 0);
    answers[0]?.();
    await payments[0];
    await debts.owe('later');

    answers[1]?.();
    await payments[1];

    expect(store.data().debt?.why).toBe('later');
  });

  it('is put also where the gap cannot be stored', async () => {
    const store = await openMemoryStore();
    const { update } = store;
    let full = false;
    const { keeper, puts } = await bed.start({
      store: {
        ...store,
        update: (change) => (full ? Promise.reject(new Error('ENOSPC: no space left on device')) : update(change)),
      },
    });
    await keeper.tick(signal);
    bed.api.held.clear();
    puts.length = 0;
    full = true;

    await keeper.tick(signal);

    expect(puts).toEqual(['sweep']);
  });

  it('is put after the creation where the store had been lost', async () => {
    const { keeper, path, puts } = await bed.start();
    await keeper.tick(signal);
    await rm(path);
    puts.length = 0;

    await keeper.tick(signal);

    expect(puts).toEqual(['sweep']);
    expect(bed.api.held.size).toBe(1);
  });
});
