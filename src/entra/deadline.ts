export interface Deadline {
  /** Aborted by the caller's signal or when the time is up. */
  signal: AbortSignal;
  /** Whether it was the time that ended it. */
  expired(): boolean;
  /** Stops the timer and lets go of the caller's signal; call it in `finally`. */
  release(): void;
}

/**
 * A signal that ends with the caller's or after `ms`. Not AbortSignal.any, which keeps every derived signal
 * alive as long as the source in Node 20: our source lives as long as the process.
 */
export function withDeadline(signal: AbortSignal | undefined, ms: number): Deadline {
  const controller = new AbortController();
  let expired = false;
  const onAbort = () => controller.abort(signal?.reason);
  const timer = setTimeout(() => {
    expired = true;
    controller.abort(new DOMException(`no answer within ${ms} ms`, 'TimeoutError'));
  }, ms);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    expired: () => expired,
    release() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

/** The work's outcome, or the signal's reason as soon as it is aborted; work that has begun goes on for others. */
export async function unlessAborted<T>(start: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return start();
  signal.throwIfAborted();
  const work = start();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}
