import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  litterOf,
  lockFiles,
  lockTroubles,
  removeLitter,
  removeStaleLocks,
} from '../../../src/accounts/stale-locks.js';

describe('lock files of the passwd tools', () => {
  let etc: string;
  let proc: string;
  const write = (name: string, text: string) => writeFileSync(join(etc, name), text);
  const runs = (pid: number, command: string) => {
    mkdirSync(join(proc, String(pid)));
    writeFileSync(join(proc, String(pid), 'comm'), `${command}\n`);
  };
  beforeEach(() => {
    etc = mkdtempSync(join(tmpdir(), 'etc-'));
    proc = mkdtempSync(join(tmpdir(), 'proc-'));
  });
  afterEach(() => {
    rmSync(etc, { recursive: true });
    rmSync(proc, { recursive: true });
  });

  it('are told apart by what they hold and by who has that number now', () => {
    runs(7, 'nginx');
    runs(8, 'vipw');
    write('passwd.lock', '');
    write('shadow.lock', 'abc');
    write('group.lock', '7\0');
    write('gshadow.lock', '8');
    write('subuid.lock', '9\0');
    mkdirSync(join(etc, 'subgid.lock'));

    const found = lockFiles(etc, proc).map(({ path, state, pid, command }) => [
      path.slice(etc.length + 1),
      state,
      pid,
      command,
    ]);

    expect(found).toEqual([
      ['passwd.lock', 'empty', undefined, undefined],
      ['shadow.lock', 'garbage', undefined, undefined],
      ['group.lock', 'recycled', 7, 'nginx'],
      ['gshadow.lock', 'live', 8, 'vipw'],
      ['subuid.lock', 'dead', 9, undefined],
      ['subgid.lock', 'no-file', undefined, undefined],
    ]);
  });

  it('are removed unless a passwd tool lives on, or they are no files', () => {
    runs(7, 'nginx');
    runs(8, 'useradd');
    write('passwd.lock', '7');
    write('group.lock', '8');
    write('precious', 'x');
    symlinkSync(join(etc, 'precious'), join(etc, 'shadow.lock'));

    const done = removeStaleLocks(etc, proc);

    expect(done).toEqual([
      expect.stringMatching(/passwd\.lock was removed: its process number belongs to another program now/),
    ]);
    expect(readdirSync(etc).sort()).toEqual(['group.lock', 'precious', 'shadow.lock']);
    expect(lockTroubles(etc, proc)).toEqual([
      expect.stringMatching(/shadow\.lock is no plain file/),
      expect.stringMatching(/group\.lock is held by process 8 \(useradd\): wait/),
    ]);
  });

  it('are left alone where they are not what they were when they were found', () => {
    write('passwd.lock', '');
    write('shadow.lock', 'abc');
    write('group.lock', '9');
    const found = lockFiles(etc, proc);
    runs(9, 'nginx');
    rmSync(join(etc, 'passwd.lock'));
    write('shadow.lock', '8');

    expect(removeStaleLocks(etc, proc, found)).toEqual([]);
    expect(readdirSync(etc).sort()).toEqual(['group.lock', 'shadow.lock']);
  });

  it.each<[string, RegExp]>([
    ['', /: it was empty, as after a power cut, and no passwd tool was at work$/],
    ['abc', /: it held no process number, and/],
    ['12345678901', /: it held no process number, and/],
    ['9x', /: it held no process number, and/],
    ['9', /: its process had ended, and/],
    ['4194300', /: its process had ended, and/],
    ['9999999999', /: its process had ended, and/],
    ['7', /: its process number belongs to another program now, and/],
  ])('that hold %j are removed with the reason', (text, words) => {
    runs(7, 'nginx');
    write('gshadow.lock', text);

    const done = removeStaleLocks(etc, proc);

    expect(done).toEqual([expect.stringMatching(words)]);
    expect(done[0]).toMatch(/^the stale lock file .*gshadow\.lock was removed/);
    expect(readdirSync(etc)).toEqual([]);
  });

  it.each(['vipw', 'passwd', 'chage', 'usermod', 'groupmems', 'pwconv', 'grpunconv', 'adduser', 'deluser'])(
    'are held where %s is at work',
    (tool) => {
      runs(7, tool);
      write('subgid.lock', '7');

      expect(lockFiles(etc, proc).map(({ state }) => state)).toEqual(['live']);
    },
  );

  it('are no trouble when they are stale, because they are removed when they are in the way', () => {
    write('passwd.lock', '');
    write('shadow.lock', '4194300');

    expect(lockTroubles(etc, proc)).toEqual([]);
  });
});

describe('what a killed tool leaves', () => {
  let etc: string;
  const write = (...names: string[]) => {
    for (const name of names) writeFileSync(join(etc, name), name.includes('.') ? '41\0' : 'text');
  };
  beforeEach(() => {
    etc = mkdtempSync(join(tmpdir(), 'etc-'));
  });
  afterEach(() => rmSync(etc, { recursive: true }));

  it('is its own number, its lock files and the copies below these', () => {
    write('passwd.41', 'shadow.lock', 'shadow+', 'passwd', 'passwd-');

    const litter = litterOf({ tool: 'useradd', pid: 41 }, etc);
    removeLitter({ tool: 'useradd', pid: 41 }, etc);

    expect(litter.map((path) => path.slice(etc.length + 1))).toEqual(['passwd.41', 'shadow.lock', 'shadow+']);
    expect(readdirSync(etc).sort()).toEqual(['passwd', 'passwd-']);
  });

  it('is not what belongs to another process, nor a copy that an administrator named like it', () => {
    write('passwd.42', 'group.lock', 'shadow+', 'nshadow');
    writeFileSync(join(etc, 'passwd.41'), readFileSync('/etc/passwd'));
    writeFileSync(join(etc, 'group.lock'), '42');

    const litter = litterOf({ tool: 'useradd', pid: 41 }, etc);

    expect(litter).toEqual([]);
  });

  it('is told by name, and only what is a file is removed', () => {
    write('passwd.41', 'group.lock', 'group+');
    mkdirSync(join(etc, 'nshadow'));

    expect(removeLitter({ tool: 'chpasswd', pid: 41 }, etc)).toEqual([
      'chpasswd (process 41) was killed; passwd.41, group.lock, group+ removed',
    ]);
    expect(removeLitter({ tool: 'chpasswd', pid: 41 }, etc)).toEqual([]);
    expect(readdirSync(etc)).toEqual(['nshadow']);
  });

  it('may be empty, or a lock file without a copy below it', () => {
    writeFileSync(join(etc, 'shadow.41'), '');
    writeFileSync(join(etc, 'gshadow.lock'), '41');
    mkdirSync(join(etc, 'group.41'));

    const litter = litterOf({ tool: 'useradd', pid: 41 }, etc);

    expect(litter.map((path) => path.slice(etc.length + 1))).toEqual(['shadow.41', 'gshadow.lock']);
  });

  it('is the new shadow file of PAM only after chpasswd', () => {
    write('nshadow');

    expect(litterOf({ tool: 'usermod', pid: 41 }, etc)).toEqual([]);
    expect(litterOf({ tool: 'chpasswd', pid: 41 }, etc)).toEqual([join(etc, 'nshadow')]);
  });
});
