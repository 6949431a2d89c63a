/** Work that runs at most so many at a time, in the order in which it came. */
export interface Lanes {
  /** The work's outcome. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when everything that was given before the call has ended, well or not. */
  settled(): Promise<void>;
}

export function createLanes(limit: number): Lanes {
  const waiting: (() => void)[] = [];
  const given = new Set<Promise<unknown>>();
  let running = 0;

  async function start<T>(work: () => Promise<T>): Promise<T> {
    if (running < limit) running += 1;
    // Whoever ends hands its lane on.
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  }

  return {
    run(work) {
      const outcome = start(work);
      given.add(outcome);
      const forget = () => given.delete(outcome);
      outcome.then(forget, forget);
      return outcome;
    },
    async settled() {
      await Promise.allSettled([...given]);
    },
  };
}
