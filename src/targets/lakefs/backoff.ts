import { jittered } from '../../domain/jitter.js';

/** How long lakeFS is asked again. It sends no Retry-After, so the waits are our own. */
export interface RetryPolicy {
  /** Of the first wait; each further one is at most twice as long. */
  firstMs: number;
  longestMs: number;
  /** From the first attempt on; no wait is begun that would end later. */
  deadlineMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { firstMs: 500, longestMs: 10_000, deadlineMs: 60_000 };

/** How long to wait after this many failed attempts; undefined once patience is at its end. */
export function nextWait(
  policy: RetryPolicy,
  failed: number,
  elapsedMs: number,
  random: () => number,
): number | undefined {
  const fullMs = Math.min(policy.longestMs, policy.firstMs * 2 ** (failed - 1));
  const waitMs = Math.round(jittered(fullMs, 0.5, random));
  return elapsedMs + waitMs > policy.deadlineMs ? undefined : waitMs;
}
