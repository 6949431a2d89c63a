import { z } from 'zod';
import type { ProxmoxClient } from '../client.js';
import { aclEntries, text } from '../schema.js';
import { unlessRefused } from './unless-refused.js';

/** Somebody to whom Proxmox shows the client key of every realm. */
export interface KeyReader {
  type: 'user' | 'group' | 'token';
  /** `auditors`, `svc@pve!backup` */
  ugid: string;
  role: string;
  /** Where the role was given. */
  path: string;
}

const roles = z.array(z.object({ roleid: z.string(), privs: text }));

/** GET /access/domains/{realm} asks for one of these on /access/realm (PVE, API2/Domains.pm). */
const SHOWN_FOR = ['Sys.Audit', 'Realm.Allocate'];
const ON = '/access/realm';
const ABOVE = ['/', '/access'];

/**
 * Sorted: who holds such a role on /access/realm or above it; deeper entries that take it away again are not looked at, so that
 * nobody is left out. undefined where the caller may not see all rights: PVE would answer with a short list.
 */
export async function readKeyReaders(client: ProxmoxClient, signal: AbortSignal): Promise<KeyReader[] | undefined> {
  const own = await client.get(
    { route: '/access/permissions', query: { path: '/access' } },
    z.record(z.string(), z.record(z.string(), z.unknown())),
    signal,
  );
  if (!Object.hasOwn(own['/access'] ?? {}, 'Sys.Audit')) return undefined;
  const [known, entries] = await Promise.all([
    unlessRefused(client.get({ route: '/access/roles' }, roles, signal)),
    unlessRefused(client.get({ route: '/access/acl' }, aclEntries, signal)),
  ]);
  if (!known || !entries) return undefined;
  const shows = new Set(
    known
      .filter(({ privs }) => SHOWN_FOR.some((name) => privs.split(/[,\s]+/).includes(name)))
      .map(({ roleid }) => roleid),
  );
  return entries
    .filter(({ path, propagate }) => path === ON || (propagate && ABOVE.includes(path)))
    .filter(({ roleid }) => shows.has(roleid))
    .map(({ type, ugid, roleid, path }) => ({ type, ugid, role: roleid, path }))
    .sort((one, other) => `${one.type} ${one.ugid}`.localeCompare(`${other.type} ${other.ugid}`, 'en'));
}
