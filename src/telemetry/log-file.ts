import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';

/** Where pino writes lines to. */
export interface LineSink {
  write(line: string): void;
}

/** How often it is looked whether the file was rotated. */
const LOOK_EVERY_MS = 5000;

/**
 * Appends lines to a file, mode 0640, and follows its rotation. A file that cannot be opened or written is told once
 * to `complain`, and its lines are left out: the other stream has them, and nothing must stop for a log.
 */
export function createLogFile(path: string, now: () => number, complain: (error: unknown) => void): LineSink {
  let fd: number | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let failed = false;

  function followed(): number {
    if (fd !== undefined && now() - lookedAt < LOOK_EVERY_MS) return fd;
    lookedAt = now();
    if (fd !== undefined && isStill(fd, path)) return fd;
    const next = openSync(path, 'a', 0o640);
    if (fd !== undefined) closeSync(fd);
    fd = next;
    return fd;
  }

  return {
    write(line) {
      try {
        writeSync(followed(), line);
        failed = false;
      } catch (error) {
        if (!failed) complain(error);
        failed = true;
      }
    },
  };
}

function isStill(fd: number, path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  return there !== undefined && there.ino === fstatSync(fd).ino;
}
