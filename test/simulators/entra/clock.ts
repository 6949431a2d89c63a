/** The simulator's time: real time plus what a test let pass, and a faster scale for the long waits of delivery. */
export interface SimulatorClock {
  /** Epoch ms; expiries of tokens and subscriptions go by it. */
  now(): number;
  /** Milliseconds on the scale of delivery: back-off, slow and drop windows go by it. */
  scaled(): number;
  /** Lets time pass at once. */
  advance(ms: number): void;
  /** Waits for `ms` on the scale of delivery; returns early when the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Does the work after `ms`, on no scale; returns what calls it off. */
  after(ms: number, work: () => void): () => void;
}

/** A clock whose delivery waits are `timeScale` times shorter than Graph's. `currentTime`: epoch ms, without what was let pass. */
export function createClock(timeScale: number, currentTime: () => number = Date.now): SimulatorClock {
  const startedAt = Date.now();
  let offset = 0;
  return {
    now: () => currentTime() + offset,
    scaled: () => (Date.now() - startedAt) * timeScale + offset,
    advance(ms) {
      offset += ms;
    },
    after(ms, work) {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
    wait(ms, signal) {
      return new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const finish = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', finish);
          resolve();
        };
        const timer = setTimeout(finish, ms / timeScale);
        signal.addEventListener('abort', finish);
      });
    },
  };
}
