import { readFile, rename } from 'node:fs/promises';
import type { Adapter } from 'lowdb';
import { messageOf, Rejected } from '../../domain/errors.js';
import { replaceFile } from '../../durable/replace-file.js';
import { STORE_VERSION, type StoreData, storeSchema } from './record.js';

const REMEDY = 'move it out of the way; the listener then makes its subscriptions anew';

/** The file holds nothing that any release could read. `why` says what is wrong, without what stands there. */
export class BrokenStore extends Rejected {
  constructor(
    path: string,
    readonly why: string,
  ) {
    super(`${path} ${why}: ${REMEDY}`);
  }
}

/**
 * lowdb's adapter for the file of subscriptions: 0600, written whole beside itself, fsynced and renamed, and the
 * directory fsynced. Reading throws BrokenStore for a file that is torn or foreign, and Rejected, with the remedy, for
 * one of a newer version.
 */
export function createStoreFile(path: string): Adapter<StoreData> {
  return {
    async read() {
      const text = await readFile(path, 'utf8').catch(unlessMissing);
      return text === undefined ? null : parseStore(text, path);
    },
    write: (data) => replaceFile(path, `${JSON.stringify(data, null, 2)}\n`, { mode: 0o600, directoryMode: 0o700 }),
  };
}

/** Moves the file aside, whatever is in it; gives its new name, or undefined where there was none. */
export async function moveStoreAside(path: string, now: number): Promise<string | undefined> {
  const aside = `${path}.${new Date(now).toISOString().replaceAll(':', '')}.aside`;
  try {
    await rename(path, aside);
    return aside;
  } catch (error) {
    unlessMissing(error);
    return undefined;
  }
}

function parseStore(text: string, path: string): StoreData {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BrokenStore(path, `is torn or no JSON${position(error)}`);
  }
  const version = typeof value === 'object' && value !== null && 'version' in value ? value.version : undefined;
  if (typeof version === 'number' && version > STORE_VERSION) {
    throw new Rejected(
      `${path} has version ${version}, this Entramox reads up to ${STORE_VERSION}: install the newer Entramox again, or ${REMEDY}`,
    );
  }
  const parsed = storeSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  // Only where it is wrong, never what stands there: it may be a client state.
  const where = parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole').slice(0, 5);
  throw new BrokenStore(path, `is not a record of subscriptions (wrong: ${where.join(', ')})`);
}

/** Node quotes what it could not parse, which may be a client state. */
function position(error: unknown): string {
  const found = /at position \d+/.exec(messageOf(error))?.[0];
  return found ? ` (${found})` : '';
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
