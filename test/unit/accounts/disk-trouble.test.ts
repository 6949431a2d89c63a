import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { type DiskLook, diskTrouble, explainError, explainWrite } from '../../../src/accounts/disk-trouble.js';

const failed = (code: string, path?: string) => Object.assign(new Error(`${code}: it failed`), { code, path });

describe('a disk that takes nothing', () => {
  it('is told by the room that is left and the room that is needed', () => {
    const trouble = diskTrouble(tmpdir(), Number.MAX_SAFE_INTEGER);

    expect(trouble).toEqual({
      what: expect.stringMatching(/^the file system of \S+ has \d+ KiB left, and \d+ KiB are needed$/),
      remedy: expect.stringContaining('make room'),
    });
    expect(diskTrouble(tmpdir(), 0)).toBeUndefined();
  });

  const look = (room: object, error?: Error): DiskLook => ({
    requireWritable() {
      if (error) throw error;
    },
    roomOf: () => ({ bsize: 4096, bfree: 1_000_000, files: 1000, ffree: 500, ...room }),
  });

  it.each<[string, object, string | undefined]>([
    ['enough', {}, undefined],
    ['just enough', { bfree: 4, bsize: 1024 }, undefined],
    ['one block too few', { bfree: 3, bsize: 1024 }, 'the file system of /etc has 3 KiB left, and 4 KiB are needed'],
    [
      'almost a block too few',
      { bfree: 4095, bsize: 1 },
      'the file system of /etc has 3 KiB left, and 4 KiB are needed',
    ],
    ['the last inodes', { ffree: 7 }, 'the file system of /etc has no room for more files'],
    ['a few inodes', { ffree: 8 }, undefined],
    ['no count of inodes', { files: 0, ffree: 0 }, undefined],
  ])('is judged by what is left: %s', (_, room, what) => {
    const trouble = diskTrouble('/etc', 4096, look(room));

    expect(trouble?.what).toBe(what);
    expect(trouble?.remedy).toBe(what && 'make room on the file system of /etc (df -h /etc); it is tried again');
  });

  it('is one with less than 64 KiB unless told otherwise', () => {
    expect(diskTrouble('/etc', undefined, look({ bfree: 64, bsize: 1024 }))).toBeUndefined();
    expect(diskTrouble('/etc', undefined, look({ bfree: 63, bsize: 1024 }))?.what).toContain('63 KiB left, and 64 KiB');
  });

  it('is told apart from one that is read-only, and from one that denies it', () => {
    expect(diskTrouble('/etc', 0, look({}, failed('EROFS')))).toEqual({
      what: '/etc is read-only',
      remedy: 'make the file system of /etc writable (see dmesg, then mount -o remount,rw); it is tried again',
    });
    expect(diskTrouble('/etc', 0, look({}, failed('EACCES')))).toEqual({
      what: '/etc cannot be written: EACCES',
      remedy: 'look at /etc',
    });
  });

  it('names the directory of a file also where that is not there', () => {
    expect(explainWrite(failed('ENOSPC'), '/nonexistent/place/x')).toMatchObject({
      remedy: expect.stringContaining('the file system of /nonexistent/place ('),
    });
  });

  it('names the place of the directory for a file in what is none any more', () => {
    expect(explainWrite(failed('ENOSPC'), '/etc/passwd/x')).toMatchObject({
      remedy: expect.stringContaining('the file system of /etc ('),
    });
  });

  it('is told for a directory that is not there', () => {
    expect(diskTrouble('/nonexistent/place')).toEqual({
      what: '/nonexistent/place cannot be written: ENOENT',
      remedy: 'look at /nonexistent/place',
    });
  });

  it.each([
    ['ENOSPC', /make room on the file system of \/etc \(df -h \/etc\)/],
    ['EDQUOT', /make room on the file system of \/etc/],
    ['EROFS', /make the file system of \/etc writable/],
    ['EIO', /the disk below \/etc is failing: see dmesg/],
  ])('names the file and the remedy for %s', (code, remedy) => {
    expect(explainWrite(failed(code), '/etc/shadow')).toMatchObject({
      code: 'busy',
      message: `/etc/shadow cannot be written: ${code}: it failed`,
      remedy: expect.stringMatching(remedy),
    });
  });

  it('is not the reason for other errors, which stay as they are', () => {
    const errors = [failed('EACCES', '/etc/x'), new Error('no code'), 'text'];

    expect(errors.map((error) => explainWrite(error, '/etc/x'))).toEqual(errors);
    expect(explainError(errors[0])).toBe(errors[0]);
  });

  it('is explained by the file that the error itself names, where it names one', () => {
    const unnamed = failed('ENOSPC');

    expect(explainError(failed('ENOSPC', '/etc/x'))).toMatchObject({
      message: expect.stringMatching(/^\/etc\/x cannot be written/),
    });
    expect([unnamed, 'text', undefined].map(explainError)).toEqual([unnamed, 'text', undefined]);
  });
});
