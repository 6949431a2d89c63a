import { closeSync, fchmodSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from './errors.js';

/** Makes what was renamed, linked or unlinked in this directory survive a power cut. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes a new file next to its later place and fsyncs it; an older one of that name is replaced. Modes ignore umask. */
export function writeSynced(file: string, text: string, mode: number): void {
  rmSync(file, { force: true });
  const fd = openSync(file, 'wx', mode);
  try {
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
    fchmodSync(fd, mode);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Replaces a file as a whole: readers see the old text or the new. The former one stays as `FILE.prev`. */
export function replaceFile(file: string, text: string, mode: number): void {
  const temporary = join(dirname(file), `.${basename(file)}.tmp`);
  writeSynced(temporary, text, mode);
  rmSync(`${file}.prev`, { force: true });
  try {
    linkSync(file, `${file}.prev`);
  } catch (error) {
    // The very first write has nothing to keep.
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  renameSync(temporary, file);
  syncDirectory(dirname(file));
}
