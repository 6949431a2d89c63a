import { describe, expect, it } from 'vitest';
import type { Io } from '../../../src/commands/io.js';
import { renderStatus } from '../../../src/commands/render/status.js';
import type { CatchUpView } from '../../../src/operator/catch-up.js';
import { unreadyConditions } from '../../../src/operator/health.js';
import type { ReconcilerStatus } from '../../../src/operator/status.js';

const io: Io = { out: () => undefined, err: () => undefined, terminal: false };
const NOW = Date.UTC(2026, 10, 21, 12);
const ago = (ms: number) => new Date(NOW - ms).toISOString();
const MINUTE = 60_000;

function status(catchUp: Partial<CatchUpView> | undefined): ReconcilerStatus {
  return {
    startedAt: ago(0),
    dryRun: false,
    targets: ['linux'],
    problems: [],
    queue: { pending: 0, deferred: 0, processing: 0, parked: [] },
    busy: { sweep: false, targeted: 0 },
    lastSweep: { startedAt: ago(0), finishedAt: ago(0), result: 'done', identities: 1, applied: 0, failed: 0 },
    identities: { active: 1, suspended: 0, grace: 0, deleted: 0 },
    grace: [],
    suspended: [],
    conflicts: [],
    released: [],
    failing: [],
    catchUp: catchUp && {
      intervalSeconds: 300,
      startedAt: ago(60 * MINUTE),
      lastGoodAt: ago(3 * MINUTE),
      last: { requests: { users: 1, groups: 2 }, users: 'by-id', keys: 0 },
      found: { catchUp: 0, sweep: 0 },
      ...catchUp,
    },
  };
}

const screen = (catchUp: Partial<CatchUpView> | undefined) =>
  renderStatus({ reconciler: status(catchUp), subscriptions: [], missing: [] }, io, NOW).join('\n');

describe('catch-up in the status', () => {
  it('tells when it was good last, how often it is, and what a round costs', () => {
    const text = screen({});

    expect(text).toContain('All is well.');
    expect(text).toMatch(/catch-up +3 min ago, every 5 min: 3 calls, users by id\s*$/m);
    expect(text).toMatch(/untold changes +0 found only by catch-up, 0 only by sweep\s*$/m);
  });

  it('tells that all users are asked for where they are too many to be named', () => {
    expect(screen({ last: { requests: { users: 4, groups: 1 }, users: 'collection', keys: 9 } })).toContain(
      '5 calls, all users',
    );
  });

  it('tells that there was no round yet, since when rounds fail, and why', () => {
    const failing = { since: ago(10 * MINUTE), attempts: 2, why: '403 Forbidden' };

    const text = screen({ last: undefined, lastGoodAt: undefined, startedAt: ago(10 * MINUTE), failing });

    expect(text).toContain('none yet, every 5 min; failing since 10 min ago: 403 Forbidden');
    expect(text).toContain('All is well.');
  });

  it('names the last change that nobody had told of', () => {
    const lastFound = { by: 'sweep', oid: 'o', upn: 'bob@example.com', at: ago(7_200_000) } as const;

    expect(screen({ found: { catchUp: 3, sweep: 1 }, lastFound })).toContain(
      '3 found only by catch-up, 1 only by sweep, the last 2 h ago: bob@example.com',
    );
  });

  it('is an alarm, and no readiness, once three rounds are missing', () => {
    const late = { lastGoodAt: ago(16 * MINUTE) };

    const unready = unreadyConditions(status(late), NOW, true);

    expect(screen(late).split('\n')[0]).toBe('! Graph was not asked what changed for 16 minutes');
    expect(unready).toEqual([
      { condition: 'catch-up', detail: 'Graph was not asked what changed for 16 minutes', since: ago(16 * MINUTE) },
    ]);
    expect(unreadyConditions(status({}), NOW, true)).toEqual([]);
  });

  it('is not late within a minute, however short the interval', () => {
    const quick = { intervalSeconds: 1, lastGoodAt: ago(59_000) };

    expect(unreadyConditions(status(quick), NOW, true)).toEqual([]);
    expect(unreadyConditions(status({ ...quick, lastGoodAt: ago(61_000) }), NOW, true)).toHaveLength(1);
  });

  it('does not appear where there is none', () => {
    expect(screen(undefined)).not.toContain('catch-up');
  });
});
