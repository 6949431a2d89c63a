import { randomBytes } from 'node:crypto';
import { closeSync, constants, fchmod, fstat, futimes, open as openFile } from 'node:fs';
import { chmod, link, lstat, mkdir, open, opendir, rename, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Rejected } from '../domain/errors.js';

/** The directories of a spool. */
export type Room = 'tmp' | 'pending' | 'processing' | 'parked';

export type Found = { kind: 'file'; mtimeMs: number; size: number } | { kind: 'other' };

/** Every touch of the file system that the spool makes, so that tests can break or end it at any point. */
export interface SpoolDisk {
  /** Creates an empty pending file with this time of arrival; false when one is there already. */
  createHint(name: string, at: number): Promise<boolean>;
  /** The same, but puts a new file in the place of whatever is there. */
  replaceHint(name: string, at: number): Promise<void>;
  /** Resolves when every entry made in the directory before the call would survive a power cut. */
  sync(room: Room): Promise<void>;
  /** At most `limit` names. */
  names(room: Room, limit: number): Promise<{ names: string[]; truncated: boolean }>;
  /** What stands there, links not followed; undefined when nothing does. */
  look(room: Room, name: string): Promise<Found | undefined>;
  /** The text of a regular file of at most `maxBytes`; undefined when it is missing or anything else. */
  read(room: Room, name: string, maxBytes: number): Promise<string | undefined>;
  /** Writes a whole file, durably and never torn. */
  write(room: Room, name: string, text: string): Promise<void>;
  /** Moves a file between rooms; false when it is not there. */
  move(from: Room, to: Room, name: string): Promise<boolean>;
  /** Removes a file; false when it was not there. */
  remove(room: Room, name: string): Promise<boolean>;
  /** Takes something that does not belong here out of the room without looking into it. */
  reject(room: Room, name: string): Promise<void>;
}

const FILE_MODE = 0o660;
const ROOM_MODE = 0o2770;
/** Plain descriptors: a hint is one of thousands in a second, and a FileHandle for each is half of its cost. */
const calls = {
  open: promisify(openFile),
  fstat: promisify(fstat),
  fchmod: promisify(fchmod),
  futimes: promisify(futimes),
};
/** The time that the file system stamps a new file with is good enough as far as this; one call less. */
const STAMP_MS = 100;
const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** Whether a file that is made now gets this time by itself. */
function isStamped(at: number): boolean {
  return Math.abs(Date.now() - at) <= STAMP_MS;
}

/**
 * Makes the rooms that are missing (2770, so that files take the group of the spool) and checks that those
 * which are there are real directories. Throws Rejected for a link or a file in such a place.
 */
