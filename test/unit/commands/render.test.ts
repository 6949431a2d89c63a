import { describe, expect, it } from 'vitest';
import { ExitCode, exitCodeOfStatus } from '../../../src/commands/exit-code.js';
import type { Io } from '../../../src/commands/io.js';
import { renderPlan } from '../../../src/commands/render/plan.js';
import { renderStatus } from '../../../src/commands/render/status.js';
import type { ReconcilerStatus } from '../../../src/operator/status.js';
import { expiryViews } from '../../../src/telemetry/expiry.js';

const io: Io = { out: () => undefined, err: () => undefined, terminal: false };
const NOW = Date.UTC(2026, 10, 21, 12);
const iso = (epochMs: number) => new Date(epochMs).toISOString();

const SWEPT = { startedAt: iso(NOW), finishedAt: iso(NOW - 7_200_000), identities: 7, applied: 1, failed: 0 };

function status(change: Partial<ReconcilerStatus> = {}): ReconcilerStatus {
  return {
    startedAt: iso(NOW),
    dryRun: false,
    targets: ['linux', 'proxmox'],
    problems: [],
    queue: { pending: 2, deferred: 1, processing: 0, parked: [], oldestDueAt: iso(NOW - 3000) },
    busy: { sweep: false, targeted: 0 },
    lastSweep: { ...SWEPT, result: 'done' },
    identities: { active: 5, suspended: 1, grace: 1, deleted: 3 },
    grace: [{ oid: 'o', upn: 'bob@example.com', reason: 'deleted in Entra', deleteAt: '2026-11-22T09:00:00.000Z' }],
    suspended: [{ oid: 's', upn: 'sue@example.com' }],
    conflicts: [],
    released: [],
    failing: [],
    ...change,
  };
}

function screen(change: Partial<ReconcilerStatus> = {}): string {
  return renderStatus({ reconciler: status(change), subscriptions: [], missing: [] }, io, NOW).join('\n');
}

