import { renameSync } from 'node:fs';
import { temporaryOf, writeSynced } from './durable-file.js';
import { readIfThere } from './if-there.js';
import type { LockRecord } from './ledger.js';

/** What a lock found when the disk took no record of it. */
export interface UnwrittenLock {
  lock: LockRecord;
  /** Epoch ms. */
  at: number;
}

/** Locks that wait to be recorded, by object id. */
export interface UnwrittenLocks {
  all(): ReadonlyMap<string, unknown>;
  /** Remembers it in any case; throws where a new agent would not know it. */
  keep(oid: string, unwritten: UnwrittenLock): void;
  forget(oid: string): void;
}

/**
 * Kept in a file in memory, below /run, for the next agent; a full disk does not touch that. After a reboot it is gone:
 * the lock then counts as one that was there before us, and undoing it is for a person. Without a file it is as
 * long-lived as we are.
 */
export function openUnwrittenLocks(file?: string): UnwrittenLocks {
  const locks = new Map<string, unknown>(file === undefined ? [] : read(file));

  function save(): void {
    if (file === undefined) return;
    const temporary = temporaryOf(file);
    writeSynced(temporary, JSON.stringify(Object.fromEntries(locks)), 0o600);
    renameSync(temporary, file);
  }

  return {
    all: () => locks,
    keep(oid, unwritten) {
      locks.set(oid, unwritten);
      save();
    },
    forget(oid) {
      if (locks.delete(oid)) save();
    },
  };
}

function read(file: string): [string, unknown][] {
  try {
    return Object.entries(JSON.parse(readIfThere(file) ?? '{}'));
  } catch (error) {
    // Half of it is no use: who is locked without a record is locked all the same.
    if (error instanceof SyntaxError || error instanceof TypeError) return [];
    throw error;
  }
}
