import { describe, expect, it } from 'vitest';
import type { Wanted } from '../../../src/domain/lifecycle.js';
import {
  commentFor,
  hasDamagedMark,
  isRetired,
  ownerIn,
  retiredComment,
  utcMinute,
  withoutMark,
} from '../../../src/domain/proxmox-comment.js';
import { ALICE, NOW } from './builders.js';

const entitlement = { sudo: false, linuxGroups: [], pveGroups: [] };

describe('commentFor', () => {
  it.each<[Wanted, string | undefined, string]>([
    [{ presence: 'active', entitlement }, undefined, 'active'],
    [{ presence: 'suspended' }, 'whatever', 'suspended, disabled in Entra'],
    [{ presence: 'grace', deleteAt: NOW }, 'deleted in Entra', 'left (deleted in Entra), deletes 2026-11-21 09:00 UTC'],
    [{ presence: 'grace', deleteAt: NOW }, undefined, 'left (out of scope), deletes 2026-11-21 09:00 UTC'],
    [{ presence: 'deleted' }, undefined, 'left and deleted, kept disabled so that the name is never handed on'],
  ])('tells an administrator of %j why and until when', (wanted, reason, sentence) => {
    expect(commentFor(ALICE, wanted, reason)).toBe(`Entramox: ${sentence}; entra:${ALICE}`);
  });
});

describe('a retired userid', () => {
  it('names its successor and still carries the mark', () => {
    const comment = retiredComment(ALICE, 'ann@example.com@entra');

    expect(comment).toBe(`Entramox: renamed to ann@example.com@entra; kept disabled; entra:${ALICE}`);
    expect(isRetired(comment)).toBe(true);
    expect(ownerIn(comment)).toBe(ALICE);
  });

  it('is told from one in use', () => {
    expect(isRetired(commentFor(ALICE, { presence: 'suspended' }, undefined))).toBe(false);
    expect(isRetired('see "Entramox: renamed to "')).toBe(false);
  });
});

describe('hasDamagedMark', () => {
  it.each(['Entramox: active', 'Entramox: active; entra:1111', 'somebody wrote entra:1111-22', 'ENTRA:ABCD'])(
    'sees that %j names nobody',
    (comment) => {
      expect(hasDamagedMark(comment)).toBe(true);
    },
  );

  it.each([
    '',
    'a colleague',
    'made by Entramox: see there',
    'entra:xyz',
    'entra:1',
    `Entramox: active; entra:${ALICE}`,
    `entra:${ALICE}`,
  ])('finds nothing wrong with %j', (comment) => {
    expect(hasDamagedMark(comment)).toBe(false);
  });
});

describe('ownerIn', () => {
  it('reads the mark in any case, among other words', () => {
    expect(ownerIn(`our ENTRA:${ALICE.toUpperCase()}, keep`)).toBe(ALICE);
  });

  it('takes no longer word for a mark', () => {
    expect(ownerIn(`myentra:${ALICE}`)).toBeUndefined();
    expect(ownerIn(`entra:${ALICE}f`)).toBeUndefined();
  });
});

describe('withoutMark', () => {
  const left = (comment: string) => withoutMark(comment, NOW);

  it('leaves what somebody else wrote', () => {
    expect(left(`a colleague; entra:${ALICE}`)).toBe('a colleague');
    expect(left(`entra:${ALICE} a colleague`)).toBe('a colleague');
    expect(left(`a ;  ENTRA:${ALICE.toUpperCase()}; colleague, entra:${ALICE}`)).toBe('a ; colleague,');
    expect(left(`a colleague`)).toBe('a colleague');
  });

  it.each(['', `entra:${ALICE}`, `Entramox: active; entra:${ALICE}`, `a colleague; entra:${ALICE}; entra:1111-22`])(
    'leaves nothing of ours, and nothing that looks like it, of %j',
    (comment) => {
      expect(left(comment)).toBe('given back by Entramox on 2026-11-21 09:00 UTC');
    },
  );

  it('leaves nobody as the owner', () => {
    expect(ownerIn(left(`x entra:${ALICE} entra:${ALICE}`))).toBeUndefined();
  });
});

describe('utcMinute', () => {
  it('drops seconds', () => {
    expect(utcMinute(NOW + 59_999)).toBe('2026-11-21 09:00 UTC');
  });
});
