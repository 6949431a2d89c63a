import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SourceUnavailable } from '../../../src/domain/errors.js';
import { createBreaker, type Outage } from '../../../src/entra/breaker.js';
import { GraphUnavailable } from '../../../src/entra/graph-errors.js';
import { findMissingRoles } from '../../../src/entra/token-roles.js';
import { createTestClock, createTestGraph, createTestLog, GRAPH, guid, NOW } from './support.js';

const SECOND = 1000;
const well = async () => undefined;
const unwell = new GraphUnavailable('Graph is unwell: status 503', { transient: true, about: 'graph' });
const fails = async () => {
  throw unwell;
};

function setUp() {
  const clock = createTestClock();
  const { log, events } = createTestLog();
  const breaker = createBreaker({ clock, log, random: () => 1 });
  const told: (Outage | undefined)[] = [];
  breaker.watch((outage) => told.push(outage));
  const attempt = async (work: () => Promise<unknown>) => breaker.pass(work, well).catch((error: unknown) => error);
  const pass = (seconds: number) => clock.set(clock.now() + seconds * SECOND);
  /** Five failures, each a second after the other. */
  const breaks = async () => {
    for (let count = 0; count < 5; count += 1) {
      if (count > 0) pass(1);
      await attempt(fails);
    }
  };
  return { clock, events, breaker, told, attempt, pass, breaks };
}

