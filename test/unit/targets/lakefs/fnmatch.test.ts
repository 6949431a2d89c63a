import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fnmatch, literalPrefix, matcherOf } from '../../../../src/targets/lakefs/fnmatch.js';

const python = spawnSync('python3', ['--version'], { encoding: 'utf8' });
const where = python.status === 0 ? '' : ' (skipped: python3 is not installed)';

/** Few characters, so that patterns and names have much to do with each other. */
const character = fc.constantFrom(...'aAbcz-]!^[\\*?&~|.\n', 'é', '𝒳', '😀');
const pattern = fc.oneof(
  fc.array(fc.constantFrom(...'aAbcz-]!^[\\*?&~|.\n', 'é', '𝒳', '😀'), { maxLength: 9 }).map((all) => all.join('')),
  fc.array(character, { maxLength: 6 }).map((all) => `[${all.join('')}]`),
  fc.array(character, { maxLength: 6 }).map((all) => `a[!${all.join('')}]*`),
);
const name = fc.oneof(
  character,
  fc.array(character, { maxLength: 5 }).map((all) => all.join('')),
);

/** What Python itself says, for each pair. */
function askPython(pairs: readonly (readonly [name: string, pattern: string])[]): boolean[] {
  const program =
    'import fnmatch, json, sys; print(json.dumps([fnmatch.fnmatch(n, p) for n, p in json.load(sys.stdin)]))';
  const asked = spawnSync('python3', ['-W', 'ignore', '-c', program], {
    input: JSON.stringify(pairs),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (asked.status !== 0) throw new Error(asked.stderr);
  return JSON.parse(asked.stdout) as boolean[];
}

describe('a filter for names', () => {
  it.each([
    ['LakeFSProject1', 'LakeFSProject*', true],
    ['lakefsproject1', 'LakeFSProject*', false],
    ['LakeFSProject', 'LakeFSProject*', true],
    ['', '*', true],
    ['anything', '', false],
    ['', '', true],
    ['a', '?', true],
    ['', '?', false],
    ['😀', '?', true],
    ['b', '[a-c]', true],
    ['b', '[!a-c]', false],
    ['d', '[!a-c]', true],
    [']', '[]]', true],
    ['a', '[]]', false],
    ['a', '[!]]', true],
    ['[', '[', true],
    ['[ab', '[ab', true],
    ['a', '[ab', false],
    ['-', '[a-]', true],
    ['b', '[c-a]', false],
    ['x', '[!c-a]', true],
    ['^', '[^a]', true],
    ['b', '[^a]', false],
    ['\\', '[\\]', true],
    ['a\nb', 'a*b', true],
    ['ab', 'a**b', true],
    ['x', '[b-a!x]', false],
    ['y', '[b-a!x]', true],
    ['-', '[b-a!-z]', false],
    ['y', '[b-a!-z]', true],
    ['y', '[b-a!]', true],
  ])('%j matches %j: %s', (text, shape, expected) => {
    expect(fnmatch(text, shape)).toBe(expected);
  });

  it.skipIf(python.status !== 0)(`matches what Python's fnmatch matches${where}`, () => {
    const pairs = fc.sample(fc.tuple(name, pattern), { numRuns: 10_000, seed: 20_261_122 });

    const expected = askPython(pairs);

    const different = pairs.filter(([text, shape], index) => fnmatch(text, shape) !== expected[index]);
    expect(different).toEqual([]);
    expect(expected.filter(Boolean).length).toBeGreaterThan(300);
  });

  it('matches every name that begins with its literal beginning, and no other one', () => {
    fc.assert(
      fc.property(name, pattern, (text, shape) => {
        const prefix = literalPrefix(shape);
        return !fnmatch(text, shape) || text.startsWith(prefix);
      }),
    );
    expect(literalPrefix('LakeFS*x')).toBe('LakeFS');
    expect(literalPrefix('[a]b')).toBe('');
    expect(literalPrefix('a[b')).toBe('a[b');
  });

  it('is answered in a time that does not explode with the number of its stars', () => {
    const matches = matcherOf(`${'*a'.repeat(40)}b`);

    // By backtracking from each star anew this would not end in this life.
    expect(matches('a'.repeat(2_000))).toBe(false);
  });
});
