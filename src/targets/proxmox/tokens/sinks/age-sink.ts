import { readFile } from 'node:fs/promises';
import { armor, Decrypter, Encrypter } from 'age-encryption';
import { messageOf, Rejected } from '../../../../domain/errors.js';
import type { DeclaredAge } from '../declared-sinks/age.js';
import { whyNoRecipient } from './age-recipients.js';
import { createFileKeeper } from './file-keeper.js';
import type { ReadSecret } from './read-secret.js';
import type { Sink } from './sink.js';
import { requireOwnFile } from './way.js';

const ARMORED = '-----BEGIN AGE ENCRYPTED FILE-----';

/**
 * A file encrypted with age for one or several recipients, in age's armor. With an identity it can be read here; without
 * one the only proof is that the file holds, byte for byte, what was encrypted for these recipients.
 */
export function createAgeSink(declared: DeclaredAge, readSecret: ReadSecret): Sink {
  const { path, recipientsFile, identityFile, place } = declared;

  async function wrap(text: string): Promise<Uint8Array> {
    const encrypter = new Encrypter();
    const all = [...declared.recipients, ...(recipientsFile ? await recipientsIn(recipientsFile) : [])];
    for (const recipient of all) encrypter.addRecipient(recipient);
    return Buffer.from(`${armor.encode(await encrypter.encrypt(text)).trimEnd()}\n`);
  }

  async function unwrap(content: Buffer): Promise<string> {
    recognise(content);
    const decrypter = new Decrypter();
    for (const identity of identitiesIn(identityFile ?? '', readSecret)) addIdentity(decrypter, identity, identityFile);
    try {
      return await decrypter.decrypt(armor.decode(content.toString('utf8')), 'text');
    } catch (error) {
      throw new Rejected(`${path} cannot be decrypted with ${identityFile}: ${messageOf(error)}`);
    }
  }

  function recognise(content: Buffer): void {
    if (content.toString('utf8', 0, ARMORED.length) === ARMORED) return;
    throw new Rejected(`${path} is no armored file of age: move it away`);
  }

  return createFileKeeper(path, place, {
    async probe() {
      const wrapped = await wrap('probe');
      if (identityFile !== undefined && (await unwrap(Buffer.from(wrapped))) !== 'probe') {
        throw new Rejected(`${identityFile} does not decrypt what is encrypted for the recipients of ${path}`);
      }
    },
    wrap,
    unwrap,
    recognise,
    sealed: identityFile === undefined ? `${path} is encrypted with age, and no identity_file is declared` : undefined,
  });
}

/** Whoever can write this file is given the secrets: it must be root's. */
async function recipientsIn(path: string): Promise<string[]> {
  await requireOwnFile(path);
  const lines = linesOf(await readFile(path, 'utf8'));
  for (const line of lines) {
    const why = whyNoRecipient(line);
    if (why) throw new Rejected(`${path} holds a line that is no recipient (${why}): ${line.slice(0, 80)}`);
  }
  if (lines.length === 0) throw new Rejected(`${path} names no recipient: write a line age1... into it`);
  return lines;
}

function identitiesIn(path: string, readSecret: ReadSecret): string[] {
  const lines = linesOf(readSecret(path));
  if (lines.length === 0) throw new Rejected(`${path} holds no identity: a line AGE-SECRET-KEY-1... is expected`);
  return lines;
}

function addIdentity(decrypter: Decrypter, identity: string, path: string | undefined): void {
  try {
    decrypter.addIdentity(identity);
  } catch {
    // The words of the library may repeat a part of the key.
    throw new Rejected(`${path} holds a line that is no identity of age: AGE-SECRET-KEY-1... is expected`);
  }
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}
