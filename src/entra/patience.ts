import { jittered } from '../domain/jitter.js';

/** How long and how often a failing call is repeated. */
export interface RetryPolicy {
  /** Attempts in all, the first included. */
  attempts: number;
  /** The first wait; doubled each time. */
  baseMs: number;
  /** No wait of our own choice is longer. */
  ceilingMs: number;
  /** All waits together; a Retry-After beyond what is left ends the matter at once. */
  budgetMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 5, baseMs: 500, ceilingMs: 15_000, budgetMs: 60_000 };

/** Statuses that say "not now" (Graph: best practices for handling errors). */
export function isTransientStatus(status: number): boolean {
  return status === 429 || status === 500 || status === 502 || status === 503 || status === 504;
}

export interface Patience {
  /** How long to wait before the next attempt in ms; undefined: there is none. */
  next(retryAfterMs: number | undefined): number | undefined;
  /** Attempts made so far, the first included. */
  attempts(): number;
}

/** Counts attempts and waits of one call. Waits are exponential, of which a random half is taken off (jitter). */
export function createPatience(policy: RetryPolicy, random: () => number): Patience {
  let attempts = 1;
  let waitedMs = 0;
  return {
    attempts: () => attempts,
    next(retryAfterMs) {
      if (attempts >= policy.attempts) return undefined;
      const ownMs = jittered(Math.min(policy.baseMs * 2 ** (attempts - 1), policy.ceilingMs), 0.5, random);
      const waitMs = Math.round(Math.max(ownMs, retryAfterMs ?? 0));
      if (waitedMs + waitMs > policy.budgetMs) return undefined;
      attempts += 1;
      waitedMs += waitMs;
      return waitMs;
    },
  };
}

/** The wait that a Retry-After header asks for, from seconds or an HTTP date (RFC 9110, 10.2.3); undefined: none. */
export function retryAfterMs(header: string | null | undefined, nowMs: number): number | undefined {
  const text = header?.trim();
  if (!text) return undefined;
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1000);
  // Date.parse takes almost anything for a date; an HTTP date starts with the day's name.
  const at = /^[A-Za-z]{3,9},?\s/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
