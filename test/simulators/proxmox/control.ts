import { randomUUID } from 'node:crypto';
import { splitTokenId, userIdProblem } from './identity.js';
import { existingUser, putToken } from './lookups.js';
import type { AclEntry, RealmRecord, TokenRecord, UserRecord } from './records.js';
import type { State } from './state.js';
import type { NewTask, Task, Tasks } from './tasks.js';
import type { Tickets } from './tickets.js';

/** A user as a test looks at it. */
export interface UserView {
  userid: string;
  enabled: boolean;
  /** Seconds since the epoch, 0 = never. */
  expire: number;
  comment: string;
  firstname: string;
  lastname: string;
  email: string;
  /** Sorted. */
  groups: string[];
  tokenIds: string[];
}

export interface NewUser {
  userid: string;
  enabled?: boolean;
  expire?: number;
  comment?: string;
  firstname?: string;
  lastname?: string;
  email?: string;
  groups?: readonly string[];
  /** For a login with POST /access/ticket. */
  password?: string;
  /** `x`: logging in takes a second factor. */
  keys?: string;
}

/** Looks at the access configuration and changes it as root on the node would, past all rights but not past the cap. */
export interface Control {
  user(userid: string): UserView | undefined;
  users(): UserView[];
  /** A user's tokens without their secrets; none for an unknown user. */
  tokens(userid: string): Omit<TokenRecord, 'secret'>[];
  group(groupid: string): { groupid: string; comment: string; members: string[] } | undefined;
  groups(): string[];
  roles(): Record<string, readonly string[]>;
  acl(): readonly AclEntry[];
  realms(): string[];
  /** One realm as it stands in domains.cfg, its secret included. */
  realm(realm: string): RealmRecord | undefined;
  removeRealm(realm: string): void;
  /** Bytes that user.cfg takes now. */
  userCfgBytes(): number;
  addRealm(
    realm: string,
    options?: { type?: RealmRecord['type']; comment?: string; settings?: RealmRecord['settings'] },
  ): void;
  addUser(user: NewUser): void;
  /** Changes what is given and keeps the rest; `groups` replaces all. */
  setUser(userid: string, change: Omit<Partial<NewUser>, 'userid'>): void;
  removeUser(userid: string): void;
  /** Members need not exist. */
  addGroup(groupid: string, options?: { comment?: string; members?: readonly string[] }): void;
  removeGroup(groupid: string): void;
  addRole(roleid: string, privileges: readonly string[]): void;
  /** A pool of these virtual machines and storages, by their paths. */
  addPool(poolid: string, paths: readonly string[]): void;
  /** Adds entries; an entry for the same path, holder and role is replaced. */
  setAcl(...entries: (Omit<AclEntry, 'propagate'> & { propagate?: boolean })[]): void;
  /** @returns `user@realm!id=secret`, ready for a header of the kind PVEAPIToken */
  createToken(
    userid: string,
    tokenid: string,
    options?: { privsep?: boolean; expire?: number; comment?: string },
  ): string;
  removeToken(userid: string, tokenid: string): void;
  /** A session as after a login, for users of realms whose login is not simulated. */
  session(userid: string): { cookie: string; csrf: string };
  /** Something that runs on the node in somebody's name; an open console is a task. */
  startTask(task: NewTask): Task;
  /** Tasks that run, and those that were stopped. */
  tasks(): readonly Task[];
}

