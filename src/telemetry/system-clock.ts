import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../domain/clock.js';

/** The real time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, { signal });
  },
};
