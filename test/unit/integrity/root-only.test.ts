import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { distrustOfPlace } from '../../../src/integrity/places.js';
import { distrustOfFiles } from '../../../src/integrity/root-only.js';

const notRoot = process.getuid?.() !== 0;
const NOT_ROOT = 'only root can make files that belong to root';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'entramox-trust-'));
  mkdirSync(join(folder, 'lib'));
  file = join(folder, 'lib', 'program.js');
  writeFileSync(file, 'x', { mode: 0o644 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('files that only root may be able to change', () => {
  beforeEach((context) => context.skip(notRoot, NOT_ROOT));

  it('are trusted where they and every directory above are root’s alone', () => {
    expect(distrustOfFiles([file])).toEqual([]);
  });

  it.each([0o664, 0o646, 0o666])('are not with mode %o', (mode) => {
    chmodSync(file, mode);

    expect(distrustOfFiles([file])).toEqual([
      { path: file, why: `others may write ${file}`, mend: `chmod go-w ${file}` },
    ]);
  });

  it('are not where somebody else owns them or a directory above them', () => {
    chownSync(file, 4343, 0);
    chownSync(folder, 4343, 0);

    expect(distrustOfFiles([file]).map(({ mend }) => mend)).toEqual([`chown root ${file}`, `chown root ${folder}`]);
  });

  it('are not behind a link into a directory that others may write', () => {
    const link = join(folder, 'link.js');
    symlinkSync(file, link);
    chmodSync(join(folder, 'lib'), 0o777);

    expect(distrustOfFiles([link]).map(({ path }) => path)).toEqual([join(folder, 'lib')]);
    expect(distrustOfFiles([file]).map(({ path }) => path)).toEqual([join(folder, 'lib')]);
  });

  it('are told of once, however many of them are in the same bad place', () => {
    writeFileSync(join(folder, 'lib', 'other.js'), 'x', { mode: 0o644 });
    chmodSync(join(folder, 'lib'), 0o777);

    expect(distrustOfFiles([file, join(folder, 'lib', 'other.js')])).toHaveLength(1);
  });

  it('are passed over where they are not there', () => {
    expect(distrustOfFiles([join(folder, 'none'), join(folder, 'none', 'deeper')])).toEqual([]);
  });
});

describe('the way to a file', () => {
  it('is safe below a directory with the sticky bit, as /tmp', () => {
    expect(distrustOfPlace(file, [process.getuid?.() ?? 0])).toBeUndefined();
  });

  it('is followed through links to its end, relative ones and ones back up too', () => {
    mkdirSync(join(folder, 'open'), { mode: 0o777 });
    chmodSync(join(folder, 'open'), 0o777);
    symlinkSync('../open', join(folder, 'lib', 'way'));

    const problem = distrustOfPlace(join(folder, 'lib', 'way', 'file'), [process.getuid?.() ?? 0]);

    expect(problem).toEqual({
      path: join(folder, 'open'),
      why: `others may write in the directory ${join(folder, 'open')}`,
      mend: `chmod go-w ${join(folder, 'open')}`,
    });
  });

  it('that runs in a circle is left to whoever opens it', () => {
    symlinkSync('b', join(folder, 'a'));
    symlinkSync('a', join(folder, 'b'));

    expect(distrustOfPlace(join(folder, 'a', 'file'), [process.getuid?.() ?? 0])).toBeUndefined();
  });
});
