import { SourceUnavailable } from '../../domain/errors.js';
import type { SubscriptionApi } from '../../entra/subscription.js';
import type { Log } from '../../telemetry/log.js';

/** Failures in a row after which the others would only fail as well. */
const FAILURES = 4;
const FIRST_MS = 30_000;
/** Short beside the least lifetime, so that a pause never costs a subscription. */
const LONGEST_MS = 5 * 60_000;
/** What Graph itself asks for is kept to, but no subscription is given up for it. */
const LONGEST_ASKED_MS = 30 * 60_000;

/** Leaves Graph alone for a while after it could not be asked several times in a row. */
export interface Pause {
  /** The calls, which fail at once with SourceUnavailable during a pause. */
  api: SubscriptionApi;
  /** Why nothing is asked at present; undefined: no pause. */
  why(): string | undefined;
  /** On an operator's word: ask again now. */
  end(): void;
}

export function createPause(api: SubscriptionApi, monotonicMs: () => number, log: Log): Pause {
  let inARow = 0;
  let pauses = 0;
  let span: { from: number; until: number } | undefined;

  function leftMs(): number {
    const now = monotonicMs();
    // A clock that went back says nothing about what is left.
    return span && now >= span.from ? span.until - now : 0;
  }

  function why(): string | undefined {
    const left = leftMs();
    if (left <= 0) return undefined;
    return `Graph could not be asked several times, or asked for patience, and is left alone for ${Math.ceil(left / 1000)} s`;
  }

  function failed(error: unknown): void {
    if (!(error instanceof SourceUnavailable)) {
      // A refusal is an answer.
      well();
      return;
    }
    inARow += 1;
    const askedMs = retryAfterOf(error);
    if (inARow < FAILURES && askedMs === undefined) return;
    const ownMs = Math.min(FIRST_MS * 2 ** pauses, LONGEST_MS);
    const pauseMs = Math.max(ownMs, Math.min(askedMs ?? 0, LONGEST_ASKED_MS));
    if (leftMs() >= pauseMs) return;
    if (leftMs() <= 0) {
      pauses += 1;
      log('listener.subscriptions.paused', { seconds: Math.round(pauseMs / 1000), error: error.message });
    }
    span = { from: monotonicMs(), until: monotonicMs() + pauseMs };
  }

  function well(): void {
    inARow = 0;
    pauses = 0;
  }

  async function ask<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const reason = why();
    if (reason !== undefined) throw new SourceUnavailable(reason);
    try {
      const answer = await call();
      well();
      return answer;
    } catch (error) {
      if (!signal.aborted) failed(error);
      throw error;
    }
  }

  return {
    why,
    end() {
      span = undefined;
      well();
    },
    api: {
      create: (wanted, signal) => ask(() => api.create(wanted, signal), signal),
      get: (id, signal) => ask(() => api.get(id, signal), signal),
      list: (signal) => ask(() => api.list(signal), signal),
      renew: (id, expiresAt, signal) => ask(() => api.renew(id, expiresAt, signal), signal),
      delete: (id, signal) => ask(() => api.delete(id, signal), signal),
      reauthorize: (id, signal) => ask(() => api.reauthorize(id, signal), signal),
    },
  };
}

/** What Graph asked for, where the failure carries it. */
function retryAfterOf(error: SourceUnavailable): number | undefined {
  const asked = 'retryAfterMs' in error ? error.retryAfterMs : undefined;
  return typeof asked === 'number' && asked > 0 ? asked : undefined;
}
