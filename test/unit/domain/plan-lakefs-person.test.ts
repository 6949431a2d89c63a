import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GroupId } from '../../../src/domain/identity.js';
import {
  type LakefsPersonInput,
  type LakefsPersonPlan,
  type LakefsPlace,
  planLakefsPerson,
} from '../../../src/domain/plan-lakefs-person.js';
import type { LakefsPersonSight } from '../../../src/domain/plan-lakefs-sight.js';
import type { LakefsWish } from '../../../src/domain/plan-lakefs-wish.js';
import { ALICE, BOB, NOW } from './builders.js';

const A = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1';
const B = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa2';
const CONFIRM_MS = 5000;

type Seen = Extract<LakefsPersonSight, { certainty: 'present' }>;

function wanting(...groups: GroupId[]): Extract<LakefsWish, { kind: 'known' }> {
  return { kind: 'known', wanted: new Set(groups), unclear: new Set(), proved: false };
}

function seen(memberships: Record<string, GroupId[]>, user: string | null = 'alice'): Seen {
  return {
    certainty: 'present',
    match: user === null ? { kind: 'none' } : { kind: 'one', user },
    memberships: new Map(Object.entries(memberships).map(([name, groups]) => [name, new Set(groups)])),
    unread: new Map(),
  };
}

function plan(change: Partial<LakefsPersonInput> = {}): LakefsPersonPlan {
  return planLakefsPerson({
    oid: ALICE,
    wish: wanting(A),
    known: undefined,
    recorded: new Map(),
    places: new Map<GroupId, LakefsPlace>([
      [A, { name: 'Data', closing: false }],
      [B, { name: 'Ops', closing: false }],
    ]),
    sight: seen({}),
    missing: { kind: 'pending' },
    untouchable: new Set(['root']),
    holderOf: () => undefined,
    now: NOW,
    confirmMs: CONFIRM_MS,
    ...change,
  });
}

const brief = ({ steps }: LakefsPersonPlan) =>
  steps.map((step) => [step.action, step.name, 'groupName' in step ? step.groupName : ''].join(' ').trim());