export async function prepareRooms(dir: string, rooms: readonly Room[]): Promise<void> {
  for (const room of rooms) {
    const path = join(dir, room);
    const made = await mkdir(path, { recursive: true }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    if (made) await chmod(path, ROOM_MODE);
    const stats = await lstat(path);
    if (!stats.isDirectory()) throw new Rejected(`the spool needs a directory at ${path}: move away what is there`);
  }
}

/** The spool directory `dir` behind the port above. */
export function createSpoolDisk(dir: string): SpoolDisk {
  const path = (room: Room, name: string): string => join(dir, room, name);
  const fresh = (): string => `${process.pid}-${randomBytes(8).toString('hex')}`;

  let getsItsMode: boolean | undefined;

  /** Somebody reads along, so a file of another time than now must have it before it can be seen. */
  async function createWithTime(name: string, at: number): Promise<void> {
    const draft = path('tmp', fresh());
    await create(draft, at);
    try {
      await link(draft, path('pending', name));
    } finally {
      await unlink(draft);
    }
  }

  // Never by a call that waits: a disk that blocks would keep this process from answering anybody at all.
  async function create(file: string, at: number): Promise<void> {
    const fd = await calls.open(file, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, FILE_MODE);
    try {
      // The umask of a process does not change: the first file tells whether it leaves the mode as it is wanted.
      getsItsMode ??= ((await calls.fstat(fd)).mode & 0o7777) === FILE_MODE;
      if (!getsItsMode) await calls.fchmod(fd, FILE_MODE);
      if (!isStamped(at)) await calls.futimes(fd, at / 1000, at / 1000);
    } finally {
      closeSync(fd);
    }
  }

  async function sync(room: Room): Promise<void> {
    // Opened anew each time: a directory that was replaced meanwhile must not be mistaken for the one in use.
    const handle = await open(join(dir, room), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  return {
    sync,
    async createHint(name, at) {
      try {
        if (isStamped(at)) await create(path('pending', name), at);
        else await createWithTime(name, at);
        return true;
      } catch (error) {
        if (codeOf(error) === 'EEXIST') return false;
        throw error;
      }
    },
    async replaceHint(name, at) {
      const draft = path('tmp', fresh());
      await create(draft, at);
      await rename(draft, path('pending', name));
    },
    async names(room, limit) {
      const names: string[] = [];
      for await (const entry of await opendir(join(dir, room), { bufferSize: 512 })) {
        if (names.length >= limit) return { names, truncated: true };
        names.push(entry.name);
      }
      return { names, truncated: false };
    },
    async look(room, name) {
      const stats = await unlessMissing(lstat(path(room, name)));
      if (!stats) return undefined;
      return stats.isFile() ? { kind: 'file', mtimeMs: stats.mtimeMs, size: stats.size } : { kind: 'other' };
    },
    async read(room, name, maxBytes) {
      const handle = await openForReading(path(room, name));
      if (!handle) return undefined;
      try {
        const stats = await handle.stat();
        if (!stats.isFile() || stats.size > maxBytes) return undefined;
        const buffer = Buffer.alloc(maxBytes + 1);
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
        return bytesRead > maxBytes ? undefined : buffer.toString('utf8', 0, bytesRead);
      } finally {
        await handle.close();
      }
    },
    async write(room, name, text) {
      const draft = path('tmp', fresh());
      try {
        const handle = await open(draft, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, FILE_MODE);
        try {
          await handle.chmod(FILE_MODE);
          await handle.writeFile(text);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await renameOver(draft, room, name);
      } catch (error) {
        await unlessMissing(unlink(draft));
        throw error;
      }
      await sync(room);
    },
    async move(from, to, name) {
      return (await unlessMissing(renameOver(path(from, name), to, name).then(() => true))) ?? false;
    },
    async remove(room, name) {
      return (await unlessMissing(unlink(path(room, name)).then(() => true))) ?? false;
    },
    reject,
  };

  /** A directory in the place of a file, laid there to keep the file from coming, is put aside. */
  async function renameOver(from: string, room: Room, name: string): Promise<void> {
    try {
      await rename(from, path(room, name));
    } catch (error) {
      if (codeOf(error) !== 'EISDIR') throw error;
      await reject(room, name);
      await rename(from, path(room, name));
    }
  }

  async function reject(room: Room, name: string): Promise<void> {
    try {
      await unlink(path(room, name));
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT') return;
      if (code !== 'EISDIR' && code !== 'EPERM') throw error;
      await rejectDirectory(path(room, name));
    }
  }

  async function rejectDirectory(place: string): Promise<void> {
    try {
      await rmdir(place);
    } catch (error) {
      if (codeOf(error) !== 'ENOTEMPTY') throw error;
      const rejected = join(dir, 'tmp', 'rejected');
      await mkdir(rejected, { recursive: true });
      await rename(place, join(rejected, fresh()));
    }
  }
}

/** The errno name of a file system error. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function openForReading(file: string): Promise<Awaited<ReturnType<typeof open>> | undefined> {
  try {
    return await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    // ELOOP: a link; ENXIO: a socket. Both are nothing that we would have written.
    if (['ENOENT', 'ELOOP', 'ENXIO', 'EACCES'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}
