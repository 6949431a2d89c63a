export interface StallWatchOptions {
  /** How often `look` is called. */
  everyMs: number;
  /** Later than this is a stall. */
  limitMs: number;
  monotonicMs: () => number;
  onStall: (lateMs: number) => void;
}

/**
 * Finds out that the whole process stood still: whoever called meanwhile waited, and no answer's own time tells of it,
 * since it begins only when the request is seen. Give the returned function to a timer.
 */
export function createStallWatch({ everyMs, limitMs, monotonicMs, onStall }: StallWatchOptions): () => void {
  let last = monotonicMs();
  return () => {
    const now = monotonicMs();
    const lateMs = now - last - everyMs;
    last = now;
    if (lateMs > limitMs) onStall(lateMs);
  };
}
