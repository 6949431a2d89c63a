import { z } from 'zod';
import type { ProxmoxClient } from '../../client.js';
import { listedGroup } from '../../schema.js';
import type { RealmDeclaration } from '../declaration.js';
import { unlessRefused } from '../unless-refused.js';
import { fine, type RealmFinding, remark, skipped, wrong } from './finding.js';

const aclEntries = z.array(z.object({ type: z.string(), ugid: z.string(), path: z.string(), roleid: z.string() }));
const permissions = z.record(z.string(), z.record(z.string(), z.unknown()));

/** Groups of a realm: Proxmox puts `-<realm>` behind each value of the claim. */
export async function checkGroups(
  client: ProxmoxClient,
  { realm, groups }: Pick<RealmDeclaration, 'realm' | 'groups'>,
  signal: AbortSignal,
): Promise<RealmFinding> {
  const name = 'realm.groups';
  // Who may not see them gets a short list instead of a refusal.
  const own = await client.get({ route: '/access/permissions', query: { path: '/access' } }, permissions, signal);
  if (!Object.hasOwn(own['/access'] ?? {}, 'Sys.Audit')) {
    return skipped(name, 'we may not see the groups and what they may', 'it takes Sys.Audit on /access');
  }
  const [listed, acl] = await Promise.all([
    unlessRefused(client.get({ route: '/access/groups' }, z.array(listedGroup), signal)),
    unlessRefused(client.get({ route: '/access/acl' }, aclEntries, signal)),
  ]);
  if (!listed || !acl)
    return skipped(name, 'we may not see the groups and what they may', 'it takes Sys.Audit on /access');
  const suffix = `-${realm}`;
  const ofRealm = listed.map(({ groupid }) => groupid).filter((groupid) => groupid.endsWith(suffix));
  // NoAccess takes rights away, and gives none.
  const entries = acl.filter(({ type, roleid }) => type === 'group' && roleid !== 'NoAccess');
  const entitled = new Set(entries.map(({ ugid }) => ugid));
  const idle = ofRealm.filter((groupid) => !entitled.has(groupid));
  const busy = ofRealm.filter((groupid) => entitled.has(groupid));
  const example = `pveum group add admins${suffix}; pveum acl modify / --groups admins${suffix} --roles PVEAdmin`;
  if (busy.length === 0) {
    const saw = `no group that ends in ${suffix} has a role anywhere, so whoever logs in may do nothing`;
    return groups ? wrong(name, saw, example) : remark(name, saw, example);
  }
  const saw = `with a role: ${busy.sort().join(', ')}`;
  return idle.length === 0 ? fine(name, saw) : remark(name, `${saw}; without one: ${idle.sort().join(', ')}`);
}