describe('the memberships of one person', () => {
  it('are added where Entra says so and lakeFS does not show them', () => {
    expect(brief(plan())).toEqual(['add-member alice Data']);
  });

  it("that are there already are noted as the person's, without a step", () => {
    const { steps, seen: noted } = plan({ sight: seen({ alice: [A] }) });

    expect(steps).toEqual([]);
    expect(noted).toEqual([{ group: A, user: 'alice' }]);
  });

  it('wait for a second sign before they are taken away', () => {
    const left = { wish: wanting(), recorded: new Map([[A, 'alice']]), sight: seen({ alice: [A] }) };
    const first = plan(left);

    expect(first.steps).toEqual([]);
    expect(first).toMatchObject({ suspicion: { since: NOW, by: 'reading' }, recheckAt: NOW + CONFIRM_MS });

    const known = { oid: ALICE, upn: 'alice@example.com', suspicion: first.suspicion };
    const early = plan({ ...left, known, now: NOW + CONFIRM_MS - 1 });
    const second = plan({ ...left, known, now: NOW + CONFIRM_MS });

    expect(early.steps).toEqual([]);
    expect(brief(second)).toEqual(['remove-member alice Data']);
    expect(second.suspicion).toBeUndefined();
  });

  it('count a reported removal as the first sign', () => {
    const left = { wish: wanting(), recorded: new Map([[A, 'alice']]), sight: seen({ alice: [A] }) };

    const now = plan({ ...left, removalReportedAt: NOW - CONFIRM_MS });

    expect(brief(now)).toEqual(['remove-member alice Data']);
  });

  it('do not wait longer because the clock was set back', () => {
    const suspicion = { since: NOW + 3_600_000, by: 'reading' } as const;
    const known = { oid: ALICE, upn: 'alice@example.com', suspicion };
    const left = { wish: wanting(), recorded: new Map([[A, 'alice']]), sight: seen({ alice: [A] }), known };

    expect(plan(left).recheckAt).toBe(NOW + CONFIRM_MS);
  });

  it('are taken away at once with proof, in every group, read or not', () => {
    const wish = { ...wanting(), proved: true };
    const sight = seen({ alice: [A, B] });

    expect(brief(plan({ wish, sight }))).toEqual(['remove-member alice Data', 'remove-member alice Ops']);
  });

  it('are taken away at once in a group that closes, and not added there', () => {
    const places = new Map<GroupId, LakefsPlace>([[A, { name: 'Data', closing: true }]]);

    expect(brief(plan({ places, sight: seen({ alice: [A] }) }))).toEqual(['remove-member alice Data']);
    expect(plan({ places }).steps).toEqual([]);
  });

  it('stay in a group that nobody can tell about', () => {
    const wish = { ...wanting(), unclear: new Set([A]) };
    const known = { oid: ALICE, upn: '', suspicion: { since: 0, by: 'reading' as const } };

    const { steps, vanished } = plan({ wish, known, recorded: new Map([[A, 'alice']]), sight: seen({ alice: [A] }) });

    expect(steps).toEqual([]);
    expect(vanished).toEqual([]);
  });

  it('are neither added nor removed where lakeFS did not list the members, and that is told', () => {
    const sight: Seen = { ...seen({}), unread: new Map([[A, 'page 2 failed']]) };

    expect(plan({ sight })).toMatchObject({ steps: [], unknown: 'page 2 failed', vanished: [] });
    expect(plan({ sight, wish: wanting(B) }).unknown).toBeUndefined();
  });

  it('move from the user that somebody was to the one that the person is now', () => {
    const known = { oid: ALICE, upn: '', suspicion: { since: 0, by: 'reading' as const } };
    const moved = { recorded: new Map([[A, 'old']]), sight: seen({ old: [A] }) };

    expect(brief(plan({ ...moved, known }))).toEqual(['remove-member old Data', 'add-member alice Data']);
    expect(plan(moved).steps).toEqual([]);
  });

  it('are kept for the user that somebody was while there is no other one', () => {
    const { steps, pending } = plan({ recorded: new Map([[A, 'old']]), sight: seen({ old: [A] }, null) });

    expect(steps).toEqual([]);
    expect(pending).toBe(true);
  });

  it('are made for nobody a second time because their name or address was changed', () => {
    const missing = { kind: 'create' as const, user: 'new' };
    const { steps, pending } = plan({ recorded: new Map([[A, 'old']]), sight: seen({ old: [A] }, null), missing });

    expect([steps, pending]).toEqual([[], true]);
  });

  it("on record in a group that cannot be told from somebody else's are kept", () => {
    const recorded = new Map([[A, 'alice']]);
    const lost = { wish: wanting(), recorded, places: new Map(), sight: seen({}) };

    expect([plan(lost).vanished, plan({ ...lost, kept: new Set([A]) }).vanished]).toEqual([[A], []]);
  });

  it('on record that lakeFS does not show are forgotten', () => {
    expect(plan({ wish: wanting(), recorded: new Map([[A, 'alice']]) }).vanished).toEqual([A]);
  });

  it('are made for somebody without a user only where that is asked for', () => {
    const sight = seen({}, null);

    expect(brief(plan({ sight, missing: { kind: 'create', user: 'new' } }))).toEqual([
      'create-user new',
      'add-member new Data',
    ]);
    expect(plan({ sight, missing: { kind: 'invite', user: undefined } })).toMatchObject({ steps: [], pending: true });
    expect(plan({ sight, wish: wanting(), missing: { kind: 'create', user: 'new' } }).steps).toEqual([]);
  });

  it('are a conflict where several users match, the user is ours, or somebody else is that user', () => {
    const several = { ...seen({}), match: { kind: 'several', users: ['a', 'b'], strategy: 'email' } } as const;

    expect(plan({ sight: several }).conflict?.what).toContain('"a", "b"');
    expect(plan({ sight: seen({}, 'root') }).conflict?.what).toContain('Entramox itself');
    expect(plan({ holderOf: () => BOB }).conflict?.what).toContain(BOB);
    expect(plan({ holderOf: () => ALICE }).conflict).toBeUndefined();
  });

  it('are unknown as long as the reading or lakeFS is', () => {
    expect(plan({ wish: { kind: 'unknown', why: 'time-out' } })).toMatchObject({ steps: [], unknown: 'time-out' });
    expect(plan({ sight: { certainty: 'unknown', why: 'away' } })).toMatchObject({ steps: [], unknown: 'away' });
  });

  it("of our own user, or of somebody else's, are never taken away", () => {
    const wish = { ...wanting(), proved: true };

    expect(plan({ wish, sight: seen({ root: [A] }, 'root') }).steps).toEqual([]);
    expect(plan({ wish, sight: seen({ alice: [A] }), holderOf: () => BOB }).steps).toEqual([]);
  });
});

