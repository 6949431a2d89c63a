import type { GroupId, ObjectId } from './identity.js';

/** Targets in which a person has an account, which may be adopted and given back. */
export type AccountTarget = 'linux' | 'proxmox';

export type TargetName = AccountTarget | 'lakefs';

/** What membership of one Entra group grants. */
export interface RoleMapping {
  group: GroupId;
  /** The Proxmox role; granted through a PVE group whose ACL was set once, at set-up. */
  pveRole?: string | undefined;
  /** PVE group name without the realm suffix; by default made from role and path. */
  pveGroup?: string | undefined;
  /** ACL path of the role, `/` where absent. */
  path?: string | undefined;
  sudo: boolean;
  linuxGroups: readonly string[];
}

/** The predecessor's shorthands: a group with one role. */
export interface RoleShorthand {
  group: GroupId;
  pveRole?: string | undefined;
}

export interface UsernameRule {
  mode: 'useronly' | 'upn_concat';
  separator: string;
  lowercase: boolean;
  maxLength: number;
}

/** How much may be taken away, in each target by itself. */
export interface GuardLimits {
  windowMs: number;
  /** 0: every lock is held, whatever the share says. */
  maxLocks: number;
  /** Of what we own in the target; 0: the count stands alone. */
  maxLocksPercent: number;
  /** 0: every deletion is held, whatever the share says. */
  maxDeletes: number;
  maxDeletesPercent: number;
  /** How long an operator's rejection keeps people as they are. */
  rejectForMs: number;
}

/** Everything the planner needs to know of the configuration, and nothing else. */
export interface Policy {
  /** false: whoever the directory lists is in scope (the Proxmox realm as the source). */
  enforce: boolean;
  groupIds: readonly GroupId[];
  userIds: readonly ObjectId[];
  roleMap: readonly RoleMapping[];
  allUsers?: RoleShorthand | undefined;
  superAdmin?: RoleShorthand | undefined;
  /** Lower case; empty: every domain. */
  allowedDomains: readonly string[];
  grantSudo: boolean;
  /** Linux groups that everybody gets. */
  extraGroups: readonly string[];
  username: UsernameRule;
  realm: string;
  /** existing: only those who are in the Proxmox realm already are handled. */
  provision: 'create' | 'existing';
  targets: readonly TargetName[];
  deleteAfterMs: number;
  confirmBeforeLockMs: number;
  guard: GuardLimits;
  /** plan: nothing is written before an operator has approved the first plan of this host. */
  firstRun: 'plan' | 'apply';
}
