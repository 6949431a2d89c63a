import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/domain/clock.js';
import { GraphUnavailable } from '../../../src/entra/graph-errors.js';
import { guid } from '../queue/fixtures.js';
import { createFakeSubscriptions } from './fake-subscriptions.js';
import { type Bed, HOUR_MS, MINUTE_MS, OUR_URL, openBed, openMemoryStore, signal } from './keeper-bed.js';

const groups = (count: number) => Array.from({ length: count }, (_, n) => `/groups/${guid(n + 1)}`);

let bed: Bed;

beforeEach(async () => {
  bed = await openBed();
});
afterEach(() => bed.remove());

describe('a Graph that cannot be asked', () => {
  it('is left alone after some failures, for longer and longer, and asked again by itself', async () => {
    const { keeper, named } = await bed.start({ store: await openMemoryStore(), wanted: () => groups(50) });
    await keeper.tick(signal);
    bed.api.calls = [];
    bed.api.failing = /./;
    for (let minute = 0; minute < 60; minute += 1) {
      await keeper.tick(signal);
      bed.clock.advance(MINUTE_MS);
    }
    const inAnHour = bed.api.calls.length;
    bed.api.failing = undefined;
    bed.clock.advance(5 * MINUTE_MS);

    await keeper.tick(signal);

    // Sixty looks at fifty would be three thousand calls.
    expect(inAnHour).toBeLessThan(100);
    expect(inAnHour).toBeGreaterThan(20);
    expect(keeper.list().every(({ state, problem }) => state === 'live' && problem === undefined)).toBe(true);
    expect(named('listener.subscriptions.paused').length).toBeGreaterThan(5);
  });

  it('says of each subscription why nothing is known of it', async () => {
    bed.api.failing = /./;
    const { keeper } = await bed.start({ store: await openMemoryStore(), wanted: () => groups(20) });

    await keeper.tick(signal);

    expect(keeper.list().every(({ problem }) => /cannot be asked|could not be asked/.test(problem ?? ''))).toBe(true);
  });

  it('is given the time that it asks for', async () => {
    const { keeper } = await bed.start({ store: await openMemoryStore(), wanted: () => groups(10) });
    await keeper.tick(signal);
    bed.api.calls = [];
    const throttled = new GraphUnavailable('Graph throttles this app', { status: 429, retryAfterMs: 20 * MINUTE_MS });
    bed.api.onCall = () => Promise.reject(throttled);
    await keeper.tick(signal);
    const first = bed.api.calls.length;
    for (let minute = 0; minute < 19; minute += 1) {
      bed.clock.advance(MINUTE_MS);
      await keeper.tick(signal);
    }
    const meanwhile = bed.api.calls.length - first;
    bed.api.onCall = undefined;
    bed.clock.advance(MINUTE_MS);

    await keeper.tick(signal);

    // Four calls run side by side.
    expect(first).toBeLessThanOrEqual(4);
    expect(meanwhile).toBe(0);
    expect(bed.api.calls.length - first).toBe(10);
  });

  it('costs no subscription, also at the shortest lifetime', async () => {
    const { keeper, gaps } = await bed.start({
      store: await openMemoryStore(),
      lifetimeMs: 45 * MINUTE_MS,
      wanted: () => groups(10),
    });
    await keeper.tick(signal);
    bed.api.failing = /^(get|renew|list)/;
    for (let minute = 0; minute < 30; minute += 5) {
      bed.clock.advance(5 * MINUTE_MS);
      await keeper.tick(signal);
    }
    bed.api.failing = undefined;

    for (let minute = 0; minute < 30; minute += 5) {
      bed.clock.advance(5 * MINUTE_MS);
      await keeper.tick(signal);
    }

    expect(gaps).toEqual([]);
    expect(keeper.list().every(({ state }) => state === 'live')).toBe(true);
  });
});

describe('a creation that is refused', () => {
  it('is tried seldom', async () => {
    const refused = { kind: 'no-object', explanation: 'there is no such group' } as const;
    const { keeper, named } = await bed.start({ store: await openMemoryStore() });
    bed.api.nextCreates = Array.from({ length: 1000 }, () => refused);

    for (let minute = 0; minute < 24 * 60; minute += 1) {
      await keeper.tick(signal);
      bed.clock.advance(MINUTE_MS);
    }

    expect(bed.calls(/^create/).length).toBeLessThan(35);
    expect(bed.calls(/^create/).length).toBeGreaterThan(20);
    expect(keeper.list()).toMatchObject([{ state: 'missing', problem: 'there is no such group' }]);
    expect(named('listener.subscription.no-object').length).toBe(bed.calls(/^create/).length);
  }, 30_000);
});

describe('the documented rates', () => {
  it('are never exceeded, however many subscriptions there are and however often they are looked at', async () => {
    const at: { line: string; time: number }[] = [];
    let time = Date.UTC(2026, 0, 1);
    // Whoever waits finds the time passed; everybody else finds it where it was.
    const clock: Clock & { time: number; advance: (ms: number) => void } = {
      time: 0,
      now: () => time,
      sleep: async (ms) => {
        time += ms;
      },
      advance: () => undefined,
    };
    const api = createFakeSubscriptions(clock, `${OUR_URL}/graph/notifications`);
    api.onCall = (line) => void at.push({ line, time });
    const { keeper } = await bed.start({ store: await openMemoryStore(), clock, api, wanted: () => groups(90) });
    const stop = time + 2 * MINUTE_MS;
    while (time < stop) {
      await keeper.tick(signal);
      await keeper.renewAll(signal);
      await keeper.deleteAll(signal);
      time += 1000;
    }

    const most = (pattern: RegExp) => {
      const times = at.filter(({ line }) => pattern.test(line)).map((call) => call.time);
      return Math.max(...times.map((from) => times.filter((one) => one >= from && one < from + 20_000).length));
    };
    expect(most(/^get/)).toBeLessThanOrEqual(500 / 5);
    expect(most(/^(create|renew|delete)/)).toBeLessThanOrEqual(500 / 5);
    expect(most(/^list/)).toBeLessThanOrEqual(25 / 5);
    expect(keeper.list()).toHaveLength(90);
  }, 60_000);

  it('are not waited for because of calls that a clock set back has put into the future', async () => {
    const { keeper } = await bed.start({ store: await openMemoryStore(), wanted: () => groups(80) });
    await keeper.tick(signal);
    bed.clock.time -= HOUR_MS;

    await keeper.tick(signal);

    expect(bed.calls(/^get/)).toHaveLength(80);
    expect(bed.calls(/^renew/)).toHaveLength(80);
  });
});
