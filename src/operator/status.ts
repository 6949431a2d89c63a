import type { ConflictRecord, LedgerEntry, LifecycleState } from '../domain/ledger-entry.js';
import type { Queue } from '../queue/queue.js';
import type { Context } from '../reconcile/context.js';
import type { Busyness } from '../reconcile/loop.js';
import { type HeldView, heldView, iso, type QueueView, queueView, type SweepView, sweepView } from './views.js';

/** What `entramox status` shows of the reconciler. Times are ISO 8601 in UTC. */
export interface ReconcilerStatus {
  startedAt: string;
  dryRun: boolean;
  targets: string[];
  problems: string[];
  queue: QueueView;
  busy: Busyness;
  lastSweep?: SweepView | undefined;
  lastGoodSweepAt?: string | undefined;
  identities: Record<LifecycleState, number>;
  grace: { oid: string; upn: string; reason: string; deleteAt: string }[];
  suspended: { oid: string; upn: string }[];
  held?: HeldView | undefined;
  conflicts: (Omit<ConflictRecord, 'since'> & { oid: string; upn: string; since: string })[];
  failing: { oid: string; upn: string; problem: string }[];
}

export interface StatusPorts {
  ctx: Context;
  queue: Queue;
  busy: () => Busyness;
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
    queue: queueView(await queue.stats()),
    busy: busy(),
    lastSweep: data.lastSweep && sweepView(data.lastSweep),
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
    held: data.guard.held && heldView(data.guard.held),
    conflicts: entries.flatMap((entry) =>
      entry.conflicts.map((conflict) => ({ ...conflict, since: iso(conflict.since), ...brief(entry) })),
    ),
    failing: entries.flatMap((entry) => (entry.problem ? [{ ...brief(entry), problem: entry.problem }] : [])),
  };
}
