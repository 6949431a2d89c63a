/** Runs the work, or joins the work for the same key that waits. */
export type Joiner = (key: string, work: () => Promise<void>) => Promise<void>;

/**
 * Coalesces what is asked for again before it is finished: however often that is, it is one more run after the one that
 * is under way, which may have looked already before it was asked for again.
 */
export function createJoiner(): Joiner {
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();

  async function run(key: string, work: () => Promise<void>): Promise<void> {
    const current = work().finally(() => running.delete(key));
    running.set(key, current);
    await current;
  }

  return (key, work) => {
    const current = running.get(key);
    const next = waiting.get(key);
    if (next) return next;
    if (!current) return run(key, work);
    // A failure is told to whoever asked for that run.
    const later = current
      .catch(() => undefined)
      .then(() => {
        waiting.delete(key);
        return run(key, work);
      });
    waiting.set(key, later);
    return later;
  };
}
