import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { shellWord } from './shell.js';

/** Why something must not be relied upon, and the command that mends it. */
export interface Distrust {
  path: string;
  why: string;
  mend: string;
}

/** As many links as the kernel follows for one path (path_resolution(7)). */
const MOST_LINKS = 40;

/**
 * The first directory on the way to `path` in which somebody else could put another file in its place: one that belongs
 * neither to root nor to one of `owners`, or that others may write. A directory in which everybody may write but
 * nobody may rename what is somebody else's (the sticky bit, as on /tmp) counts as safe. Links on the way and at its end
 * are followed one by one, as the kernel does. undefined: the way is safe, or cannot be looked at, which opening the file will tell.
 */
export function distrustOfPlace(path: string, owners: readonly number[]): Distrust | undefined {
  let place = '/';
  let names = path.split('/').filter((name) => name !== '' && name !== '.');
  let links = 0;
  for (;;) {
    const status = statusOf(place);
    if (!status) return undefined;
    if (status.isSymbolicLink()) {
      links += 1;
      if (links > MOST_LINKS) return undefined;
      const target = readlinkSync(place);
      names = [...target.split('/').filter((name) => name !== '' && name !== '.'), ...names];
      place = target.startsWith('/') ? '/' : dirname(place);
      continue;
    }
    if (!status.isDirectory()) return undefined;
    const problem = distrustOfDirectory(place, status, owners);
    if (problem) return problem;
    const [next, ...rest] = names;
    if (next === undefined) return undefined;
    names = rest;
    place = join(place, next);
  }
}

function distrustOfDirectory(path: string, { uid, mode }: Stats, owners: readonly number[]): Distrust | undefined {
  if (uid !== 0 && !owners.includes(uid)) {
    return { path, why: `the directory ${path} belongs to uid ${uid}`, mend: `chown root ${shellWord(path)}` };
  }
  if ((mode & 0o022) === 0 || (mode & 0o1000) !== 0) return undefined;
  return { path, why: `others may write in the directory ${path}`, mend: `chmod go-w ${shellWord(path)}` };
}

function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}
