/** How long a failed attempt at a creation is not repeated, by what it failed of. */
const WAITS = {
  /** Nobody answered: soon. */
  unavailable: { firstMs: 15_000, longestMs: 5 * 60_000 },
  /** Graph refused: nothing changes until a person does something. */
  refused: { firstMs: 60_000, longestMs: 60 * 60_000 },
} as const;

/** Attempts that failed, and when each may be repeated. */
export interface Backoff {
  /** The problem of the last attempt while it is too early for another; undefined: go ahead. */
  waiting(key: string): string | undefined;
  failed(key: string, kind: keyof typeof WAITS, problem: string): void;
  succeeded(key: string): void;
  forgetAll(): void;
}

export function createBackoff(monotonicMs: () => number): Backoff {
  const attempts = new Map<string, { failures: number; failedAt: number; waitMs: number; problem: string }>();
  return {
    waiting(key) {
      const last = attempts.get(key);
      if (!last) return undefined;
      const elapsedMs = monotonicMs() - last.failedAt;
      return elapsedMs >= 0 && elapsedMs < last.waitMs ? last.problem : undefined;
    },
    failed(key, kind, problem) {
      const failures = (attempts.get(key)?.failures ?? 0) + 1;
      const { firstMs, longestMs } = WAITS[kind];
      const waitMs = Math.min(firstMs * 2 ** Math.min(failures - 1, 20), longestMs);
      attempts.set(key, { failures, failedAt: monotonicMs(), waitMs, problem });
    },
    succeeded: (key) => void attempts.delete(key),
    forgetAll: () => attempts.clear(),
  };
}
