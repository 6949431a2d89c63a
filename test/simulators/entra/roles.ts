import { GraphFailure } from './errors.js';
import type { Caller } from './types.js';

/** Application permissions of which one of each group is needed. */
type Needs = readonly (readonly string[])[];

const USER = ['User.Read.All', 'User.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'];
const USER_BASIC = [...USER, 'User.ReadBasic.All'];
const GROUP = ['Group.Read.All', 'Group.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'];
const MEMBERS = [...GROUP, 'GroupMember.Read.All', 'GroupMember.ReadWrite.All', 'GroupMember.ReadBasic.All'];
const GROUPS = [...GROUP, 'GroupMember.Read.All', 'GroupMember.ReadWrite.All', 'Group.ReadBasic.All'];

/** Throws Graph's 403 unless the caller holds one role of each group. */
export function demand(caller: Caller, ...needs: Needs): void {
  for (const anyOf of needs)
    if (!anyOf.some((role) => caller.roles.has(role)))
      throw new GraphFailure(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
}

/** What each kind of call needs (documented least permissions and those above them). */
export const needs = {
  user: [USER_BASIC],
  usersDelta: [USER],
  members: [MEMBERS],
  groups: [GROUPS],
  checkMemberGroups: [USER, MEMBERS],
  memberOf: [[...USER, ...MEMBERS]],
  deletedUsers: [USER],
} satisfies Record<string, Needs>;

/** Whether this caller may see this property of a user at all; what it may not see reads null. */
export function mayRead(caller: Caller, property: string): boolean {
  if (USER.some((role) => caller.roles.has(role))) return true;
  return caller.roles.has('User.ReadBasic.All') && property !== 'accountEnabled';
}

/** Whether a subscription on this collection is allowed; `strictGroups` asks for Group.Read.All as documented. */
export function maySubscribe(caller: Caller, collection: 'users' | 'groups', strictGroups: boolean): boolean {
  const anyOf = collection === 'users' ? USER : strictGroups ? GROUP : [...GROUP, 'GroupMember.Read.All'];
  return anyOf.some((role) => caller.roles.has(role));
}
