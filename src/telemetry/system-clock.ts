import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../domain/clock.js';

/** The real time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, { signal });
    } catch (error) {
      // Node gives an AbortError of its own, with the reason inside.
      signal?.throwIfAborted();
      throw error;
    }
  },
};
