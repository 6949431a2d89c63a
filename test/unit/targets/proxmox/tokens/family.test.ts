import { describe, expect, it } from 'vitest';
import {
  currentTokenId,
  familyOf,
  isNamedLike,
  nextTokenId,
} from '../../../../../src/targets/proxmox/tokens/family.js';

const DECLARED = { owner: 'terraform-prov@pve', name: 'terraform' };

function tokens(comments: Record<string, string>) {
  return new Map(
    Object.entries(comments).map(([name, comment]) => [
      name,
      { comment: `words ${comment}`, expire: 0, privsep: true },
    ]),
  );
}

describe('the tokens that stand for a declaration', () => {
  it('are told by their marks, the oldest first', () => {
    const all = tokens({
      'terraform-10': '(entramox for terraform)',
      'terraform-2': '(entramox for terraform)',
      terraform: '(entramox)',
      'terraform-3': '(entramox for other)',
      'terraform-4': 'by hand',
      'terraform-5': '(entramox)',
      'terraform-06': '(entramox for terraform)',
      terraformer: '(entramox for terraform)',
    });

    expect(familyOf('terraform', all).map(({ name }) => name)).toEqual(['terraform', 'terraform-2', 'terraform-10']);
    expect(nextTokenId('terraform', all)).toBe('terraform-11');
  });

  it.each<[string, Record<string, string>, string | undefined, string]>([
    ['the declared name where there is none', {}, undefined, 'terraform'],
    [
      'the latest that is stored',
      { terraform: '(entramox)', 'terraform-2': '(entramox for terraform)' },
      undefined,
      'terraform-2',
    ],
    [
      'not one whose secret nobody has',
      { terraform: '(entramox)', 'terraform-2': '(entramox for terraform, not stored yet)' },
      'terraform-prov@pve!terraform',
      'terraform',
    ],
    [
      'one that the sink has, though a run died before it could say so',
      { terraform: '(entramox)', 'terraform-2': '(entramox for terraform, not stored yet)' },
      'terraform-prov@pve!terraform-2',
      'terraform-2',
    ],
    [
      'never an earlier one that the sink names',
      { terraform: '(entramox)', 'terraform-2': '(entramox for terraform)' },
      'terraform-prov@pve!terraform',
      'terraform-2',
    ],
    [
      'not one of the same name of another user',
      { terraform: '(entramox)', 'terraform-2': '(entramox for terraform, not stored yet)' },
      'other@pve!terraform-2',
      'terraform',
    ],
    [
      'what is left after the first was revoked',
      { 'terraform-7': '(entramox for terraform)' },
      undefined,
      'terraform-7',
    ],
    ["somebody else's of the declared name, to be met as a conflict", { terraform: 'by hand' }, undefined, 'terraform'],
    ['the one that is there and was never stored', { terraform: '(entramox, not stored yet)' }, undefined, 'terraform'],
  ])('have one that counts now: %s', (_what, comments, storedId, expected) => {
    expect(currentTokenId(DECLARED, tokens(comments), storedId)).toBe(expected);
  });

  it.each([
    ['terraform-prov@pve!terraform', true],
    ['terraform-prov@pve!terraform-2', true],
    ['terraform-prov@pve!terraform-1', false],
    ['terraform-prov@pve!terraform-x', false],
    ['other@pve!terraform', false],
  ])('can be told by the name of %s: %s', (id, expected) => {
    expect(isNamedLike(DECLARED, id)).toBe(expected);
  });
});
