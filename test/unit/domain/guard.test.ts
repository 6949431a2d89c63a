import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type GuardInput,
  guard,
  limitOf,
  type PastRemoval,
  type Removal,
  removalsIn,
} from '../../../src/domain/guard.js';
import { ALICE, BOB, HOUR, NOW, policy } from './builders.js';

const limits = policy().guard;

function removals(count: number, kind: Removal['kind'] = 'lock', from = 0): Removal[] {
  return Array.from({ length: count }, (_, index) => ({ oid: `oid-${from + index}`, kind }));
}

function input(change: Partial<GuardInput>): GuardInput {
  return { removals: [], window: [], approved: [], owned: 20, limits, now: NOW, ...change };
}

function past(count: number, at: number, from = 100): PastRemoval[] {
  return removals(count, 'lock', from).map((removal) => ({ ...removal, at }));
}

describe('guard', () => {
  it('lets as many go as the larger of count and share allows, and not one more', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(400), (planned, owned) => {
        const decision = guard(input({ removals: removals(planned), owned }));
        const limit = Math.max(10, Math.floor(owned / 4));

        expect(decision.kind).toBe(planned > limit ? 'held' : 'free');
      }),
    );
  });

  it('counts what went before within the window, and forgets what is older', () => {
    expect(guard(input({ removals: removals(3), window: past(8, NOW - HOUR + 1) })).kind).toBe('held');
    expect(guard(input({ removals: removals(3), window: past(8, NOW - HOUR) })).kind).toBe('free');
  });

  it('counts an identity once, however often it is tried', () => {
    const again = past(10, NOW - 1, 0);

    expect(guard(input({ removals: removals(10), window: again })).kind).toBe('free');
  });

  it('counts what lies in the future (a clock set back) as recent', () => {
    expect(guard(input({ removals: removals(3), window: past(8, NOW + 99 * HOUR) })).kind).toBe('held');
  });

  it('has separate limits for locks and deletions', () => {
    expect(guard(input({ removals: removals(6, 'delete') })).kind).toBe('held');
    expect(guard(input({ removals: removals(6, 'lock') })).kind).toBe('free');
  });

  it('neither counts nor holds what was approved', () => {
    const approved = removals(30);

    expect(guard(input({ removals: approved, approved })).kind).toBe('free');
    expect(guard(input({ removals: [...approved, ...removals(11, 'lock', 50)], approved })).kind).toBe('held');
  });

  it('holds every removal where the limits are zero', () => {
    const strict = { ...limits, maxLocks: 0, maxLocksPercent: 0 };

    expect(guard(input({ removals: removals(1), limits: strict })).kind).toBe('held');
    expect(limitOf('lock', strict, 1000)).toBe(0);
  });

  it('lets a plan without removals go, whatever the window holds', () => {
    expect(guard(input({ window: past(50, NOW) })).kind).toBe('free');
  });
});

describe('removalsIn', () => {
  it('finds each identity once per kind, and nothing in what gives', () => {
    const step = { target: 'linux', name: 'x' } as const;
    const found = removalsIn([
      { ...step, action: 'lock', effect: 'lock', oid: ALICE },
      { ...step, action: 'sudo', effect: 'revoke', oid: ALICE, granted: false },
      { ...step, action: 'delete', effect: 'delete', oid: ALICE },
      { ...step, action: 'unlock', effect: 'grant', oid: BOB },
    ]);

    expect(found).toEqual([
      { oid: ALICE, kind: 'lock' },
      { oid: ALICE, kind: 'delete' },
    ]);
  });
});
