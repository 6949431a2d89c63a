import { randomUUID } from 'node:crypto';
import { Refusal } from './fields.js';
import { everywhere, heldOn } from './permissions.js';
import { ROLES } from './roles.js';
import type { Route, Service } from './service.js';
import { type Account, ownerOf } from './state.js';

const SETTINGS = { comment: 'text', enable: 'flag', expire: 'integer', digest: 'text' } as const;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const PATH = /^\/(?:(?:access|datastore|remote|system|tape)(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*){0,9})?$/;

/** /access/users and below. */
export function userRoutes({ state, require, leavesRights, secretField }: Service): Route[] {
  const single = '/access/users/{userid}';
  const token = `${single}/token/{token-name}`;
  const existing = (userid: unknown): Account => {
    const user = state.users.get(String(userid));
    if (!user) throw new Refusal(`no such user '${userid}'`);
    return user;
  };
  const existingToken = (params: { userid?: unknown; 'token-name'?: unknown }) => {
    const id = `${params.userid}!${params['token-name']}`;
    const found = state.tokens.get(id);
    if (!found) throw new Refusal(`no such token '${id}'`);
    return { id, found };
  };
  const forget = (authId: string) => {
    if (!leavesRights) state.acl = state.acl.filter((entry) => entry.authId !== authId);
  };
  return [
    {
      call: 'GET /access/users',
      fields: { include_tokens: 'flag' },
      handle({ caller, params }) {
        const all = heldOn(state, caller, '/access/users').has('Sys.Audit');
        const shown = [...state.users].filter(([userid]) => all || userid === ownerOf(caller));
        return shown.map(([userid, user]) => {
          const own = [...state.tokens].filter(([id]) => ownerOf(id) === userid);
          const tokens = own.map(([tokenid, { secret: _, ...rest }]) => ({ tokenid, ...rest }));
          return { userid, ...user, ...(params.include_tokens && tokens.length > 0 ? { tokens } : {}) };
        });
      },
    },
    {
      call: 'POST /access/users',
      fields: { userid: ['text'], ...SETTINGS, password: 'text' },
      handle({ caller, params }) {
        require(caller, '/access/users', 'Permissions.Modify');
        const userid = String(params.userid);
        if (state.users.has(userid)) throw new Refusal(`user '${userid}' already exists.`);
        const realm = userid.slice(userid.lastIndexOf('@') + 1);
        if (!['pam', 'pbs', ...state.realms.keys()].includes(realm)) throw new Refusal(`unknown realm '${realm}'`);
        state.users.set(userid, settingsOf({}, params));
        return null;
      },
    },
    {
      call: `PUT ${single}`,
      fields: { userid: ['text'], ...SETTINGS, password: 'text' },
      handle({ caller, params }) {
        require(caller, '/access/users', 'Permissions.Modify');
        state.users.set(String(params.userid), settingsOf(existing(params.userid), params));
        return null;
      },
    },
    {
      call: `DELETE ${single}`,
      fields: { userid: ['text'], digest: 'text' },
      handle({ caller, params }) {
        require(caller, '/access/users', 'Permissions.Modify');
        existing(params.userid);
        const userid = String(params.userid);
        state.users.delete(userid);
        for (const id of [...state.tokens.keys()].filter((id) => ownerOf(id) === userid)) state.tokens.delete(id);
        forget(userid);
        return null;
      },
    },
    {
      call: `GET ${token}`,
      fields: { userid: ['text'], 'token-name': ['text'] },
      handle({ caller, params }) {
        require(caller, '/access/users', 'Sys.Audit');
        const { id, found } = existingToken(params);
        const { secret: _, ...rest } = found;
        return { tokenid: id, ...rest };
      },
    },
    {
      call: `POST ${token}`,
      fields: { userid: ['text'], 'token-name': ['text'], ...SETTINGS },
      handle({ caller, params }) {
        require(caller, '/access/users', 'Permissions.Modify');
        existing(params.userid);
        const name = String(params['token-name']);
        if (!NAME.test(name)) throw new Refusal(`parameter 'token-name': value does not match the regex pattern`);
        const tokenid = `${params.userid}!${name}`;
        if (state.tokens.has(tokenid)) {
          throw new Refusal(`token '${name}' for user '${params.userid}' already exists.`);
        }
        const secret = randomUUID();
        state.tokens.set(tokenid, { ...settingsOf({}, params), secret });
        return { tokenid, [secretField]: secret };
      },
    },
    {
      call: `PUT ${token}`,
      fields: { userid: ['text'], 'token-name': ['text'], ...SETTINGS },
      handle({ caller, params }) {
        require(caller, '/access/users', 'Permissions.Modify');
        const { id, found } = existingToken(params);
        state.tokens.set(id, { ...settingsOf(found, params), secret: found.secret });
        return null;
      },
    },
    {
      call: `DELETE ${token}`,
      fields: { userid: ['text'], 'token-name': ['text'], digest: 'text' },
      handle({ caller, params }) {
        require(caller, '/access/users', 'Permissions.Modify');
        const { id } = existingToken(params);
        state.tokens.delete(id);
        forget(id);
        return null;
      },
    },
  ];
}

