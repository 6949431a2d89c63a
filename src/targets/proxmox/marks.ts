import { markOf, type ProxmoxMark } from '../../domain/proxmox-mark.js';
import type { ListUsers } from './one-listing.js';

/** Every user of the realm whose comment is ours, as that comment tells it. Throws where the users cannot be listed. */
export async function listMarks(
  { list, realm }: { list: ListUsers; realm: string },
  signal: AbortSignal,
): Promise<ProxmoxMark[]> {
  const { users } = await list(signal);
  return [...users.values()]
    .filter(({ userid }) => userid.endsWith(`@${realm}`))
    .flatMap(({ userid, enable, comment }) => markOf(userid, enable, comment) ?? []);
}
