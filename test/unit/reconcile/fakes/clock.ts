import type { Clock } from '../../../../src/domain/clock.js';
import { NOW } from '../../domain/builders.js';

export interface FakeClock extends Clock {
  time: number;
  /** Called when somebody sleeps, before the time moves: what happens in the world during the pause. */
  duringSleep: (ms: number) => void | Promise<void>;
}

/** A clock that stands still, and jumps when somebody sleeps. */
export function createFakeClock(): FakeClock {
  const clock: FakeClock = {
    time: NOW,
    duringSleep: () => undefined,
    now: () => clock.time,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      await clock.duringSleep(ms);
      signal?.throwIfAborted();
      clock.time += ms;
    },
  };
  return clock;
}
