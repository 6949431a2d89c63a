import { Busy, messageOf } from '../domain/errors.js';
import type { Claim, Queue } from '../queue/queue.js';
import { backoffMs, isPassing } from './backoff.js';
import type { Context } from './context.js';

export interface RetryOptions {
  queue: Queue;
  maxAttempts: number;
  random: () => number;
}

/** No wait that another system asks for is longer than this. */
const LONGEST_WAIT_MS = 3_600_000;

/** Work on this claim failed: tried again later, parked only where the fault lies with the item and patience has run out. */
export async function retryClaim(
  ctx: Pick<Context, 'clock' | 'log'>,
  { queue, maxAttempts, random }: RetryOptions,
  claim: Claim,
  error: unknown,
): Promise<void> {
  const attempts = claim.attempts + 1;
  const patient = isPassing(error) || claim.key === 'sweep';
  // An outage may last for thousands of attempts, none of which speaks against the item.
  const faults = (claim.faults ?? 0) + (patient ? 0 : 1);
  if (!patient && faults >= maxAttempts) {
    ctx.log('reconcile.identity.parked', { key: claim.key, attempts, error: messageOf(error) });
    return queue.park(claim, messageOf(error));
  }
  const asked = error instanceof Busy ? (error.retryAfterMs ?? 0) : 0;
  const pauseMs = Math.max(backoffMs(attempts, random), Math.min(asked, LONGEST_WAIT_MS));
  ctx.log('reconcile.identity.retried', { key: claim.key, attempts, pauseMs, error: messageOf(error) });
  await queue.retry({ ...claim, faults }, ctx.clock.now() + pauseMs);
}
