/** The one cluster-wide lock on user.cfg; who waits gets it in the order of asking. */
export interface Lock {
  /** A release function, or undefined when the wait outlasted the deadline. */
  acquire(deadlineMs: number): Promise<(() => void) | undefined>;
}

export function createLock(): Lock {
  const waiting: (() => void)[] = [];
  let held = false;

  function release(): void {
    const next = waiting.shift();
    if (next === undefined) held = false;
    else next();
  }

  return {
    acquire(deadlineMs) {
      if (!held) {
        held = true;
        return Promise.resolve(release);
      }
      return new Promise((resolve) => {
        const grant = (): void => {
          clearTimeout(timer);
          resolve(release);
        };
        const timer = setTimeout(() => {
          waiting.splice(waiting.indexOf(grant), 1);
          resolve(undefined);
        }, deadlineMs);
        waiting.push(grant);
      });
    },
  };
}
