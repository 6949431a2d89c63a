import { accessSync, constants, type StatsFs, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { AgentError, errnoOf, messageOf } from './errors.js';
import { statIfThere } from './if-there.js';

/** Less than this, in bytes, is a full disk when something could not be written. */
const NEARLY_FULL_BYTES = 64 * 1024;

/** Why a directory takes nothing more, with what to do; undefined where the disk is not the reason. */
export interface DiskTrouble {
  what: string;
  remedy: string;
}

/** How a disk is looked at. Both throw where the file system does. */
export interface DiskLook {
  requireWritable(directory: string): void;
  roomOf(directory: string): Pick<StatsFs, 'bsize' | 'bfree' | 'files' | 'ffree'>;
}

const HOST_DISK: DiskLook = {
  requireWritable: (directory) => accessSync(directory, constants.W_OK),
  roomOf: (directory) => statfsSync(directory),
};

/** Looks whether the file system of a directory is read-only, or has less room than `neededBytes`. */
export function diskTrouble(
  directory: string,
  neededBytes = NEARLY_FULL_BYTES,
  look: DiskLook = HOST_DISK,
): DiskTrouble | undefined {
  try {
    look.requireWritable(directory);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'EROFS') return { what: `${directory} is read-only`, remedy: readOnlyRemedy(directory) };
    return { what: `${directory} cannot be written: ${code}`, remedy: `look at ${directory}` };
  }
  const { bsize, bfree, files, ffree } = look.roomOf(directory);
  const freeBytes = bfree * bsize;
  if (freeBytes < neededBytes) {
    const [free, needed] = [Math.floor(freeBytes / 1024), Math.ceil(neededBytes / 1024)];
    const what = `the file system of ${directory} has ${free} KiB left, and ${needed} KiB are needed`;
    return { what, remedy: roomRemedy(directory) };
  }
  // Some file systems count no inodes at all.
  if (files > 0 && ffree < 8) {
    return { what: `the file system of ${directory} has no room for more files`, remedy: roomRemedy(directory) };
  }
  return undefined;
}

/**
 * An error of the file system in our words, naming the file, with the remedy; anything else as it is. It is `busy`:
 * whatever was asked for is right, and is to be tried until the disk takes it.
 */
export function explainWrite(error: unknown, file: string): unknown {
  const code = errnoOf(error);
  const remedy = code === undefined ? undefined : REMEDIES[code]?.(placeOf(file));
  if (remedy === undefined) return error;
  return new AgentError('busy', `${file} cannot be written: ${messageOf(error)}`, remedy);
}

/** The same for an error that names its file itself. */
export function explainError(error: unknown): unknown {
  const path = error instanceof Error && 'path' in error ? error.path : undefined;
  return typeof path === 'string' ? explainWrite(error, path) : error;
}

const REMEDIES: Record<string, (directory: string) => string> = {
  ENOSPC: roomRemedy,
  EDQUOT: roomRemedy,
  EROFS: readOnlyRemedy,
  EIO: (directory) => `the disk below ${directory} is failing: see dmesg`,
};

function roomRemedy(directory: string): string {
  return `make room on the file system of ${directory} (df -h ${directory}); it is tried again`;
}

function readOnlyRemedy(directory: string): string {
  return `make the file system of ${directory} writable (see dmesg, then mount -o remount,rw); it is tried again`;
}

function placeOf(file: string): string {
  const place = dirname(file);
  return statIfThere(place)?.isDirectory() === false ? dirname(place) : place;
}
