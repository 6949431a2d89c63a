import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkCeiling } from '../../../src/accounts/ceiling.js';
import { DEFAULT_POLICY } from '../../../src/accounts/policy.js';
import type { Workshop } from '../../../src/accounts/workshop.js';
import { createHost, type Host, made } from './host.js';

const MINUTE = 60_000;
const NOW = 100 * MINUTE;
let host: Host;
beforeEach(() => {
  host = createHost();
});
afterEach(() => host.remove());

function check(kind: 'locks' | 'deletes', now = NOW): () => void {
  const policy = { ...DEFAULT_POLICY, locksPerHour: 2, deletesPerHour: 1 };
  const clock = { now: () => now, bootId: () => '', uptimeMs: () => 0 };
  return () => checkCeiling({ ledger: host.ledger, policy, clock } as unknown as Workshop, kind);
}
const count = (kind: 'locks' | 'deletes', at: number) => host.ledger.putCounted(made(), kind, at);

describe('the ceiling of an hour', () => {
  it('is reached by as many as the policy allows, each kind by itself', () => {
    count('locks', NOW - 10 * MINUTE);
    const below = check('locks');
    expect(below).not.toThrow();
    count('locks', NOW - 5 * MINUTE);

    expect(check('locks')).toThrow(
      expect.objectContaining({
        code: 'ceiling',
        message: 'the ceiling of 2 locks in an hour is reached',
        remedy: 'wait about 50 min, or raise locksPerHour in the policy as root',
      }),
    );
    expect(check('deletes')).not.toThrow();
    count('deletes', NOW);
    expect(check('deletes')).toThrow(
      expect.objectContaining({
        message: 'the ceiling of 1 deletes in an hour is reached',
        remedy: 'wait about 60 min, or raise deletesPerHour in the policy as root',
      }),
    );
  });

  it('is lifted as soon as the first of them is an hour old, and never less than a minute away', () => {
    count('deletes', NOW);

    expect(check('deletes', NOW + 60 * MINUTE - 1)).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining('about 1 min') }),
    );
    expect(check('deletes', NOW + 60 * MINUTE)).not.toThrow();
  });

  it('is lifted by as many as are too many, whatever the order in which they are known', () => {
    for (const at of [10, 30, 20, 5].map((minutes) => NOW - minutes * MINUTE)) count('locks', at);

    expect(check('locks')).toThrow(expect.objectContaining({ remedy: expect.stringContaining('about 50 min') }));
  });

  it('is lifted by nobody but root where nothing may be deleted at all', () => {
    const policy = { ...DEFAULT_POLICY, deletesPerHour: 0 };
    const clock = { now: () => NOW, bootId: () => '', uptimeMs: () => 0 };

    expect(() => checkCeiling({ ledger: host.ledger, policy, clock } as unknown as Workshop, 'deletes')).toThrow(
      expect.objectContaining({ remedy: 'raise deletesPerHour in the policy as root' }),
    );
  });
});
