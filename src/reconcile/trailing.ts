import type { ObjectId } from '../domain/identity.js';

/**
 * Trailing re-checks: Graph answers may be stale right after a change, so an identity that was looked at because of a
 * hint is looked at again after each of these pauses.
 */
export interface Trailing {
  /** When to look again at an identity that was just looked at; undefined: it is settled. */
  next(oid: ObjectId, now: number, brief: boolean): number | undefined;
}

/** Timers may fire a little early. */
const SLACK_MS = 50;

/** `pausesMs`: the pauses after the hint, ascending. `brief`: only the first (for identities that are not ours). */
export function createTrailing(pausesMs: readonly number[]): Trailing {
  const chains = new Map<ObjectId, { stage: number; startedAt: number; dueAt: number }>();
  return {
    next(oid, now, brief) {
      const chain = chains.get(oid);
      const fired = chain !== undefined && now >= chain.dueAt - SLACK_MS;
      const stage = fired ? chain.stage + 1 : 0;
      const startedAt = fired ? chain.startedAt : now;
      const pause = pausesMs[stage];
      if (pause === undefined || (brief && stage > 0)) {
        chains.delete(oid);
        return undefined;
      }
      const dueAt = Math.max(startedAt + pause, now + SLACK_MS);
      chains.set(oid, { stage, startedAt, dueAt });
      return dueAt;
    },
  };
}
