import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, Rejected } from '../../../../domain/errors.js';
import { registerSecret } from '../../../../telemetry/redact.js';
import { readStored, type StoredToken, textOf } from '../stored-token.js';
import type { Sink } from './sink.js';

const MAX_BYTES = 64 * 1024;

/**
 * A file for its owner alone, 0600, replaced as a whole; the format of the old workflow. The file itself is never a
 * link, and a place is refused where others may rename anything on the way to it.
 */
export function createFileSink(path: string): Sink {
  const directory = dirname(path);
  const uid = process.getuid?.() ?? 0;

  async function requirePlace(): Promise<void> {
    const folder = await lstat(directory).catch((error: unknown) => {
      throw new Rejected(`${directory} cannot be used for ${path}: ${messageOf(error)}`);
    });
    if (!folder.isDirectory()) throw new Rejected(`${directory} is no directory, so ${path} cannot be written`);
    // Links on the way are all right where nobody else could put them elsewhere.
    const whole = [...wayTo(directory), ...wayTo(await realpath(directory))];
    for (const place of new Set(whole)) await requireOurs(place);
    const there = await lstat(path).catch(() => undefined);
    if (there && !there.isFile()) throw new Rejected(`${path} is no regular file: move it away`);
    if (there && there.uid !== uid) throw new Rejected(`${path} belongs to uid ${there.uid}: move it away`);
  }

  async function requireOurs(place: string): Promise<void> {
    const seen = await lstat(place);
    const isSticky = (seen.mode & 0o1000) !== 0;
    if (!seen.isSymbolicLink() && (seen.mode & 0o022) !== 0 && !isSticky) {
      throw new Rejected(`${place} is writable by others, who could take ${path} away: chmod go-w ${place}`);
    }
    if (seen.uid !== uid && seen.uid !== 0) {
      throw new Rejected(`${place} belongs to uid ${seen.uid}, who could take ${path} away: choose another place`);
    }
  }

  async function writeWhole(text: string): Promise<string> {
    const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}`);
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    return temporary;
  }

  return {
    place: path,
    async probe() {
      await requirePlace();
      const temporary = await writeWhole('probe').catch((error: unknown) => {
        throw new Rejected(`nothing can be written beside ${path}: ${messageOf(error)}`);
      });
      await rm(temporary, { force: true });
    },
    async store(token) {
      await requirePlace();
      const temporary = await writeWhole(textOf(token));
      try {
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
      const folder = await open(directory, 'r');
      await folder.sync().finally(() => folder.close());
    },
    async read(): Promise<StoredToken | undefined> {
      const text = await readOwn(path, uid);
      if (text === undefined) return undefined;
      const stored = readStored(text);
      if (!stored.ok) throw new Rejected(`${path} ${stored.why}: move it away`);
      registerSecret(stored.token.value);
      return stored.token;
    },
  };
}

/** The directory and all above it, `/` first. */
function wayTo(directory: string): string[] {
  const above = dirname(directory);
  return above === directory ? [directory] : [...wayTo(above), directory];
}

async function readOwn(path: string, uid: number): Promise<string | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    if (error.code === 'ELOOP') throw new Rejected(`${path} is a link: move it away`);
    throw new Rejected(`${path} cannot be read: ${error.message}`);
  });
  if (!file) return undefined;
  try {
    const status = await file.stat();
    if (!status.isFile() || status.size > MAX_BYTES) throw new Rejected(`${path} is not a small file: move it away`);
    if (status.uid !== uid) throw new Rejected(`${path} belongs to uid ${status.uid}: move it away`);
    if ((status.mode & 0o077) !== 0) {
      throw new Rejected(`${path} can be read by others: chmod 600 ${path}, and rotate the token`);
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
