import { z } from 'zod';
import type { ProxmoxClient } from '../client.js';
import { aclEntries, flag, seconds, text, version } from '../schema.js';

/** One entry of the access control list. */
export interface AclEntry {
  path: string;
  type: 'user' | 'group' | 'token';
  ugid: string;
  roleid: string;
  propagate: boolean;
}

export interface ObservedToken {
  comment: string;
  /** Seconds since the epoch; 0: never. */
  expire: number;
  privsep: boolean;
}

export interface ObservedOwner {
  enabled: boolean;
  comment: string;
  /** Whether somebody has put it into a group, as we never do. */
  isInGroup: boolean;
  /** The groups themselves. */
  groups: readonly string[];
  tokens: ReadonlyMap<string, ObservedToken>;
}

/** What stands in Proxmox of all that declarations speak of. */
export interface ObservedAccess {
  version: string;
  /** Every privilege that this version knows: those of Administrator. */
  knownPrivileges: ReadonlySet<string>;
  roles: ReadonlyMap<string, ReadonlySet<string>>;
  owners: ReadonlyMap<string, ObservedOwner>;
  acl: readonly AclEntry[];
}

const listedRoles = z.array(z.object({ roleid: z.string().min(1), privs: text }));
const heldPrivileges = z.record(z.string(), z.unknown());
const token = z.object({
  tokenid: z.string().min(1),
  comment: text,
  expire: seconds.nullish().transform((value) => value ?? 0),
  privsep: flag.nullish().transform((value) => value ?? true),
});
const owners = z.array(
  z.object({
    userid: z.string().min(1),
    enable: flag.nullish().transform((value) => value ?? true),
    comment: text,
    groups: text,
    tokens: z
      .array(token)
      .nullish()
      .transform((list) => list ?? []),
  }),
);

/**
 * Five listings. PVE leaves out of each what the caller may not see and still answers 200, so the caller's rights must
 * have been looked at before.
 */
export async function observeAccess(client: ProxmoxClient, signal: AbortSignal): Promise<ObservedAccess> {
  const [release, administrator, roles, users, entries] = await Promise.all([
    client.get({ route: '/version' }, version, signal),
    client.get({ route: '/access/roles/{roleid}', params: { roleid: 'Administrator' } }, heldPrivileges, signal),
    client.get({ route: '/access/roles' }, listedRoles, signal),
    client.get({ route: '/access/users', query: { full: '1' } }, owners, signal),
    client.get({ route: '/access/acl' }, aclEntries, signal),
  ]);
  return {
    version: release.version,
    knownPrivileges: new Set(Object.keys(administrator)),
    roles: new Map(roles.map(({ roleid, privs }) => [roleid, new Set(privs.split(/[,\s]+/).filter(Boolean))])),
    owners: new Map(
      users.map(({ userid, enable, comment, groups, tokens }) => [
        userid,
        {
          enabled: enable,
          comment,
          isInGroup: groups !== '',
          groups: groups.split(',').filter(Boolean),
          tokens: new Map(tokens.map(({ tokenid, ...rest }) => [tokenid, rest])),
        },
      ]),
    ),
    acl: entries,
  };
}
