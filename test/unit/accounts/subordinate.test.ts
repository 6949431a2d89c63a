import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isSubordinate, subordinateRanges } from '../../../src/accounts/subordinate.js';

const ALICE = { name: 'alice', uid: 20001 };

describe('the uids that somebody may take in a name space', () => {
  let etc: string;
  beforeEach(() => {
    etc = mkdtempSync(join(tmpdir(), 'etc-'));
  });
  afterEach(() => rmSync(etc, { recursive: true }));
  const subuid = (...lines: string[]) => writeFileSync(join(etc, 'subuid'), lines.map((line) => `${line}\n`).join(''));

  it('are those of the lines with the name or the uid', () => {
    subuid('alice:100000:65536', 'bob:165536:65536', '20001:300000:10');

    expect(subordinateRanges(etc, ALICE)).toEqual([
      [100_000, 165_535],
      [300_000, 300_009],
    ]);
  });

  it('are none without the file, and none of a line that cannot be read', () => {
    const without = subordinateRanges(etc, ALICE);
    subuid('alice', 'alice:x:10', 'alice:100000:0', '');

    expect([without, subordinateRanges(etc, ALICE)]).toEqual([[], []]);
  });

  it('are never those that root or anybody else has too, as the containers of a Proxmox host have', () => {
    subuid('root:100000:65536', 'alice:165535:10', 'alice:165536:10');

    expect(subordinateRanges(etc, ALICE)).toEqual([[165_536, 165_545]]);
  });

  it('are not even one number of anybody else, and need not overlap with everybody', () => {
    subuid('bob:100000:10', 'carol:500000:10', 'alice:100009:1', 'alice:100010:1', 'alice:99999:2', 'alice:99999:1');

    expect(subordinateRanges(etc, ALICE)).toEqual([
      [100_010, 100_010],
      [99_999, 99_999],
    ]);
  });

  it('are none of a line with half a range', () => {
    subuid('alice:100000:', 'alice:200000', 'alice:300000:x');

    expect(subordinateRanges(etc, ALICE)).toEqual([]);
  });

  it('begin above the login users', () => {
    subuid('alice:65536:1');

    expect(subordinateRanges(etc, ALICE)).toEqual([[65_536, 65_536]]);
  });

  it('are never those of system and login users', () => {
    subuid('alice:0:200000', 'alice:65535:10');

    expect(subordinateRanges(etc, ALICE)).toEqual([]);
  });

  it('are never a range that holds the uid of another account', () => {
    subuid('alice:100000:10', 'alice:200000:10');
    writeFileSync(join(etc, 'passwd'), 'alice:x:20001:20001::/home/alice:/bin/sh\nsvc:x:100009:1::/:/bin/sh\n');

    expect(subordinateRanges(etc, ALICE)).toEqual([[200_000, 200_009]]);
  });

  it('end where the range ends', () => {
    const ranges = [[100_000, 100_009]] as const;

    expect(isSubordinate([...ranges, [5, 5]], 100_000)).toBe(true);
    expect([99_999, 100_000, 100_009, 100_010].map((uid) => isSubordinate(ranges, uid))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});
