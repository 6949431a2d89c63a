import { fault } from './errors.js';
import type { AclEntry, GroupRecord, RealmRecord, UserRecord } from './records.js';
import { aclBytes, groupBytes, memberBytes, roleBytes, SEPARATOR_BYTES, userBytes } from './sizes.js';

/**
 * The access configuration of the cluster: user.cfg and domains.cfg.
 *
 * Every change happens inside `transact`, which either keeps all of it or none, and which refuses what would
 * make user.cfg larger than the cap. Its size is kept up to date by differences, so that a write costs the same
 * with ten users and with ten thousand.
 */
export interface State {
  readonly users: ReadonlyMap<string, UserRecord>;
  readonly groups: ReadonlyMap<string, GroupRecord>;
  readonly roles: ReadonlyMap<string, readonly string[]>;
  readonly realms: ReadonlyMap<string, RealmRecord>;
  /** Of each pool the paths of its virtual machines and storages. */
  readonly pools: Map<string, ReadonlySet<string>>;
  readonly acl: readonly AclEntry[];
  aclAt(path: string): readonly AclEntry[];
  /** Ids of the groups that name the user, sorted. */
  groupsOf(userid: string): string[];
  /** Bytes that user.cfg takes. */
  bytes(): number;
  transact<T>(change: () => T): T;
  putUser(user: UserRecord): void;
  dropUser(userid: string): void;
  putGroup(groupid: string, comment: string | undefined): void;
  dropGroup(groupid: string): void;
  join(userid: string, groupid: string): void;
  leave(userid: string, groupid: string): void;
  putRole(roleid: string, privileges: readonly string[]): void;
  dropRole(roleid: string): void;
  replaceAcl(entries: readonly AclEntry[]): void;
  putRealm(realm: RealmRecord): void;
  dropRealm(realm: string): void;
}

interface MutableGroup {
  groupid: string;
  comment?: string;
  members: Set<string>;
}

const ROOT: UserRecord = { userid: 'root@pam', enable: true, expire: 0, tokens: new Map() };

interface StateOptions {
  capBytes: number;
  processId: number;
  /** Those that every node has. */
  roles: ReadonlyMap<string, readonly string[]>;
}

