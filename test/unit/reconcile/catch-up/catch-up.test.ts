import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SourceUnavailable } from '../../../../src/domain/errors.js';
import type { ObjectId } from '../../../../src/domain/identity.js';
import type { DeltaQuery } from '../../../../src/entra/delta-hints.js';
import { DeltaLost } from '../../../../src/entra/delta-pages.js';
import { catchUpLateness, catchUpView } from '../../../../src/operator/catch-up.js';
import { type CatchUp, createCatchUp } from '../../../../src/reconcile/catch-up/catch-up.js';
import { linksInMemory } from '../../../../src/reconcile/catch-up/links.js';
import { createMetrics } from '../../../../src/telemetry/metrics.js';
import { ALICE, EVERYBODY } from '../../domain/builders.js';

const MINUTE = 60_000;
const INTERVAL_MS = 5 * MINUTE;

let catchUp: CatchUp;
let calls: string[];
let events: string[];
let metrics: ReturnType<typeof createMetrics>;
/** What a call does instead of answering. */
let fault: (call: string, signal: AbortSignal) => Promise<void>;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 9) });
  calls = [];
  events = [];
  metrics = createMetrics();
  fault = async () => undefined;
  const call = async (name: string, signal: AbortSignal) => {
    calls.push(name);
    await fault(name, signal);
  };
  catchUp = createCatchUp({
    source: {
      async begin({ kind }: DeltaQuery, signal) {
        await call(`begin ${kind}`, signal);
        return { link: `https://graph.example.test/${kind}`, requests: 2 };
      },
      async follow(kind, link, signal) {
        await call(`follow ${kind}`, signal);
        return { users: new Set([ALICE]), groups: new Set<string>(), link: `${link}x`, requests: 1 };
      },
    },
    hints: { put: async () => undefined },
    links: linksInMemory(),
    groups: () => [EVERYBODY],
    known: { list: (): readonly ObjectId[] => [ALICE], swept: () => undefined, settled: () => undefined },
    entry: () => undefined,
    intervalMs: INTERVAL_MS,
    isPushed: true,
    clock: { now: () => Date.now(), sleep: async () => undefined },
    log: (event) => void events.push(event),
    metrics,
    random: () => 1,
  });
});
afterEach(async () => {
  fault = async () => undefined;
  await catchUp.stop();
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const since = (at: number | undefined) => (at === undefined ? undefined : (at - Date.UTC(2026, 10, 22, 9)) / MINUTE);

describe('catch-up', () => {
  it('waits an interval before the first round, and between all others', async () => {
    catchUp.start();
    await pass(INTERVAL_MS - 1);
    const early = [...calls];
    await pass(1);
    const first = [...calls];
    await pass(INTERVAL_MS);

    expect([early, first]).toEqual([[], ['begin users', 'begin groups']]);
    expect(calls.slice(2)).toEqual(['follow users', 'follow groups']);
  });

  it('tells when it was good last, and what a round costs', async () => {
    catchUp.start();
    await pass(2 * INTERVAL_MS);

    const { lastGoodAt, last, failing } = catchUp.standing();
    const exposed = await metrics.registry.metrics();
    expect(since(lastGoodAt)).toBe(10);
    expect(last).toEqual({ requests: { users: 1, groups: 1 }, users: 'by-id', keys: 1 });
    expect(failing).toBeUndefined();
    expect(exposed).toContain('entramox_catchup_requests_total{kind="users"} 3');
    expect(exposed).toContain('entramox_catchup_round_requests{kind="groups"} 1');
  });

  it('pauses twice as long after each failure, up to a quarter of an hour, and says since when', async () => {
    catchUp.start();
    const times: (number | undefined)[] = [];
    fault = async () => {
      times.push(since(Date.now()));
      throw new SourceUnavailable('Graph is away');
    };
    await pass(60 * MINUTE);
    const { failing } = catchUp.standing();
    fault = async () => undefined;
    await pass(15 * MINUTE);

    expect([...new Set(times)]).toEqual([5, 15, 30, 45, 60]);
    expect([since(failing?.since), failing?.attempts, failing?.why]).toEqual([5, 5, 'Graph is away']);
    expect(catchUp.standing().failing).toBeUndefined();
    expect(events.filter((event) => event !== 'reconcile.catchup.gap')).toEqual([
      'reconcile.catchup.failed',
      'reconcile.catchup.read',
      'reconcile.catchup.recovered',
    ]);
    expect(await metrics.registry.metrics()).toContain('entramox_catchup_failures_total 5');
  });

  it('does not wait out its pause once whatever made rounds fail is over', async () => {
    catchUp.start();
    fault = async () => {
      throw new SourceUnavailable('Graph is away');
    };
    await pass(31 * MINUTE);
    fault = async () => undefined;
    catchUp.hurry();
    await pass(0);
    const { failing, lastGoodAt } = catchUp.standing();
    const rounds = calls.length;
    catchUp.hurry();
    await pass(INTERVAL_MS - 1);

    expect([failing, since(lastGoodAt)]).toEqual([undefined, 31]);
    expect(calls.length).toBe(rounds);
    await pass(1);
    expect(calls.length).toBeGreaterThan(rounds);
  });

  it('does not ask for sweep after sweep where Graph loses every place', async () => {
    catchUp.start();
    let swept = 0;
    fault = async (call) => {
      if (!call.startsWith('follow')) return;
      swept += call === 'follow users' ? 1 : 0;
      throw new DeltaLost('410');
    };

    await pass(60 * MINUTE);

    // At 5 minutes the first place, then after 5, 10, 15, 15 more.
    expect(swept).toBe(4);
  });

  it('never has two rounds at once', async () => {
    let end = (): void => undefined;
    fault = () =>
      new Promise((resolve) => {
        end = resolve;
      });

    const first = catchUp.round();
    const second = catchUp.round();
    await pass(0);
    const meanwhile = [...calls];
    fault = async () => undefined;
    end();
    await Promise.all([first, second]);

    expect(meanwhile).toEqual(['begin users']);
    expect(calls).toEqual(['begin users', 'begin groups']);
  });

  it('gives a round up that does not end, and tells so', async () => {
    catchUp.start();
    fault = (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

    await pass(INTERVAL_MS + 4 * MINUTE);

    expect(catchUp.standing().failing?.why).toContain('longer than 240 s');
  });

  it('lets go of the round that runs when it is stopped, which is no failure', async () => {
    catchUp.start();
    fault = (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    await pass(INTERVAL_MS);

    await catchUp.stop();
    await pass(60 * MINUTE);

    expect(catchUp.standing().failing).toBeUndefined();
    expect(calls).toEqual(['begin users']);
  });
});

describe('what is told of catch-up', () => {
  it('is late once three rounds are missing, with the reason', async () => {
    catchUp.start();
    await pass(INTERVAL_MS);
    fault = () => Promise.reject(new SourceUnavailable('Graph is away'));
    await pass(3 * INTERVAL_MS);
    const inTime = catchUpLateness(catchUpView(catchUp.standing()), Date.now());
    await pass(1000);

    const late = catchUpLateness(catchUpView(catchUp.standing()), Date.now());

    expect(inTime).toBeUndefined();
    expect(late).toEqual({
      since: '2026-11-22T09:05:00.000Z',
      detail: 'Graph was not asked what changed for 15 minutes: Graph is away',
    });
  });

  it('is counted from the start where no round was ever good', async () => {
    fault = () => Promise.reject(new Error('403 Forbidden'));
    catchUp.start();
    await pass(16 * MINUTE);

    const late = catchUpLateness(catchUpView(catchUp.standing()), Date.now());

    expect(late?.since).toBe('2026-11-22T09:00:00.000Z');
  });

  it('is nothing where there is no catch-up', () => {
    expect(catchUpLateness(undefined, Date.now())).toBeUndefined();
  });
});
