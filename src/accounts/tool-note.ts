import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { errnoOf } from './errors.js';
import type { KilledTool } from './stale-locks.js';

/** Remembers which passwd tool was started last, so that the next agent knows what a killed one may have left. */
export interface ToolNote {
  /** Undefined where nothing was started yet, or where the note cannot be read. */
  read(): KilledTool | undefined;
  /** Never fails: a disk that takes no note must not keep anybody from being locked. */
  write(started: KilledTool): void;
}

const LENGTH = 64;

/**
 * The note in a file. It is written over in place and not synced: it has to outlive our death, not a power cut, and
 * it needs no room on a full disk once it is there.
 */
export function openToolNote(file: string): ToolNote {
  return {
    read() {
      const text = withFile(file, constants.O_RDONLY, (fd) => {
        const bytes = Buffer.alloc(LENGTH);
        return bytes.toString('latin1', 0, readSync(fd, bytes, 0, LENGTH, 0));
      });
      const match = /^([a-z]+) (\d{1,10})\s*$/.exec(text ?? '');
      return match ? { tool: match[1] ?? '', pid: Number(match[2]) } : undefined;
    },
    write({ tool, pid }) {
      withFile(file, constants.O_WRONLY | constants.O_CREAT, (fd) => writeSync(fd, `${tool} ${pid}`.padEnd(LENGTH), 0));
    },
  };
}

function withFile<T>(file: string, flags: number, work: (fd: number) => T): T | undefined {
  try {
    const fd = openSync(file, flags | constants.O_NOFOLLOW, 0o600);
    try {
      return work(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    // Without the note some small files stay in /etc, which harm nobody.
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
