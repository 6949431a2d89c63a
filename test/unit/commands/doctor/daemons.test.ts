import { describe, expect, it } from 'vitest';
import { checkListener, checkReconciler } from '../../../../src/commands/doctor/daemons.js';
import { type Answer, DaemonUnreachable } from '../../../../src/operator/client.js';
import type { Unready } from '../../../../src/operator/health.js';
import type { ReconcilerStatus } from '../../../../src/operator/status.js';
import { NOW } from './looked.js';
import { provoked, unwell } from './provoked.js';

const HOUR_MS = 3_600_000;
const iso = (ms: number) => new Date(ms).toISOString();
const swept = (change: object = {}) => ({
  startedAt: iso(NOW - HOUR_MS),
  finishedAt: iso(NOW - HOUR_MS + 1_000),
  result: 'done' as const,
  identities: 5,
  applied: 0,
  failed: 0,
  ...change,
});
const status = (change: object = {}) =>
  ({
    startedAt: iso(NOW - 2 * HOUR_MS),
    dryRun: false,
    queue: { pending: 1, deferred: 1, processing: 0, parked: [] },
    busy: { sweep: false },
    lastSweep: swept(),
    ...change,
  }) as unknown as ReconcilerStatus;

function look(seen: ReconcilerStatus | Error, unready: Unready[] = [], failOpen = true) {
  const ask = async (path: string): Promise<Answer> => {
    if (seen instanceof Error) throw seen;
    return { status: 200, body: path === '/status' ? seen : { ok: unready.length === 0, unready } };
  };
  return checkReconciler({ ask, sweepEveryMs: 26 * HOUR_MS, failOpen, now: NOW });
}

describe('the reconciler', () => {
  it('is fine where it runs, swept, and nothing waits', async () => {
    expect(unwell(await look(status()))).toEqual({});
  });

  it('that does not run is wrong, and the rest is not looked at', async () => {
    const checks = await look(new DaemonUnreachable('nothing answers on /run/x'));

    expect(provoked('reconciler.reach', checks).mend).toContain('systemctl start');
    expect(checks.slice(1).map(({ state }) => state)).toEqual(Array(5).fill('skipped'));
  });

  it('that is not ready says why', async () => {
    const checks = await look(status(), [
      { condition: 'problem', detail: 'the ledger cannot be written' },
      { condition: 'held', detail: 'told elsewhere' },
    ]);

    expect(provoked('reconciler.ready', checks).saw).toBe('the ledger cannot be written');
  });

  it.each<[string, object, RegExp]>([
    ['never finished one', { lastSweep: undefined }, /none has finished yet/],
    ['failed', { lastSweep: swept({ result: 'failed', why: 'the ledger' }) }, /\(failed\), 5 identities: the ledger/],
    ['was too long ago', { lastSweep: swept({ finishedAt: iso(NOW - 27 * HOUR_MS) }) }, /too long ago/],
  ])('is wrong where the sweep %s', async (_what, change, words) => {
    expect(provoked('reconciler.sweep', await look(status(change))).saw).toMatch(words);
  });

  it('takes a degraded sweep as GRAPH_FAIL_OPEN says, and a first one that runs for no fault', async () => {
    const degraded = status({ lastSweep: swept({ result: 'degraded', why: 'Graph' }) });

    expect(unwell(await look(degraded))).toEqual({ 'reconciler.sweep': 'remark' });
    expect(unwell(await look(degraded, [], false))).toEqual({ 'reconciler.sweep': 'wrong' });
    expect(unwell(await look(status({ lastSweep: undefined, busy: { sweep: true } })))).toEqual({
      'reconciler.sweep': 'remark',
    });
  });

  it('is wrong while a plan is held, with the commands that decide it', async () => {
    const held = { hash: '0123456789ab', since: iso(NOW), why: '30 would be locked', by: 'sweep' };

    const check = provoked('reconciler.held', await look(status({ held })));

    expect(check.mend).toBe('entramox plan, then entramox approve 0123456789ab or entramox reject 0123456789ab');
  });

  it('is wrong where due work waits, unless a sweep is under way, and where keys were given up', async () => {
    const queue = { pending: 3, deferred: 0, processing: 0, parked: [], oldestDueAt: iso(NOW - 600_000) };
    const parked = [{ key: 'user:1', error: 'it broke', attempts: 9 }];

    expect(provoked('reconciler.queue', await look(status({ queue }))).saw).toContain('600 s');
    expect(unwell(await look(status({ queue, busy: { sweep: true } })))).toEqual({ 'reconciler.queue': 'remark' });
    expect(
      provoked('reconciler.parked', await look(status({ queue: { ...queue, oldestDueAt: undefined, parked } }))).saw,
    ).toContain('user:1: it broke');
  });
});

describe('the listener', () => {
  const away = async (): Promise<Answer> => Promise.reject(new DaemonUnreachable('nothing answers on /run/listener'));

  it('is found on its own socket or on that of `run`, with what it holds', async () => {
    const { checks, held } = await checkListener({
      ask: [away, async () => ({ status: 200, body: [{ resource: '/users', id: 's1' }] })],
    });

    expect(unwell(checks)).toEqual({});
    expect(checks.map(({ name }) => name)).toEqual(['listener.reach', 'listener.ready']);
    expect(held).toEqual([{ resource: '/users', id: 's1' }]);
  });

  it('is missed where neither answers', async () => {
    const { checks, held } = await checkListener({ ask: [away, async () => ({ status: 404, body: {} })] });

    expect(provoked('listener.reach', checks).saw).toContain('nothing answers on /run/listener');
    expect(held).toEqual([]);
  });

  it('that is not ready says why, but for subscriptions, which are looked at one by one', async () => {
    const unready: Unready[] = [
      { condition: 'answers', detail: 'Graph holds it for slow' },
      { condition: 'subscription', detail: '/users is missing' },
    ];

    const { checks } = await checkListener({
      ask: [async (path) => ({ status: 200, body: path === '/readyz' ? { unready } : [] })],
    });

    expect(provoked('listener.ready', checks).saw).toBe('Graph holds it for slow');
  });
});
