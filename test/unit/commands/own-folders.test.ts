import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeOwnFolders } from '../../../src/commands/parts/own-folders.js';
import type { Settings } from '../../../src/config/settings.js';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'entramox-folders-'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function pathsIn(parent: string): Settings['paths'] {
  const at = (name: string) => join(parent, name);
  return { runDir: at('run/entramox'), stateDir: at('lib/entramox'), logDir: at('log/entramox') } as Settings['paths'];
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe('the folders of a host without units', () => {
  it('are made as the units would make them, parents included', async () => {
    const before = process.umask(0o022);
    const paths = pathsIn(root);

    await makeOwnFolders({ paths, dryRun: false }).finally(() => process.umask(before));

    expect([paths.runDir, paths.stateDir, paths.logDir].map(modeOf)).toEqual(['755', '750', '750']);
  });

  it('stay as they are where they exist', async () => {
    const paths = pathsIn(root);
    mkdirSync(paths.stateDir, { recursive: true, mode: 0o700 });

    await makeOwnFolders({ paths, dryRun: false });

    expect(modeOf(paths.stateDir)).toBe('700');
  });

  it('are no more than that of the lock in a dry run', async () => {
    const paths = pathsIn(root);

    await makeOwnFolders({ paths, dryRun: true });

    expect([paths.runDir, paths.stateDir, paths.logDir].map(existsSync)).toEqual([true, false, false]);
  });

  it('that cannot be made are refused with the setting that moves them', async () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    const paths = { ...pathsIn(root), stateDir: join(file, 'entramox') };

    await expect(makeOwnFolders({ paths, dryRun: false })).rejects.toThrow(/ENOTDIR.*STATE_DIR/);
  });
});
