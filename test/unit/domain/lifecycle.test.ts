import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { desiredOf } from '../../../src/domain/desired.js';
import { judge } from '../../../src/domain/lifecycle.js';
import { ALICE, anyEntry, anyReading, EVERYBODY, entry, HOUR, NOW, outsider, policy, present } from './builders.js';

const targeted = { now: NOW, sweep: false };
const sweeping = { now: NOW, sweep: true };
const member = desiredOf(present(), policy());
const disabled = desiredOf(present({ enabled: false }), policy());

describe('judge', () => {
  it('concludes nothing from an unknown reading, whatever is remembered', () => {
    fc.assert(
      fc.property(anyEntry, fc.boolean(), (known, sweep) => {
        const verdict = judge(ALICE, known, { kind: 'unknown', why: 'time-out' }, policy(), { now: NOW, sweep });

        expect(verdict).toEqual({ kind: 'hold', why: 'time-out' });
      }),
    );
  });

  it('ignores somebody who was never provisioned and is disabled or out of scope', () => {
    expect(judge(ALICE, undefined, disabled, policy(), targeted).kind).toBe('ignore');
    expect(judge(ALICE, undefined, outsider(), policy(), targeted).kind).toBe('ignore');
  });

  it('waits for a second sign before a lock that rests on membership alone', () => {
    const first = judge(ALICE, entry(), outsider(), policy(), targeted);
    if (first.kind !== 'confirm') throw new Error(`expected confirm, got ${first.kind}`);
    const early = judge(ALICE, first.entry, outsider(), policy(), { ...targeted, now: NOW + 4999 });
    const second = judge(ALICE, first.entry, outsider(), policy(), { ...targeted, now: NOW + 5000 });

    expect(first.recheckAt).toBe(NOW + 5000);
    expect(early.kind).toBe('confirm');
    expect(second).toMatchObject({ kind: 'settle', wanted: { presence: 'grace', deleteAt: NOW + 5000 + 24 * HOUR } });
  });

  it('counts a reported removal as the first sign, but not before the pause is over', () => {
    const soon = judge(ALICE, entry(), outsider(), policy(), { ...targeted, removalReportedAt: NOW - 1000 });
    const later = judge(ALICE, entry(), outsider(), policy(), { ...targeted, removalReportedAt: NOW - 5000 });

    expect(soon).toMatchObject({ kind: 'confirm', recheckAt: NOW + 4000 });
    expect(later).toMatchObject({ kind: 'settle', wanted: { presence: 'grace' } });
  });

  it('does not let a report from the future shorten the pause', () => {
    const verdict = judge(ALICE, entry(), outsider(), policy(), { ...targeted, removalReportedAt: NOW + 9 * HOUR });

    expect(verdict).toMatchObject({ kind: 'confirm', recheckAt: NOW + 5000 });
  });

  it('keeps the suspicion when a reading right after the report still shows a member', () => {
    const verdict = judge(ALICE, entry(), member, policy(), { ...targeted, removalReportedAt: NOW - 100 });

    expect(verdict).toMatchObject({ kind: 'settle', wanted: { presence: 'active' }, recheckAt: NOW + 4900 });
  });

  it('begins anew with the next reported removal once a reading in between showed a member', () => {
    const demoted = judge(ALICE, entry(), member, policy(), { ...targeted, removalReportedAt: NOW - 100 });
    if (demoted.kind !== 'settle') throw new Error('expected settle');
    const left = { now: NOW + 4000, sweep: false, removalReportedAt: NOW + 3900 };

    const verdict = judge(ALICE, demoted.entry, outsider(), policy(), left);

    expect(verdict).toMatchObject({ kind: 'confirm', recheckAt: NOW + 8900 });
  });

  it('drops the suspicion when a member is still one after the pause', () => {
    const suspicious = entry({ suspicion: { since: NOW - 5000, by: 'notification' } });
    const verdict = judge(ALICE, suspicious, member, policy(), targeted);

    expect(verdict).toMatchObject({ kind: 'settle', entry: { suspicion: undefined }, recheckAt: undefined });
  });

  it('locks at once on positive evidence', () => {
    const deleted = desiredOf({ certainty: 'absent', oid: ALICE, evidence: 'soft-deleted' }, policy());

    expect(judge(ALICE, entry(), deleted, policy(), targeted)).toMatchObject({ wanted: { presence: 'grace' } });
    expect(judge(ALICE, entry(), disabled, policy(), targeted)).toMatchObject({ wanted: { presence: 'suspended' } });
  });

  it('asks twice where a user is found nowhere, since a lagging replica says the same', () => {
    const missing = desiredOf({ certainty: 'absent', oid: ALICE, evidence: 'not-found' }, policy());

    expect(judge(ALICE, entry(), missing, policy(), targeted).kind).toBe('confirm');
  });

  it('never starts a countdown for a suspended identity, and cancels one', () => {
    const leaving = entry({ state: 'grace', deleteAt: NOW - 1 });
    const verdict = judge(ALICE, leaving, disabled, policy(), sweeping);

    expect(verdict).toMatchObject({
      entry: { state: 'suspended', deleteAt: undefined },
      wanted: { presence: 'suspended' },
    });
  });

  it('never moves a countdown that runs', () => {
    const leaving = entry({ state: 'grace', deleteAt: NOW + HOUR });
    const verdict = judge(ALICE, leaving, outsider(), policy(), targeted);

    expect(verdict).toMatchObject({ wanted: { presence: 'grace', deleteAt: NOW + HOUR } });
  });

  it('deletes only in a sweep, only after the countdown, only with a reading that says so', () => {
    const due = entry({ state: 'grace', deleteAt: NOW });

    expect(judge(ALICE, due, outsider(), policy(), targeted)).toMatchObject({ wanted: { presence: 'grace' } });
    expect(judge(ALICE, due, outsider(), policy(), sweeping)).toMatchObject({ wanted: { presence: 'deleted' } });
    expect(judge(ALICE, due, member, policy(), sweeping)).toMatchObject({ wanted: { presence: 'active' } });
    expect(judge(ALICE, due, { kind: 'unknown', why: '' }, policy(), sweeping).kind).toBe('hold');
    const early = entry({ state: 'grace', deleteAt: NOW + 1 });
    expect(judge(ALICE, early, outsider(), policy(), sweeping)).toMatchObject({ wanted: { presence: 'grace' } });
  });

  it('never deletes anybody who was not in grace before this pass', () => {
    fc.assert(
      fc.property(anyEntry, anyReading, fc.boolean(), (known, reading, sweep) => {
        const verdict = judge(ALICE, known, desiredOf(reading, policy()), policy(), { now: NOW, sweep });
        const deletes = verdict.kind === 'settle' && verdict.wanted.presence === 'deleted';

        if (deletes) expect(['grace', 'deleted']).toContain(known?.state);
      }),
    );
  });

  it('brings a leaver back as before, without a trace of the countdown', () => {
    const leaving = entry({ state: 'grace', deleteAt: NOW + HOUR, reason: 'deleted in Entra' });
    const verdict = judge(ALICE, leaving, member, policy(), targeted);

    expect(verdict).toMatchObject({
      entry: { state: 'active', deleteAt: undefined, reason: undefined, since: NOW },
      wanted: { presence: 'active' },
    });
  });

  it('lets an older suspicion stand when another removal is reported', () => {
    const suspicious = entry({ suspicion: { since: NOW - 4000, by: 'reading' } });

    const verdict = judge(ALICE, suspicious, outsider(), policy(), { ...targeted, removalReportedAt: NOW - 10 });

    expect(verdict).toMatchObject({ kind: 'confirm', entry: { suspicion: { since: NOW - 4000, by: 'reading' } } });
  });

  it('writes down that the report came by a notification', () => {
    const verdict = judge(ALICE, entry(), outsider(), policy(), { ...targeted, removalReportedAt: NOW - 10 });

    expect(verdict).toMatchObject({ entry: { suspicion: { since: NOW - 10, by: 'notification' } } });
  });

  it('suspects a suspended identity that was reported as removed', () => {
    const suspended = entry({ state: 'suspended' });

    const verdict = judge(ALICE, suspended, outsider(), policy(), { ...targeted, removalReportedAt: NOW - 10 });

    expect(verdict).toMatchObject({
      kind: 'confirm',
      entry: { state: 'suspended', suspicion: { since: NOW - 10, by: 'notification' } },
      recheckAt: NOW + 4990,
    });
  });

  it.each(['grace', 'deleted'] as const)('suspects nobody anew who is in %s', (state) => {
    const gone = entry({ state, deleteAt: state === 'grace' ? NOW + HOUR : undefined });

    const verdict = judge(ALICE, gone, outsider(), policy(), { ...targeted, removalReportedAt: NOW - 10 });

    expect(verdict).toMatchObject({ kind: 'settle', entry: { state } });
    expect('entry' in verdict && verdict.entry.suspicion).toBeFalsy();
  });

  it('describes a newcomer afresh, with nothing made yet', () => {
    const unnamed = desiredOf(present({ attributes: { upn: 'alice@example.com' } }), policy());

    const verdict = judge(ALICE, undefined, unnamed, policy(), targeted);

    expect(verdict).toMatchObject({
      entry: {
        oid: ALICE,
        upn: 'alice@example.com',
        displayName: '',
        state: 'active',
        since: NOW,
        groups: [EVERYBODY],
        names: {},
        retired: [],
        conflicts: [],
      },
    });
  });

  it('keeps a tombstone that is a member again but disabled', () => {
    const verdict = judge(ALICE, entry({ state: 'deleted' }), disabled, policy(), targeted);

    expect(verdict).toMatchObject({ kind: 'settle', entry: { state: 'deleted' }, wanted: { presence: 'deleted' } });
  });

  it('keeps a tombstone that is still out of scope', () => {
    const verdict = judge(ALICE, entry({ state: 'deleted' }), outsider(), policy(), sweeping);

    expect(verdict).toMatchObject({ kind: 'settle', entry: { state: 'deleted', groups: [] } });
  });

  it('says who disabled a suspended identity', () => {
    const verdict = judge(ALICE, entry(), disabled, policy(), targeted);

    expect(verdict).toMatchObject({ entry: { state: 'suspended', since: NOW, reason: 'disabled in Entra' } });
  });

  it('remembers since when somebody is suspended, however often it is read', () => {
    const suspended = entry({ state: 'suspended', since: NOW - HOUR });

    expect(judge(ALICE, suspended, disabled, policy(), targeted)).toMatchObject({ entry: { since: NOW - HOUR } });
  });

  it('remembers the last known name of somebody who left, and no group any more', () => {
    const renamed = outsider({ positive: true, attributes: { upn: 'ann@example.com', displayName: 'Ann' } });
    const nameless = outsider({ positive: true, attributes: { upn: 'ann@example.com' } });
    const unseen = outsider({ positive: true });

    expect(judge(ALICE, entry(), renamed, policy(), targeted)).toMatchObject({
      entry: { upn: 'ann@example.com', displayName: 'Ann', groups: [], reason: 'in none of the configured groups' },
    });
    expect(judge(ALICE, entry(), nameless, policy(), targeted)).toMatchObject({ entry: { displayName: '' } });
    expect(judge(ALICE, entry(), unseen, policy(), targeted)).toMatchObject({
      entry: { upn: 'alice@example.com', groups: [] },
    });
  });

  it('begins a whole countdown where one was lost, and remembers it', () => {
    const leaving = entry({ state: 'grace', deleteAt: undefined });

    const verdict = judge(ALICE, leaving, outsider(), policy(), sweeping);

    expect(verdict).toMatchObject({
      entry: { state: 'grace', deleteAt: NOW + 24 * HOUR },
      wanted: { presence: 'grace', deleteAt: NOW + 24 * HOUR },
    });
  });

  it('remembers the countdown of a new leaver, and none of a deleted one', () => {
    const left = judge(ALICE, entry(), outsider({ positive: true }), policy(), targeted);
    const over = judge(ALICE, entry({ state: 'grace', deleteAt: NOW }), outsider(), policy(), sweeping);

    expect(left).toMatchObject({ entry: { state: 'grace', deleteAt: NOW + 24 * HOUR, suspicion: undefined } });
    expect(over).toMatchObject({ entry: { state: 'deleted', deleteAt: undefined, since: NOW } });
  });

  it('takes a sign that is ahead of the clock for one of now', () => {
    const ahead = entry({ suspicion: { since: NOW + HOUR, by: 'notification', doubted: true } });

    expect(judge(ALICE, ahead, outsider(), policy(), targeted)).toMatchObject({
      kind: 'confirm',
      entry: { suspicion: { since: NOW, by: 'notification', doubted: true } },
      recheckAt: NOW + 5000,
    });
    expect(judge(ALICE, ahead, outsider(), policy(), { ...targeted, now: NOW + HOUR + 5000 }).kind).toBe('settle');
  });

  it('knows the groups of somebody again as soon as they were read', () => {
    const rebuilt = entry({ groupsUnknown: true });

    const seen = judge(ALICE, rebuilt, member, policy(), targeted);
    const unseen = judge(ALICE, rebuilt, outsider({ positive: true }), policy(), targeted);
    const ordinary = judge(ALICE, entry(), member, policy(), targeted);

    expect(seen).toHaveProperty('entry.groupsUnknown', undefined);
    expect(unseen).toHaveProperty('entry.groupsUnknown', true);
    expect('entry' in ordinary && 'groupsUnknown' in ordinary.entry).toBe(false);
  });

  it('remembers of a first sign when it came, and that it was a reading', () => {
    expect(judge(ALICE, entry(), outsider(), policy(), targeted)).toMatchObject({
      entry: { suspicion: { since: NOW, by: 'reading' } },
    });
  });
});
