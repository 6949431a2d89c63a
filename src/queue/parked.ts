import { readJsonObject } from './json-object.js';
import type { Key, Parked } from './queue.js';
import type { SpoolDisk } from './spool-disk.js';
import { parseKey, stemOf } from './spool-name.js';

const MAX_ERROR_CHARS = 2000;
const MAX_BYTES = 16 * 1024;
const MAX_PARKED = 10_000;

/** Keys that failed too often, each with its error in a small file. */
export interface ParkedKeys {
  list(): Parked[];
  has(key: Key): boolean;
  /** Durable when it resolves; the error text is shortened. */
  add(parked: Parked): Promise<void>;
  remove(key: Key): Promise<void>;
}

/** Reads what is parked already; files that are not ours are left alone and not shown. */
export async function openParkedKeys(disk: SpoolDisk): Promise<ParkedKeys> {
  const byKey = new Map<Key, Parked>();
  const { names } = await disk.names('parked', MAX_PARKED);
  for (const name of names) {
    const text = name.endsWith('.json') ? await disk.read('parked', name, MAX_BYTES) : undefined;
    const parked = text === undefined ? undefined : parseParked(text);
    if (parked && fileOf(parked.key) === name) byKey.set(parked.key, parked);
  }

  return {
    list: () => [...byKey.values()].sort((a, b) => a.since - b.since),
    has: (key) => byKey.has(key),
    async add(parked) {
      const short = { ...parked, error: parked.error.slice(0, MAX_ERROR_CHARS) };
      await disk.write('parked', fileOf(parked.key), `${JSON.stringify(short)}\n`);
      byKey.set(parked.key, short);
    },
    async remove(key) {
      byKey.delete(key);
      await disk.remove('parked', fileOf(key));
    },
  };
}

function fileOf(key: Key): string {
  return `${stemOf(key)}.json`;
}

function parseParked(text: string): Parked | undefined {
  const value = readJsonObject(text);
  if (!value) return undefined;
  const { key, since, attempts, error } = value;
  const known = typeof key === 'string' ? parseKey(key) : undefined;
  if (!known || typeof since !== 'number' || typeof attempts !== 'number' || typeof error !== 'string')
    return undefined;
  return { key: known, since, attempts, error: error.slice(0, MAX_ERROR_CHARS) };
}
