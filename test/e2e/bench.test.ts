import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { REPOSITORY } from '../integration/sandbox/index.js';

/** What a line of the benchmarks may hold; times and rates are looked at for their shape only. */
type Line = Record<string, unknown> & { bench: string };

const NAMES = ['intake', 'leaver-warm', 'leaver-cold', 'sweep-noop-5000', 'sweep-create-500'];

let lines: Line[];
let outcome: ReturnType<typeof bench>;

beforeAll(() => {
  outcome = bench(...NAMES, '--quick', '--table');
  lines = outcome.stdout
    .split('\n')
    .filter(Boolean)
    .map((text) => JSON.parse(text) as Line);
}, 120_000);

function bench(...args: string[]) {
  const program = [join(REPOSITORY, 'node_modules/.bin/tsx'), 'test/bench/main.ts', ...args];
  return spawnSync(process.execPath, program, { cwd: REPOSITORY, encoding: 'utf8', timeout: 110_000 });
}

/** The measured line of a benchmark; skips the test, with the reason, where this machine cannot run it. */
function measured(name: string, context: TestContext): Line {
  const line = lines.find((candidate) => candidate.bench === name);
  if (!line) throw new Error(`there is no line for ${name}: ${outcome.stderr}`);
  if (typeof line.skipped === 'string') context.skip(line.skipped);
  return line;
}

describe('The benchmarks', () => {
  it('print one JSON line each, in their order, and end with 0', () => {
    expect(outcome.status, outcome.stderr).toBe(0);

    expect(lines.map((line) => line.bench)).toEqual(NAMES);
  });

  it.for(NAMES)('put a figure of %s beside its reference', (name, context) => {
    const line = measured(name, context);

    expect(line).toMatchObject({ unit: expect.any(String), loadAverage: expect.any(Number), quick: true });
    for (const key of ['value', 'reference', 'ratio']) expect(line[key], key).toBeGreaterThan(0);
  });

  it('find every accepted notification in the spool', (context) => {
    const line = measured('intake', context);

    expect(line.accepted).toBeGreaterThan(0);
    expect(line.stored).toBe(line.accepted);
  });

  it('see a sweep of 5,000 that has nothing to do write nothing, within 40 Graph calls and 250 MB', (context) => {
    const line = measured('sweep-noop-5000', context);

    expect(line).toMatchObject({ identities: 5000, proxmoxWrites: 0 });
    expect(line.graphCalls).toBeGreaterThan(0);
    expect(line.graphCalls).toBeLessThanOrEqual(40);
    expect(line.peakRssMb).toBeGreaterThan(0);
    expect(line.peakRssMb).toBeLessThanOrEqual(250);
  });

  it('see a first sweep write each Proxmox user exactly once', (context) => {
    const line = measured('sweep-create-500', context);

    expect(line.proxmoxWrites).toBe(line.identities);
  });

  it('show the same figures as a Markdown table on stderr', () => {
    for (const name of NAMES) expect(outcome.stderr).toContain(`| \`${name}\`: `);
  });

  it('refuse a name that they do not have', () => {
    const { status, stderr } = bench('intake-cold');

    expect(status).toBe(2);
    expect(stderr).toContain('no benchmark is called intake-cold');
  });
});