export function createControl(state: State, tickets: Tickets, tasks: Tasks): Control {
  function view(user: UserRecord): UserView {
    const { userid, enable, expire, comment = '', firstname = '', lastname = '', email = '' } = user;
    const groups = state.groupsOf(userid);
    const tokenIds = [...user.tokens.keys()];
    return { userid, enabled: enable, expire, comment, firstname, lastname, email, groups, tokenIds };
  }

  function moveTo(userid: string, groups: readonly string[]): void {
    for (const groupid of state.groupsOf(userid)) state.leave(userid, groupid);
    for (const groupid of groups) {
      if (!state.groups.has(groupid)) throw new Error(`the simulated node has no group ${groupid}`);
      state.join(userid, groupid);
    }
  }

  function put(user: UserRecord, change: Omit<Partial<NewUser>, 'userid'>): void {
    const { enabled, groups, ...texts } = change;
    state.putUser({ ...user, ...texts, enable: enabled ?? user.enable });
    if (groups !== undefined) moveTo(user.userid, groups);
  }

  return {
    user(userid) {
      const user = state.users.get(userid);
      return user && view(user);
    },
    users: () => [...state.users.values()].map(view),
    tokens: (userid) => [...(state.users.get(userid)?.tokens.values() ?? [])].map(({ secret, ...shown }) => shown),
    group(groupid) {
      const group = state.groups.get(groupid);
      return group && { groupid, comment: group.comment ?? '', members: [...group.members].sort() };
    },
    groups: () => [...state.groups.keys()].sort(),
    roles: () => Object.fromEntries(state.roles),
    acl: () => state.acl,
    realms: () => [...state.realms.keys()].sort(),
    realm: (realm) => state.realms.get(realm),
    removeRealm: (realm) => state.transact(() => state.dropRealm(realm)),
    userCfgBytes: () => state.bytes(),
    addRealm: (realm, { type = 'openid', comment, settings = {} } = {}) =>
      state.transact(() => state.putRealm({ realm, type, comment, settings })),
    addUser: ({ userid, ...rest }) =>
      state.transact(() => {
        if (state.users.has(userid)) throw new Error(`the simulated node has a user ${userid} already`);
        const problem = userIdProblem(userid);
        if (problem !== undefined) throw new Error(problem);
        put({ userid, enable: true, expire: 0, tokens: new Map() }, rest);
      }),
    setUser: (userid, change) => state.transact(() => put(existingUser(state, userid), change)),
    removeUser: (userid) => state.transact(() => state.dropUser(userid)),
    addGroup: (groupid, { comment, members = [] } = {}) =>
      state.transact(() => {
        state.putGroup(groupid, comment);
        for (const member of members) state.join(member, groupid);
      }),
    removeGroup: (groupid) => state.transact(() => state.dropGroup(groupid)),
    addRole: (roleid, privileges) => state.transact(() => state.putRole(roleid, privileges)),
    addPool: (poolid, paths) => void state.pools.set(poolid, new Set(paths)),
    setAcl: (...entries) =>
      state.transact(() => {
        const added = entries.map((entry) => ({ ...entry, propagate: entry.propagate ?? true }));
        const unknown = added.find((entry) => !state.roles.has(entry.roleid));
        if (unknown !== undefined) throw new Error(`the simulated node has no role ${unknown.roleid}`);
        const keys = new Set(added.map(keyOf));
        state.replaceAcl([...state.acl.filter((entry) => !keys.has(keyOf(entry))), ...added]);
      }),
    createToken: (userid, tokenid, { privsep = true, expire = 0, comment } = {}) => {
      if (splitTokenId(`${userid}!${tokenid}`) === undefined) throw new Error(`${tokenid} cannot be a token id`);
      const secret = randomUUID();
      state.transact(() => putToken(state, existingUser(state, userid), { tokenid, expire, privsep, comment, secret }));
      return `${userid}!${tokenid}=${secret}`;
    },
    removeToken: (userid, tokenid) =>
      state.transact(() => {
        const user = existingUser(state, userid);
        state.putUser({ ...user, tokens: new Map([...user.tokens].filter(([id]) => id !== tokenid)) });
      }),
    session(userid) {
      const { ticket, csrf } = tickets.issue(existingUser(state, userid).userid);
      return { cookie: `PVEAuthCookie=${encodeURIComponent(ticket)}`, csrf };
    },
    startTask: tasks.start,
    tasks: tasks.list,
  };
}

function keyOf(entry: AclEntry | Omit<AclEntry, 'propagate'>): string {
  return [entry.path, entry.type, entry.ugid, entry.roleid].join(' ');
}
