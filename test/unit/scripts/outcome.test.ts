import { describe, expect, it } from 'vitest';
import { loadScript } from './load-script.js';

interface Outcome {
  passed: number;
  failed: { name: string; why: string }[];
  skipped: { name: string; why: string }[];
}

const { judge } = await loadScript<{
  judge(project: string, ended: { code: number; timedOut: boolean }, outcome?: Outcome): Outcome;
}>('vitest');
const { foreignParts } = await loadScript<{ foreignParts(metafile: object, folder: string): string[] }>(
  'closed-bundle',
);

describe('the judgement on a run of tests', () => {
  const passing: Outcome = { passed: 3, failed: [], skipped: [{ name: 'a', why: 'no root' }] };

  it('is what the run reported, when it ended well', () => {
    const outcome = judge('unit', { code: 0, timedOut: false }, passing);

    expect(outcome).toEqual(passing);
  });

  it.each([
    ['it hung', { code: 143, timedOut: true }, passing, 'did not end in time'],
    ['it died before it could report', { code: 137, timedOut: false }, undefined, 'ended with 137'],
    ['it ended badly though no test failed', { code: 1, timedOut: false }, passing, 'vitest ended with 1'],
  ])('has a failure when %s', (_what, ended, reported, why) => {
    const outcome = judge('unit', ended, reported);

    expect(outcome.failed).toHaveLength(1);
    expect(outcome.failed[0]?.why).toContain(why);
  });
});

describe('the bundle of the account agent', () => {
  const inputs = { 'src/accounts/main.ts': {}, 'src/accounts/protocol.ts': {} };
  const importing = (path: string) => ({ 'dist/accounts.js': { imports: [{ path, external: true }] } });

  it('is closed with its own files and node: modules', () => {
    const foreign = foreignParts({ inputs, outputs: importing('node:fs') }, 'src/accounts/');

    expect(foreign).toEqual([]);
  });

  it.each([
    ['a file from elsewhere', { ...inputs, 'src/domain/errors.ts': {} }, 'node:fs', 'src/domain/errors.ts'],
    ['a package', { ...inputs, 'node_modules/zod/index.js': {} }, 'node:fs', 'node_modules/zod'],
    ['a package left outside', inputs, 'zod', 'zod'],
    ['a module without its prefix', inputs, 'fs', 'fs'],
    ['a module that Node does not have', inputs, 'node:nothing', 'node:nothing'],
  ])('is not closed with %s', (_what, files, imported, named) => {
    const foreign = foreignParts({ inputs: files, outputs: importing(imported) }, 'src/accounts/');

    expect(foreign).toHaveLength(1);
    expect(foreign[0]).toContain(named);
  });
});
