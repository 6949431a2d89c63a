import type { Middleware } from '@microsoft/microsoft-graph-client';
import type { Clock } from '../domain/clock.js';
import type { Log } from '../telemetry/log.js';
import { GraphUnavailable } from './graph-errors.js';
import { middleware } from './middleware.js';
import { createPatience, isTransientStatus, type RetryPolicy, retryAfterMs } from './patience.js';

export interface RetryOptions {
  policy: RetryPolicy;
  clock: Clock;
  log: Log;
  random: () => number;
}

/**
 * Repeats what failed for the moment: network errors, time-outs, 429 and 5xx, with back-off, jitter and Retry-After.
 * A call that makes something (POST /subscriptions) is repeated on 429 alone: only then is it certain that nothing was
 * made. When patience ends, the last answer is handed on, or the last failure thrown.
 */
export function retryMiddleware({ policy, clock, log, random }: RetryOptions): Middleware {
  return middleware(async ({ url, method, context, signal }, next) => {
    const patience = createPatience(policy, random);
    const repeatable = isRepeatable(method, url);
    for (;;) {
      context.response = undefined;
      const outcome = await next().catch((error: unknown) => {
        if (error instanceof GraphUnavailable && error.transient && repeatable) return error;
        throw error;
      });
      const refused = outcome instanceof GraphUnavailable ? undefined : outcome;
      if (refused && !(repeatable ? isTransientStatus(refused.status) : refused.status === 429)) return refused;
      const waitMs = patience.next(retryAfterMs(refused?.headers.get('retry-after'), clock.now()));
      const what = { method, path: url.pathname, status: outcome.status, attempts: patience.attempts() };
      if (waitMs === undefined) {
        log('entra.call.failed', what);
        if (outcome instanceof GraphUnavailable) throw outcome;
        return outcome;
      }
      log('entra.call.retried', { ...what, waitMs });
      await clock.sleep(waitMs, signal);
    }
  });
}

/** Reads, and writes that end in the same state when done twice. Batches hold reads only (see batch.ts). */
export function isRepeatable(method: string, url: URL): boolean {
  return method !== 'POST' || /\/(\$batch|checkMemberGroups)$/.test(url.pathname);
}