describe('whatever is known and seen', () => {
  const group = fc.constantFrom<string[]>(A, B);
  const groups = fc.uniqueArray(group);
  const user = fc.constantFrom<string[]>('alice', 'old', 'root');
  const input = fc.record({
    wanted: groups,
    unclear: groups,
    proved: fc.boolean(),
    recorded: fc.dictionary(group, user),
    memberships: fc.dictionary(user, groups),
    match: fc.option(user, { nil: undefined }),
    closing: groups,
    unread: groups,
    since: fc.option(fc.integer({ min: NOW - 20_000, max: NOW + 20_000 }), { nil: undefined }),
    reported: fc.option(fc.integer({ min: NOW - 20_000, max: NOW + 20_000 }), { nil: undefined }),
  });

  type Drawn = typeof input extends fc.Arbitrary<infer T> ? T : never;

  function inputOf(drawn: Drawn): Partial<LakefsPersonInput> {
    const suspicion = drawn.since === undefined ? undefined : { since: drawn.since, by: 'reading' as const };
    return {
      wish: { kind: 'known', wanted: new Set(drawn.wanted), unclear: new Set(drawn.unclear), proved: drawn.proved },
      recorded: new Map(Object.entries(drawn.recorded)),
      sight: {
        ...seen(drawn.memberships, drawn.match ?? null),
        unread: new Map(drawn.unread.map((id) => [id, 'page 2 failed'])),
      },
      places: new Map([A, B].map((id) => [id, { name: id, closing: drawn.closing.includes(id) }])),
      known: suspicion && { oid: ALICE, upn: '', suspicion },
      removalReportedAt: drawn.reported,
    };
  }

  const groupOf = (step: LakefsPersonPlan['steps'][number]) => ('group' in step ? step.group : '');

  it('nothing is taken away that Entra still wants for this user, that is unclear or unread, or that is not there', () => {
    fc.assert(
      fc.property(input, (drawn) => {
        for (const step of plan(inputOf(drawn)).steps.filter(({ action }) => action === 'remove-member')) {
          const id = groupOf(step);
          const closes = drawn.closing.includes(id);
          expect(drawn.wanted.includes(id) && !closes && step.name === drawn.match).toBe(false);
          expect(drawn.unclear.includes(id) && !closes).toBe(false);
          expect(drawn.unread).not.toContain(id);
          expect(drawn.memberships[step.name]).toContain(id);
          expect(step.name).not.toBe('root');
        }
      }),
    );
  });

  it('without proof nothing is taken from an open group before its time', () => {
    fc.assert(
      fc.property(input, (drawn) => {
        fc.pre(!drawn.proved);
        const first = [drawn.since, drawn.reported].filter((at) => at !== undefined).map((at) => Math.min(at, NOW));
        const isOld = first.some((at) => NOW - at >= CONFIRM_MS);
        const taken = plan(inputOf(drawn))
          .steps.filter(({ action }) => action === 'remove-member')
          .map(groupOf);
        if (!isOld) expect(taken.filter((id) => !drawn.closing.includes(id))).toEqual([]);
      }),
    );
  });

  it('somebody is only ever put where Entra wants them, as the user that was matched', () => {
    fc.assert(
      fc.property(input, (drawn) => {
        for (const step of plan(inputOf(drawn)).steps.filter(({ action }) => action === 'add-member')) {
          expect(drawn.wanted).toContain(groupOf(step));
          expect(drawn.closing).not.toContain(groupOf(step));
          expect(step.name).toBe(drawn.match);
        }
      }),
    );
  });

  it('doing what is planned, twice where that has to be, leaves nothing to do', () => {
    fc.assert(
      fc.property(input, (drawn) => {
        fc.pre(drawn.unread.length === 0);
        let state: Drawn = { ...drawn, since: 0, reported: undefined };
        for (let round = 0; round < 3; round += 1) state = afterwards(state, plan(inputOf(state)));

        expect(plan(inputOf(state)).steps).toEqual([]);
      }),
    );
  });

  function afterwards(before: Drawn, { steps, seen: noted, vanished }: LakefsPersonPlan): Drawn {
    const memberships = structuredClone(before.memberships);
    const recorded = { ...before.recorded };
    for (const { group: id, user: name } of noted) recorded[id] = name;
    for (const id of vanished) delete recorded[id];
    for (const step of steps) {
      const id = groupOf(step);
      const others = (memberships[step.name] ?? []).filter((each) => each !== id);
      memberships[step.name] = step.action === 'add-member' ? [...others, id] : others;
      if (step.action === 'add-member') recorded[id] = step.name;
      else if (recorded[id] === step.name) delete recorded[id];
    }
    return { ...before, memberships, recorded };
  }
});
