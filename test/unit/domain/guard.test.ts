import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describeTrip,
  type GuardInput,
  guard,
  limitOf,
  type PastRemoval,
  type Removal,
  type RemovalKind,
  removalKey,
  removalsIn,
  withinWindow,
} from '../../../src/domain/guard.js';
import type { GuardLimits, TargetName } from '../../../src/domain/policy.js';
import type { ProxmoxStep } from '../../../src/domain/step.js';
import { ALICE, BOB, HOUR, NOW, policy } from './builders.js';

const limits = policy().guard;

function removals(count: number, kind: Removal['kind'] = 'lock', from = 0): Removal[] {
  return Array.from({ length: count }, (_, index) => ({ oid: `oid-${from + index}`, kind, targets: ['linux'] }));
}

function owning(linux: number, proxmox = 0): Map<TargetName, number> {
  return new Map([
    ['linux', linux],
    ['proxmox', proxmox],
  ]);
}

function input(change: Partial<GuardInput>): GuardInput {
  return { removals: [], window: [], owned: owning(20), limits, now: NOW, ...change };
}

function past(count: number, at: number, from = 100): PastRemoval[] {
  return removals(count, 'lock', from).map((removal) => ({ ...removal, at }));
}

describe('guard', () => {
  it('lets as many go as the larger of count and share allows, and not one more', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(400), (planned, owned) => {
        const decision = guard(input({ removals: removals(planned), owned: owning(owned) }));
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

  it.each([
    ['lock', { maxLocks: 0, maxLocksPercent: 100 }],
    ['delete', { maxDeletes: 0, maxDeletesPercent: 100 }],
  ] as const)('always asks where the count of a %s is zero, whatever the share', (kind, change) => {
    const strict = { ...limits, ...change };

    expect(guard(input({ removals: removals(1, kind), owned: owning(1000), limits: strict })).kind).toBe('held');
    expect(limitOf(kind, strict, 1000)).toBe(0);
  });

  it('leaves the count alone where the share is zero', () => {
    const counted = { ...limits, maxLocks: 3, maxLocksPercent: 0 };

    expect(guard(input({ removals: removals(3), owned: owning(1000), limits: counted })).kind).toBe('free');
    expect(guard(input({ removals: removals(4), owned: owning(1000), limits: counted })).kind).toBe('held');
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
      { oid: ALICE, kind: 'lock', targets: ['linux'], takes: ['linux lock x', 'linux sudo x revoke'] },
      { oid: ALICE, kind: 'delete', targets: ['linux'], takes: ['linux delete x'] },
    ]);
  });

  it('tells of targets and losses in an order of their own, so that the same plan has the same hash', () => {
    const lock = { action: 'lock', effect: 'lock', oid: ALICE, name: 'x', target: 'linux' } as const;
    const sudo = { action: 'sudo', effect: 'revoke', oid: ALICE, name: 'a', target: 'linux', granted: false } as const;
    const before = { enabled: true, comment: '', firstName: '', lastName: '', email: '', groups: [] };
    const update: ProxmoxStep = {
      ...{ target: 'proxmox', action: 'update', effect: 'lock', oid: ALICE, name: 'y', change: { enabled: false } },
      ...{ groups: [], append: false, before },
    } as const;

    const [found] = removalsIn([update, lock, sudo]);

    expect(found).toMatchObject({
      targets: ['linux', 'proxmox'],
      takes: ['linux lock x', 'linux sudo a revoke', 'proxmox lock y'],
    });
    expect(removalsIn([sudo, lock, update])).toEqual([found]);
  });

  it('says the same of the same lock, whatever the countdown in the comment is', () => {
    const takes = ['deletes 2026-11-22', 'deletes 2026-11-23'].map((comment) => {
      const step: ProxmoxStep = {
        target: 'proxmox',
        action: 'update',
        effect: 'lock',
        oid: ALICE,
        name: 'alice@example.com@entra',
        change: { enabled: false, comment },
        groups: ['entramox-entra'],
        append: false,
        before: { enabled: true, comment: '', firstName: '', lastName: '', email: '', groups: ['admins'] },
      };
      return removalsIn([step]);
    });

    expect(takes[0]).toEqual(takes[1]);
    expect(takes[0]).toMatchObject([{ targets: ['proxmox'], takes: ['proxmox lock alice@example.com@entra'] }]);
  });

  it('tells apart what is lost', () => {
    const groups = { target: 'linux', action: 'groups', effect: 'revoke', oid: ALICE, name: 'x' } as const;
    const [lab] = removalsIn([{ ...groups, before: ['docker', 'lab'], groups: ['docker'] }]);
    const [docker] = removalsIn([{ ...groups, before: ['docker', 'lab'], groups: ['lab'] }]);

    expect(lab?.takes).toEqual(['linux groups x -lab']);
    expect(docker?.takes).toEqual(['linux groups x -docker']);
  });
});

