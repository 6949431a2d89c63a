import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commentFor, retiredComment } from '../../../src/domain/proxmox-comment.js';
import { markOf } from '../../../src/domain/proxmox-mark.js';
import { ALICE, NOW } from './builders.js';

const USERID = 'alice@example.com@entra';
const NOTHING = { sudo: false, linuxGroups: [], pveGroups: [] };

describe('the mark in a comment', () => {
  it('is read back as it was written, whatever state it tells of', () => {
    const read = (comment: string) => markOf(USERID, false, comment)?.state;

    const states = [
      commentFor(ALICE, { presence: 'active', entitlement: NOTHING }, undefined),
      commentFor(ALICE, { presence: 'suspended' }, 'disabled in Entra'),
      commentFor(ALICE, { presence: 'grace', deleteAt: NOW }, 'in none of the configured groups'),
      commentFor(ALICE, { presence: 'deleted' }, undefined),
      retiredComment(ALICE, 'new@example.com@entra'),
    ].map(read);

    expect(states).toEqual(['active', 'suspended', 'grace', 'deleted', 'retired']);
  });

  it('never tells of a shorter countdown than the one that was written, nor of one longer by more than a minute', () => {
    const instants = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2100, 0) });

    fc.assert(
      fc.property(instants, (deleteAt) => {
        const mark = markOf(USERID, false, commentFor(ALICE, { presence: 'grace', deleteAt }, 'left'));

        expect(mark?.deleteAt).toBeGreaterThanOrEqual(deleteAt);
        expect(mark?.deleteAt).toBeLessThanOrEqual(deleteAt + 60_000);
      }),
    );
  });

  it('keeps the reason, and leaves a date that cannot be read open', () => {
    const comment = commentFor(
      ALICE,
      { presence: 'grace', deleteAt: NOW },
      'domain (old), deletes nothing, is not allowed',
    );

    const whole = markOf(USERID, false, comment);
    const edited = markOf(USERID, false, comment.replace('2026-11-21 09:00 UTC', 'some day'));

    expect(whole).toMatchObject({ reason: 'domain (old), deletes nothing, is not allowed', deleteAt: NOW + 60_000 });
    expect(edited).toMatchObject({ state: 'grace' });
    expect(edited?.deleteAt).toBeUndefined();
  });

  it('leaves a date open that no calendar has, or that is not at its place', () => {
    const comment = commentFor(ALICE, { presence: 'grace', deleteAt: NOW }, 'x');
    const at = (edited: string) => markOf(USERID, false, edited)?.deleteAt;

    expect(at(comment.replace('2026-11-21', '2026-13-41'))).toBeUndefined();
    expect(at(comment.replace('deletes ', 'deletes about '))).toBeUndefined();
    expect(at(comment.replace(' UTC;', ' UTC or so;'))).toBeUndefined();
  });

  it('says whose it is, where, and whether it is open', () => {
    expect(markOf(USERID, true, `Entramox: active; entra:${ALICE}`)).toEqual({
      userid: USERID,
      oid: ALICE,
      enabled: true,
      state: 'active',
    });
    expect(markOf(USERID, false, `Entramox: left (x; entra:${ALICE}`)).toEqual({
      userid: USERID,
      oid: ALICE,
      enabled: false,
      state: 'grace',
    });
  });

  it('is none where an administrator wrote the object id by hand, or where nobody is named', () => {
    expect(markOf(USERID, true, `entra:${ALICE}`)).toBeUndefined();
    expect(markOf(USERID, true, 'Entramox: active; entra:')).toBeUndefined();
    expect(markOf(USERID, true, '')).toBeUndefined();
  });
});
