import type { Clock } from '../../src/domain/clock.js';

/** Time that stands still until it is moved. */
export interface VirtualTime {
  /** Epoch ms. */
  now(): number;
  /** When the first sleeper wakes; undefined where nobody sleeps. */
  nextWaking(): number | undefined;
  /** Moves the time, never back, and wakes everybody who is due, the earliest first. */
  moveTo(time: number): void;
  /** The clock of one process. Once `alive` is false its sleepers never wake. */
  clockOf(alive: () => boolean): Clock;
}

interface Sleeper {
  at: number;
  alive: () => boolean;
  wake: () => void;
}

export function createVirtualTime(startedAt: number): VirtualTime {
  let now = startedAt;
  const sleepers = new Set<Sleeper>();

  function living(): Sleeper[] {
    for (const sleeper of sleepers) if (!sleeper.alive()) sleepers.delete(sleeper);
    return [...sleepers].sort((a, b) => a.at - b.at);
  }

  return {
    now: () => now,
    nextWaking: () => living()[0]?.at,
    moveTo(time) {
      now = Math.max(now, time);
      for (const sleeper of living()) {
        if (sleeper.at > now) break;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
    clockOf: (alive) => ({
      now: () => now,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted) return reject(signal.reason);
          const giveUp = (): void => {
            sleepers.delete(sleeper);
            if (alive()) reject(signal?.reason);
          };
          const wake = (): void => {
            signal?.removeEventListener('abort', giveUp);
            resolve();
          };
          const sleeper: Sleeper = { at: now + ms, alive, wake };
          signal?.addEventListener('abort', giveUp, { once: true });
          sleepers.add(sleeper);
        }),
    }),
  };
}