/** /access/roles, /access/acl, /access/permissions and /access/domains. */
export function rightRoutes({ state, require }: Service): Route[] {
  return [
    {
      call: 'GET /access/roles',
      fields: {},
      handle: () => [...ROLES].map(([roleid, privs]) => ({ roleid, privs, comment: '' })),
    },
    {
      call: 'GET /access/acl',
      fields: { path: 'text', exact: 'flag' },
      handle({ caller }) {
        const all = heldOn(state, caller, '/access/acl').has('Sys.Audit');
        const shown = state.acl.filter(({ authId }) => all || (authId.includes('!') && ownerOf(authId) === caller));
        return shown.map(({ path, authId, role, propagate }) => ({
          path,
          ugid: authId,
          ugid_type: 'user',
          roleid: role,
          propagate,
        }));
      },
    },
    {
      call: 'PUT /access/acl',
      fields: {
        path: ['text'],
        role: ['text'],
        propagate: 'flag',
        'auth-id': 'text',
        group: 'text',
        delete: 'flag',
        digest: 'text',
      },
      handle({ caller, params }) {
        // The rights are looked at inside, so that this is a 400 with words of its own.
        if (!heldOn(state, caller, '/access/acl').has('Permissions.Modify')) {
          throw new Refusal("Unprivileged API tokens can't set ACL items.");
        }
        const { path, role, propagate = true, group } = params;
        if (group !== undefined) throw new Refusal("parameter 'group' - groups are currently not supported.");
        if (!ROLES.has(String(role)))
          throw new Refusal(`parameter 'role': value '${role}' is not defined in the enumeration.`);
        const authId = String(params['auth-id'] ?? '');
        const others = state.acl.filter((e) => e.path !== path || e.authId !== authId || e.role !== role);
        if (params.delete === true) {
          state.acl = others;
          return null;
        }
        const isThere = authId.includes('!') ? state.tokens.has(authId) : state.users.has(authId);
        if (!isThere) throw new Refusal(`no such ${authId.includes('!') ? 'API token' : 'user'}.`);
        if (!PATH.test(String(path))) throw new Refusal(`invalid acl path '${path}'.`);
        state.acl = [...others, { path: String(path), authId, role: String(role), propagate: propagate === true }];
        return null;
      },
    },
    {
      call: 'GET /access/permissions',
      fields: { path: 'text', 'auth-id': 'text' },
      handle({ caller, params }) {
        const { path } = params;
        if (path === undefined) return everywhere(state, caller);
        const held = Object.fromEntries(heldOn(state, caller, String(path)));
        return Object.keys(held).length > 0 ? { [String(path)]: held } : {};
      },
    },
    {
      call: 'GET /access/domains',
      fields: {},
      handle: () => [
        { realm: 'pam', type: 'pam', comment: 'Linux PAM standard authentication' },
        { realm: 'pbs', type: 'pbs', comment: 'Proxmox Backup authentication server' },
        ...[...state.realms].map(([realm, { comment }]) => ({ realm, type: 'openid', comment })),
      ],
    },
    {
      call: 'GET /version',
      fields: {},
      handle({ caller }) {
        require(caller, '/', undefined);
        return { version: '3.4', release: '3', repoid: '0123456789abcdef' };
      },
    },
    { call: 'GET /nodes', fields: {}, handle: () => [{ node: 'localhost' }] },
  ];
}

function settingsOf(before: Account, params: Readonly<Record<string, unknown>>): Account {
  const { comment, enable, expire } = params;
  const text = comment === undefined ? before.comment : String(comment).trim() || undefined;
  const isOff = enable === undefined ? before.enable === false : enable === false;
  const end = expire === undefined ? before.expire : Number(expire) || undefined;
  return {
    ...(text === undefined ? {} : { comment: text }),
    ...(isOff ? { enable: false } : {}),
    ...(end === undefined ? {} : { expire: end }),
  };
}
