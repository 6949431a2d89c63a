import { describe, expect, it } from 'vitest';
import type { Io } from '../../../src/commands/io.js';
import { renderPlan } from '../../../src/commands/render/plan.js';
import { renderStatus } from '../../../src/commands/render/status.js';
import type { ReconcilerStatus } from '../../../src/operator/status.js';

const io: Io = { out: () => undefined, err: () => undefined, terminal: false };
const NOW = Date.UTC(2026, 10, 21, 12);

function status(change: Partial<ReconcilerStatus> = {}): ReconcilerStatus {
  return {
    startedAt: new Date(NOW).toISOString(),
    dryRun: false,
    targets: ['linux', 'proxmox'],
    problems: [],
    queue: { pending: 2, deferred: 1, processing: 0, parked: [], oldestDueAt: NOW - 3000 },
    busy: { sweep: false, targeted: 0 },
    lastSweep: { startedAt: NOW, finishedAt: NOW - 7_200_000, result: 'done', identities: 7, applied: 1, failed: 0 },
    identities: { active: 5, suspended: 1, grace: 1, deleted: 3 },
    grace: [{ oid: 'o', upn: 'bob@example.com', reason: 'deleted in Entra', deleteAt: '2026-11-22T09:00:00.000Z' }],
    suspended: [{ oid: 's', upn: 'sue@example.com' }],
    conflicts: [],
    failing: [],
    ...change,
  };
}

function screen(change: Partial<ReconcilerStatus> = {}): string {
  return renderStatus({ reconciler: status(change), subscriptions: [], missing: [] }, io, NOW).join('\n');
}

describe('the status screen', () => {
  it('begins with the one thing that matters: whether all is well', () => {
    expect(screen().split('\n')[0]).toBe('All is well.');
  });

  it('tells who will be deleted when, who is suspended, and how the queue stands', () => {
    const text = screen();

    expect(text).toContain('2026-11-22 09:00 UTC  bob@example.com  (deleted in Entra)');
    expect(text).toContain('Suspended: sue@example.com');
    expect(text).toMatch(/queue\s+2 pending \(1 waiting for their time\), 0 in work, 0 parked, oldest due 3 s ago/);
    expect(text).toMatch(/last sweep\s+done 2 h ago, 7 identities, 1 changed/);
  });

  it('puts what needs a decision first, each with the command that settles it', () => {
    const removals = [{ oid: 'o', kind: 'lock' as const, steps: ['linux lock bob'] }];
    const text = screen({
      held: { hash: 'abcdefabcdef', since: NOW - 60_000, by: 'sweep', why: '20 of 30 would be locked', removals },
      conflicts: [{ oid: 'c', upn: 'eve@example.com', target: 'linux', what: 'taken', remedy: 'adopt it', since: NOW }],
    });

    expect(text.split('\n').slice(0, 3)).toEqual([
      '! HELD since 60 s ago: 20 of 30 would be locked',
      '!   entramox approve abcdefabcdef   after reading the list below',
      '! conflict eve@example.com on linux: taken. adopt it',
    ]);
    expect(text).toContain('lock o: linux lock bob');
  });

  it('says so when a daemon does not answer', () => {
    const lines = renderStatus({ missing: ['the reconciler does not answer on /x'] }, io, NOW);

    expect(lines).toEqual(['! the reconciler does not answer on /x']);
  });

  it('warns of a subscription that is missing or has expired', () => {
    const view = { id: 'i', touchedAt: NOW, problem: undefined } as const;
    const lines = renderStatus(
      {
        missing: [],
        subscriptions: [
          { ...view, resource: '/users', state: 'expired', expiresAt: NOW - 1000 },
          { ...view, resource: '/groups/g', id: undefined, state: 'missing', expiresAt: undefined, problem: 'quota' },
        ],
      },
      io,
      NOW,
    );

    expect(lines.slice(0, 2)).toEqual(['! subscription /users has expired', '! subscription /groups/g: quota']);
  });
});

describe('a plan', () => {
  it('shows each person with the steps, what takes away marked apart from what gives', () => {
    const lines = renderPlan(
      {
        identities: [
          {
            oid: 'o',
            upn: 'bob@example.com',
            result: 'applied',
            steps: ['linux lock bob', 'linux create bob', 'linux sudo bob revoke', 'proxmox update bob enabled=false'],
          },
        ],
      },
      io,
    );

    expect(lines).toEqual([
      'bob@example.com o',
      '  - linux lock bob',
      '  + linux create bob',
      '  - linux sudo bob revoke',
      '  - proxmox update bob enabled=false',
    ]);
  });

  it('says that nothing is to be done rather than nothing', () => {
    expect(renderPlan({ identities: [] }, io)).toEqual(['nothing to do: everything is as it should be']);
  });
});
