import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { groupsOf, readEtc } from '../../../src/accounts/etc.js';
import { staleLocks } from '../../../src/accounts/stale-locks.js';

describe('the account files', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'etc-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text);

  it('are read with the first of double names, as the C library does', () => {
    write(
      'passwd',
      'root:x:0:0:root:/root:/bin/bash\n#no\n\nann:x:20001:20001:A B,,,:/home/ann:/bin/sh\nann:x:0:0::/:/bin/sh\n',
    );
    write('shadow', 'ann:!$y$x:0:0:99999:7::1:\n');
    write('group', 'adm:x:4:bob,ann\nann:x:20001:\nsudo:x:27:annette\n');

    const etc = readEtc(directory);

    expect(etc.passwd.get('ann')).toEqual({
      name: 'ann',
      uid: 20001,
      gid: 20001,
      gecos: 'A B,,,',
      home: '/home/ann',
      shell: '/bin/sh',
    });
    expect(etc.shadow.get('ann')).toEqual({ name: 'ann', password: '!$y$x', changed: '0', expiry: '1' });
    expect([etc.nameOfUid.get(0), etc.groupOfGid.get(20001), etc.gshadow.size]).toEqual(['root', 'ann', 0]);
    expect(groupsOf(etc, 'ann')).toEqual(['adm']);
  });

  it('tell of lock files that block for ever, and not of those that the tools take over', () => {
    write('passwd.lock', '');
    write('shadow.lock', 'abc');
    write('group.lock', `${process.pid}\0`);
    write('gshadow.lock', '4194300');

    const found = staleLocks(directory);

    expect(found).toEqual([
      expect.stringContaining('passwd.lock holds no process number'),
      expect.stringContaining('shadow.lock holds no process number'),
      expect.stringContaining(`group.lock is held by process ${process.pid}`),
    ]);
  });
});