describe('the status screen', () => {
  it('does not promise that the next sweep deletes somebody whose deletion waits', () => {
    const over = { oid: 'o', upn: 'bob@example.com', reason: 'deleted in Entra', deleteAt: iso(NOW - 1) };

    expect(screen({ grace: [over] })).toContain('due, at the next sweep  bob@example.com');
    expect(screen({ grace: [{ ...over, waits: 'waits for the clock' }] })).toContain(
      'due, waits for the clock  bob@example.com',
    );
  });

  it('does not say that all is well while due work is left undone', () => {
    const queue = { pending: 1, deferred: 0, processing: 0, parked: [], oldestDueAt: iso(NOW - 600_000) };

    expect(screen({ queue }).split('\n')[0]).toBe(
      '! a due key has waited for 10 minutes: see the journal of the reconciler',
    );
  });

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

  it('tells what ends soon, when, and what to do', () => {
    const [expiring] = expiryViews([{ credential: 'entra-client-secret', expiresAt: NOW + 6.5 * 86_400_000 }], NOW);
    const [expired] = expiryViews([{ credential: 'pve-api-token', expiresAt: NOW - 1 }], NOW);
    if (!expiring || !expired) throw new Error('two are expected');

    const named = expiryViews(
      [
        { credential: 'proxmox-token', name: 'a@pve!b', expiresAt: NOW + 6.5 * 86_400_000 },
        { credential: 'proxmox-token-rotation', name: 'a@pve!b', expiresAt: NOW - 1 },
      ],
      NOW,
    );

    const lines = screen({ expiring: [expiring, expired, ...named] }).split('\n');

    expect(lines[2]).toMatch(/^! the token a@pve!b ends in 6 d \(2026-11-28T.*declare a later expire/);
    expect(lines[3]).toMatch(/^! a@pve!b was to be rotated or revoked by 2026-11-21T.*entramox token rotate --due/);
    expect(lines[0]).toBe(`! entra-client-secret ends in 6 d (2026-11-28T00:00:00.000Z): ${expiring.remedy}`);
    expect(lines[1]).toContain('! pve-api-token has ended (2026-11-21T11:59:59.999Z): ');
  });

  it('says whether owners and modes are enforced, what was changed, and what will refuse the next start', () => {
    const why = 'others may write /etc/entramox/accounts.policy.json';
    const distrusted = [{ path: '/etc/entramox/accounts.policy.json', why, mend: 'chmod go-w x' }];
    const sealedAt = '2026-11-20T09:00:00.000Z';

    const off = screen({ integrity: { enforced: false, why: 'INTEGRITY=report', distrusted, changed: [] } });
    const on = screen({
      integrity: { enforced: true, distrusted, sealedAt, changed: ['/etc/entramox/entramox.env'] },
    });

    expect(off.split('\n')[0]).toBe('All is well.');
    expect(off).toMatch(
      /integrity\s+owners and modes not enforced \(INTEGRITY=report\), 1 could be changed by others; contents not sealed/,
    );
    expect(on.split('\n').slice(0, 2)).toEqual([
      `! ${why}: the next start will be refused. chmod go-w x`,
      '! /etc/entramox/entramox.env was changed since it was sealed. If that was you: entramox integrity seal',
    ]);
    expect(on).toMatch(/integrity\s+owners and modes enforced; contents sealed 2026-11-20T09:00:00.000Z/);
  });

  it('puts what needs a decision first, each with the command that settles it', () => {
    const removals = [
      {
        oid: 'o',
        kind: 'lock' as const,
        upn: 'bob@example.com',
        reason: 'deleted in Entra',
        steps: ['linux lock bob'],
      },
      { oid: 'held-by-an-older-release', kind: 'delete' as const, steps: ['linux delete eve'] },
    ];
    const text = screen({
      lastSweep: { ...SWEPT, result: 'held', why: '2 held by the guard' },
      held: { hash: 'abcdefabcdef', since: iso(NOW - 60_000), by: 'sweep', why: '20 of 30 would be locked', removals },
      conflicts: [
        { oid: 'c', upn: 'eve@example.com', target: 'linux', what: 'taken', remedy: 'adopt it', since: iso(NOW) },
      ],
    });

    expect(text.split('\n').slice(0, 4)).toEqual([
      '! HELD since 60 s ago: 20 of 30 would be locked',
      '!   entramox approve abcdefabcdef   after reading the list below',
      '!   entramox reject abcdefabcdef    to keep them all as they are',
      '! conflict eve@example.com on linux: taken. adopt it',
    ]);
    expect(text).toContain(
      '\n  lock bob@example.com (deleted in Entra)\n  delete held-by-an-older-release: linux delete eve\n',
    );
  });

  it('does not go on about what was held once nothing is', () => {
    expect(screen({ lastSweep: { ...SWEPT, result: 'held', why: '2 held by the guard' } })).toMatch(/^All is well\./);
  });

  it('tells of a deletion that is due that it waits for a sweep', () => {
    const grace = [{ oid: 'o', upn: 'bob@example.com', reason: 'deleted in Entra', deleteAt: iso(NOW) }];

    expect(screen({ grace })).toContain('\n  due, at the next sweep  bob@example.com  (deleted in Entra)');
  });

  it('says so when a daemon does not answer', () => {
    const lines = renderStatus({ missing: ['the reconciler does not answer on /x'] }, io, NOW);

    expect(lines).toEqual(['! the reconciler does not answer on /x']);
  });

  it.each([
    ['has expired', { state: 'expired', expiresAt: iso(NOW - 1000) }, '/users has expired: its changes are seen by'],
    ['was never made', { state: 'missing' }, '/users is missing: its changes are seen by sweeps alone'],
    ['cannot be made', { state: 'missing', problem: 'quota' }, '/users: quota'],
    [
      'is alive and cannot be renewed',
      { state: 'live', expiresAt: iso(NOW + 1000), problem: 'denied' },
      '/users: denied',
    ],
  ] as const)('warns of a subscription that %s', (_what, change, text) => {
    const nothing = { id: undefined, expiresAt: undefined, touchedAt: undefined, problem: undefined };
    const subscriptions = [{ ...nothing, resource: '/users', ...change }];

    const lines = renderStatus({ reconciler: status(), subscriptions, missing: [] }, io, NOW);

    expect(lines[0]).toContain(`! subscription ${text}`);
  });

  it('shows when a subscription that is alive expires, and is content with it', () => {
    const live = { resource: '/users', id: 'i', state: 'live' as const, touchedAt: iso(NOW), problem: undefined };
    const subscriptions = [{ ...live, expiresAt: iso(NOW + 7_200_000) }];

    const lines = renderStatus({ reconciler: status(), subscriptions, missing: [] }, io, NOW);

    expect(lines[0]).toBe('All is well.');
    expect(lines.at(-1)).toMatch(/^\/users\s+expires in 2 h/);
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
    const record = { ...SWEPT, result: 'done' as const };

    expect(renderPlan({ identities: [] }, io)).toEqual(['nothing to do: everything is as it should be']);
    expect(renderPlan({ identities: [], record }, io)).toEqual(['nothing to do: everything is as it should be']);
  });

  it('does not say that nothing is to be done where it could not look', () => {
    const record = { ...SWEPT, result: 'degraded' as const, why: '2 groups unreadable' };

    expect(renderPlan({ identities: [], record }, io)).toEqual(['degraded: 2 groups unreadable']);
  });

  it('names somebody of whom nothing but the object id is known once', () => {
    const identities = [{ oid: 'o', upn: 'o', result: 'unknown' as const, steps: [], why: 'time-out' }];

    expect(renderPlan({ identities }, io)).toEqual(['o (unknown: time-out)']);
  });
});

describe('the exit code of a status', () => {
  const code = (change: Partial<ReconcilerStatus>, isUnheard = false) => exitCodeOfStatus(status(change), isUnheard);
  const sweptWith = (result: 'degraded' | 'failed') => ({ lastSweep: { ...SWEPT, result } });

  it('is 0 where all is well, and 4 where something could not be read or is not heard', () => {
    expect(code({})).toBe(ExitCode.done);
    expect(code({}, true)).toBe(ExitCode.degraded);
    expect(code({ problems: ['Graph is away'] })).toBe(ExitCode.degraded);
    expect(code(sweptWith('degraded'))).toBe(ExitCode.degraded);
  });

  it('is 1 while something of somebody fails, though no sweep has seen it yet', () => {
    const parked = [{ key: 'user:o' as const, since: NOW, attempts: 8, error: 'no' }];
    const queue = { pending: 0, deferred: 0, processing: 0, parked, oldestDueAt: undefined };

    expect(code(sweptWith('failed'))).toBe(ExitCode.failed);
    expect(code({ failing: [{ oid: 'o', upn: 'bob@example.com', problem: 'linux: lock failed' }] })).toBe(
      ExitCode.failed,
    );
    expect(code({ queue })).toBe(ExitCode.failed);
  });

  it('is 3 while a plan is held, whatever else there is', () => {
    const held = { hash: 'abcdefabcdef', since: iso(NOW), by: 'sweep' as const, why: 'w', removals: [] };

    expect(code({ held, ...sweptWith('failed') })).toBe(ExitCode.held);
  });
});
