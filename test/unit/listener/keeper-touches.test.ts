import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSubscriptionStore } from '../../../src/listener/subscriptions/store.js';
import { type Bed, HOUR_MS, type Installation, MINUTE_MS, openBed, signal, TICK_MS } from './keeper-bed.js';

let bed: Bed;
let one: Installation;

beforeEach(async () => {
  bed = await openBed();
  one = await bed.start();
  await one.keeper.tick(signal);
  bed.api.calls = [];
});
afterEach(() => bed.remove());

const subscriptionId = () => [...bed.api.held.keys()][0] ?? '';
const asked = ({ keeper }: Installation = one) =>
  keeper.handleLifecycle({ event: 'reauthorizationRequired', subscriptionId: subscriptionId() }, signal);
const touches = () => bed.calls(/^(renew|reauthorize)/).map((line) => line.split(' ')[0]);

describe('a hundred events in a minute', () => {
  it('that ask for a reauthorization make one call', async () => {
    for (let n = 0; n < 100; n += 1) {
      bed.clock.advance(590);
      await asked();
    }

    expect(touches()).toEqual(['reauthorize']);
    expect(one.named('listener.subscription.rested')).toEqual([]);
  });

  it('at the same time make one call', async () => {
    await Promise.all(Array.from({ length: 100 }, () => asked()));

    expect(touches()).toEqual(['reauthorize']);
  });

  it('that tell of a removal make one subscription', async () => {
    const id = subscriptionId();
    bed.api.held.clear();

    await Promise.all(
      Array.from({ length: 100 }, () =>
        one.keeper.handleLifecycle({ event: 'subscriptionRemoved', subscriptionId: id }, signal),
      ),
    );

    expect(bed.calls(/./)).toEqual([`get ${id}`, 'create /users']);
  });
});

describe('an event that comes while one like it is handled', () => {
  it('is not lost, since the look may have been before it', async () => {
    const [held] = bed.api.held.values();
    const id = subscriptionId();
    const removal = () => one.keeper.handleLifecycle({ event: 'subscriptionRemoved', subscriptionId: id }, signal);
    const { get } = bed.api;
    let second: Promise<void> | undefined;
    bed.api.get = async (...given) => {
      const seen = await get(...given);
      if (second) return seen;
      bed.api.held.clear();
      second = removal();
      return held;
    };

    await removal();
    await second;

    expect(one.keeper.list()).toMatchObject([{ state: 'live', gaps: 1 }]);
    expect([...bed.api.held.keys()]).toEqual([one.keeper.list()[0]?.id]);
  });

  it('is handled also where that one fails of its deadline', async () => {
    const id = subscriptionId();
    bed.api.held.clear();
    const late = new AbortController();
    bed.api.onCall = () => late.abort(new Error('too late'));
    bed.api.failing = /^get/;
    const removal = (by: AbortSignal) =>
      one.keeper.handleLifecycle({ event: 'subscriptionRemoved', subscriptionId: id }, by);
    const first = removal(late.signal).then(() => {
      bed.api.failing = undefined;
    });
    const second = removal(signal);

    await Promise.all([first, second]);

    expect([...bed.api.held.keys()]).toEqual([one.keeper.list()[0]?.id]);
  });
});

describe('ten minutes of rest between renewing and reauthorizing', () => {
  it('are kept over a restart', async () => {
    await one.keeper.renewAll(signal);
    bed.clock.advance(9 * MINUTE_MS);
    const second = await bed.start({ at: one.path });
    await asked(second);
    const within = touches();
    bed.clock.advance(2 * MINUTE_MS);

    await asked(second);

    expect([within, touches()]).toEqual([['renew'], ['renew', 'reauthorize']]);
  });

  it('are kept by the operator’s command and by the timer', async () => {
    bed.clock.advance(28 * HOUR_MS);
    await asked();
    await one.keeper.renewAll(signal);
    bed.clock.advance(9 * MINUTE_MS);
    await one.keeper.tick(signal);
    const within = touches();
    bed.clock.advance(2 * MINUTE_MS);
    await one.keeper.renewAll(signal);

    expect([within, touches()]).toEqual([['reauthorize'], ['reauthorize', 'renew']]);
  });

  it('begin with the last touch of several', async () => {
    await asked();
    bed.clock.advance(5 * MINUTE_MS);
    await asked();
    bed.clock.advance(6 * MINUTE_MS);

    await one.keeper.renewAll(signal);

    expect(touches()).toEqual(['reauthorize', 'reauthorize']);
  });

  it('are not shortened by a clock that is set forward', async () => {
    let monotonicMs = 0;
    const second = await bed.start({ at: one.path, monotonicMs: () => monotonicMs });
    await asked(second);
    bed.clock.advance(5 * HOUR_MS);
    monotonicMs += MINUTE_MS;
    await second.keeper.renewAll(signal);
    const within = touches();
    monotonicMs += 9 * MINUTE_MS;

    await second.keeper.renewAll(signal);

    expect([within, touches()]).toEqual([['reauthorize'], ['reauthorize', 'renew']]);
  });

  it.each([
    ['while we run', false],
    ['while we are down', true],
  ])('do not last until a clock that was set back %s has caught up', async (_when, restarted) => {
    await asked();
    bed.clock.time -= 48 * HOUR_MS;
    const now = restarted ? await bed.start({ at: one.path }) : one;
    await now.keeper.renewAll(signal);
    const within = touches();
    bed.clock.advance(10 * MINUTE_MS);

    await now.keeper.renewAll(signal);

    expect([within, touches()]).toEqual([['reauthorize'], ['reauthorize', 'renew']]);
  });

  it('are broken where the subscription would end before they are over', async () => {
    await asked();
    const [held] = bed.api.held.values();
    if (held) bed.api.held.set(held.id, { ...held, expiresAt: bed.clock.now() + 8 * MINUTE_MS });
    bed.clock.advance(MINUTE_MS);

    await one.keeper.tick(signal);

    expect(touches()).toEqual(['reauthorize', 'renew']);
    expect(one.named('listener.subscription.rest-broken')).toHaveLength(1);
    expect(one.keeper.list()).toMatchObject([{ expiresAt: bed.clock.now() + 72 * HOUR_MS }]);
  });

  it('never come in the way of a renewal that will be due: it is made at once', async () => {
    const second = await bed.start({ lifetimeMs: 45 * MINUTE_MS, wanted: () => ['/groups'] });
    await second.keeper.tick(signal);
    const id = second.keeper.list()[0]?.id ?? '';
    bed.api.calls = [];
    bed.clock.advance(9 * MINUTE_MS);

    await second.keeper.handleLifecycle({ event: 'reauthorizationRequired', subscriptionId: id }, signal);

    expect(bed.api.calls).toEqual([`renew ${id}`]);
  });
});

