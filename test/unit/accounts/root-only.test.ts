import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireRootOnly, rootOnlyProblem } from '../../../src/accounts/root-only.js';
import { createHost, type Host } from './host.js';

let host: Host;
beforeEach(() => {
  host = createHost();
});
afterEach(() => host.remove());

describe('what root must not trust', () => {
  const sights = (special: Record<string, { uid?: number; mode?: number }>) => (place: string) => ({
    uid: 0,
    mode: 0o40_755,
    ...special[place],
  });
  const problem = (special: Record<string, { uid?: number; mode?: number }>) =>
    rootOnlyProblem(host.paths.etc, sights(special));

  it("is nothing that is root's alone all the way up", () => {
    expect(problem({})).toBeUndefined();
  });

  it('is what somebody else owns, itself or any directory above it', () => {
    expect(problem({ [host.paths.etc]: { uid: 1000 } })).toBe(`${host.paths.etc} does not belong to root`);
    expect(problem({ [host.root]: { uid: 1000 } })).toBe(`${host.root} does not belong to root`);
    expect(problem({ '/': { uid: 1000 } })).toBe('/ does not belong to root');
  });

  it.each([0o775, 0o757, 0o1777])('is what others could write (%o), itself or any directory above it', (mode) => {
    expect(problem({ [host.paths.etc]: { mode } })).toBe(`${host.paths.etc} is writable by others`);
    expect(problem({ '/': { mode } })).toBe('/ is writable by others');
  });

  it('is judged where a link leads', () => {
    symlinkSync(host.paths.etc, join(host.root, 'link'));

    expect(rootOnlyProblem(join(host.root, 'link'), sights({ [host.paths.etc]: { uid: 7 } }))).toBe(
      `${host.paths.etc} does not belong to root`,
    );
  });

  it('is what is missing; any other error of the file system is thrown', () => {
    symlinkSync('loop', join(host.root, 'loop'));

    expect(rootOnlyProblem(join(host.root, 'none'))).toBe('missing');
    expect(() => rootOnlyProblem(join(host.root, 'loop'))).toThrow(/ELOOP/);
  });
});

describe('a directory that root writes to', () => {
  it('is refused with what to do, where it is not root-only', () => {
    mkdirSync(join(host.root, 'open'), { mode: 0o777 });

    expect(() => requireRootOnly(join(host.root, 'none'))).toThrow(
      expect.objectContaining({
        code: 'failed',
        message: `${join(host.root, 'none')} is not used: missing`,
        remedy: 'give it to root alone',
      }),
    );
    expect(() => requireRootOnly(join(host.root, 'open'))).toThrow(/is not used/);
  });

  it('is taken where it is', () => {
    expect(() => requireRootOnly('/usr')).not.toThrow();
  });
});