describe('the guard of several targets', () => {
  const anyKind = fc.constantFrom<RemovalKind>('lock', 'delete');
  const anyRemoval: fc.Arbitrary<Removal> = fc.record({
    oid: fc.integer({ min: 0, max: 30 }).map((n) => `oid-${n}`),
    kind: anyKind,
    targets: fc.option(fc.subarray<TargetName>(['linux', 'proxmox'], { minLength: 1 }), { nil: undefined }),
  });
  const anyPast: fc.Arbitrary<PastRemoval> = fc
    .tuple(anyRemoval, fc.integer({ min: -2 * HOUR, max: 2 * HOUR }))
    .map(([removal, ago]) => ({ ...removal, at: NOW - ago }));
  const anyLimits: fc.Arbitrary<GuardLimits> = fc.record({
    windowMs: fc.constantFrom(1, HOUR, 2 * HOUR),
    maxLocks: fc.nat(6),
    maxLocksPercent: fc.constantFrom(0, 5, 25, 100),
    maxDeletes: fc.nat(6),
    maxDeletesPercent: fc.constantFrom(0, 5, 25, 100),
    rejectForMs: fc.constant(HOUR),
  });
  const anyInput: fc.Arbitrary<GuardInput> = fc.record({
    removals: fc.array(anyRemoval, { maxLength: 25 }),
    window: fc.array(anyPast, { maxLength: 10 }),
    owned: fc.tuple(fc.nat(60), fc.nat(60)).map(([linux, proxmox]) => owning(linux, proxmox)),
    limits: anyLimits,
    now: fc.constant(NOW),
  });
  const only = (items: readonly Removal[], target: TargetName, kind: RemovalKind) =>
    items.filter((item) => item.kind === kind && (item.targets === undefined || item.targets.includes(target)));

  it('is held exactly when one target, looked at alone, is over one of its limits', () => {
    fc.assert(
      fc.property(anyInput, (all) => {
        const over = (['linux', 'proxmox'] as const).flatMap((target) =>
          (['lock', 'delete'] as const).filter((kind) => {
            const planned = only(all.removals, target, kind);
            const recent = all.window.filter(({ at }) => at > NOW - all.limits.windowMs);
            const people = new Set([...planned, ...only(recent, target, kind)].map(({ oid }) => oid));
            const [count, share] =
              kind === 'lock'
                ? [all.limits.maxLocks, all.limits.maxLocksPercent]
                : [all.limits.maxDeletes, all.limits.maxDeletesPercent];
            const shareOf = Math.floor(((all.owned.get(target) ?? 0) * share) / 100);
            return planned.length > 0 && people.size > (count === 0 ? 0 : Math.max(count, shareOf));
          }),
        );

        const decision = guard(all);

        expect(decision.kind === 'held' ? decision.trips.map(({ kind }) => kind) : []).toEqual(over);
      }),
    );
  });

  it('never becomes free because more is to be removed, or more was', () => {
    fc.assert(
      fc.property(anyInput, anyRemoval, anyPast, (all, removal, past) => {
        fc.pre(guard(all).kind === 'held');

        expect(guard({ ...all, removals: [...all.removals, removal] }).kind).toBe('held');
        expect(guard({ ...all, window: [...all.window, past] }).kind).toBe('held');
      }),
    );
  });

  it('is held for what one target shows, although the other one has room', () => {
    const both = removals(4).map((removal): Removal => ({ ...removal, targets: ['linux', 'proxmox'] }));
    const counted = { ...limits, maxLocks: 2, maxLocksPercent: 50 };

    const decision = guard(input({ removals: both, owned: owning(100, 5), limits: counted }));

    expect(decision).toMatchObject({ kind: 'held', trips: [{ target: 'proxmox', total: 4, owned: 5, limit: 2 }] });
  });

  it('counts what an older release removed in every target', () => {
    const older = removals(2, 'lock', 50).map(({ oid, kind }): PastRemoval => ({ oid, kind, at: NOW - 1 }));
    const counted = { ...limits, maxLocks: 2, maxLocksPercent: 0 };
    const inProxmox: Removal[] = [{ oid: 'oid-1', kind: 'lock', targets: ['proxmox'] }];

    expect(guard(input({ removals: inProxmox, window: older, limits: counted })).kind).toBe('held');
    expect(guard(input({ removals: removals(1), window: older, limits: counted })).kind).toBe('held');
  });
});

describe('the guard of a target in which nothing is owned', () => {
  it('judges by the count alone', () => {
    const counted = { ...limits, maxLocks: 2, maxLocksPercent: 100 };
    const owned = new Map<TargetName, number>([['proxmox', 100]]);

    expect(guard(input({ removals: removals(2), owned, limits: counted })).kind).toBe('free');
    expect(guard(input({ removals: removals(3), owned, limits: counted }))).toMatchObject({
      trips: [{ target: 'linux', kind: 'lock', total: 3, owned: 0, limit: 2 }],
    });
  });
});

describe('removalKey', () => {
  it('tells people and kinds apart', () => {
    expect(removalKey({ oid: ALICE, kind: 'lock' })).toBe(`lock:${ALICE}`);
    expect(removalKey({ oid: ALICE, kind: 'delete' })).toBe(`delete:${ALICE}`);
  });
});

describe('withinWindow', () => {
  it('keeps what happened now at its time', () => {
    expect(withinWindow(past(1, NOW), limits, NOW)).toEqual(past(1, NOW));
    expect(withinWindow(past(1, NOW - 1), limits, NOW)).toEqual(past(1, NOW - 1));
  });

  it('takes what lies in the future for what happens now, so that it ends with the window', () => {
    const kept = withinWindow(past(1, NOW + 9000 * HOUR), limits, NOW);

    expect(kept.map(({ at }) => at)).toEqual([NOW]);
  });
});

describe('describeTrip', () => {
  it('says which limit, where and by how much', () => {
    const trip = { target: 'linux', kind: 'lock', total: 6, owned: 20, limit: 5 } as const;

    expect(describeTrip(trip)).toBe('6 of 20 identities on linux would be locked within the window, at most 5 may');
    expect(describeTrip({ ...trip, kind: 'delete', limit: 0 })).toBe(
      '6 of 20 identities on linux would be deleted within the window, none may without being asked for',
    );
  });
});
