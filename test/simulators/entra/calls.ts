import { type CallFacts, type Matcher, matches } from './matcher.js';

const KEPT = 20_000;

export interface Call extends CallFacts {
  at: number;
  status: number;
  durationMs: number;
}

/** Every request that reached the simulator, items of batches as well as the batches themselves. */
export interface Calls {
  /** The latest calls, oldest first (up to 20,000). */
  list(matcher?: Matcher): Call[];
  /** How many calls there were since the last `clear`; `outer` leaves the items of batches out. */
  count(matcher?: Matcher, options?: { outer?: boolean }): number;
  /** `GET /users/{id} 200` -> how often. */
  summary(): Record<string, number>;
  clear(): void;
}

/** An empty record of calls, and the function that fills it. */
export function createCalls(): { calls: Calls; record(call: Call): void } {
  let kept: Call[] = [];
  const totals = new Map<string, number>();
  return {
    calls: {
      list: (matcher = '*') => kept.filter((call) => matches(matcher, call)),
      count: (matcher = '*', { outer = false } = {}) =>
        kept.filter((call) => matches(matcher, call) && !(outer && call.inBatch)).length,
      summary: () => Object.fromEntries([...totals].sort(([left], [right]) => (left < right ? -1 : 1))),
      clear() {
        kept = [];
        totals.clear();
      },
    },
    record(call) {
      kept.push(call);
      if (kept.length > KEPT * 2) kept = kept.slice(-KEPT);
      const key = `${call.method} ${call.template} ${call.status || 'dropped'}`;
      totals.set(key, (totals.get(key) ?? 0) + 1);
    },
  };
}
