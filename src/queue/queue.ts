import type { GroupId, ObjectId } from '../domain/identity.js';

/** What waits to be reconciled. The same key waits at most once. */
export type Key = `user:${ObjectId}` | `group:${GroupId}` | 'sweep';

/**
 * Why a key was put. `removed`: a notification reported that this identity left a group, which counts as the
 * first of the two readings that a lock needs. Nothing else of a notification is kept.
 */
export type Reason = 'changed' | 'removed';

export interface Claim {
  key: Key;
  /** When the oldest hint that this claim answers arrived, epoch ms. */
  since: number;
  /** When a `removed` hint arrived, epoch ms; undefined where none did. */
  removedAt: number | undefined;
  /** Failed attempts so far; 0 on the first. */
  attempts: number;
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
}

/** The intake half: all that the listener may do. */
export interface HintSink {
  /** Resolves once the hint would survive a power cut. Rejects when it cannot be stored. */
  put(key: Key, reason?: Reason): Promise<void>;
}

/** Pending reconciles with dirty and processing sets: a key that is put while it is worked on runs once more. */
export interface Queue extends HintSink {
  /** Up to `limit` due keys, oldest first, none of which is being processed. */
  claim(limit: number): Promise<Claim[]>;
  /** The work on a claim is finished. */
  done(claim: Claim): Promise<void>;
  /** The work failed: again not before `notBefore`, with one more attempt counted. */
  retry(claim: Claim, notBefore: number): Promise<void>;
  /** Tried too often: kept aside with its error, shown by `status`; a new hint brings the key back. */
  park(claim: Claim, error: string): Promise<void>;
  /** Look at this key (again) at `notBefore`, epoch ms; an earlier wish for the same key wins. */
  defer(key: Key, notBefore: number): Promise<void>;
  stats(): Promise<QueueStats>;
  /** Calls back when something may have become due; returns a function that stops it. */
  watch(wake: () => void): () => void;
}