describe('the breaker', () => {
  it('lets everything through while failures are few, however many there were in all', async () => {
    const { attempt, breaker, pass } = setUp();

    for (let round = 0; round < 5; round += 1) {
      for (let count = 0; count < 4; count += 1) await attempt(fails);
      pass(60);
      await attempt(async () => 'answer');
    }

    expect(breaker.outage()).toBeUndefined();
  });

  it('does not take many connections that are cut in one moment for an outage', async () => {
    const { attempt, breaker } = setUp();

    await Promise.all(Array.from({ length: 20 }, () => attempt(fails)));

    expect(breaker.outage()).toBeUndefined();
  });

  it('says after some failures in a row what is unwell and since when, and asks nothing more', async () => {
    const { attempt, breaks, breaker, events } = setUp();
    await breaks();
    let asked = 0;

    const error = await attempt(async () => {
      asked += 1;
    });

    expect(asked).toBe(0);
    expect(error).toBeInstanceOf(SourceUnavailable);
    expect((error as Error).message).toMatch(/status 503 \(unwell since 2026-11-20T09:00:00Z, not asked again before/);
    expect(breaker.outage()).toMatchObject({ part: 'graph', since: NOW, until: NOW + 6 * SECOND });
    expect(events.map(({ event }) => event)).toEqual(['entra.outage.began']);
  });

  it('asks once after each pause, which doubles up to a minute, for hours', async () => {
    const { attempt, breaks, breaker, clock } = setUp();
    await breaks();
    const pauses: number[] = [];
    let asked = 0;

    while (clock.now() < NOW + 3 * 3600 * SECOND) {
      const until = breaker.outage()?.until ?? 0;
      pauses.push((until - clock.now()) / SECOND);
      clock.set(until);
      for (let caller = 0; caller < 10; caller += 1) {
        await attempt(async () => {
          asked += 1;
          return fails();
        });
      }
    }

    expect(pauses.slice(0, 7)).toEqual([2, 4, 8, 16, 32, 60, 60]);
    expect(asked).toBe(pauses.length);
    expect(breaker.outage()?.since).toBe(NOW);
  });

  it('is over with the first answer, and tells so', async () => {
    const { attempt, breaks, breaker, pass, told, events } = setUp();
    await breaks();
    pass(2);

    expect(await attempt(async () => 'answer')).toBe('answer');

    expect(breaker.outage()).toBeUndefined();
    expect(told.at(-1)).toBeUndefined();
    expect(events.at(-1)).toMatchObject({ event: 'entra.outage.ended', fields: { lastedMs: 6 * SECOND } });
  });

  it('lets those who come during the first look wait for what it finds', async () => {
    const { attempt, breaks, pass } = setUp();
    await breaks();
    pass(2);
    const order: string[] = [];
    const call = (name: string) =>
      attempt(async () => {
        order.push(`${name} begins`);
        await new Promise(setImmediate);
        order.push(`${name} ends`);
      });

    await Promise.all([call('look'), call('second')]);

    expect(order).toEqual(['look begins', 'look ends', 'second begins', 'second ends']);
  });

  it('goes on with its pauses where only the look went well', async () => {
    const { attempt, breaks, breaker, pass, clock } = setUp();
    await breaks();
    pass(2);
    await attempt(async () => 'look');

    await breaks();

    expect((breaker.outage()?.until ?? 0) - clock.now()).toBe(4 * SECOND);
  });

  it('begins at once where trying again cannot help, and respects what is asked for up to a limit', async () => {
    const { attempt, breaker, clock } = setUp();
    const asks = (retryAfterMs: number) => async () => {
      throw new GraphUnavailable('throttled', { about: 'login', retryAfterMs });
    };

    await attempt(asks(90 * SECOND));
    const first = breaker.outage();
    clock.set(first?.until ?? 0);
    await attempt(asks(365 * 86_400 * SECOND));

    expect(first).toMatchObject({ part: 'login', until: NOW + 90 * SECOND });
    expect(breaker.outage()?.until).toBe(NOW + 990 * SECOND);
  });

  it('concludes nothing from a call that its caller gave up, nor from one that failed for itself', async () => {
    const { breaker, pass } = setUp();
    const aborted = AbortSignal.abort(new Error('gave up'));

    for (let count = 0; count < 10; count += 1) {
      pass(1);
      await breaker.pass(fails, well, aborted).catch(() => undefined);
      await breaker.pass(() => Promise.reject(new GraphUnavailable('too long')), well).catch(() => undefined);
    }

    expect(breaker.outage()).toBeUndefined();
  });
});

describe('a client with a breaker', () => {
  const PATH = `/users/${guid(1)}`;
  const anything = z.unknown();
  beforeEach(() => nock.disableNetConnect());
  afterEach(() => {
    nock.cleanAll();
    nock.enableNetConnect();
  });

  function client(options: { lacking?: () => ReturnType<typeof findMissingRoles> } = {}) {
    const clock = createTestClock();
    const { log } = createTestLog();
    const breaker = createBreaker({ clock, log, random: () => 1 });
    const credential = { getToken: async () => 'token-1', ...options };
    return { breaker, ...createTestGraph({ breaker, clock, log, credential }) };
  }

  it('stops repeating as soon as Graph as a whole is known to be unwell', async () => {
    nock(GRAPH).persist().get(/.*/).reply(503, '<html></html>');
    const { graph, calls, breaker } = client();

    for (let count = 0; count < 50; count += 1) await graph.get(PATH, anything).catch(() => undefined);

    expect(calls).toHaveLength(5);
    expect(breaker.outage()?.why).toMatch(/Graph is unwell: GET \S+ gave status 503/);
  });

  it('takes no refusal of one object for an outage', async () => {
    const error = { error: { code: 'Request_ResourceNotFound', message: 'no' } };
    for (const status of [400, 403, 404])
      nock(GRAPH)
        .persist()
        .get(`${`/v1.0${PATH}`}${status}`)
        .reply(status, error);
    const { graph, clock, breaker } = client();

    for (let count = 0; count < 30; count += 1) {
      clock.set(clock.now() + SECOND);
      await graph.get(`${PATH}${[400, 403, 404][count % 3]}`, anything).catch(() => undefined);
    }

    expect(breaker.outage()).toBeUndefined();
  });

  it('takes a Retry-After beyond the patience of a call as said to all, with what Graph says about the limit', async () => {
    const headers = { 'retry-after': '120', 'x-ms-throttle-scope': 'Tenant', 'x-ms-throttle-limit-percentage': '1.3' };
    nock(GRAPH)
      .get(`/v1.0${PATH}`)
      .reply(429, { error: { code: 'TooManyRequests', message: '' } }, headers);
    const { graph, calls, breaker } = client();

    await graph.get(PATH, anything).catch(() => undefined);
    await graph.get(PATH, anything).catch(() => undefined);

    expect(calls).toHaveLength(1);
    expect(breaker.outage()).toMatchObject({ until: NOW + 120 * SECOND });
    expect(breaker.outage()?.why).toContain('(scope Tenant, at 1.3 of the limit)');
  });

  it('sees in a batch that every item is refused, although the batch itself is answered with 200', async () => {
    const responses = [{ id: '1', status: 429, headers: { 'Retry-After': '300' }, body: {} }];
    nock(GRAPH).post('/v1.0/$batch').reply(200, { responses });
    const { graph, breaker } = client();

    await graph.batch([{ id: '1', method: 'GET', path: PATH }]);

    expect(breaker.outage()).toMatchObject({ part: 'graph', until: NOW + 300 * SECOND });
  });

  it('calls a refusal an outage of the permissions where the token itself lacks what reading needs', async () => {
    const denied = { error: { code: 'Authorization_RequestDenied', message: 'Insufficient privileges' } };
    nock(GRAPH).get(`/v1.0${PATH}`).reply(403, denied);
    const { graph, breaker } = client({ lacking: () => findMissingRoles([], ['User.Read.All'], 'the-app') });

    await graph.get(PATH, anything).catch(() => undefined);

    expect(breaker.outage()).toMatchObject({
      part: 'permissions',
      mend: expect.stringContaining('Grant admin consent'),
    });
  });

  it('keeps nobody from Graph for a refusal where the token has all that reading needs', async () => {
    const denied = { error: { code: 'Authorization_RequestDenied', message: 'Insufficient privileges' } };
    nock(GRAPH).get(`/v1.0${PATH}`).reply(403, denied);
    const { graph, breaker } = client({ lacking: () => undefined });

    await graph.get(PATH, anything).catch(() => undefined);

    expect(breaker.outage()).toBeUndefined();
  });
});
