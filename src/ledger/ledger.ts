import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Low } from 'lowdb';
import { Busy, messageOf } from '../domain/errors.js';
import type { ObjectId } from '../domain/identity.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';
import { replaceFile } from '../durable/replace-file.js';
import { emptyDocument, type LedgerDocument } from './document.js';
import { parseLedger } from './schema.js';

/** The ledger cannot be used: broken, of a newer version, unreadable. The reconciler must not start. */
export class LedgerBroken extends Error {
  override readonly name = 'LedgerBroken';
}

/** The durable record, held in memory and written whole. One process at a time (the reconciler's kernel lock). */
export interface Ledger {
  /** Where the file is. */
  readonly path: string;
  readonly data: LedgerDocument;
  entry(oid: ObjectId): LedgerEntry | undefined;
  entries(): LedgerEntry[];
  /** In memory only, until `save`. */
  put(entry: LedgerEntry): void;
  /** Forgets an identity for which nothing was ever made. In memory only, until `save`. */
  drop(oid: ObjectId): void;
  /** Who holds this Unix name, deleted identities included: a name is never handed to somebody else. */
  holderOf(unixName: string): ObjectId | undefined;
  /** Who has this user principal name, without regard to case; deleted identities only where nobody else has it. */
  findByUpn(upn: string): LedgerEntry | undefined;
  /** Notes that `data` was changed in place (guard, groups, sweep). In memory only, until `save`. */
  changed(): void;
  /** Resolves once everything put before the call is on disk; calls that come together share one write, and none is made without a change. Rejects with Busy when it cannot be written. */
  save(): Promise<void>;
}

/**
 * Opens the ledger file. A missing file is a new host only where no previous copy stands beside it; anything broken
 * throws LedgerBroken with the path, the fault and the remedy, and changes nothing.
 */
export async function openLedger(path: string): Promise<Ledger> {
  return holdLedger(path, (await readLedger(path)) ?? emptyDocument());
}

/** A ledger with this content, which replaces what the file held at the first save. */
export function holdLedger(path: string, document: LedgerDocument): Ledger {
  const low = new Low<LedgerDocument>(
    { read: async () => document, write: (data) => writeLedger(path, data) },
    document,
  );
  const names = new Map<string, ObjectId>();
  for (const entry of Object.values(low.data.identities)) index(names, entry);
  let dirty = false;
  const write = coalesce(async () => {
    dirty = false;
    try {
      await low.write();
    } catch (error) {
      dirty = true;
      throw error;
    }
  });
  let last: Promise<void> = Promise.resolve();
  return {
    path,
    get data() {
      return low.data;
    },
    entry: (oid) => low.data.identities[oid],
    entries: () => Object.values(low.data.identities),
    put(entry) {
      const before = low.data.identities[entry.oid];
      if (isDeepStrictEqual(before, entry)) return;
      low.data.identities[entry.oid] = entry;
      unindex(names, before);
      index(names, entry);
      dirty = true;
    },
    drop(oid) {
      const before = low.data.identities[oid];
      if (!before) return;
      unindex(names, before);
      delete low.data.identities[oid];
      dirty = true;
    },
    holderOf: (unixName) => names.get(unixName),
    findByUpn(upn) {
      const wanted = upn.toLowerCase();
      const found = Object.values(low.data.identities).filter((entry) => entry.upn.toLowerCase() === wanted);
      return found.find((entry) => entry.state !== 'deleted') ?? found[0];
    },
    changed() {
      dirty = true;
    },
    save() {
      // Without a change of its own a caller still waits for what is on its way to the disk.
      if (dirty) last = write();
      return last;
    },
  };
}

function index(names: Map<string, ObjectId>, entry: LedgerEntry): void {
  if (entry.names.linux) names.set(entry.names.linux, entry.oid);
}

function unindex(names: Map<string, ObjectId>, entry: LedgerEntry | undefined): void {
  if (entry?.names.linux && names.get(entry.names.linux) === entry.oid) names.delete(entry.names.linux);
}

async function readLedger(path: string): Promise<LedgerDocument | null> {
  const text = await readIfThere(path);
  if (text === undefined) {
    if ((await readIfThere(`${path}.prev`)) === undefined) return null;
    throw new LedgerBroken(
      `${path} is missing although ${path}.prev is there: look at it, then copy it to ${path}, or run "entramox repair"`,
    );
  }
  try {
    return parseLedger(text);
  } catch (error) {
    throw new LedgerBroken(
      `${path} cannot be used: ${messageOf(error)}. Nothing was changed. The last good copy is ${path}.prev: ` +
        `compare the two, then copy it over ${path}, or run "entramox repair", which shows what it would make of it`,
    );
  }
}

/** The text of the file, undefined where there is none. Throws LedgerBroken where it cannot be read. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const remedy = `it must belong to the user of the reconciler: chown --reference=${dirname(path)} ${path}`;
    throw new LedgerBroken(`${path} cannot be read: ${messageOf(error)}; ${remedy}`);
  }
}

async function writeLedger(path: string, data: LedgerDocument): Promise<void> {
  try {
    await replaceFile(path, `${JSON.stringify(data)}\n`, { mode: 0o640, keepsFormer: true });
  } catch (error) {
    throw new Busy(`the ledger ${path} cannot be written: ${messageOf(error)}. Make room or mend its permissions`);
  }
}

/** Runs `action` at most once at a time; callers that arrive meanwhile share the next run. */
function coalesce(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    try {
      await action();
    } finally {
      running = next;
      next = undefined;
    }
  };
  return () => {
    if (!running) {
      running = run();
      return running;
    }
    next ??= running.then(run, run);
    return next;
  };
}
