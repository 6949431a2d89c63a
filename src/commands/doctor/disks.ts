import { constants, watch } from 'node:fs';
import { access, open, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../domain/errors.js';
import type { CheckName } from './catalogue.js';
import { type Check, fine, remark, wrong } from './check.js';

/** How a directory's disk is tried out. Each rejects with what the file system says. */
export interface DiskPorts {
  requireWritable: (path: string) => Promise<void>;
  /** What is left for us: bytes, and files (undefined where they are not counted). */
  roomOf: (path: string) => Promise<{ bytes: number; files: number | undefined }>;
  /** Brings bytes to the disk without leaving anything there. */
  trySync: (path: string) => Promise<void>;
  /** Opens and ends an inotify watch. */
  tryWatch: (path: string) => Promise<void>;
}

export interface DiskPlaces {
  stateDir: string;
  /** undefined: there is no listener. */
  listenerStateDir?: string | undefined;
  spoolDir: string;
  logDir: string;
}

const LOW_BYTES = 64 * 1024 * 1024;
const LOW_FILES = 1_000;

/** Whether things can be stored durably where they must be, and whether the kernel tells of new keys in the spool. */
export async function checkDisks(places: DiskPlaces, ports: DiskPorts): Promise<Check[]> {
  const disks: [CheckName, string][] = [
    ['disk.state', places.stateDir],
    ...(places.listenerStateDir === undefined
      ? []
      : [['disk.listener-state', places.listenerStateDir] as [CheckName, string]]),
    ['disk.spool', places.spoolDir],
    ['disk.log', places.logDir],
  ];
  return Promise.all([
    ...disks.map(([name, path]) => checkDisk(name, path, ports)),
    checkWatch(places.spoolDir, ports),
  ]);
}

async function checkDisk(name: CheckName, path: string, ports: DiskPorts): Promise<Check> {
  try {
    await ports.requireWritable(path);
  } catch (error) {
    return wrong(
      name,
      messageOf(error),
      `systemd-tmpfiles --create entramox.conf, or mount -o remount,rw, or run this as the user that owns ${path}`,
    );
  }
  try {
    const { bytes, files } = await ports.roomOf(path);
    const left = `${Math.floor(bytes / 1_048_576)} MiB left`;
    if (bytes < LOW_BYTES) return wrong(name, `${path}: ${left}`, `make room: df -h ${path}`);
    if (files !== undefined && files < LOW_FILES)
      return wrong(name, `${path}: room for ${files} files only`, `remove small files: df -i ${path}`);
    await ports.trySync(path);
    return fine(name, `${path} takes writes and brings them to the disk, ${left}`);
  } catch (error) {
    return wrong(
      name,
      `${path}: ${messageOf(error)}`,
      'the disk or its file system is sick: dmesg, then smartctl or fsck',
    );
  }
}

async function checkWatch(spoolDir: string, { tryWatch }: DiskPorts): Promise<Check> {
  try {
    await tryWatch(spoolDir);
    return fine('disk.watch', `the kernel tells of changes in ${spoolDir}`);
  } catch (error) {
    return isLimit(error)
      ? wrong(
          'disk.watch',
          messageOf(error),
          'sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=65536, and in /etc/sysctl.d',
        )
      : remark('disk.watch', messageOf(error), 'see disk.spool');
  }
}

function isLimit(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && ['EMFILE', 'ENFILE', 'ENOSPC', 'ENOSYS'].includes(String(error.code))
  );
}

/** open(2): a file without a name, gone when it is closed. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** The disks of this host. */
export const hostDisks: DiskPorts = {
  requireWritable: (path) => access(path, constants.R_OK | constants.W_OK | constants.X_OK),
  async roomOf(path) {
    const { bavail, bsize, files, ffree } = await statfs(path);
    return { bytes: bavail * bsize, files: files > 0 ? ffree : undefined };
  },
  async trySync(path) {
    try {
      const nameless = await open(path, O_TMPFILE | constants.O_WRONLY, 0o600);
      try {
        await nameless.write(Buffer.alloc(4096, 1));
        await nameless.sync();
      } finally {
        await nameless.close();
      }
    } catch (error) {
      // Some file systems have no nameless files: then the directory alone is synced.
      if (
        !(
          error instanceof Error &&
          'code' in error &&
          ['EOPNOTSUPP', 'EISDIR', 'ENOENT', 'EINVAL'].includes(String(error.code))
        )
      )
        throw error;
    }
    const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
  async tryWatch(path) {
    watch(join(path), { persistent: false }).close();
  },
};
