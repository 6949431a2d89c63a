import type { CatchUpStanding } from '../reconcile/catch-up/catch-up.js';
import { iso } from './views.js';

/** How catch-up stands, as it is told. Times are ISO 8601 in UTC. */
export interface CatchUpView {
  intervalSeconds: number;
  startedAt: string;
  lastGoodAt?: string | undefined;
  /** What the last good round took: calls to Graph, and how users were asked for. */
  last?: { requests: { users: number; groups: number }; users: 'by-id' | 'collection'; keys: number } | undefined;
  failing?: { since: string; attempts: number; why: string } | undefined;
  /** Changes that nobody had told of, since the process began. */
  found: { catchUp: number; sweep: number };
  lastFound?: { by: 'catch-up' | 'sweep'; oid: string; upn: string; at: string } | undefined;
}

export function catchUpView({ intervalMs, startedAt, lastGoodAt, last, failing, found }: CatchUpStanding): CatchUpView {
  return {
    intervalSeconds: intervalMs / 1000,
    startedAt: iso(startedAt),
    lastGoodAt: lastGoodAt === undefined ? undefined : iso(lastGoodAt),
    last,
    failing: failing && { ...failing, since: iso(failing.since) },
    found: { catchUp: found['catch-up'], sweep: found.sweep },
    lastFound: found.last && { ...found.last, at: iso(found.last.at) },
  };
}

/** Rounds that may be missing, and the least time for it, before changes count as found too late. */
const MISSING_ROUNDS = 3;
const LEAST_MS = 60_000;

/** Why catch-up is not to be relied on; undefined where it is. */
export function catchUpLateness(
  view: CatchUpView | undefined,
  now: number,
): { since: string; detail: string } | undefined {
  if (!view) return undefined;
  const since = view.lastGoodAt ?? view.startedAt;
  const lateMs = now - Date.parse(since);
  if (lateMs <= Math.max(MISSING_ROUNDS * view.intervalSeconds * 1000, LEAST_MS)) return undefined;
  const why = view.failing ? `: ${view.failing.why}` : '';
  const minutes = Math.round(lateMs / 60_000);
  return { since, detail: `Graph was not asked what changed for ${minutes} minutes${why}` };
}
