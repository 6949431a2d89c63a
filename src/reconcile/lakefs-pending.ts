import { messageOf } from '../domain/errors.js';
import type { HintSink } from '../queue/queue.js';
import type { Context } from './context.js';
import { lakefsRecord } from './lakefs-port.js';

/** Looks whether lakeFS has users by now for those who wait for one. */
export interface PendingWatch {
  /** Looks, unless that was done a moment ago or nobody waits. Never throws but when aborted. */
  look(signal: AbortSignal): Promise<void>;
}

/** One listing of users for everybody who waits; who signs in for the first time is in the groups soon after. */
const EVERY_MS = 5 * 60_000;

export function createPendingWatch(ctx: Context, hints: HintSink): PendingWatch {
  let lookedAt = Number.NEGATIVE_INFINITY;
  return {
    async look(signal) {
      const { lakefs } = ctx.targets;
      const now = ctx.clock.now();
      const waiting = Object.values(lakefsRecord(ctx.ledger).people).filter(
        ({ pendingSince }) => pendingSince !== undefined,
      );
      if (!lakefs || waiting.length === 0 || Math.abs(now - lookedAt) < EVERY_MS) return;
      lookedAt = now;
      try {
        const people = waiting.map(({ oid, upn, mail }) => ({ oid, upn, mail }));
        for (const oid of await lakefs.matched(people, signal)) await hints.put(`user:${oid}`);
      } catch (error) {
        signal.throwIfAborted();
        ctx.log('reconcile.lakefs.unread', { why: messageOf(error) });
      }
    },
  };
}
