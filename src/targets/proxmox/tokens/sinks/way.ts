import type { Stats } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, Rejected } from '../../../../domain/errors.js';

/**
 * Throws Rejected where somebody else than root and ourselves may rename anything on the way into `directory`, and so
 * put something else in the place of `path`. Links on the way are all right where nobody else could set them.
 */
export async function requireOwnWay(directory: string, path: string): Promise<void> {
  const whole = [...wayTo(directory), ...wayTo(await realpath(directory))];
  for (const place of new Set(whole)) requireOurs(place, await lstat(place), path);
}

/** Throws Rejected for a file that somebody else than root and ourselves could have written, or could replace. */
export async function requireOwnFile(path: string): Promise<void> {
  try {
    const seen = await stat(path);
    if (!seen.isFile()) throw new Rejected(`${path} is no regular file`);
    requireOurs(path, seen, path);
    await requireOwnWay(dirname(path), path);
    await requireOwnWay(dirname(await realpath(path)), path);
  } catch (error) {
    if (error instanceof Rejected) throw error;
    throw new Rejected(`${path} cannot be used: ${messageOf(error)}`);
  }
}

function requireOurs(place: string, seen: Stats, path: string): void {
  const isSticky = seen.isDirectory() && (seen.mode & 0o1000) !== 0;
  if (!seen.isSymbolicLink() && (seen.mode & 0o022) !== 0 && !isSticky) {
    throw new Rejected(`${place} is writable by others, who could replace ${path}: chmod go-w ${place}`);
  }
  if (seen.uid !== (process.getuid?.() ?? 0) && seen.uid !== 0) {
    throw new Rejected(`${place} belongs to uid ${seen.uid}, who could replace ${path}: choose another place`);
  }
}

/** The directory and all above it, `/` first. */
function wayTo(directory: string): string[] {
  const above = dirname(directory);
  return above === directory ? [directory] : [...wayTo(above), directory];
}
