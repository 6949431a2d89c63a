import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineSplitter } from '../../../src/accounts/lines.js';

describe('the line splitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-zä]{0,8}$/), { maxLength: 8 }),
        fc.integer({ min: 1, max: 9 }),
        (words, size) => {
          const bytes = Buffer.from(words.map((word) => `${word}\n`).join(''));
          const splitter = createLineSplitter(100);

          const lines: string[] = [];
          for (let at = 0; at < bytes.length; at += size) {
            lines.push(...splitter.push(bytes.subarray(at, at + size)).lines.map(String));
          }

          expect(lines).toEqual(words);
        },
      ),
    );
  });

  it('gives the good lines before one that is too long, and nothing ever after', () => {
    const splitter = createLineSplitter(3);

    const first = splitter.push(Buffer.from('ab\nabc\nabcd'));
    const later = splitter.push(Buffer.from('\nab\n'));

    expect([first.lines.map(String), first.tooLong]).toEqual([['ab', 'abc'], true]);
    expect(later).toEqual({ lines: [], tooLong: true });
  });
});
