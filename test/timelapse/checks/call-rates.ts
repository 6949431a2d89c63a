import type { Call, CallKind } from '../calls.js';
import type { Watched, Watcher } from './watcher.js';

const WINDOW_MS = 20_000;

/** Graph's limits for one app in one tenant, in any 20 seconds (throttling-limits). */
const LIMITS: readonly { name: string; kinds: readonly CallKind[]; most: number }[] = [
  { name: 'listings of subscriptions', kinds: ['list'], most: 25 },
  { name: 'subscriptions made, renewed or deleted', kinds: ['create', 'renew', 'delete'], most: 500 },
  { name: 'subscriptions read by id', kinds: ['get'], most: 500 },
  { name: 'reauthorisations', kinds: ['reauthorize'], most: 1000 },
];

/** Never more calls in 20 seconds than Graph allows, and what the most were. */
export function callRates(watched: Watched): Watcher & { peaks(): Record<string, number> } {
  const windows = LIMITS.map((limit) => ({ ...limit, recent: [] as number[], peak: 0, over: false }));
  return {
    peaks: () => Object.fromEntries(windows.map(({ name, peak }) => [name, peak])),
    onCall({ kind, at }: Call) {
      for (const window of windows) {
        if (!window.kinds.includes(kind)) continue;
        while (window.recent[0] !== undefined && window.recent[0] <= at - WINDOW_MS) window.recent.shift();
        window.recent.push(at);
        window.peak = Math.max(window.peak, window.recent.length);
        const over = window.recent.length > window.most;
        if (over && !window.over)
          watched.violations.add('documented call rates', `${window.recent.length} ${window.name} in 20 s`);
        window.over = over;
      }
    },
  };
}
