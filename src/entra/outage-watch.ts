import type { Clock } from '../domain/clock.js';
import { SourceUnavailable } from '../domain/errors.js';
import type { Breaker } from './breaker.js';

export interface OutageWatchOptions {
  breaker: Breaker;
  clock: Clock;
  /** A cheap read through the client that the breaker belongs to. */
  probe: (signal: AbortSignal) => Promise<unknown>;
}

/** An attempt that found another one under way comes back at once; this keeps it from coming back all the time. */
const LEAST_WAIT_MS = 250;

/**
 * Asks during an outage whether it is over, whenever the breaker allows it, so that its end is noticed also where
 * nobody wants anything. For processes that stay; ends with `stop`.
 */
export function watchOutages({ breaker, clock, probe }: OutageWatchOptions): { stop(): void } {
  const ending = new AbortController();
  let asking = false;

  async function ask(): Promise<void> {
    for (let outage = breaker.outage(); outage && !ending.signal.aborted; outage = breaker.outage()) {
      await clock.sleep(Math.max(outage.until - clock.now(), LEAST_WAIT_MS), ending.signal);
      try {
        await probe(ending.signal);
      } catch (error) {
        // What it failed with the breaker knows; anything but that is an answer.
        if (error instanceof SourceUnavailable || ending.signal.aborted) continue;
      }
    }
  }

  const unwatch = breaker.watch((outage) => {
    if (!outage || asking) return;
    asking = true;
    ask()
      .catch(() => undefined)
      .finally(() => {
        asking = false;
      });
  });
  return {
    stop() {
      unwatch();
      ending.abort(new Error('stopping'));
    },
  };
}
