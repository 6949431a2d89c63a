import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from './errors.js';
import { listIfThere, readIfThere } from './if-there.js';

/** Asks an agent to end as soon as it has answered what it was asked. Node keeps SIGUSR1 to itself. */
export const STEP_ASIDE = 'SIGUSR2';

/**
 * Asks the process that noted its number in this lock file to step aside. Only one that has this very file open for
 * writing gets the signal, so that neither a number with a new owner nor a backup that reads the file does. False
 * where there is none, or it is out of sight in another namespace.
 */
export function askToStepAside(lockFile: string, procDirectory = '/proc'): boolean {
  const pid = readFileSync(lockFile, 'utf8').trim();
  if (!/^\d{1,10}$/.test(pid) || Number(pid) === process.pid) return false;
  if (!holdsOpen(join(procDirectory, pid), lockFile)) return false;
  try {
    return process.kill(Number(pid), STEP_ASIDE);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
    throw error;
  }
}

/** Whether a process has this file open for reading and writing. */
function holdsOpen(proc: string, file: string): boolean {
  const { dev, ino } = statSync(file);
  return listIfThere(join(proc, 'fd')).some((fd) => {
    const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(readIfThere(join(proc, 'fdinfo', fd)) ?? '')?.[1] ?? '0', 8);
    // O_ACCMODE: 2 is reading and writing.
    if ((flags & 3) !== 2) return false;
    const opened = statOfOpen(join(proc, 'fd', fd));
    return opened?.dev === dev && opened.ino === ino;
  });
}

/** What an open file is; undefined once it is closed. Such links of pipes and the like lead to no path. */
function statOfOpen(link: string): { dev: number; ino: number } | undefined {
  try {
    return statSync(link);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
