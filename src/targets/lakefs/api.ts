import type { LakefsPermission } from '../../domain/lakefs.js';
import type { LakefsCapabilities, LakefsGroup, LakefsUser } from './schema.js';

export type { LakefsCapabilities, LakefsGroup, LakefsUser } from './schema.js';

/**
 * The identity part of the lakeFS API. Ids are lakeFS's own, which differ from names on lakeFS Cloud: use what it
 * answered. Listings are complete, or thrown.
 *
 * Errors of all calls: LakefsError where lakeFS refused (its `kind` says how); SourceUnavailable where a read came to
 * nothing; Busy where a write did, whose outcome is then not known; Rejected where an id or name cannot be sent.
 */
export interface LakefsClient {
  /** Host and port, for messages. */
  readonly host: string;
  readonly accessKeyId: string;
  /** Throws LakefsError `no-rbac` where this lakeFS has no groups. */
  listGroups(signal: AbortSignal): Promise<LakefsGroup[]>;
  /** undefined: there is none of this id. */
  getGroup(groupId: string, signal: AbortSignal): Promise<LakefsGroup | undefined>;
  /** Throws LakefsError `exists` where the name is taken, Rejected for a name with `%`. */
  createGroup(group: { name: string; description: string }, signal: AbortSignal): Promise<LakefsGroup>;
  /** false: it was gone already. */
  deleteGroup(groupId: string, signal: AbortSignal): Promise<boolean>;
  listMembers(groupId: string, signal: AbortSignal): Promise<LakefsUser[]>;
  /** false: was a member already. */
  addMember(groupId: string, userId: string, signal: AbortSignal): Promise<boolean>;
  /** false: was none any more, or one of both is gone. */
  removeMember(groupId: string, userId: string, signal: AbortSignal): Promise<boolean>;
  /** Ids of the policies that a group has. */
  listGroupPolicies(groupId: string, signal: AbortSignal): Promise<string[]>;
  /** false: was attached already. Throws LakefsError `not-found` where there is no such group or policy. */
  attachPolicy(groupId: string, policyId: string, signal: AbortSignal): Promise<boolean>;
  /** false: was not attached any more. */
  detachPolicy(groupId: string, policyId: string, signal: AbortSignal): Promise<boolean>;
  /** Ids of all policies. Throws LakefsError `no-policies` where access control is simplified. */
  listPolicies(signal: AbortSignal): Promise<string[]>;
  listUsers(signal: AbortSignal): Promise<LakefsUser[]>;
  getUser(userId: string, signal: AbortSignal): Promise<LakefsUser | undefined>;
  /** The groups that a user is in; undefined: there is no such user. */
  listUserGroups(userId: string, signal: AbortSignal): Promise<LakefsGroup[] | undefined>;
  /** `invite` sends an e-mail to the id, which must be an address then. */
  createUser(user: { id: string; invite: boolean }, signal: AbortSignal): Promise<LakefsUser>;
  /** A group's permission as lakeFS writes it; undefined: it has no ACL yet. */
  getAcl(groupId: string, signal: AbortSignal): Promise<string | undefined>;
  setAcl(groupId: string, permission: LakefsPermission, signal: AbortSignal): Promise<void>;
  /** The user that our key belongs to, which must never lose anything. */
  currentUser(signal: AbortSignal): Promise<LakefsUser>;
  capabilities(signal: AbortSignal): Promise<LakefsCapabilities>;
  /** Ends the connections that the client opened itself. */
  close(): Promise<void>;
}
