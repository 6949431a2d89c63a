import { earliest, type Later, MAX_DEFERRAL_MS, mergeLater } from './later.js';
import type { Key } from './queue.js';
import { MARK_KINDS, type MarkKind } from './spool-name.js';

/** All that is pending for one key. */
export interface Entry {
  hintAt?: number | undefined;
  removedAt?: number | undefined;
  caughtUpAt?: number | undefined;
  later?: Later | undefined;
  /** The retry state could not be written to disk, so a scan that does not find it proves nothing. */
  laterInMemoryOnly?: boolean;
  /** Set on every change; a scan only forgets what is older than its own start. */
  stamp: number;
}

/** What is pending, in memory, so that a claim need not read the directory. */
export interface SpoolIndex {
  size(): number;
  has(key: Key, kind: MarkKind): boolean;
  later(key: Key): Later | undefined;
  markHint(key: Key, kind: Exclude<MarkKind, 'later'>, at: number): void;
  /** Replaces the retry state; `inMemoryOnly` where it could not be stored. */
  setLater(key: Key, later: Later, inMemoryOnly?: boolean): void;
  dropLater(key: Key): void;
  /** Removes and returns all of a key. */
  take(key: Key): Entry | undefined;
  /** Puts back what was taken, merged with what came meanwhile. */
  restore(key: Key, entry: Entry): void;
  /** Up to `limit` keys that are due at `now`, oldest first, without those that `skip` names. */
  due(now: number, limit: number, skip: (key: Key) => boolean): Key[];
  /** When the next key becomes due that is not so at `now`. */
  nextDueAt(now: number): number | undefined;
  summary(
    now: number,
    skip: (key: Key) => boolean,
  ): { deferred: number; oldestDueAt: number | undefined; oldestUnprovedAt: number | undefined };
  /** Everything that waits after a failed attempt is due, as if it had been since it arrived; in memory alone. */
  hurry(now: number): void;
  /** The current change count, to be given to `forgetUnseen`. */
  stamp(): number;
  /** Forgets marks that a scan begun at `stamp` did not find. */
  forgetUnseen(stamp: number, seen: (key: Key, kind: MarkKind) => boolean): void;
}

const FIELD = { hint: 'hintAt', removed: 'removedAt', 'catch-up': 'caughtUpAt', later: 'later' } as const;

/** An empty index. */
export function createSpoolIndex(): SpoolIndex {
  const entries = new Map<Key, Entry>();
  let changes = 0;

  function change(key: Key, apply: (entry: Entry) => void): void {
    const entry = entries.get(key) ?? { stamp: 0 };
    apply(entry);
    changes += 1;
    entry.stamp = changes;
    entries.set(key, entry);
  }

  return {
    size: () => entries.size,
    has(key, kind) {
      const entry = entries.get(key);
      if (!entry) return false;
      return entry[FIELD[kind]] !== undefined;
    },
    later: (key) => entries.get(key)?.later,
    markHint(key, kind, at) {
      const field = FIELD[kind];
      change(key, (entry) => {
        entry[field] = earliest(entry[field], at);
      });
    },
    setLater(key, later, inMemoryOnly = false) {
      change(key, (entry) => {
        entry.later = later;
        entry.laterInMemoryOnly = inMemoryOnly;
      });
    },
    dropLater(key) {
      const entry = entries.get(key);
      if (!entry) return;
      entry.later = undefined;
      if (isEmpty(entry)) entries.delete(key);
    },
    take(key) {
      const entry = entries.get(key);
      entries.delete(key);
      return entry;
    },
    restore(key, taken) {
      change(key, (entry) => {
        entry.hintAt = earliest(entry.hintAt, taken.hintAt);
        entry.removedAt = earliest(entry.removedAt, taken.removedAt);
        entry.caughtUpAt = earliest(entry.caughtUpAt, taken.caughtUpAt);
        if (taken.later) entry.later = mergeLater(entry.later, taken.later);
        if (taken.laterInMemoryOnly) entry.laterInMemoryOnly = true;
      });
    },
    due(now, limit, skip) {
      const best: { key: Key; at: number }[] = [];
      for (const [key, entry] of entries) {
        const time = dueAt(entry, now);
        if (time === undefined || time > now || skip(key)) continue;
        const at = isFirst(entry, now) ? Number.NEGATIVE_INFINITY : time;
        const worst = best[best.length - 1];
        if (best.length >= limit && worst && at >= worst.at) continue;
        if (best.length >= limit) best.pop();
        const place = best.findIndex((other) => other.at > at);
        best.splice(place === -1 ? best.length : place, 0, { key, at });
      }
      return best.map(({ key }) => key);
    },
    nextDueAt(now) {
      let next: number | undefined;
      for (const entry of entries.values()) {
        const at = dueAt(entry, now);
        if (at !== undefined && at > now) next = earliest(next, at);
      }
      return next;
    },
    summary(now, skip) {
      let deferred = 0;
      let oldestDueAt: number | undefined;
      let oldestUnprovedAt: number | undefined;
      for (const [key, entry] of entries) {
        if (key !== 'sweep') oldestUnprovedAt = earliest(oldestUnprovedAt, unprovedSince(entry));
        const at = dueAt(entry, now);
        if (at === undefined) continue;
        if (at > now) deferred += 1;
        else if (!skip(key)) oldestDueAt = earliest(oldestDueAt, at);
      }
      return { deferred, oldestDueAt, oldestUnprovedAt };
    },
    hurry(now) {
      for (const [key, { later }] of entries) {
        // Also one that is due already: it takes the place in line that its arrival gives it.
        if (!later || later.attempts === 0 || later.notBefore <= later.since) continue;
        change(key, (entry) => {
          entry.later = { ...later, notBefore: Math.min(later.since, now) };
        });
      }
    },
    stamp: () => changes,
    forgetUnseen(stamp, seen) {
      for (const [key, entry] of entries) {
        if (entry.stamp > stamp) continue;
        if (!seen(key, 'hint')) entry.hintAt = undefined;
        if (!seen(key, 'removed')) entry.removedAt = undefined;
        if (!seen(key, 'catch-up')) entry.caughtUpAt = undefined;
        if (!seen(key, 'later') && !entry.laterInMemoryOnly) entry.later = undefined;
        if (isEmpty(entry)) entries.delete(key);
      }
    },
  };
}

/**
 * A hint makes the key due at once, whatever was planned, also one from the future (the clock was set back); without one
 * its retry state decides, unless that is further away than anything is ever put off.
 */
function dueAt({ hintAt, removedAt, caughtUpAt, later }: Entry, now: number): number | undefined {
  const hinted = earliest(earliest(hintAt, removedAt), caughtUpAt);
  if (hinted !== undefined) return Math.min(earliest(hinted, later?.notBefore) ?? hinted, now);
  if (later === undefined) return undefined;
  return later.notBefore > now + MAX_DEFERRAL_MS ? now : later.notBefore;
}

/** Whether it goes before whatever has waited for longer: its second reading is due. */
function isFirst({ later }: Entry, now: number): boolean {
  return later?.first === true && later.notBefore <= now;
}

/** When the oldest hint of a key arrived; undefined where it only waits for a re-check. */
function unprovedSince({ hintAt, removedAt, caughtUpAt, later }: Entry): number | undefined {
  const retried = later && later.attempts > 0 ? later.since : undefined;
  return earliest(earliest(hintAt, removedAt), earliest(caughtUpAt, retried));
}

function isEmpty(entry: Entry): boolean {
  return MARK_KINDS.every((kind) => entry[FIELD[kind]] === undefined);
}
