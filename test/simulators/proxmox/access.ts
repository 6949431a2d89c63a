import { isKnownPath, normalizePath } from './acl-paths.js';
import type { Route, Service } from './call.js';
import { fault, forbidden, invalid } from './errors.js';
import { FIELD } from './field-rules.js';
import { readParams } from './fields.js';
import { realmOf, splitTokenId } from './identity.js';
import { existingUser, requireUserId } from './lookups.js';
import { type Privileges, requireOverUser } from './permissions.js';

const SUBDIRECTORIES = [
  'users',
  'groups',
  'roles',
  'acl',
  'domains',
  'openid',
  'tfa',
  'ticket',
  'permissions',
  'password',
];
const ALWAYS_LISTED = ['/', '/access', '/access/groups', '/nodes', '/pool', '/sdn', '/storage', '/vms'];

/** /access, /access/permissions, /access/password. */
export function accessRoutes(service: Service): Route[] {
  const { state, permissions } = service;

  return [
    { method: 'GET', template: '/access', handle: () => SUBDIRECTORIES.map((subdir) => ({ subdir })) },
    {
      method: 'GET',
      template: '/access/permissions',
      handle({ caller, raw }) {
        const params = readParams({ path: { type: 'text' }, userid: { type: 'text' } }, raw);
        const whose = params.text('userid') ?? caller.authid;
        const owned = caller.kind === 'ticket' && splitTokenId(whose)?.userid === caller.userid;
        if (whose !== caller.authid && !owned) permissions.require(caller, '/access', ['Sys.Audit']);
        existingUser(state, splitTokenId(whose)?.userid ?? whose);
        const asked = params.text('path');
        if (asked === undefined) return everywhere(whose);
        const path = normalizePath(asked);
        if (path === undefined || !isKnownPath(path)) throw invalid({ path: `invalid ACL path '${asked}'` });
        return { [path]: asFlags(permissions.at(whose, path)) };
      },
    },
    {
      method: 'PUT',
      template: '/access/password',
      ticketOnly: true,
      handle({ caller, raw }) {
        const userid = requireUserId(raw.userid);
        const user = existingUser(state, userid);
        if (caller.userid !== userid && !permissions.isRootWithTicket(caller)) {
          const realmPath = `/access/realm/${realmOf(userid)}`;
          if (!permissions.may(caller, realmPath, ['Realm.AllocateUser'])) throw forbidden();
          requireOverUser({ state, permissions, caller, userid, anyOf: ['User.Modify'] });
        }
        const confirmation = { type: 'text', minLength: 5, maxLength: 64 } as const;
        const fields = { userid: FIELD.userid, password: { ...FIELD.password, required: true } };
        const params = readParams({ ...fields, 'confirmation-password': confirmation }, raw);
        if (realmOf(userid) !== 'pve') throw fault(`can't change password on auth realm '${realmOf(userid)}'`);
        state.transact(() => state.putUser({ ...user, password: params.must('password') }));
        return null;
      },
    },
  ];

  function inPools(): string[] {
    return [...state.pools.values()].flatMap((paths) => [...paths]);
  }

  function everywhere(authid: string): Record<string, Record<string, 0 | 1>> {
    const paths = new Set([...ALWAYS_LISTED, ...state.acl.map((entry) => entry.path), ...inPools()]);
    const held = [...paths].map((path) => [path, asFlags(permissions.at(authid, path))] as const);
    return Object.fromEntries(held.filter(([, privileges]) => Object.keys(privileges).length > 0));
  }
}

function asFlags(privileges: Privileges): Record<string, 0 | 1> {
  return Object.fromEntries([...privileges].map(([privilege, propagate]) => [privilege, propagate ? 1 : 0]));
}
