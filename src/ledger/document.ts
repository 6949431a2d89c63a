import type { PastRemoval, Removal } from '../domain/guard.js';
import type { GroupId, ObjectId } from '../domain/identity.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';

/** A plan that the guard stopped; it waits for an operator. Times are epoch ms. */
export interface HeldPlan {
  /** SHA-256 over the sorted removals, first 12 hex digits: what `approve` names. */
  hash: string;
  since: number;
  /** What asked: a sweep or targeted work. */
  by: 'sweep' | 'targeted';
  why: string;
  removals: HeldRemoval[];
}

/** One person of a held plan. */
export interface HeldRemoval extends Removal {
  /** Who it is, and why they would be locked or deleted; missing in plans that an older release held. */
  upn?: string | undefined;
  reason?: string | undefined;
  steps: string[];
}

/** How the last sweep ended. */
export interface SweepRecord {
  startedAt: number;
  finishedAt: number;
  result: 'done' | 'held' | 'degraded' | 'failed';
  identities: number;
  /** Identities that were changed, or in a dry run would have been. */
  applied: number;
  failed: number;
  /** In words, where the result is not `done`. */
  why?: string | undefined;
}

/** What the clocks showed when the ledger was last written, and whether the wall clock is to be doubted since. */
export interface ClockRecord {
  /** Wall clock, epoch ms. */
  wall: number;
  /** Which boot of the host `uptimeMs` belongs to. */
  bootId: string;
  uptimeMs: number;
  /** The wall clock jumped: no deletion goes ahead until an operator confirms it. */
  doubt?: { since: number; why: string } | undefined;
}

/** The durable record of what we own, of every countdown and of the guard. */
export interface LedgerDocument {
  version: 1;
  identities: Record<ObjectId, LedgerEntry>;
  /** Members at the last certain listing, to tell an emptied group from an empty one. */
  groups: Record<GroupId, { members: number; at: number }>;
  guard: { window: PastRemoval[]; held?: HeldPlan | undefined; approved: (Removal & { until: number })[] };
  lastSweep?: SweepRecord | undefined;
  lastGoodSweepAt?: number | undefined;
  clock?: ClockRecord | undefined;
}

/** What a new host starts with. */
export function emptyDocument(): LedgerDocument {
  return { version: 1, identities: {}, groups: {}, guard: { window: [], approved: [] } };
}
