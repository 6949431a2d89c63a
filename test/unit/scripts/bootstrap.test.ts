import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadScript } from './load-script.js';

const { staleness } = await loadScript<{ staleness(root: string): string | undefined }>('lock-file');
const { requireNode } = await loadScript<{ requireNode(version: string): void }>('bootstrap');
interface Package {
  name: string;
  program?: string;
  file?: string;
}
const { missingPackages } = await loadScript<{ missingPackages(of: Package[], folders: string[]): Package[] }>(
  'debian',
);

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'entramox-scripts-'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('the need for npm ci', () => {
  const zod = { version: '4.0.0', integrity: 'sha512-a' };

  function lock(packages: object): void {
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages: { '': { name: 'x' }, ...packages } }));
  }

  function installed(packages: object): void {
    mkdirSync(join(root, 'node_modules'));
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages }));
  }

  it('is there when nothing is installed', () => {
    lock({ 'node_modules/zod': zod });

    const why = staleness(root);

    expect(why).toContain('node_modules is missing');
  });

  it('is not there when all that is asked for is installed, but for optional packages of other platforms', () => {
    lock({ 'node_modules/zod': zod, 'node_modules/esbuild-sunos': { version: '1.0.0', optional: true } });
    installed({ 'node_modules/zod': zod });

    const why = staleness(root);

    expect(why).toBeUndefined();
  });

  it.each([
    ['another version', { 'node_modules/zod': { ...zod, version: '3.9.0' } }],
    ['another content under the same version', { 'node_modules/zod': { ...zod, integrity: 'sha512-b' } }],
    ['nothing of that name', {}],
  ])('is there when there is %s', (_what, packages) => {
    lock({ 'node_modules/zod': zod });
    installed(packages);

    const why = staleness(root);

    expect(why).toContain('node_modules/zod');
  });

  it('is there when an installation was torn', () => {
    lock({ 'node_modules/zod': zod });
    mkdirSync(join(root, 'node_modules'));
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), '{"packages": {');

    const why = staleness(root);

    expect(why).toContain('node_modules is missing');
  });
});

describe('the version of Node', () => {
  it.each(['20.19.0', '20.20.2', '22.0.0', '25.1.0'])('%s is accepted', (version) => {
    expect(() => requireNode(version)).not.toThrow();
  });

  it.each(['18.20.4', '20.18.9'])('%s is refused, with the version that is wanted', (version) => {
    expect(() => requireNode(version)).toThrow(/too old.*20\.19/);
  });
});

describe('missing Debian packages', () => {
  const sudo = { name: 'sudo', program: 'visudo' };

  it('are those whose program is in no folder', () => {
    const missing = missingPackages([sudo], [root]);

    expect(missing).toEqual([sudo]);
  });

  it('are those without a program whose file is not there', () => {
    const module = { name: 'python3-hvac', file: join(root, 'hvac.py') };

    expect(missingPackages([module], [root])).toEqual([module]);
    writeFileSync(join(root, 'hvac.py'), '');
    expect(missingPackages([module], [root])).toEqual([]);
  });

  it('are not those whose program is there and can be run', () => {
    writeFileSync(join(root, 'visudo'), '#!/bin/sh\n');
    chmodSync(join(root, 'visudo'), 0o755);

    const missing = missingPackages([sudo], ['/nonexistent', root]);

    expect(missing).toEqual([]);
  });
});
