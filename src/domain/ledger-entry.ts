import type { GroupId, ObjectId } from './identity.js';
import type { TargetName } from './policy.js';

/** active; suspended (disabled in Entra); grace (leaver with a countdown); deleted (a tombstone). */
export type LifecycleState = 'active' | 'suspended' | 'grace' | 'deleted';

/** Something a person must settle before we write; it blocks only this identity on this target. */
export interface ConflictRecord {
  target: TargetName;
  what: string;
  remedy: string;
  /** Epoch ms. */
  since: number;
}

/** An account that was given back: nothing is done to it, whatever happens, until it is adopted again. */
export interface Release {
  /** Epoch ms. */
  at: number;
  /** `host`: root gave it back on the host, and we only heard of it; root's adopting it there again is enough. */
  by: 'operator' | 'host';
}

/** What we remember of one identity. Times are epoch ms. */
export interface LedgerEntry {
  oid: ObjectId;
  upn: string;
  displayName: string;
  state: LifecycleState;
  /** When this state began. */
  since: number;
  /** Why it is suspended, in grace or deleted. */
  reason?: string | undefined;
  /** Fixed when grace begins, never moved. */
  deleteAt?: number | undefined;
  /** The first sign that the identity left; a lock waits for a second one. */
  suspicion?: {
    since: number;
    by: 'notification' | 'reading';
    /** A reading since then still showed a member, so the next reported removal begins anew. */
    doubted?: boolean | undefined;
  };
  /** Configured groups at the last certain reading. */
  groups: readonly GroupId[];
  /** Names we made or were about to make in the targets. A Unix name never changes once it is here. */
  names: { linux?: string | undefined; proxmox?: string | undefined };
  /** The uid of the Linux account, once it was seen: proof that the account was made. */
  uid?: number | undefined;
  /** `groups` were lost and nobody has read them since: while a group cannot be read, this person may be in it. */
  groupsUnknown?: true | undefined;
  /** Targets on which this person is left alone. */
  released?: { linux?: Release | undefined; proxmox?: Release | undefined } | undefined;
  /** Proxmox userids of earlier user principal names; looked at in every pass, so that they stay disabled. */
  retired: readonly string[];
  conflicts: readonly ConflictRecord[];
  /** What went wrong at the last attempt, until one succeeds. */
  problem?: string | undefined;
  /** Since when attempts fail, whatever by; only beside `problem`. */
  problemSince?: number | undefined;
}
