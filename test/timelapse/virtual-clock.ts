import type { VirtualTime } from '../model/virtual-time.js';
import type { SimulatorClock } from '../simulators/entra/clock.js';

/** The simulator's clock on virtual time: nothing is scaled, nothing waits for real. */
export function simulatorClock(time: VirtualTime): SimulatorClock {
  const clock = time.clockOf(() => true);
  return {
    now: time.now,
    scaled: time.now,
    advance() {
      throw new Error('in the time-lapse nobody but its own course moves the time');
    },
    wait: (ms, signal) => clock.sleep(ms, signal).catch(() => undefined),
    after(ms, work) {
      const called = new AbortController();
      clock.sleep(Math.round(ms), called.signal).then(work, () => undefined);
      return () => called.abort();
    },
  };
}
