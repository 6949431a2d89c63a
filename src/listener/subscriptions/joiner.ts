/** Runs the work, or joins the work for the same key that waits or runs already. */
export type Joiner = (key: string, work: () => Promise<void>) => Promise<void>;

/** Coalesces what is asked for again before it is finished. */
export function createJoiner(): Joiner {
  const running = new Map<string, Promise<void>>();
  return (key, work) => {
    const known = running.get(key);
    if (known) return known;
    const run = work().finally(() => running.delete(key));
    running.set(key, run);
    return run;
  };
}
