import type { SourceUnavailable } from '../domain/errors.js';
import type { Claim, Queue } from '../queue/queue.js';

/** What all work on claims shares. */
export interface ClaimWork {
  queue: Queue;
  /** A claim that cannot be settled is tried again by itself. */
  settleClaim(claim: Claim, settle: () => Promise<void>): Promise<void>;
  /** The work on a claim failed: it is retried or parked. */
  failed(claim: Claim, error: unknown): Promise<void>;
  /** The directory could not be read, which is told as long as it lasts. */
  noteUnavailable(error: SourceUnavailable): void;
}
