import { closeSync, fchmodSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { explainWrite } from './disk-trouble.js';
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

/**
 * Writes a new file next to its later place and fsyncs it; an older one of that name is replaced. Modes ignore umask.
 * Throws AgentError `busy` with the remedy for a full or read-only disk, and leaves no half of a file behind.
 */
export function writeSynced(file: string, text: string, mode: number): void {
  try {
    rmSync(file, { force: true });
    const fd = openSync(file, 'wx', mode);
    try {
      const bytes = Buffer.from(text);
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
      fchmodSync(fd, mode);
      fsyncSync(fd);
    } catch (error) {
      rmSync(file, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw explainWrite(error, file);
  }
}

/** Where the new text of a file is written before it takes the place of the old one. */
export function temporaryOf(file: string): string {
  return join(dirname(file), `.${basename(file)}.tmp`);
}

/**
 * Replaces a file as a whole: readers see the old text or the new. The former one stays as `FILE.prev`. Throws as
 * `writeSynced` does, and the old text is what is there then.
 */
export function replaceFile(file: string, text: string, mode: number): void {
  const temporary = temporaryOf(file);
  writeSynced(temporary, text, mode);
  try {
    keepFormer(file);
    renameSync(temporary, file);
    syncDirectory(dirname(file));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw explainWrite(error, file);
  }
}

function keepFormer(file: string): void {
  rmSync(`${file}.prev`, { force: true });
  try {
    linkSync(file, `${file}.prev`);
  } catch (error) {
    // The very first write has nothing to keep.
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
