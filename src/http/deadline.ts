import type { Clock } from '../domain/clock.js';

export interface Deadline {
  clock: Clock;
  limitMs: number;
  signal: AbortSignal;
}

/**
 * Runs `work` with a signal that aborts when the caller's does, or after `limitMs`; then the answer is 'expired'.
 * Covers the whole exchange, so that a body that drips for ever ends as well.
 */
export async function withDeadline<T>(
  { clock, limitMs, signal }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | 'expired'> {
  const expiry = new AbortController();
  const timer = new AbortController();
  let expired = false;
  clock.sleep(limitMs, timer.signal).then(
    () => {
      expired = true;
      expiry.abort(new Error(`no answer within ${limitMs} ms`));
    },
    // The timer was called off because the work ended first.
    () => undefined,
  );
  try {
    return await work(AbortSignal.any([signal, expiry.signal]));
  } catch (error) {
    if (expired && !signal.aborted) return 'expired';
    throw error;
  } finally {
    timer.abort();
  }
}