describe('a reauthorization', () => {
  it('that failed is made at the next look', async () => {
    bed.api.failing = /^reauthorize/;
    await asked();
    bed.api.failing = undefined;
    bed.clock.advance(TICK_MS);

    await one.keeper.tick(signal);
    await one.keeper.tick(signal);

    expect(touches()).toEqual(['reauthorize', 'reauthorize']);
  });

  it('that a crash came between is made by the next life', async () => {
    bed.api.deaf = /^reauthorize/;
    await asked();
    bed.api.deaf = undefined;
    bed.clock.advance(TICK_MS);
    const second = await bed.start({ at: one.path });

    await second.keeper.tick(signal);

    expect(touches()).toEqual(['reauthorize', 'reauthorize']);
  });

  it('that meets a 404 makes the subscription anew', async () => {
    const event = { event: 'reauthorizationRequired', subscriptionId: subscriptionId() } as const;
    bed.api.held.clear();

    await one.keeper.handleLifecycle(event, signal);

    expect(one.keeper.list()).toMatchObject([{ state: 'live', gaps: 1 }]);
    expect(one.puts.at(-1)).toBe('sweep');
  });
});

describe('a renewal', () => {
  it('is made at once after the clock was set back, since nobody knows how much is left', async () => {
    bed.clock.time -= 10 * 24 * HOUR_MS;

    await one.keeper.tick(signal);

    expect(touches()).toEqual(['renew']);
    bed.clock.advance(TICK_MS);
    await one.keeper.tick(signal);
    expect(touches()).toEqual(['renew']);
  });

  it('is not given up because nothing can be stored', async () => {
    const store = await openSubscriptionStore({ path: one.path });
    const full = () => Promise.reject(new Error('ENOSPC: no space left on device'));
    const second = await bed.start({ store: { ...store, put: full, update: full } });
    bed.clock.advance(60 * HOUR_MS);
    const id = subscriptionId();

    await second.keeper.tick(signal);

    expect(bed.api.held.get(id)?.expiresAt).toBe(bed.clock.now() + 72 * HOUR_MS);
    expect(second.named('listener.store.unwritten').length).toBeGreaterThan(0);
    expect(second.puts).toEqual(['sweep']);
  });

  it('goes on while the record cannot be read again', async () => {
    const store = await openSubscriptionStore({ path: one.path });
    const second = await bed.start({ store: { ...store, refresh: () => Promise.reject(new Error('EIO: i/o error')) } });
    bed.clock.advance(60 * HOUR_MS);

    await second.keeper.tick(signal);

    expect(touches()).toEqual(['renew']);
    expect(second.named('listener.store.unread')).toHaveLength(1);
  });
});

describe('an operator', () => {
  it('has made at once what could not be made', async () => {
    bed.api.nextCreates = [{ kind: 'forbidden', explanation: 'grant User.Read.All' }];
    const second = await bed.start({ wanted: () => ['/groups'] });
    await second.keeper.tick(signal);
    const before = second.keeper.list();

    const after = await second.keeper.renewAll(signal);

    expect([before, after]).toMatchObject([
      [{ state: 'missing', problem: 'grant User.Read.All' }],
      [{ state: 'live', problem: undefined }],
    ]);
  });

  it('sees when each was touched last, and by what', async () => {
    bed.clock.advance(HOUR_MS);
    await asked();

    expect(one.keeper.list()).toMatchObject([{ touchedAt: bed.clock.now(), touchedBy: 'reauthorize' }]);
  });
});
