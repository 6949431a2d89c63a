import { describe, expect, it } from 'vitest';
import { showApproval } from '../../../src/commands/approve.js';
import { ExitCode } from '../../../src/commands/exit-code.js';
import type { Io } from '../../../src/commands/io.js';
import { renderPlan } from '../../../src/commands/render/plan.js';
import { renderStatus } from '../../../src/commands/render/status.js';
import type { ReconcilerStatus } from '../../../src/operator/status.js';
import { firstRunView, type HeldView, type RejectedView } from '../../../src/operator/views.js';

const NOW = Date.UTC(2026, 10, 21, 12);
const AT = new Date(NOW).toISOString();
const io: Io = { out: () => undefined, err: () => undefined, terminal: false };

const HELD: HeldView = {
  hash: 'abcdefabcdef',
  since: AT,
  by: 'sweep',
  why: '20 of 30 identities on linux would be locked within the window, at most 7 may',
  removals: [
    { oid: 'o', kind: 'lock', upn: 'bob@example.com', reason: 'deleted in Entra', steps: ['linux lock bob'] },
    { oid: 'p', kind: 'lock', upn: 'eve@example.com', steps: ['linux sudo eve revoke'] },
  ],
};

const REJECTED: RejectedView = {
  hash: '0123456789ab',
  at: '2026-11-20T09:00:00.000Z',
  until: '2026-11-27T09:00:00.000Z',
  claimedUser: 'root (sudo: carol)',
  removals: HELD.removals,
};

function status(change: Partial<ReconcilerStatus>): string[] {
  const reconciler = {
    startedAt: AT,
    dryRun: false,
    targets: ['linux'],
    problems: [],
    queue: { pending: 0, deferred: 0, processing: 0, parked: [], oldestDueAt: undefined },
    busy: { sweep: false, targeted: 0 },
    identities: { active: 5, suspended: 0, grace: 0, deleted: 0 },
    grace: [],
    suspended: [],
    conflicts: [],
    released: [],
    failing: [],
    ...change,
  } satisfies ReconcilerStatus;
  return renderStatus({ reconciler, subscriptions: [], missing: [] }, io, NOW);
}

function told(answer: Parameters<typeof showApproval>[0], json = false): { code: ExitCode; lines: string[] } {
  const lines: string[] = [];
  const code = showApproval(answer, { json }, { ...io, out: (text) => void lines.push(text) });
  return { code, lines };
}

describe('a held plan', () => {
  it('is shown by plan with who, why, which limit, and both decisions', () => {
    const lines = renderPlan({ identities: [], held: HELD }, io);

    expect(lines.slice(1)).toEqual([
      '',
      'held: plan abcdefabcdef, 20 of 30 identities on linux would be locked within the window, at most 7 may',
      '  lock bob@example.com (deleted in Entra)',
      '  lock eve@example.com: linux sudo eve revoke',
      '  entramox approve abcdefabcdef',
      '  entramox reject abcdefabcdef',
    ]);
  });
});

describe('people whom a rejection keeps', () => {
  it('are listed by plan and by status, with who said so, until when, and what undoes it', () => {
    const lines = [
      "Kept by an operator's rejection of 2026-11-20 09:00 UTC by root (sudo: carol), until 2026-11-27 09:00 UTC:",
      '  lock bob@example.com (deleted in Entra)',
      '  lock eve@example.com: linux sudo eve revoke',
      '  To have it done after all: entramox approve 0123456789ab',
    ];

    expect(renderPlan({ identities: [], rejected: [REJECTED] }, io).slice(-4)).toEqual(lines);
    expect(status({ rejected: [REJECTED] }).slice(-4 - 1 - 1, -2)).toEqual(lines);
  });

  it('keep the status from saying that all is well', () => {
    expect(status({ rejected: [REJECTED] })[0]).toMatch(/^! 2 kept by an operator's rejection/);
  });
});

describe('the plan of a first run', () => {
  const changes = Array.from({ length: 25 }, (_, index) => {
    const name = `person${String(index).padStart(2, '0')}`;
    return { oid: name, upn: `${name}@example.com`, steps: [`linux create ${name}`], does: [] };
  });
  const held = firstRunView({ hash: 'abcdefabcdef', changes }, NOW);

  it('is shown by status with the first people and how many more, and offers no rejection', () => {
    const text = status({ held }).join('\n');

    expect(text).toContain('! HELD since 0 s ago: the first run on this host would change 25 identities');
    expect(text).toContain('\n  person00@example.com: linux create person00\n');
    expect(text).toContain('\n  person19@example.com: linux create person19\n  and 5 more\n');
    expect(text).not.toContain('reject');
  });

  it('offers no rejection in a plan', () => {
    expect(renderPlan({ identities: [], held }, io).at(-1)).toBe('  entramox approve abcdefabcdef');
  });
});

describe('an approval that was not given', () => {
  const line = { oid: 'o', upn: 'bob@example.com', what: 'lock' as const, same: 'x' };
  const difference = {
    came: [{ ...line, reason: 'deleted in Entra', steps: ['linux lock bob'] }],
    went: [{ ...line, upn: 'ada@example.com', steps: ['linux lock ada'] }],
    changed: [{ ...line, upn: 'eve@example.com', steps: ['linux lock eve'] }],
  };

  it('tells who came, who went, whose steps changed, and the new hash, with exit code 3', () => {
    const { code, lines } = told({ hash: 'abcdefabcdef', approved: false, difference, instead: '0123456789ab' });

    expect(code).toBe(ExitCode.held);
    expect(lines).toEqual([
      'nothing was approved: the plan is not abcdefabcdef any more',
      '  came: lock bob@example.com (deleted in Entra)',
      '      linux lock bob',
      '  went: lock ada@example.com',
      '  changed: lock eve@example.com',
      '      linux lock eve',
      '',
      'the plan is 0123456789ab now',
      '  entramox approve 0123456789ab',
    ]);
  });

  it('says so where nothing is left to approve', () => {
    const gone = { came: [], went: difference.went, changed: [] };

    expect(told({ hash: 'abcdefabcdef', approved: false, difference: gone }).lines.at(-1)).toBe(
      'nothing of it is due any more',
    );
  });

  it('is one object with --json, and exit code 3 all the same', () => {
    const { code, lines } = told({ hash: 'abcdefabcdef', approved: false, difference }, true);

    expect(code).toBe(ExitCode.held);
    expect(JSON.parse(lines.join('\n'))).toMatchObject({ approved: false, difference: { went: [{ oid: 'o' }] } });
  });
});
