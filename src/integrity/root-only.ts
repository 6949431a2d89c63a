import { realpathSync, statSync } from 'node:fs';
import { type Distrust, distrustOfPlace } from './places.js';
import { shellWord } from './shell.js';

/**
 * What stands against relying on these files as only root could have written them: one that belongs to somebody else,
 * one that group or others may write, and a directory on the way in which another could be put. Each once, with the
 * command that mends it. Files that are not there, or that cannot be looked at from here, are passed over.
 */
export function distrustOfFiles(paths: readonly string[]): Distrust[] {
  const found = new Map<string, Distrust>();
  for (const path of paths) {
    for (const problem of [distrustOfFile(path), distrustOfPlace(path, [])]) {
      if (problem) found.set(problem.mend, problem);
    }
  }
  return [...found.values()];
}

function distrustOfFile(path: string): Distrust | undefined {
  const status = lookAt(path);
  if (!status) return undefined;
  const { real, uid, mode } = status;
  if (uid !== 0) return { path: real, why: `${real} belongs to uid ${uid}`, mend: `chown root ${shellWord(real)}` };
  if ((mode & 0o022) === 0) return undefined;
  return { path: real, why: `others may write ${real}`, mend: `chmod go-w ${shellWord(real)}` };
}

function lookAt(path: string): { real: string; uid: number; mode: number } | undefined {
  try {
    const real = realpathSync(path);
    const { uid, mode } = statSync(real);
    return { real, uid, mode };
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}
