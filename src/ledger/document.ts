import type { ClockSight } from '../domain/clock-jump.js';
import type { PastRemoval, Removal } from '../domain/guard.js';
import type { GroupId, ObjectId } from '../domain/identity.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';
import type { LakefsRecord } from '../domain/plan-lakefs-record.js';

/** A plan that the guard stopped; it waits for an operator. Times are epoch ms. */
export interface HeldPlan {
  /** What `approve` and `reject` name: 12 hexadecimal digits made from who, what is taken and where. */
  hash: string;
  since: number;
  /** What asked: a sweep or targeted work. */
  by: 'sweep' | 'targeted';
  /** Which limits it is over, or what else holds it, in words. */
  why: string;
  removals: HeldRemoval[];
}

/** One person of a held plan. */
export interface HeldRemoval extends Removal {
  /** Who it is, and why they would be locked or deleted; missing in plans that an older release held. */
  upn?: string | undefined;
  reason?: string | undefined;
  steps: string[];
  /** What exactly is taken, in words that stay the same; missing in plans that an older release held. */
  takes?: readonly string[] | undefined;
  /** A deletion that waits because the clock is in doubt. */
  clockDoubted?: boolean | undefined;
  /** It would wait for an operator's decision all the same if the clock were right. */
  asked?: boolean | undefined;
}

/** A removal that an operator rejected: nothing is taken from that person for this cause before `until`. */
export interface RejectedRemoval extends HeldRemoval {
  /** The plan that was rejected; it names the group of people that were rejected together. */
  plan: string;
  at: number;
  until: number;
  claimedUser?: string | undefined;
}

/** A removal that an operator approved: it passes the guard, once. */
export interface ApprovedRemoval extends Removal {
  /** Missing in approvals of an older release: whatever is taken. */
  takes?: readonly string[] | undefined;
  until: number;
}

/** What became of a plan, so that a second operator is told so. */
export interface DecisionRecord {
  hash: string;
  decision: 'approved' | 'rejected';
  at: number;
  claimedUser?: string | undefined;
}

/** As much of a plan as it takes to tell what is different by now. */
export interface SeenPlan {
  kind: 'held' | 'rejected' | 'first-run';
  hash: string;
  /** Which of several rejections: when it was made. 0 for the others. */
  since: number;
  lines: {
    oid: ObjectId;
    upn: string;
    what: 'lock' | 'delete' | 'change';
    /** Two lines with the same one would do the same. */
    same: string;
  }[];
}

/** What the first sweep of a host would do to one person. */
export interface FirstChange {
  oid: ObjectId;
  upn: string;
  steps: string[];
  /** The same as `steps`, in words that stay the same. */
  does: readonly string[];
}

/** The first run on this host: it waits for an operator, or was let go. */
export type FirstRunRecord =
  | { state: 'waiting'; hash: string; since: number; changes: FirstChange[] }
  | { state: 'begun'; at: number };

/** How the last sweep ended. */
export interface SweepRecord {
  startedAt: number;
  finishedAt: number;
  result: 'done' | 'held' | 'degraded' | 'failed';
  identities: number;
  /** Identities that were changed, or in a dry run would have been. */
  applied: number;
  failed: number;
  /** In words, where the result is not `done`. */
  why?: string | undefined;
}

/** What the clocks showed when the ledger was last written, and whether the wall clock is to be doubted since. */
export interface ClockRecord {
  /** Wall clock, epoch ms. */
  wall: number;
  /** Which boot of the host `uptimeMs` belongs to. */
  bootId: string;
  uptimeMs: number;
  /** The wall clock jumped: no deletion goes ahead until an operator confirms it, or the clock agrees again. */
  doubt?: ClockDoubt | undefined;
}

/** Since when and why the wall clock is not believed. */
export interface ClockDoubt {
  since: number;
  why: string;
  /** What the clocks showed last before the jump: what the clock has to agree with. */
  before?: ClockSight | undefined;
  /** The countdowns that ran when the jump was noticed; any other one was begun by the clock in doubt. */
  countdowns?: Record<ObjectId, number> | undefined;
}

/** What the guard remembers. The lists that may be missing are so in ledgers of an older release, and where empty. */
export interface GuardRecord {
  window: PastRemoval[];
  held?: HeldPlan | undefined;
  approved: ApprovedRemoval[];
  rejected?: RejectedRemoval[] | undefined;
  /** The latest decisions of operators, newest last. */
  decisions?: DecisionRecord[] | undefined;
  /** Plans that an operator may have seen, newest first. */
  seen?: SeenPlan[] | undefined;
}

/** The durable record of what we own, of every countdown and of the guard. */
export interface LedgerDocument {
  version: 1;
  identities: Record<ObjectId, LedgerEntry>;
  /** Members at the last certain listing, to tell an emptied group from an empty one. */
  groups: Record<GroupId, { members: number; at: number }>;
  guard: GuardRecord;
  /** Missing in ledgers of a release that wrote at once. */
  firstRun?: FirstRunRecord | undefined;
  lastSweep?: SweepRecord | undefined;
  lastGoodSweepAt?: number | undefined;
  clock?: ClockRecord | undefined;
  /** lakeFS's groups and members; missing where lakeFS was never a target. */
  lakefs?: LakefsRecord | undefined;
}

/** What a new host starts with. */
export function emptyDocument(): LedgerDocument {
  return { version: 1, identities: {}, groups: {}, guard: { window: [], approved: [] } };
}
