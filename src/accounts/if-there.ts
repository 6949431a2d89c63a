import { lstatSync, readdirSync, readFileSync, type Stats } from 'node:fs';
import { errnoOf } from './errors.js';

/** What is at the path, without following a link; undefined where nothing is. */
export function statIfThere(path: string): Stats | undefined {
  return ifThere(() => lstatSync(path));
}

/** The text of a file; undefined where there is none, or where it is of a process that has just ended. */
export function readIfThere(file: string): string | undefined {
  return ifThere(() => readFileSync(file, 'utf8'));
}

/** The names in a directory, none where it is not there. */
export function listIfThere(directory: string): string[] {
  return ifThere(() => readdirSync(directory)) ?? [];
}

function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
