import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { groupsOf, isFullMember, readEtc } from '../../../src/accounts/etc.js';

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

  it('are read by the first line of a name, and of a number, in each of them', () => {
    write('passwd', 'ann:x:20001:1:first::\nann:x:7:7:second::\ntwin:x:20001:1:::\n');
    write('shadow', 'ann:first:1::::::\nann:second:2::::::\n');
    write('group', 'adm:x:4:ann\nadm:x:5:bob\nsame:x:4:\n');

    const etc = readEtc(directory);

    expect([etc.passwd.get('ann')?.gecos, etc.shadow.get('ann')?.password, etc.group.get('adm')?.members]).toEqual([
      'first',
      'first',
      ['ann'],
    ]);
    expect([etc.nameOfUid.get(20001), etc.nameOfUid.get(7), etc.groupOfGid.get(4), etc.groupOfGid.get(5)]).toEqual([
      'ann',
      undefined,
      'adm',
      undefined,
    ]);
  });

  it('are read with empty fields where a line is too short', () => {
    for (const name of ['passwd', 'shadow', 'group', 'gshadow']) write(name, 'ann\n');

    const etc = readEtc(directory);

    expect(etc.passwd.get('ann')).toEqual({
      name: 'ann',
      uid: Number.NaN,
      gid: Number.NaN,
      gecos: '',
      home: '',
      shell: '',
    });
    expect(etc.shadow.get('ann')).toEqual({ name: 'ann', password: '', changed: '', expiry: '' });
    expect([etc.group.get('ann')?.members, etc.gshadow.get('ann')]).toEqual([[], []]);
  });

  it('are read without comments, also where nothing but these is there', () => {
    write('passwd', '#ann:x:1:1:::\n\n');

    expect([...readEtc(directory).passwd.keys()]).toEqual([]);
  });

  it('count a membership in either of the two group files, and tell when it is in both', () => {
    write('group', 'adm:x:4:ann\ngames:x:60:\nsrc:x:40:ann\nold:x:41:ann\n');
    write('gshadow', 'adm:*::ann\ngames:*::bob,ann\nsrc:*::\n');

    const etc = readEtc(directory);

    expect(groupsOf(etc, 'ann')).toEqual(['adm', 'games', 'old', 'src']);
    // A group without a line in gshadow has nothing to disagree with.
    expect(['adm', 'games', 'old', 'src', 'none'].filter((group) => isFullMember(etc, 'ann', group))).toEqual([
      'adm',
      'old',
    ]);
  });
});
