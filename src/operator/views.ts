import type { FirstChange, HeldPlan, HeldRemoval, LedgerDocument, SweepRecord } from '../ledger/document.js';
import type { QueueStats } from '../queue/queue.js';
import type { Approval } from '../reconcile/approval.js';
import type { Difference } from '../reconcile/difference.js';
import type { FirstPlan } from '../reconcile/first-run.js';
import type { Condition } from '../reconcile/health.js';
import { rejectedPlans } from '../reconcile/rejection.js';

/** An instant as everything on the operator socket tells it: ISO 8601 in UTC, `2026-11-22T09:00:00.000Z`. */
type Instant = string;

/** How a sweep ended, as it is told. */
export type SweepView = Omit<SweepRecord, 'startedAt' | 'finishedAt'> & { startedAt: Instant; finishedAt: Instant };

/** A plan that waits for an operator, as it is told. */
export type HeldView = Omit<HeldPlan, 'since' | 'by'> & {
  since: Instant;
  /** `first-run`: nothing was ever written on this host; then `changes` says what would be. */
  by: HeldPlan['by'] | 'first-run';
  /** Everybody whom the first run would create, change or lock. */
  changes?: Pick<FirstChange, 'oid' | 'upn' | 'steps'>[] | undefined;
};

/** People whom an operator's rejection keeps, as it is told. */
export interface RejectedView {
  /** What approves it after all. */
  hash: string;
  at: Instant;
  until: Instant;
  claimedUser?: string | undefined;
  removals: Pick<HeldRemoval, 'oid' | 'upn' | 'kind' | 'reason' | 'steps'>[];
}

/** What came of an approval, as it is told. */
export type ApprovalAnswer =
  | { hash: string; approved: true; identities: number }
  | { hash: string; approved: false; difference: Difference; instead?: string | undefined };

/** The clock counts as right from now on; `why` it was in doubt. */
export interface ClockAnswer {
  why: string;
  now: Instant;
}

/** What came of a rejection. */
export interface RejectionAnswer {
  hash: string;
  identities: number;
  until: Instant;
}

export function approvalView(hash: string, approval: Approval): ApprovalAnswer {
  if (!approval.approved) return { hash, ...approval };
  return { hash, approved: true, identities: new Set(approval.lines.map(({ oid }) => oid)).size };
}

/** The state of the queue, as it is told. */
export type QueueView = Omit<QueueStats, 'oldestDueAt' | 'oldestUnprovedAt'> & {
  oldestDueAt?: Instant | undefined;
  /** When the oldest hint about somebody arrived that is not settled yet. */
  oldestUnprovedAt?: Instant | undefined;
};

/** Something that is wrong with a whole source, target or store, as it is told. */
export type ConditionView = Omit<Condition, 'since'> & { since: Instant };

export function conditionView(condition: Condition): ConditionView {
  return { ...condition, since: iso(condition.since) };
}

export function sweepView(record: SweepRecord): SweepView {
  return { ...record, startedAt: iso(record.startedAt), finishedAt: iso(record.finishedAt) };
}

export function heldView(plan: HeldPlan): HeldView {
  return { ...plan, since: iso(plan.since) };
}

/** The plan that the first run waits with. */
export function firstRunView({ hash, changes }: Pick<FirstPlan, 'hash' | 'changes'>, since: number): HeldView {
  const why = `the first run on this host would change ${changes.length} identities and waits for approval`;
  const shown = changes.map(({ oid, upn, steps }) => ({ oid, upn, steps }));
  return { hash, since: iso(since), by: 'first-run', why, removals: [], changes: shown };
}

/** What waits for an operator by the ledger: the first run, or else what the guard holds. */
export function heldIn({ guard, firstRun }: Pick<LedgerDocument, 'guard' | 'firstRun'>): HeldView | undefined {
  if (firstRun?.state === 'waiting') return firstRunView(firstRun, firstRun.since);
  return guard.held && heldView(guard.held);
}

/** Whom rejections keep; undefined where there are none. */
export function rejectedIn({ guard }: Pick<LedgerDocument, 'guard'>): RejectedView[] | undefined {
  if (!guard.rejected || guard.rejected.length === 0) return undefined;
  return rejectedPlans(guard.rejected).map(({ hash, at, until, claimedUser, removals }) => ({
    hash,
    at: iso(at),
    until: iso(until),
    claimedUser,
    removals: removals.map(({ oid, upn, kind, reason, steps }) => ({ oid, upn, kind, reason, steps })),
  }));
}

export function queueView(stats: QueueStats): QueueView {
  const { oldestDueAt, oldestUnprovedAt } = stats;
  return {
    ...stats,
    oldestDueAt: oldestDueAt === undefined ? undefined : iso(oldestDueAt),
    oldestUnprovedAt: oldestUnprovedAt === undefined ? undefined : iso(oldestUnprovedAt),
  };
}

/** Epoch ms as ISO 8601 in UTC. */
export function iso(epochMs: number): Instant {
  return new Date(epochMs).toISOString();
}
