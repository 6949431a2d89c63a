import type { ConflictRecord, LedgerEntry, LifecycleState } from '../domain/ledger-entry.js';
import type { HeldPlan, SweepRecord } from '../ledger/document.js';
import type { Queue, QueueStats } from '../queue/queue.js';
import type { Context } from '../reconcile/context.js';

/** What `entramox status` shows of the reconciler. Times are ISO 8601 in UTC. */
export interface ReconcilerStatus {
  startedAt: string;
  dryRun: boolean;
  targets: string[];
  problems: string[];
  queue: QueueStats;
  busy: { sweep: boolean; targeted: number };
  lastSweep?: SweepRecord | undefined;
  lastGoodSweepAt?: string | undefined;
  identities: Record<LifecycleState, number>;
  grace: { oid: string; upn: string; reason: string; deleteAt: string }[];
  suspended: { oid: string; upn: string }[];
  held?: HeldPlan | undefined;
  conflicts: (ConflictRecord & { oid: string; upn: string })[];
  failing: { oid: string; upn: string; problem: string }[];
}

export interface StatusPorts {
  ctx: Context;
  queue: Queue;
  busy: () => { sweep: boolean; targeted: number };
  startedAt: number;
}

/** The state of the reconciler, from memory: it asks no other system. */
export async function reconcilerStatus({ ctx, queue, busy, startedAt }: StatusPorts): Promise<ReconcilerStatus> {
  const entries = ctx.ledger.entries();
  const { data } = ctx.ledger;
  const inState = (state: LifecycleState) => entries.filter((entry) => entry.state === state);
  const brief = ({ oid, upn }: LedgerEntry) => ({ oid, upn });
  return {
    startedAt: iso(startedAt),
    dryRun: ctx.dryRun,
    targets: [...ctx.policy.targets],
    problems: [...ctx.problems.values()],
    queue: await queue.stats(),
    busy: busy(),
    lastSweep: data.lastSweep,
    lastGoodSweepAt: data.lastGoodSweepAt === undefined ? undefined : iso(data.lastGoodSweepAt),
    identities: {
      active: inState('active').length,
      suspended: inState('suspended').length,
      grace: inState('grace').length,
      deleted: inState('deleted').length,
    },
    grace: inState('grace')
      .sort((a, b) => (a.deleteAt ?? 0) - (b.deleteAt ?? 0))
      .map((entry) => ({ ...brief(entry), reason: entry.reason ?? '', deleteAt: iso(entry.deleteAt ?? 0) })),
    suspended: inState('suspended').map(brief),
    held: data.guard.held,
    conflicts: entries.flatMap((entry) => entry.conflicts.map((conflict) => ({ ...conflict, ...brief(entry) }))),
    failing: entries.flatMap((entry) => (entry.problem ? [{ ...brief(entry), problem: entry.problem }] : [])),
  };
}

/** Epoch ms as `2026-11-22T09:00:00.000Z`. */
export function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
