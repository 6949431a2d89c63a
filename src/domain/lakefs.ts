import type { GroupId } from './identity.js';

/** What an ACL of a lakeFS server with simplified access control may say (lakeFS: auth groups acl). */
export const LAKEFS_PERMISSIONS = ['Read', 'Write', 'Super', 'Admin'] as const;

export type LakefsPermission = (typeof LAKEFS_PERMISSIONS)[number];

/** One group as it should be in lakeFS. */
export interface LakefsWanted {
  /** The Entra group; what everything is keyed by, since names change and are not unique. */
  groupId: GroupId;
  displayName: string;
  /** The name that the lakeFS group has, made from the template of its entry. */
  lakefsName: string;
  /** Sorted, without repeats. */
  policies: readonly string[];
  /** For servers with simplified access control, which have no policies. */
  acl?: LakefsPermission | undefined;
}

/** `policies-only` leaves members to somebody else (SCIM); `members-only` leaves policies to somebody else. */
export type LakefsMode = 'full' | 'policies-only' | 'members-only';

/** What becomes of a member that has no user in lakeFS yet. `pending`: reported, and looked for again. */
export type MissingUsers = 'pending' | 'create' | 'invite';

/** One way to find the lakeFS user of an identity: the field equals the filled-in template. */
export interface MemberStrategy {
  field: 'id' | 'email' | 'friendly-name';
  /** Text with `{oid}`, `{upn}` and `{mail}`. */
  template: string;
  /** As it was configured, for messages. */
  text: string;
}

/**
 * Groups that lakeFS makes at its set-up: with policies (Admins, SuperUsers, Developers, Viewers) and with simplified
 * access control (Admins, Supers, Writers, Readers). Never written to.
 */
export const LAKEFS_BUILT_IN_GROUPS: readonly string[] = [
  ...['Admins', 'SuperUsers', 'Developers', 'Viewers'],
  ...['Supers', 'Writers', 'Readers'],
];

/** A group that cannot have what is configured for it, or may not; nothing is written for it. */
export interface LakefsConflict {
  groupId: GroupId;
  displayName: string;
  /** What is wrong, with names. */
  why: string;
  /** What an operator can do. */
  remedy: string;
}

/** Which Entra groups are wanted in lakeFS: all of them, or nothing is known. */
export type LakefsSelection =
  | {
      certainty: 'complete';
      wanted: readonly LakefsWanted[];
      conflicts: readonly LakefsConflict[];
      /** Object ids in the configuration for which Entra has no group. */
      absent?: readonly GroupId[] | undefined;
    }
  | { certainty: 'unknown'; why: string; mend?: string | undefined };

/** An entry of the mapping file: which group, and what it gets where that is not the default. */
export interface LakefsMapping {
  /** An object id, or a shell pattern for display names. */
  of: { group: GroupId } | { filter: string };
  /** Template of the lakeFS name; default `{displayName}`. */
  name?: string | undefined;
  policies?: readonly string[] | undefined;
  acl?: LakefsPermission | undefined;
}
