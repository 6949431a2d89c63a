import type { Route, Service } from './call.js';
import { fault } from './errors.js';
import { FIELD } from './field-rules.js';
import { type Fields, type Params, readParams } from './fields.js';
import { realmOf, splitList, storedMembers, storedUserId } from './identity.js';
import { existingUser, requireUserId, tokenInfo } from './lookups.js';
import { requireOverUser } from './permissions.js';
import type { UserRecord } from './records.js';
import type { State } from './state.js';

const MODIFY = ['User.Modify'];
const SEE = ['User.Modify', 'Sys.Audit'];

const ATTRIBUTES: Fields = {
  enable: FIELD.flag,
  expire: FIELD.expire,
  firstname: FIELD.personName,
  lastname: FIELD.personName,
  email: FIELD.email,
  comment: FIELD.userComment,
  keys: FIELD.keys,
  groups: FIELD.groups,
};

const TEXTS = ['firstname', 'lastname', 'email', 'comment', 'keys'] as const;

/** /access/users and /access/users/{userid}. */
export function userRoutes(service: Service): Route[] {
  const { state, permissions } = service;

  return [
    {
      method: 'GET',
      template: '/access/users',
      handle({ caller, raw }) {
        const params = readParams({ enabled: FIELD.flag, full: FIELD.flag }, raw);
        const all = permissions.may(caller, '/access/groups', SEE);
        const visible = all ? undefined : permissions.membersWhere(caller, SEE);
        const enabled = params.flag('enabled');
        const users = [...state.users.values()]
          .filter((user) => visible === undefined || visible.has(user.userid) || user.userid === caller.authid)
          .filter((user) => enabled === undefined || user.enable === enabled);
        return service.shuffle(users).map((user) => listEntry(state, user, params.flag('full') ?? false));
      },
    },
    {
      method: 'POST',
      template: '/access/users',
      async handle({ caller, raw }) {
        if (!permissions.isRootWithTicket(caller)) {
          const userid = requireUserId(raw.userid);
          permissions.require(caller, `/access/realm/${realmOf(userid)}`, ['Realm.AllocateUser']);
          const groups = rawGroups(raw.groups);
          requireOverUser({ state, permissions, caller, userid, anyOf: MODIFY, groups, creating: true });
        }
        const params = readParams({ userid: FIELD.userid, password: FIELD.password, ...ATTRIBUTES }, raw);
        const userid = storedUserId(params.must('userid'));
        await service.write('create user failed', () => createUser(state, userid, params));
        return null;
      },
    },
    {
      method: 'GET',
      template: '/access/users/{userid}',
      handle({ caller, raw }) {
        const userid = String(raw.userid);
        requireOverUser({ state, permissions, caller, userid, anyOf: SEE });
        readParams({ userid: FIELD.userid }, raw);
        return detail(state, existingUser(state, userid));
      },
    },
    {
      method: 'PUT',
      template: '/access/users/{userid}',
      async handle({ caller, raw }) {
        const userid = String(raw.userid);
        if (!permissions.isRootWithTicket(caller)) {
          requireOverUser({ state, permissions, caller, userid, anyOf: MODIFY, groups: rawGroups(raw.groups) });
        }
        const append: Fields = { append: { ...FIELD.flag, requires: 'groups' } };
        const params = readParams({ userid: FIELD.userid, ...ATTRIBUTES, ...append }, raw);
        await service.write('update user failed', () => updateUser(state, userid, params));
        return null;
      },
    },
    {
      method: 'DELETE',
      template: '/access/users/{userid}',
      async handle({ caller, raw }) {
        if (!permissions.isRootWithTicket(caller)) {
          const userid = requireUserId(raw.userid);
          permissions.require(caller, `/access/realm/${realmOf(userid)}`, ['Realm.AllocateUser']);
          requireOverUser({ state, permissions, caller, userid, anyOf: MODIFY });
        }
        const userid = readParams({ userid: FIELD.userid }, raw).must('userid');
        await service.write('delete user failed', () => state.dropUser(userid));
        return null;
      },
    },
  ];
}

function createUser(state: State, userid: string, params: Params): void {
  if (state.users.has(userid)) throw fault(`user '${userid}' already exists`);
  const enable = params.flag('enable') ?? true;
  const password = params.text('password');
  const blank: UserRecord = { userid, enable, expire: params.integer('expire') ?? 0, tokens: new Map(), password };
  const given = TEXTS.filter((name) => (params.text(name) ?? '') !== '');
  state.putUser({ ...blank, ...Object.fromEntries(given.map((name) => [name, params.text(name)])) });
  joinAll(state, userid, params.list('groups') ?? []);
}

function updateUser(state: State, userid: string, params: Params): void {
  const before = existingUser(state, userid);
  const given = TEXTS.filter((name) => params.text(name) !== undefined);
  state.putUser({
    ...before,
    enable: params.flag('enable') ?? before.enable,
    expire: params.integer('expire') ?? before.expire,
    ...Object.fromEntries(given.map((name) => [name, params.text(name)])),
  });
  const groups = params.list('groups');
  if (groups === undefined) return;
  if (!params.flag('append')) for (const groupid of state.groupsOf(userid)) state.leave(userid, groupid);
  joinAll(state, userid, groups);
}

function joinAll(state: State, userid: string, groups: readonly string[]): void {
  for (const groupid of groups) {
    if (!state.groups.has(groupid)) throw fault(`no such group '${groupid}'`);
    for (const member of storedMembers(userid)) state.join(member, groupid);
  }
}

function rawGroups(sent: unknown): string[] {
  if (Array.isArray(sent)) return sent.flatMap((part) => splitList(String(part)));
  return sent === undefined || sent === null ? [] : splitList(String(sent));
}

function attributes(user: UserRecord): Record<string, unknown> {
  const { firstname, lastname, email, comment, keys } = user;
  return { enable: user.enable ? 1 : 0, expire: user.expire, firstname, lastname, email, comment, keys };
}

function listEntry(state: State, user: UserRecord, full: boolean): Record<string, unknown> {
  const { userid } = user;
  const entry = { userid, ...attributes(user), 'realm-type': state.realms.get(realmOf(userid))?.type };
  if (!full) return entry;
  const tokens = [...user.tokens.values()].map((token) => ({ tokenid: token.tokenid, ...tokenInfo(token) }));
  return { ...entry, groups: state.groupsOf(userid).join(','), tokens: tokens.length > 0 ? tokens : null };
}

function detail(state: State, user: UserRecord): Record<string, unknown> {
  const tokens = Object.fromEntries([...user.tokens].map(([tokenid, token]) => [tokenid, tokenInfo(token)]));
  return {
    ...attributes(user),
    groups: state.groupsOf(user.userid),
    tokens: user.tokens.size > 0 ? tokens : null,
  };
}
