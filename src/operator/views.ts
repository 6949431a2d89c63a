import type { HeldPlan, SweepRecord } from '../ledger/document.js';
import type { QueueStats } from '../queue/queue.js';

/** An instant as everything on the operator socket tells it: ISO 8601 in UTC, `2026-11-22T09:00:00.000Z`. */
type Instant = string;

/** How a sweep ended, as it is told. */
export type SweepView = Omit<SweepRecord, 'startedAt' | 'finishedAt'> & { startedAt: Instant; finishedAt: Instant };

/** A plan that waits for an operator, as it is told. */
export type HeldView = Omit<HeldPlan, 'since'> & { since: Instant };

/** The state of the queue, as it is told. */
export type QueueView = Omit<QueueStats, 'oldestDueAt'> & { oldestDueAt?: Instant | undefined };

export function sweepView(record: SweepRecord): SweepView {
  return { ...record, startedAt: iso(record.startedAt), finishedAt: iso(record.finishedAt) };
}

export function heldView(plan: HeldPlan): HeldView {
  return { ...plan, since: iso(plan.since) };
}

export function queueView(stats: QueueStats): QueueView {
  return { ...stats, oldestDueAt: stats.oldestDueAt === undefined ? undefined : iso(stats.oldestDueAt) };
}

/** Epoch ms as ISO 8601 in UTC. */
export function iso(epochMs: number): Instant {
  return new Date(epochMs).toISOString();
}