export function createState(options: StateOptions): State {
  const users = new Map<string, UserRecord>();
  const groups = new Map<string, MutableGroup>();
  const memberships = new Map<string, Set<string>>();
  const roles = new Map(options.roles);
  const realms = new Map<string, RealmRecord>();
  const pools = new Map<string, ReadonlySet<string>>();
  let acl: readonly AclEntry[] = [];
  let aclByPath = new Map<string, AclEntry[]>();
  let aclSize = 0;
  let size = SEPARATOR_BYTES;
  let undo: (() => void)[] | undefined;

  function remember(step: () => void): void {
    if (undo === undefined) throw new Error('a change of the access configuration outside of a transaction');
    undo.push(step);
  }

  function setOrDelete<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
    const before = map.get(key);
    remember(() => (before === undefined ? map.delete(key) : map.set(key, before)));
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }

  function grow(bytes: number): void {
    size += bytes;
    remember(() => {
      size -= bytes;
    });
  }

  function join(userid: string, groupid: string): void {
    const group = groups.get(groupid);
    if (group === undefined || group.members.has(userid)) return;
    grow(memberBytes(userid, group.members.size));
    group.members.add(userid);
    const known = memberships.get(userid) ?? new Set<string>();
    memberships.set(userid, known.add(groupid));
    remember(() => {
      group.members.delete(userid);
      memberships.get(userid)?.delete(groupid);
    });
  }

  function leave(userid: string, groupid: string): void {
    const group = groups.get(groupid);
    if (group === undefined || !group.members.delete(userid)) return;
    grow(-memberBytes(userid, group.members.size));
    memberships.get(userid)?.delete(groupid);
    remember(() => {
      group.members.add(userid);
      memberships.get(userid)?.add(groupid);
    });
  }

  function replaceAcl(entries: readonly AclEntry[]): void {
    const before = acl;
    remember(() => indexAcl(before));
    indexAcl(entries);
  }

  function indexAcl(entries: readonly AclEntry[]): void {
    size -= aclSize;
    aclSize = aclBytes(entries);
    size += aclSize;
    acl = entries;
    aclByPath = new Map();
    for (const entry of entries) {
      const known = aclByPath.get(entry.path);
      if (known === undefined) aclByPath.set(entry.path, [entry]);
      else known.push(entry);
    }
  }

  function putUser(user: UserRecord): void {
    const before = users.get(user.userid);
    grow(userBytes(user) - (before === undefined ? 0 : userBytes(before)));
    setOrDelete(users, user.userid, user);
    if (before?.tokens !== user.tokens) dropAcl((entry) => entry.type === 'token' && isLostToken(entry.ugid, user));
  }

  function isLostToken(full: string, user: UserRecord): boolean {
    return full.startsWith(`${user.userid}!`) && !user.tokens.has(full.slice(user.userid.length + 1));
  }

  function dropAcl(doomed: (entry: AclEntry) => boolean): void {
    const kept = acl.filter((entry) => !doomed(entry));
    if (kept.length < acl.length) replaceAcl(kept);
  }

  function dropUser(userid: string): void {
    const before = users.get(userid);
    if (before === undefined) return;
    for (const groupid of [...(memberships.get(userid) ?? [])]) leave(userid, groupid);
    grow(-userBytes(before));
    setOrDelete(users, userid, undefined);
    if (userid === ROOT.userid) putUser(ROOT);
    dropAcl((entry) => (entry.type === 'user' && entry.ugid === userid) || entry.ugid.startsWith(`${userid}!`));
  }

  function putGroup(groupid: string, comment: string | undefined): void {
    const before = groups.get(groupid);
    grow(groupBytes({ groupid, comment }) - (before === undefined ? 0 : groupBytes(before)));
    setOrDelete(groups, groupid, { groupid, comment, members: before?.members ?? new Set<string>() });
  }

  function dropGroup(groupid: string): void {
    const before = groups.get(groupid);
    if (before === undefined) return;
    for (const userid of [...before.members]) leave(userid, groupid);
    grow(-groupBytes(before));
    setOrDelete(groups, groupid, undefined);
    dropAcl((entry) => entry.type === 'group' && entry.ugid === groupid);
  }

  function putRole(roleid: string, privileges: readonly string[]): void {
    const before = roles.get(roleid);
    grow(roleBytes(roleid, privileges) - (before === undefined ? 0 : roleBytes(roleid, before)));
    setOrDelete(roles, roleid, privileges);
  }

  function dropRole(roleid: string): void {
    const before = roles.get(roleid);
    if (before === undefined) return;
    grow(-roleBytes(roleid, before));
    setOrDelete(roles, roleid, undefined);
    dropAcl((entry) => entry.roleid === roleid);
  }

  function transact<T>(change: () => T): T {
    const steps: (() => void)[] = [];
    undo = steps;
    try {
      const result = change();
      if (size > options.capBytes) {
        throw fault(`unable to write '/etc/pve/user.cfg.tmp.${options.processId}' - File too large`);
      }
      return result;
    } catch (error) {
      for (const step of steps.reverse()) step();
      throw error;
    } finally {
      undo = undefined;
    }
  }

  transact(() => {
    putUser(ROOT);
    setOrDelete(realms, 'pam', {
      realm: 'pam',
      type: 'pam',
      comment: 'Linux PAM standard authentication',
      settings: {},
    });
    setOrDelete(realms, 'pve', {
      realm: 'pve',
      type: 'pve',
      comment: 'Proxmox VE authentication server',
      settings: {},
    });
  });

  return {
    users,
    groups,
    roles,
    realms,
    pools,
    get acl() {
      return acl;
    },
    aclAt: (path) => aclByPath.get(path) ?? [],
    groupsOf: (userid) => [...(memberships.get(userid) ?? [])].sort(),
    bytes: () => size,
    transact,
    putUser,
    dropUser,
    putGroup,
    dropGroup,
    join,
    leave,
    putRole,
    dropRole,
    replaceAcl,
    putRealm: (realm) => setOrDelete(realms, realm.realm, realm),
    dropRealm: (realm) => setOrDelete(realms, realm, undefined),
  };
}
