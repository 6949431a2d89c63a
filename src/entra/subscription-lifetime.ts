import type { Clock } from '../domain/clock.js';
import { GraphError } from './graph-errors.js';
import { readTooLong } from './subscription-refusals.js';

const MINUTE_MS = 60_000;
/** Graph: resources/subscription, users and groups: 41,760 minutes. */
const MAX_MINUTES = 41_760;
/** Graph raises anything shorter to 45 minutes. */
const MIN_LIFETIME_MS = 45 * MINUTE_MS;
/** From the longest life that Graph has down to the shortest it is ten times half. */
const ATTEMPTS = 12;

/** Asks for an expiry that Graph takes. */
export interface SubscriptionLifetime {
  /** Makes the call with the expiry, or with an earlier one where Graph says that it is too far ahead. */
  within<T>(expiresAt: number, call: (expirationDateTime: string) => Promise<T>): Promise<T>;
}

/**
 * Keeps below the longest life that Graph allows, with a margin for clocks that differ, and remembers a shorter one that
 * a refusal names. Where our clock is ahead so much that the margin is not enough, half is asked for, and half again.
 */
export function createSubscriptionLifetime(clock: Pick<Clock, 'now'>): SubscriptionLifetime {
  let longestMs = lessMargin(MAX_MINUTES);

  return {
    async within(expiresAt, call) {
      let lifetimeMs = Math.min(expiresAt - clock.now(), longestMs);
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await call(new Date(clock.now() + lifetimeMs).toISOString());
        } catch (error) {
          const tooLong = error instanceof GraphError ? readTooLong(error) : undefined;
          if (!tooLong) throw error;
          if (lifetimeMs <= MIN_LIFETIME_MS || attempt === ATTEMPTS) throw withClock(error as GraphError);
          const named = tooLong.minutes === undefined ? undefined : lessMargin(tooLong.minutes);
          // Only a limit below what was asked for is one; otherwise it is our clock that is ahead.
          if (named !== undefined && named < lifetimeMs) longestMs = Math.max(named, MIN_LIFETIME_MS);
          lifetimeMs = Math.max(named !== undefined && named < lifetimeMs ? named : lifetimeMs / 2, MIN_LIFETIME_MS);
        }
      }
    },
  };
}

/** A tenth, and at most an hour, is left for clocks that differ. */
function lessMargin(minutes: number): number {
  return minutes * MINUTE_MS - Math.min(minutes * 0.1 * MINUTE_MS, 60 * MINUTE_MS);
}

function withClock({ message, status, code, graphMessage, requestId }: GraphError): GraphError {
  const hint = 'even the shortest lifetime is too far ahead for Graph: is the clock of this host ahead?';
  return new GraphError(`${message}; ${hint}`, status, code, graphMessage, requestId);
}
