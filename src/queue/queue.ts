import type { GroupId, ObjectId } from '../domain/identity.js';

/** What waits to be reconciled. The same key waits at most once. */
export type Key = `user:${ObjectId}` | `group:${GroupId}` | 'sweep';

/**
 * Why a key was put. `removed`: a notification reported that this identity left a group, which counts as the
 * first of the two readings that a lock needs. `caught-up`: catch-up found it, whatever was told. Nothing else of a
 * notification is kept.
 */
export type Reason = 'changed' | 'removed' | 'caught-up';

export interface Claim {
  key: Key;
  /** When the oldest hint that this claim answers arrived, epoch ms. */
  since: number;
  /** When a `removed` hint arrived, epoch ms; undefined where none did. */
  removedAt: number | undefined;
  /** Who told of it; `catch-up` where nobody else did, undefined where only its time has come (a retry, a re-check). */
  told?: 'push' | 'catch-up' | undefined;
  /** Failed attempts so far; 0 on the first. */
  attempts: number;
  /** How many of them were the item's own fault; undefined: none. */
  faults?: number | undefined;
}

export interface Parked {
  key: Key;
  since: number;
  attempts: number;
  error: string;
}

export interface QueueStats {
  /** Due or waiting. */
  pending: number;
  /** Of the pending, those that wait for a time (retries and confirms). */
  deferred: number;
  processing: number;
  parked: Parked[];
  /** When the oldest key that is due arrived, epoch ms. */
  oldestDueAt: number | undefined;
  /**
   * When the oldest hint about somebody arrived that is not settled yet, epoch ms: due, in work or to be tried again.
   * Sweeps, re-checks and what is parked are not counted.
   */
  oldestUnprovedAt?: number | undefined;
}

/** The intake half: all that the listener may do. */
export interface HintSink {
  /** Resolves once the hint would survive a power cut. Rejects when it cannot be stored. */
  put(key: Key, reason?: Reason): Promise<void>;
}

/** Pending reconciles with dirty and processing sets: a key that is put while it is worked on runs once more. */
export interface Queue extends HintSink {
  /** Up to `limit` due keys, oldest first, none of which is being processed; with `only`, of those that it is true for. */
  claim(limit: number, only?: (key: Key) => boolean): Promise<Claim[]>;
  /** The work on a claim is finished. */
  done(claim: Claim): Promise<void>;
  /** The work failed: again not before `notBefore`, with one more attempt counted. */
  retry(claim: Claim, notBefore: number): Promise<void>;
  /** Tried too often: kept aside with its error, shown by `status`; a new hint brings the key back. */
  park(claim: Claim, error: string): Promise<void>;
  /**
   * Look at this key (again) at `notBefore`, epoch ms; an earlier wish for the same key wins. `first`: once it is due it
   * goes before everything that waits in line, for whom a second reading is to settle.
   */
  defer(key: Key, notBefore: number, first?: boolean): Promise<void>;
  /** What failed and waits to be tried again is due now: whatever it failed by is over. */
  hurry(): void;
  stats(): Promise<QueueStats>;
  /** Calls back when something may have become due; returns a function that stops it. */
  watch(wake: () => void): () => void;
}
