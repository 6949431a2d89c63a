import { markOf, type ProxmoxMark } from '../../domain/proxmox-mark.js';
import type { Log } from '../../telemetry/log.js';
import type { ProxmoxClient } from './client.js';
import { listUsers } from './users.js';

/** Every user of the realm whose comment is ours, as that comment tells it. Throws where the users cannot be listed. */
export async function listMarks(
  { client, realm, log }: { client: ProxmoxClient; realm: string; log: Log },
  signal: AbortSignal,
): Promise<ProxmoxMark[]> {
  const { users } = await listUsers(client, log, signal);
  return [...users.values()]
    .filter(({ userid }) => userid.endsWith(`@${realm}`))
    .flatMap(({ userid, enable, comment }) => markOf(userid, enable, comment) ?? []);
}
