import { linkSync, lstatSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSmallFile } from '../../../src/accounts/small-file.js';
import { createHost, type Host } from './host.js';

let host: Host;
let path: string;
beforeEach(() => {
  host = createHost();
  path = host.write('etc/passwd.lock', '41\0 \n');
});
afterEach(() => host.remove());

describe('a small file', () => {
  it('is read without the NUL and the white space at its end', () => {
    expect(readSmallFile(path)?.text).toBe('41');
    host.write('etc/passwd.lock', '4 1\0x');
    expect(readSmallFile(path)?.text).toBe('4 1\0x');
  });

  it('has an identity that another one at its place has not', () => {
    const first = readSmallFile(path)?.identity;
    const again = readSmallFile(path)?.identity;
    renameSync(host.write('etc/other', '41\0 \n'), path);

    expect(again).toBe(first);
    expect(readSmallFile(path)?.identity).not.toBe(first);
    expect(first).toMatch(/^\d+,\d+,5,[\d.]+,[\d.]+$/);
  });

  it('is none of more than a page', () => {
    truncateSync(path, 4096);
    const whole = readSmallFile(path);
    truncateSync(path, 4097);

    expect([whole?.text, readSmallFile(path)?.text]).toEqual([expect.stringMatching(/^41/), undefined]);
  });

  it('is none where a directory or a link is there, and nothing where nothing is', () => {
    mkdirSync(join(host.root, 'directory'));
    symlinkSync(path, join(host.root, 'link'));

    expect(readSmallFile(join(host.root, 'directory'))).toEqual({ identity: expect.any(String) });
    expect(readSmallFile(join(host.root, 'link'))).toEqual({ identity: expect.any(String) });
    expect(readSmallFile(join(host.root, 'none'))).toBeUndefined();
  });
});

describe('a small file that changes after it was seen', () => {
  it('is gone where it was removed', () => {
    const stat = lstatSync(path);
    rmSync(path);

    expect(readSmallFile(path, stat)).toBeUndefined();
  });

  it('has no text where another one took its place', () => {
    const stat = lstatSync(path);
    linkSync(path, join(host.root, 'kept'));
    renameSync(host.write('etc/other', 'x'), path);

    expect(readSmallFile(path, stat)).toEqual({ identity: expect.any(String) });
  });

  it('is not followed where a link took its place', () => {
    const stat = lstatSync(path);
    rmSync(path);
    symlinkSync('/etc/passwd', path);

    expect(() => readSmallFile(path, stat)).toThrow(/ELOOP/);
  });
});
