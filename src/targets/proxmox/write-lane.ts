/** Runs one piece of work at a time, in the order asked. */
export type Lane = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/**
 * A lane for writes: Proxmox VE has one lock for user.cfg and polls it once a second, so writes beside one another
 * only make each other slow. A caller whose signal aborts while it waits is let go at once and its work never
 * starts; work that has started is always awaited before the next begins.
 */
export function createLane(): Lane {
  let tail: Promise<unknown> = Promise.resolve();
  return async (work, signal) => {
    signal.throwIfAborted();
    const before = tail;
    let release = (): void => undefined;
    const turn = new Promise<void>((resolve) => {
      release = resolve;
    });
    tail = before.then(() => turn);
    try {
      await untilDoneOrAborted(before, signal);
      return await work();
    } finally {
      release();
    }
  };
}

function untilDoneOrAborted(done: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    void done.then(() => {
      signal.removeEventListener('abort', onAbort);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    });
  });
}
