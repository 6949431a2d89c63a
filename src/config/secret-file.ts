import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { messageOf } from '../domain/errors.js';
import { distrustOfPlace } from '../integrity/places.js';
import { shellWord } from '../integrity/shell.js';
import { serviceUids } from './service-users.js';

export type SecretFile = { ok: true; text: string } | { ok: false; expected: string; remedy: string };

const LARGEST_BYTES = 65_536;

interface SecretFileOptions {
  /** Files in $CREDENTIALS_DIRECTORY: owner and mode are systemd's business. */
  madeBySystemd?: boolean;
  /** Who reads; defaults to the process. */
  uid?: number;
}

/**
 * Reads a file that holds a secret. Refused, each with the command that mends it: a symlink, anything that is no
 * regular file, a file that group or others may read, one of another owner than root or ourselves, and one in a
 * directory where somebody else could put another in its place. For root the two users of the service count as
 * ourselves: root checks what they will read. A newline at the end is dropped. What is checked is what is read: one
 * open, then fstat.
 */
export function readSecretFile(
  path: string,
  { madeBySystemd = false, uid = process.geteuid?.() }: SecretFileOptions = {},
): SecretFile {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return cannotOpen(path, error, uid);
  }
  try {
    const stats = fstatSync(descriptor);
    const refusal = madeBySystemd
      ? refuseShape(path, stats)
      : (refuseShape(path, stats) ?? refuseOwner(path, stats, uid));
    if (refusal) return refusal;
    const text = readFileSync(descriptor, 'utf8').replace(/(?:\r?\n)+$/, '');
    if (text.trim() === '')
      return {
        ok: false,
        expected: 'a file that holds the secret; it is empty',
        remedy: `write the secret into ${path}`,
      };
    return { ok: true, text };
  } catch (error) {
    return cannotOpen(path, error, uid);
  } finally {
    closeSync(descriptor);
  }
}

function refuseShape(path: string, stats: Stats): SecretFile | undefined {
  if (!stats.isFile()) {
    return {
      ok: false,
      expected: 'a regular file; it is something else',
      remedy: `name a regular file instead of ${path}`,
    };
  }
  if (stats.size > LARGEST_BYTES) {
    return {
      ok: false,
      expected: `a file of at most ${LARGEST_BYTES} bytes`,
      remedy: `write only the secret into ${path}`,
    };
  }
  return undefined;
}

function refuseOwner(path: string, stats: Stats, uid: number | undefined): SecretFile | undefined {
  if ((stats.mode & 0o077) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    return {
      ok: false,
      expected: `a file that only its owner can read; its mode is ${mode}`,
      remedy: `chmod 600 ${shellWord(path)}`,
    };
  }
  if (uid === undefined) return undefined;
  const owners = uid === 0 ? [0, ...serviceUids()] : [0, uid];
  if (!owners.includes(stats.uid)) {
    return {
      ok: false,
      expected: `a file of root or of uid ${uid}; its owner is uid ${stats.uid}`,
      remedy: `chown ${uid} ${shellWord(path)}`,
    };
  }
  const place = distrustOfPlace(path, owners);
  if (!place) return undefined;
  return { ok: false, expected: `a file that nobody else can replace; ${place.why}`, remedy: place.mend };
}

function cannotOpen(path: string, error: unknown, uid: number | undefined): SecretFile {
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case 'ELOOP':
      return {
        ok: false,
        expected: 'a regular file; it is a symbolic link',
        remedy: `cp --remove-destination "$(readlink -f ${shellWord(path)})" ${shellWord(path)} && chmod 600 ${shellWord(path)}`,
      };
    case 'ENOENT':
      return {
        ok: false,
        expected: 'a file that exists',
        remedy: `install -m 600 /dev/null ${shellWord(path)}, then write the secret into it`,
      };
    case 'EACCES':
      return {
        ok: false,
        expected: `a file that uid ${uid} can read`,
        remedy: `chown ${uid} ${shellWord(path)}, or hand it over with LoadCredential= in the unit`,
      };
    default:
      return { ok: false, expected: `a readable file (${messageOf(error)})`, remedy: `ls -l ${shellWord(path)}` };
  }
}
