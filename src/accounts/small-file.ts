import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { errnoOf } from './errors.js';
import { statIfThere } from './if-there.js';

/** A file of the passwd tools as it is at one moment. */
export interface SmallFile {
  /** Undefined where it is no small regular file, as every passwd tool makes. */
  text?: string;
  /** Device, inode, size and time of change: whether it is the same file. */
  identity: string;
}

const LARGEST_BYTES = 4096;

/** Reads one such file without following a link; undefined where there is none. `stat`: what was seen there just before. */
export function readSmallFile(path: string, stat: Stats | undefined = statIfThere(path)): SmallFile | undefined {
  if (!stat) return undefined;
  const identity = [stat.dev, stat.ino, stat.size, stat.mtimeMs, stat.ctimeMs].join();
  if (!stat.isFile() || stat.size > LARGEST_BYTES) return { identity };
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    if (fstatSync(fd).ino !== stat.ino) return { identity };
    // The tools write the number with the NUL that ends it.
    return { text: readFileSync(fd, 'latin1').replace(/[\0\s]+$/, ''), identity };
  } finally {
    closeSync(fd);
  }
}
