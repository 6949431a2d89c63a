import type { GroupId } from './identity.js';
import type { LakefsPermission } from './lakefs.js';

/** The lakeFS user of an identity, by the first way of finding it that finds anybody. */
export type UserMatch =
  | { kind: 'one'; user: string }
  /** Nobody: the person has never signed in there, say. */
  | { kind: 'none' }
  /** One way found several; nobody can tell which one it is. */
  | { kind: 'several'; users: readonly string[]; strategy: string };

/** What lakeFS shows of one identity. */
export type LakefsPersonSight =
  | { certainty: 'unknown'; why: string }
  | {
      certainty: 'present';
      match: UserMatch;
      /** lakeFS user -> the groups of ours it is in, by their Entra groups; a user that is gone is in none. */
      memberships: ReadonlyMap<string, ReadonlySet<GroupId>>;
      /** Groups whose members could not be read, with why. */
      unread: ReadonlyMap<GroupId, string>;
    };

/** The policies of a group, or that they cannot be told. */
export type PoliciesReading =
  | { certainty: 'present'; policies: readonly string[] }
  /** This lakeFS has permissions instead. */
  | { certainty: 'simplified'; permission: LakefsPermission | undefined }
  | { certainty: 'unknown'; why: string }
  /** They are not ours to care for. */
  | { certainty: 'unasked' };

/** What lakeFS shows of the group that stands for an Entra group. */
export type LakefsGroupSight =
  | { certainty: 'absent' }
  | {
      certainty: 'present';
      id: string;
      name: string;
      origin: 'made' | 'adopted' | 'found';
      policies: PoliciesReading;
      /** lakeFS users in it; undefined where they could not be read. */
      members: readonly string[] | undefined;
    }
  | { certainty: 'foreign'; what: string; remedy: string }
  | { certainty: 'unknown'; why: string };
