import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CATALOGUE, CHECK_NAMES, PARTS } from '../../../../src/commands/doctor/catalogue.js';

const HERE = import.meta.dirname;

/** The names that tests provoke, by the calls of `provoked` in them. */
function provokedNames(): Set<string> {
  const files = [
    ...readdirSync(HERE).map((name) => join(HERE, name)),
    join(HERE, '../../targets/proxmox/doctor.test.ts'),
  ].filter((path) => path.endsWith('.test.ts'));
  const calls = files.flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/\bprovoked\(\s*'([a-z.-]+)'/g)]);
  return new Set(calls.map(([, name = '']) => name));
}

it('every check has a test that provokes it, and no test provokes a check that is none', () => {
  expect([...provokedNames()].sort()).toEqual([...CHECK_NAMES].sort());
});

it('every check stands in the table of the operations manual with what mends it, and nothing else does', () => {
  const manual = readFileSync(join(HERE, '../../../../docs/operations.md'), 'utf8');
  const rows = [...manual.matchAll(/^\| `([a-z]+\.[a-z-]+)` \| ([^|]+) \| ([^|]+) \|$/gm)];

  expect(rows.map(([, name]) => name)).toEqual(CHECK_NAMES);
  expect(rows.every(([, , what = '', mend = '']) => what.trim() !== '' && mend.trim() !== '')).toBe(true);
});

it('the checks of one part stand together, in the order in which they are looked at', () => {
  const parts = CHECK_NAMES.map((name) => CATALOGUE[name].part);

  expect(parts).toEqual([...parts].sort((a, b) => PARTS.indexOf(a) - PARTS.indexOf(b)));
});
