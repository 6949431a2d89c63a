import { describe, expect, it } from 'vitest';
import { unreadyConditions } from '../../../src/operator/health.js';
import type { ReconcilerStatus } from '../../../src/operator/status.js';

const NOW = Date.UTC(2026, 10, 21);
const MINUTE = 60_000;
const iso = (epochMs: number) => new Date(epochMs).toISOString();

function status(change: Partial<ReconcilerStatus> = {}): ReconcilerStatus {
  return {
    startedAt: iso(NOW),
    dryRun: false,
    targets: ['linux'],
    problems: [],
    queue: { pending: 0, deferred: 0, processing: 0, parked: [], oldestDueAt: undefined },
    busy: { sweep: false, targeted: 0 },
    lastSweep: { startedAt: iso(NOW), finishedAt: iso(NOW), result: 'done', identities: 1, applied: 0, failed: 0 },
    identities: { active: 1, suspended: 0, grace: 0, deleted: 0 },
    grace: [],
    suspended: [],
    conflicts: [],
    released: [],
    failing: [],
    ...change,
  };
}

const sweepWith = (result: 'degraded' | 'failed') => ({
  lastSweep: {
    startedAt: iso(NOW),
    finishedAt: iso(NOW),
    result,
    identities: 0,
    applied: 0,
    failed: 0,
    why: 'Graph is away',
  },
});

describe('unreadyConditions', () => {
  it('finds nothing where all is well', () => {
    expect(unreadyConditions(status(), NOW, true)).toEqual([]);
  });

  it('does not take a conflict of one person for a fault of the service', () => {
    const conflicts = [{ oid: 'o', upn: 'u', target: 'linux' as const, what: 'w', remedy: 'r', since: iso(NOW) }];

    expect(unreadyConditions(status({ conflicts }), NOW, true)).toEqual([]);
  });

  it('says which plan is held and why', () => {
    const held = { hash: 'abcdefabcdef', since: iso(NOW), by: 'sweep' as const, why: '20 of 30', removals: [] };

    expect(unreadyConditions(status({ held }), NOW, true)).toEqual([
      { condition: 'held', detail: 'plan abcdefabcdef waits for approval: 20 of 30', since: iso(NOW) },
    ]);
  });

  it('takes a degraded sweep for a fault only where the configuration fails closed', () => {
    expect(unreadyConditions(status(sweepWith('degraded')), NOW, true)).toEqual([]);
    expect(unreadyConditions(status(sweepWith('degraded')), NOW, false)).toMatchObject([{ condition: 'sweep' }]);
    expect(unreadyConditions(status(sweepWith('failed')), NOW, true)).toMatchObject([
      { condition: 'sweep', detail: expect.stringContaining('Graph is away') },
    ]);
  });

  it('is not ready before the first sweep, unless one is running', () => {
    const never = { lastSweep: undefined };

    expect(unreadyConditions(status(never), NOW, true)).toMatchObject([{ condition: 'never-swept' }]);
    expect(unreadyConditions(status({ ...never, busy: { sweep: true, targeted: 0 } }), NOW, true)).toEqual([]);
  });

  it('notices work that does not get done', () => {
    const queue = { ...status().queue, oldestDueAt: iso(NOW - 6 * MINUTE) };
    const young = { ...queue, oldestDueAt: iso(NOW - 4 * MINUTE) };
    const parked = [{ key: 'user:x' as const, since: NOW, attempts: 10, error: 'no such group' }];

    expect(unreadyConditions(status({ queue }), NOW, true)).toMatchObject([{ condition: 'queue' }]);
    expect(unreadyConditions(status({ queue: young }), NOW, true)).toEqual([]);
    expect(unreadyConditions(status({ queue: { ...status().queue, parked } }), NOW, true)).toMatchObject([
      { condition: 'parked', detail: expect.stringContaining('no such group') },
    ]);
  });

  it('names what is unwell, since when, and what mends it', () => {
    const conditions = [{ condition: 'graph', detail: 'status 503', since: iso(NOW - MINUTE), mend: 'wait' }];

    expect(unreadyConditions(status({ problems: ['status 503'], conditions }), NOW, true)).toEqual(conditions);
  });

  it('counts what was tried again and again as not done', () => {
    const queue = { ...status().queue, oldestUnprovedAt: iso(NOW - 6 * MINUTE) };

    expect(unreadyConditions(status({ queue }), NOW, true)).toEqual([
      {
        condition: 'queue',
        detail: expect.stringMatching(/6 minutes ago is not settled/),
        since: iso(NOW - 6 * MINUTE),
      },
    ]);
  });

  it('is red for as long as somebody who left cannot be locked, and not for a joiner whose account fails', () => {
    const joiner = { oid: 'j', upn: 'joe@example.com', problem: 'linux: full', since: iso(NOW - MINUTE), locks: false };
    const leaver = { oid: 'l', upn: 'lea@example.com', problem: 'linux: busy', since: iso(NOW - MINUTE), locks: true };

    expect(unreadyConditions(status({ failing: [joiner] }), NOW, true)).toEqual([]);
    expect(unreadyConditions(status({ failing: [joiner, leaver] }), NOW, true)).toMatchObject([
      {
        condition: 'leaver',
        detail: 'lea@example.com: a lock or a deletion fails: linux: busy',
        since: iso(NOW - MINUTE),
      },
    ]);
  });
});
