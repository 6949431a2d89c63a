import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, Rejected } from '../../../../domain/errors.js';
import { shellQuote } from '../../text.js';
import { requireOwnWay } from './way.js';

const MAX_BYTES = 64 * 1024;

/** A file for its owner alone, 0600, replaced as a whole, never a link. Everything thrown is Rejected. */
export interface OwnFile {
  /** Throws where nothing could be written. Changes nothing that stays. */
  probe(): Promise<void>;
  replace(content: Uint8Array): Promise<void>;
  /** undefined: there is none. */
  read(): Promise<Buffer | undefined>;
  remove(): Promise<void>;
}

/** The file need not be there; its directory must, and nobody else may rename anything on the way to it. */
export function createOwnFile(path: string): OwnFile {
  const directory = dirname(path);
  const uid = process.getuid?.() ?? 0;

  async function requirePlace(): Promise<void> {
    const folder = await lstat(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') {
        const remedy = `install -d -m 700 ${shellQuote(directory)}`;
        throw new Rejected(`${directory} cannot be used for ${path}: it is not there; ${remedy}`);
      }
      throw new Rejected(`${directory} cannot be used for ${path}: ${messageOf(error)}`);
    });
    if (!folder.isDirectory()) throw new Rejected(`${directory} is no directory, so ${path} cannot be written`);
    await requireOwnWay(directory, path);
    const there = await lstat(path).catch(() => undefined);
    if (there && !there.isFile()) throw new Rejected(`${path} is no regular file: move it away`);
    if (there && there.uid !== uid) throw new Rejected(`${path} belongs to uid ${there.uid}: move it away`);
  }

  async function writeWhole(content: Uint8Array): Promise<string> {
    const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}`);
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    return temporary;
  }

  /** A run that was killed before the renaming has left a file with a secret in it. Only one run writes at a time. */
  async function removeRemains(): Promise<void> {
    const start = `.${basename(path)}.`;
    for (const name of await readdir(directory)) {
      if (!name.startsWith(start) || !/^[0-9a-f]{12}$/.test(name.slice(start.length))) continue;
      const there = await lstat(join(directory, name));
      if (there.isFile() && there.uid === uid) await rm(join(directory, name), { force: true });
    }
  }

  async function syncDirectory(): Promise<void> {
    const folder = await open(directory, 'r');
    await folder.sync().finally(() => folder.close());
  }

  async function said<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Rejected) throw error;
      throw new Rejected(`${what}: ${messageOf(error)}`);
    }
  }

  return {
    async probe() {
      await requirePlace();
      await said(`what a run that died has left beside ${path} cannot be removed`, removeRemains);
      const content = Buffer.alloc(4096, 'probe');
      const temporary = await said(`nothing can be written beside ${path}`, () => writeWhole(content));
      await rm(temporary, { force: true });
    },
    async replace(content) {
      await requirePlace();
      await said(`${path} cannot be written`, async () => {
        const temporary = await writeWhole(content);
        try {
          await rename(temporary, path);
        } catch (error) {
          await rm(temporary, { force: true });
          throw error;
        }
        await syncDirectory();
      });
    },
    read: () => said(`${path} cannot be read`, () => readOwn(path, uid)),
    remove: () =>
      said(`${path} cannot be removed`, async () => {
        await requirePlace();
        await rm(path, { force: true });
        await syncDirectory();
      }),
  };
}

async function readOwn(path: string, uid: number): Promise<Buffer | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    if (error.code === 'ELOOP') throw new Rejected(`${path} is a link: move it away`);
    throw error;
  });
  if (!file) return undefined;
  try {
    const status = await file.stat();
    if (!status.isFile() || status.size > MAX_BYTES) throw new Rejected(`${path} is not a small file: move it away`);
    if (status.uid !== uid) throw new Rejected(`${path} belongs to uid ${status.uid}: move it away`);
    if ((status.mode & 0o077) !== 0) {
      throw new Rejected(`${path} can be read by others: chmod 600 ${path}, and rotate the token`);
    }
    return await file.readFile();
  } finally {
    await file.close();
  }
}
