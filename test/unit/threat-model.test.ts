import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { targets } from '../fuzz/targets/index.js';

const page = readFileSync(resolve('docs/threat-model.md'), 'utf8');
const sections = page.split(/^## /m).slice(1);
const named = [...page.matchAll(/`(test\/[^`]+)`: “([^”]+)”/g)].map(([, file, name]) => ({
  file: file ?? '',
  name: name ?? '',
}));

/** Whether a file has a test of this name, written in one of the three kinds of quotes. */
function hasTest(file: string, name: string): boolean {
  const text = readFileSync(resolve(file), 'utf8');
  return ["'", '"', '`'].some(
    (quote) => text.includes(`(${quote}${name}`) || text.includes(`${quote}${name}${quote},`),
  );
}

describe('the threat model', () => {
  it.each(named)('names a test that is there: $file, $name', ({ file, name }) => {
    expect(existsSync(resolve(file))).toBe(true);
    expect(hasTest(file, name)).toBe(true);
  });

  it('shows something by a test for each of those whom it speaks of', () => {
    const bare = sections
      .filter((section) => !/`test\/[^`]+`: “/.test(section))
      .map((section) => section.split('\n')[0]);

    expect(sections.length).toBeGreaterThanOrEqual(8);
    expect(bare).toEqual([]);
  });

  it('names no test file without a test of it, so that every mention is checked', () => {
    const mentions = page.match(/`test\//g) ?? [];

    expect(mentions).toHaveLength(named.length);
  });

  it('names every target of the fuzzing', () => {
    for (const { name } of targets) expect(page).toContain(`\`${name}\``);
  });
});
