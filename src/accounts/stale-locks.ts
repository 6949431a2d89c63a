import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere } from './if-there.js';

const FILES = ['passwd', 'shadow', 'group', 'gshadow', 'subuid', 'subgid'];

/**
 * Lock files of the shadow tools that block every later change, in words with what to do. A file with the number
 * of a dead process is taken over by the tools themselves; an empty one, garbage (both after a power cut) and the
 * number of a live process are not.
 */
export function staleLocks(etcDirectory: string, procDirectory = '/proc'): string[] {
  return FILES.flatMap((name) => {
    const file = join(etcDirectory, `${name}.lock`);
    const content = readIfThere(file);
    if (content === undefined) return [];
    const pid = content.replaceAll('\0', '').trim();
    if (!/^\d+$/.test(pid)) {
      return [
        `${file} holds no process number, so no account can be changed: make sure that no passwd tool runs, then rm ${file}`,
      ];
    }
    if (!existsSync(join(procDirectory, pid))) return [];
    const command = (readIfThere(join(procDirectory, pid, 'comm')) ?? 'unknown').trim();
    return [`${file} is held by process ${pid} (${command}): wait for it, or rm ${file} if that is no passwd tool`];
  });
}
