import type { ProxmoxBody, ProxmoxWrite } from '../../client.js';
import type { SeenGroup } from './groups.js';
import type { Wanted } from './wanted.js';

/** One call that our token must, or must not, be allowed to make. */
export interface Attempt {
  /** In words: `change root@pam`. */
  what: string;
  call: ProxmoxWrite;
  /** What an administrator does where Proxmox took the call after all. */
  undo?: ProxmoxWrite | undefined;
}

/** A user whom our token has nothing to do with. */
export interface Stranger {
  userid: string;
  comment: string;
  groups: readonly string[];
}

/** No user, token or role may have this name; it is part of calls that are refused. */
const PROBE = 'entramox-proof';
const USER = '/access/users/{userid}';
const TOKEN = '/access/users/{userid}/token/{tokenid}';

/**
 * Proxmox VE looks at rights before it looks at parameters (PVE::HTTPServer, rest_handler), and refuses a parameter that
 * it does not know with 400. So a call with one more parameter than there are does nothing, and still tells: 403 means
 * not allowed, 400 allowed. Each is besides chosen so that it would change nothing, or something that can be undone.
 */
function harmless(body: ProxmoxBody): ProxmoxBody {
  return { ...body, 'entramox-proof': 1 };
}

/** What the token of Entramox must never be able to do: touch root@pam, other users, rights, roles, groups, realms. */
export function forbiddenAttempts(
  { declaration, groups, realm }: Wanted,
  tokenId: string,
  strangers: readonly Stranger[],
  seen: ReadonlyMap<string, SeenGroup>,
): Attempt[] {
  const [base = ''] = groups;
  const probe = `${PROBE}@${realm}`;
  const entry = { path: '/', roles: 'NoAccess', tokens: tokenId, delete: 1 };
  const comment = seen.get(base)?.comment ?? '';
  return [
    ...strangers.flatMap((stranger) => onStranger(stranger, base)),
    // Both take back an entry that nobody has: nothing would change.
    { what: 'change rights on /', call: aclCall(entry) },
    { what: `change rights on its own group ${base}`, call: aclCall({ ...entry, path: `/access/groups/${base}` }) },
    {
      what: `change the role ${declaration.role}`,
      call: {
        method: 'PUT',
        route: '/access/roles/{roleid}',
        params: { roleid: declaration.role },
        body: harmless({ privs: declaration.privileges?.join(',') ?? '', append: 1 }),
      },
    },
    {
      what: `change the group ${base}`,
      call: {
        method: 'PUT',
        route: '/access/groups/{groupid}',
        params: { groupid: base },
        body: harmless({ comment }),
      },
    },
    {
      what: 'change a realm',
      call: {
        method: 'PUT',
        route: '/access/domains/{realm}',
        params: { realm: 'pam' },
        // Of a configuration that never was.
        body: harmless({ digest: '0'.repeat(40) }),
      },
    },
    createAttempt(`make a user of another realm (${PROBE}@pve)`, `${PROBE}@pve`, { groups: base }),
    createAttempt(`make a user outside of the managed groups (${probe})`, probe, {}),
  ];
}

/** What the token must be able to do, tried so that nothing comes of it: it also shows that rights are looked at first. */
export function allowedAttempts({ groups, realm, needs }: Wanted): Attempt[] {
  const creates = needs.some(({ path }) => path === `/access/realm/${realm}`);
  const userid = `${PROBE}@${realm}`;
  return creates
    ? [createAttempt(`make a user in the managed groups (${userid})`, userid, { groups: groups.join(',') })]
    : [];
}

function onStranger({ userid, comment, groups }: Stranger, base: string): Attempt[] {
  const params = { userid };
  const before = { method: 'PUT', route: USER, params, body: { groups: groups.join(','), append: 0 } } as const;
  const tokenParams = { userid, tokenid: PROBE };
  return [
    { what: `change ${userid}`, call: { method: 'PUT', route: USER, params, body: harmless({ comment }) } },
    {
      what: `take ${userid} into its group ${base}`,
      call: { method: 'PUT', route: USER, params, body: harmless({ groups: base, append: 1 }) },
      undo: before,
    },
    {
      what: `make a token of ${userid}`,
      // Ended in 1970 and without a right of its own.
      call: { method: 'POST', route: TOKEN, params: tokenParams, body: harmless({ expire: 1, privsep: 1 }) },
      undo: { method: 'DELETE', route: TOKEN, params: tokenParams },
    },
  ];
}

function createAttempt(what: string, userid: string, groups: ProxmoxBody): Attempt {
  return {
    what,
    call: { method: 'POST', route: '/access/users', body: harmless({ userid, enable: 0, expire: 1, ...groups }) },
    undo: { method: 'DELETE', route: USER, params: { userid } },
  };
}

function aclCall(body: ProxmoxBody): ProxmoxWrite {
  return { method: 'PUT', route: '/access/acl', body: harmless(body) };
}
