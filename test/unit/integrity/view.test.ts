import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changedFiles } from '../../../src/integrity/changes.js';
import { parseManifest, renderManifest, sumOf } from '../../../src/integrity/manifest.js';
import { viewIntegrity } from '../../../src/integrity/view.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'entramox-view-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('whether a start is refused for its files', () => {
  const view = (program: string, mode?: 'enforce' | 'report') =>
    viewIntegrity({ mode, files: [], program, node: '/usr/bin/env' });

  it('follows from where the program is, and from INTEGRITY where that is set', () => {
    expect(view('/usr/lib/entramox/entramox.js')).toMatchObject({ enforced: true, why: undefined });
    expect(view('/home/dev/dist/entramox.js')).toMatchObject({
      enforced: false,
      why: '/home/dev/dist/entramox.js is no installation under /usr',
    });
    expect(view('/home/dev/dist/entramox.js', 'enforce')).toMatchObject({ enforced: true });
    expect(view('/usr/lib/entramox/entramox.js', 'report')).toMatchObject({ enforced: false, why: 'INTEGRITY=report' });
  });

  it('is told of file by file also where it is not', () => {
    const file = join(folder, 'entramox.env');
    writeFileSync(file, '');
    chmodSync(file, 0o666);

    const { enforced, distrusted } = viewIntegrity({ mode: 'report', files: [file], program: file, node: file });

    expect(enforced).toBe(false);
    expect(distrusted.map(({ path }) => path)).toContain(file);
  });
});

describe('a manifest', () => {
  it('is read back as it was written', () => {
    const manifest = {
      sealedAt: '2026-11-22T09:00:00.000Z',
      watched: ['/usr/lib/entramox', '/etc/systemd/system/a b.d'],
      sums: new Map([['/usr/lib/entramox/a  b', 'ab'.repeat(32)]]),
    };

    expect(parseManifest(renderManifest(manifest))).toEqual(manifest);
  });

  it.each(['/a\nb', '/a\\b', 'relative'])('cannot hold %j', (path) => {
    const sums = new Map([[path, 'ab'.repeat(32)]]);

    expect(() => renderManifest({ sealedAt: '', watched: [], sums })).toThrow('cannot be sealed');
  });

  it('tells what changed, what is gone, and passes over what may not be read from here', () => {
    const [same, other, gone] = ['same', 'other', 'gone'].map((name) => join(folder, name)) as [string, string, string];
    for (const path of [same, other, gone]) writeFileSync(path, path);
    const sums = new Map([same, other, gone].map((path) => [path, sumOf(path) ?? '']));
    sums.set('/unreadable', 'ab'.repeat(32));
    writeFileSync(other, 'changed');
    rmSync(gone);

    const changed = changedFiles({ sealedAt: '', watched: [], sums }, (path) => path === '/unreadable');

    expect(changed).toEqual([other, gone]);
  });
});
