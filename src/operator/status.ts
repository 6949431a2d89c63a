import type { ConflictRecord, LedgerEntry, LifecycleState } from '../domain/ledger-entry.js';
import type { AccountTarget } from '../domain/policy.js';
import type { IntegrityView } from '../integrity/view.js';
import type { Queue } from '../queue/queue.js';
import type { CatchUpStanding } from '../reconcile/catch-up/catch-up.js';
import type { Context } from '../reconcile/context.js';
import type { Busyness } from '../reconcile/loop.js';
import { type Expiry, type ExpiryView, expiryViews } from '../telemetry/expiry.js';
import { type CatchUpView, catchUpView } from './catch-up.js';
import { deletionWaits } from './deletion-waits.js';
import { type GroupView, groupViews } from './groups.js';
import { type LakefsView, lakefsView } from './lakefs.js';
import {
  type ConditionView,
  conditionView,
  type HeldView,
  heldIn,
  iso,
  type QueueView,
  queueView,
  type RejectedView,
  rejectedIn,
  type SweepView,
  sweepView,
} from './views.js';

/** What `entramox status` shows of the reconciler. Times are ISO 8601 in UTC. */
export interface ReconcilerStatus {
  startedAt: string;
  dryRun: boolean;
  targets: string[];
  problems: string[];
  /** The same problems with their names, since when each lasts, and what mends it; the oldest first. */
  conditions?: ConditionView[] | undefined;
  queue: QueueView;
  busy: Busyness;
  lastSweep?: SweepView | undefined;
  lastGoodSweepAt?: string | undefined;
  identities: Record<LifecycleState, number>;
  /** `waits`: why the next sweep will not delete, though the time is over. */
  grace: { oid: string; upn: string; reason: string; deleteAt: string; waits?: string | undefined }[];
  suspended: { oid: string; upn: string }[];
  held?: HeldView | undefined;
  /** Whom an operator's rejection keeps as they are. */
  rejected?: RejectedView[] | undefined;
  conflicts: (Omit<ConflictRecord, 'since'> & { oid: string; upn: string; since: string })[];
  /** Who was given back where: nothing is done to them there. */
  released: { oid: string; upn: string; target: AccountTarget; name?: string | undefined; since: string }[];
  /** `locks`: what fails takes something away from somebody who should not have it any more. */
  failing: { oid: string; upn: string; problem: string; since?: string | undefined; locks?: boolean | undefined }[];
  /** What ends within 30 days, or has ended. */
  expiring?: ExpiryView[] | undefined;
  integrity?: IntegrityView | undefined;
  /** Without it nobody asks what changed: with the Proxmox realm as the source there is nothing to ask. */
  catchUp?: CatchUpView | undefined;
  /** The configured groups; undefined where the source has none. */
  groups?: GroupView[] | undefined;
  /** Where the ledger and the targets' own records contradict each other; the first hundred. */
  disagreements?: { oid: string; kind: string; what: string }[];
  /** lakeFS's groups and members; undefined where lakeFS is no target. */
  lakefs?: LakefsView | undefined;
  /** Why the clock is not believed, and since when. */
  clockDoubt?: { since: string; why: string } | undefined;
}

/** More contradictions than this nobody reads one by one. */
const SHOWN = 100;

export interface StatusPorts {
  ctx: Context;
  queue: Queue;
  busy: () => Busyness;
  startedAt: number;
  /** Credentials that end at a known instant. */
  expiries?: (() => readonly Expiry[]) | undefined;
  /** Looks at the files of the installation. */
  integrity?: (() => IntegrityView) | undefined;
  catchUp?: (() => CatchUpStanding) | undefined;
}

/** The state of the reconciler, from memory: it asks no other system. */
export async function reconcilerStatus(ports: StatusPorts): Promise<ReconcilerStatus> {
  const { ctx, queue, busy, startedAt, expiries = () => [] } = ports;
  const entries = ctx.ledger.entries();
  const { data } = ctx.ledger;
  const doubt = data.clock?.doubt;
  const inState = (state: LifecycleState) => entries.filter((entry) => entry.state === state);
  const brief = ({ oid, upn }: LedgerEntry) => ({ oid, upn });
  return {
    startedAt: iso(startedAt),
    dryRun: ctx.dryRun,
    targets: [...ctx.policy.targets],
    problems: [...ctx.problems.values()],
    conditions: ctx.problems.list().map(conditionView),
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
      .filter((entry) => ctx.policy.targets.some((target) => target !== 'lakefs' && !entry.released?.[target]))
      .sort((a, b) => (a.deleteAt ?? 0) - (b.deleteAt ?? 0))
      .map((entry) => ({
        ...brief(entry),
        reason: entry.reason ?? '',
        deleteAt: iso(entry.deleteAt ?? 0),
        waits: deletionWaits(ctx, entry),
      })),
    suspended: inState('suspended').map(brief),
    held: heldIn(data),
    rejected: rejectedIn(data),
    conflicts: entries.flatMap((entry) =>
      entry.conflicts.map((conflict) => ({ ...conflict, since: iso(conflict.since), ...brief(entry) })),
    ),
    released: entries.flatMap((entry) =>
      (['linux', 'proxmox'] as const).flatMap((target) => {
        const release = entry.released?.[target];
        return release ? [{ ...brief(entry), target, name: entry.names[target], since: iso(release.at) }] : [];
      }),
    ),
    failing: entries.flatMap(failingIn),
    disagreements: (ctx.records.comparison?.items ?? []).slice(0, SHOWN).map((item) => ({ ...item })),
    clockDoubt: doubt && { since: iso(doubt.since), why: doubt.why },
    expiring: expiryViews(expiries(), ctx.clock.now()).filter(({ level }) => level !== 'far'),
    integrity: ports.integrity?.(),
    catchUp: ports.catchUp && catchUpView(ports.catchUp()),
    groups: groupViews(ctx),
    lakefs: lakefsView(ctx),
  };
}

function failingIn({ oid, upn, state, problem, problemSince }: LedgerEntry): ReconcilerStatus['failing'] {
  if (!problem) return [];
  const since = problemSince === undefined ? undefined : iso(problemSince);
  return [{ oid, upn, problem, since, locks: state === 'grace' || state === 'suspended' }];
}
