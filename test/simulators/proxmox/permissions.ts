import { fault, forbidden } from './errors.js';
import { type Caller, splitTokenId } from './identity.js';
import type { AclEntry } from './records.js';
import type { State } from './state.js';

/** Privilege to whether it propagates to deeper paths. */
export type Privileges = ReadonlyMap<string, boolean>;

/** Answers what a user or token may do, from ACL, groups and roles as they stand now. */
export interface Permissions {
  /** Rights of a user id or full token id on a path, whoever asks. */
  at(authid: string, path: string): Privileges;
  /** Whether the caller holds at least one of the privileges on the path; root@pam with a ticket holds all. */
  may(caller: Caller, path: string, anyOf: readonly string[]): boolean;
  /** @throws ApiError 403 naming path and privileges */
  require(caller: Caller, path: string, anyOf: readonly string[]): void;
  /** The groups on which the caller holds at least one of the privileges. */
  groupsWhere(caller: Caller, anyOf: readonly string[]): Set<string>;
  /** The members of those groups, existing or not. */
  membersWhere(caller: Caller, anyOf: readonly string[]): Set<string>;
  isRootWithTicket(caller: Caller): boolean;
}

export function createPermissions(state: State): Permissions {
  /** What lies in a pool has the pool's roles beside its own (RPCEnvironment, compile_acl_path). */
  function rolesAt(authid: string, path: string): Map<string, boolean> {
    const roles = rolesOnTheWay(authid, path);
    if (authid === 'root@pam' || roles.has('NoAccess')) return roles;
    const pools = [...state.pools].filter(([, paths]) => paths.has(path)).map(([pool]) => `/pool/${pool}`);
    const inherited = pools.flatMap((pool) => [...rolesOnTheWay(authid, pool).keys()]);
    if (inherited.includes('NoAccess')) return new Map([['NoAccess', false]]);
    return new Map([...inherited.map((role) => [role, false] as const), ...roles]);
  }

  function rolesOnTheWay(authid: string, path: string): Map<string, boolean> {
    if (authid === 'root@pam') return new Map([['Administrator', true]]);
    let roles = new Map<string, boolean>();
    for (const { prefix, final } of prefixesOf(path)) {
      const entries = state.aclAt(prefix).filter((entry) => final || entry.propagate);
      const own = entries.filter((entry) => entry.type !== 'group' && entry.ugid === authid);
      const effective = own.length > 0 ? own : entries.filter((entry) => isGroupOf(entry, authid));
      if (effective.length > 0) roles = new Map(effective.map((entry) => [entry.roleid, entry.propagate]));
    }
    const noAccess = roles.get('NoAccess');
    return noAccess === undefined ? roles : new Map([['NoAccess', noAccess]]);
  }

  function isGroupOf(entry: AclEntry, authid: string): boolean {
    return entry.type === 'group' && state.groups.get(entry.ugid)?.members.has(authid) === true;
  }

  function at(authid: string, path: string): Privileges {
    const parts = splitTokenId(authid);
    const token = parts && state.users.get(parts.userid)?.tokens.get(parts.tokenid);
    if (parts !== undefined && token?.privsep === false) return at(parts.userid, path);
    const privileges = new Map<string, boolean>();
    for (const [roleid, propagate] of rolesAt(authid, path)) {
      for (const privilege of state.roles.get(roleid) ?? []) {
        privileges.set(privilege, propagate || privileges.get(privilege) === true);
      }
    }
    return parts === undefined ? privileges : intersect(privileges, at(parts.userid, path));
  }

  function isRootWithTicket(caller: Caller): boolean {
    return caller.kind === 'ticket' && caller.authid === 'root@pam';
  }

  function may(caller: Caller, path: string, anyOf: readonly string[]): boolean {
    if (isRootWithTicket(caller)) return true;
    const held = at(caller.authid, path);
    return anyOf.some((privilege) => held.has(privilege));
  }

  function groupsWhere(caller: Caller, anyOf: readonly string[]): Set<string> {
    const ids = [...state.groups.keys()];
    return new Set(ids.filter((groupid) => may(caller, `/access/groups/${groupid}`, anyOf)));
  }

  return {
    at,
    may,
    require(caller, path, anyOf) {
      if (!may(caller, path, anyOf)) throw forbidden(`${path}, ${anyOf.join('|')}`);
    },
    groupsWhere,
    membersWhere(caller, anyOf) {
      const members = new Set<string>();
      for (const groupid of groupsWhere(caller, anyOf)) {
        for (const member of state.groups.get(groupid)?.members ?? []) members.add(member);
      }
      return members;
    },
    isRootWithTicket,
  };
}

function intersect(left: Privileges, right: Privileges): Privileges {
  const both = [...left].filter(([privilege]) => right.has(privilege));
  return new Map(both.map(([privilege, propagate]) => [privilege, propagate && right.get(privilege) === true]));
}

function prefixesOf(path: string): { prefix: string; final: boolean }[] {
  const parts = path.split('/').filter((part) => part !== '');
  const prefixes = ['/', ...parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)];
  return prefixes.map((prefix, index) => ({ prefix, final: index === prefixes.length - 1 }));
}

/** What a rule on users has to know of the call. */
interface UserRule {
  state: State;
  permissions: Permissions;
  caller: Caller;
  userid: string;
  anyOf: readonly string[];
  /** The call's `groups`; given for create and update only. */
  groups?: readonly string[];
  creating?: boolean;
}

/**
 * Rights over one user: the privilege on all of /access/groups, or on a group the user is in and,
 * where the call may carry `groups`, on every group named there (of which there must then be one).
 * @throws ApiError 403; 500 where the user does not exist
 */
export function requireOverUser(rule: UserRule): void {
  const { state, permissions, caller, userid, anyOf } = rule;
  if (!rule.creating && !state.users.has(userid)) throw fault(`no such user ('${userid}')`);
  if (permissions.may(caller, '/access/groups', anyOf)) return;
  const allowed = permissions.groupsWhere(caller, anyOf);
  const wanted = anyOf.join('|');
  if (rule.groups?.length === 0) throw forbidden(`/access/groups, ${wanted}`);
  const refused = rule.groups?.find((groupid) => !allowed.has(groupid));
  if (refused !== undefined) throw forbidden(`/access/groups/${refused}, ${wanted}`);
  if (rule.creating) return;
  if (!state.groupsOf(userid).some((groupid) => allowed.has(groupid))) throw forbidden();
}
