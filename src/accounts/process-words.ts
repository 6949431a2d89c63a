import { join } from 'node:path';
import { readIfThere } from './if-there.js';

/** The name of a live process; undefined where there is none of that number. */
export function commandOf(pid: number, procDirectory: string): string | undefined {
  return readIfThere(join(procDirectory, String(pid), 'comm'))?.trim();
}

/** A process as an operator knows it. One outside of our view has no number, or no name. */
export function processWords(pid: number, procDirectory: string): string {
  if (pid <= 0) return 'a process that cannot be seen from here';
  const command = commandOf(pid, procDirectory);
  return command === undefined ? `process ${pid}, which ended meanwhile` : `process ${pid} (${command})`;
}
