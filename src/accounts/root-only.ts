import { realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { AgentError, errnoOf } from './errors.js';

/**
 * Why root must not trust what is at a path: it, or a directory above it, could be changed by somebody else. `look`
 * tells whose a place is.
 */
export function rootOnlyProblem(
  path: string,
  look: (place: string) => Pick<Stats, 'uid' | 'mode'> = statSync,
): string | undefined {
  let real: string;
  try {
    real = realpathSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'missing';
    throw error;
  }
  for (let place = real; ; place = dirname(place)) {
    const { uid, mode } = look(place);
    if (uid !== 0) return `${place} does not belong to root`;
    if ((mode & 0o022) !== 0) return `${place} is writable by others`;
    if (place === '/') return undefined;
  }
}

/** Throws AgentError `failed` for a directory that is missing or that somebody but root could change. */
export function requireRootOnly(directory: string): void {
  const problem = rootOnlyProblem(directory);
  if (problem) throw new AgentError('failed', `${directory} is not used: ${problem}`, `give it to root alone`);
}
