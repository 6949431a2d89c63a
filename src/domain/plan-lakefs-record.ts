import type { GroupId, ObjectId } from './identity.js';
import type { LakefsPermission } from './lakefs.js';

/**
 * Whose a lakeFS group is. `made`: ours, by our mark. `adopted`: an operator said that we look after it; it is never
 * deleted. `found`: somebody else's, to which only policies are attached (LAKEFS_MODE=policies-only).
 */
export type LakefsOrigin = 'made' | 'adopted' | 'found';

/** What we remember of one lakeFS group, by the Entra group that it stands for. Times are epoch ms. */
export interface LakefsGroupEntry {
  groupId: GroupId;
  /** Entra's name at the last complete selection; may change at any time. */
  displayName: string;
  /** The name in lakeFS. It never changes: lakeFS renames no groups. */
  name: string;
  /** The id that lakeFS gave. Missing: about to be made. */
  id?: string | undefined;
  origin: LakefsOrigin;
  since: number;
  /** What we attached, or were about to; sorted. */
  policies: readonly string[];
  /** What we set where lakeFS has permissions instead of policies. */
  acl?: LakefsPermission | undefined;
  /** Whom we put in: identity -> lakeFS user. */
  members: Record<ObjectId, string>;
  /** The first complete selection that did not have it; a second one must agree. */
  missingSince?: number | undefined;
  /** Proved not to be selected any more, since then. */
  graceSince?: number | undefined;
  /** When it is deleted; missing in grace: never. */
  deleteAt?: number | undefined;
  /** What a person must settle. */
  conflict?: LakefsNote | undefined;
  /** Members whom nobody of ours is: they stay, and are told. The first few, and how many they are. */
  strangers?: { users: readonly string[]; count: number } | undefined;
  /** What went wrong at the last attempt. */
  problem?: string | undefined;
}

/** Something to tell an operator, since when, and what mends it. */
export interface LakefsNote {
  what: string;
  remedy: string;
  since: number;
}

/** What we remember of a person in lakeFS beside the memberships, as long as there is something to tell. */
export interface LakefsPersonEntry {
  oid: ObjectId;
  upn: string;
  mail?: string | undefined;
  /** The first sign that the person left a group; a removal waits for a second one. */
  suspicion?: { since: number; by: 'notification' | 'reading'; doubted?: boolean | undefined } | undefined;
  /** Since when no lakeFS user matches somebody who should be a member. */
  pendingSince?: number | undefined;
  conflict?: LakefsNote | undefined;
  problem?: string | undefined;
}

/** The part of the ledger that is about lakeFS. */
export interface LakefsRecord {
  groups: Record<GroupId, LakefsGroupEntry>;
  people: Record<ObjectId, LakefsPersonEntry>;
  /** Groups for which nothing was made, and what a person must settle first. */
  conflicts?: Record<GroupId, LakefsNote & { displayName: string }> | undefined;
}

/** What a host without lakeFS, or an older ledger, has. */
export function emptyLakefsRecord(): LakefsRecord {
  return { groups: {}, people: {} };
}

/** The groups into which we put this identity, with the lakeFS user that we put there. */
export function recordedMemberships(record: LakefsRecord, oid: ObjectId): Map<GroupId, string> {
  const found = new Map<GroupId, string>();
  for (const { groupId, members } of Object.values(record.groups)) {
    const user = Object.hasOwn(members, oid) ? members[oid] : undefined;
    if (user !== undefined) found.set(groupId, user);
  }
  return found;
}

/** Everybody of whom lakeFS has something of ours, or who waits for it. */
export function peopleInLakefs(record: LakefsRecord): Set<ObjectId> {
  const members = Object.values(record.groups).flatMap((group) => Object.keys(group.members));
  return new Set([...members, ...Object.keys(record.people)]);
}

/** Whether an object id is a group of ours in lakeFS, or a person of whom it has something. */
export function isKnownInLakefs(record: LakefsRecord, oid: string): boolean {
  const isMember = Object.values(record.groups).some(({ members }) => Object.hasOwn(members, oid));
  return isMember || Object.hasOwn(record.groups, oid) || Object.hasOwn(record.people, oid);
}
