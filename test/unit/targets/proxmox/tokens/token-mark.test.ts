import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  markOfToken,
  type TokenMark,
  tokenComment,
  withoutTokenMark,
} from '../../../../../src/targets/proxmox/tokens/token-mark.js';

const instants = fc.option(
  fc.integer({ min: 0, max: 4_102_444_800 }).map((seconds) => seconds * 1000),
  { nil: undefined },
);
const marks: fc.Arbitrary<TokenMark> = fc.record({
  state: fc.constantFrom('stored', 'pending'),
  family: fc.option(fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{1,20}$/), { nil: undefined }),
  since: instants,
  revokeAfter: instants,
});

describe('what the comment of a token says', () => {
  it('is read as it was written, whatever words stand before it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), marks, (words, mark) => {
        const comment = tokenComment(words, mark);

        expect(markOfToken(comment)).toEqual(mark);
        expect(withoutTokenMark(comment)).toBe(words);
      }),
    );
  });

  it.each([
    ['Terraform token (entramox)', { state: 'stored' }],
    ['(entramox)', { state: 'stored' }],
    ['Terraform token (entramox, not stored yet)', { state: 'pending' }],
  ])('is understood where an earlier release wrote it: %s', (comment, mark) => {
    expect(markOfToken(comment)).toMatchObject(mark);
  });

  it.each([
    'Terraform token',
    '(entramox) and more',
    'x(entramox)',
    '(entramox, since yesterday)',
    '(entramox, since 2026-13-40T00:00:00Z)',
    '(entramox, revoke after 2026-11-29T09:00:00Z, since 2026-11-22T09:00:00Z)',
    '(entramox for ../x)',
  ])('is no mark of ours where it is not written like one: %s', (comment) => {
    expect(markOfToken(comment)).toBeUndefined();
  });
});
