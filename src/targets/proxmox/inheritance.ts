import { Conflict } from '../../domain/errors.js';
import type { ObjectId } from '../../domain/identity.js';
import type { Log } from '../../telemetry/log.js';
import type { ProxmoxClient } from './client.js';
import { readUser, USER_ROUTE } from './users.js';

export interface InheritanceOptions {
  client: ProxmoxClient;
  ownerIn: (comment: string) => ObjectId | undefined;
  log: Log;
}

/**
 * Undoes the creation of a user who came into being with groups that nobody gave it: PVE makes a new user a member at
 * once of every group that still names it, also of one that our token does not see. Deleting the user takes the stale
 * memberships along, so that the next attempt makes a clean one. Throws Conflict where that was so.
 */
export async function undoInheritance(
  { client, ownerIn, log }: InheritanceOptions,
  { name, oid, groups }: { name: string; oid: ObjectId; groups: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const user = await readUser(client, name, signal);
  const inherited = user?.groups.filter((group) => !groups.includes(group)) ?? [];
  if (!user || ownerIn(user.comment) !== oid || inherited.length === 0) return;
  await client.write({ method: 'DELETE', route: USER_ROUTE, params: { userid: name } }, signal);
  log('proxmox.user.inherited', { user: name, oid, groups: inherited });
  throw new Conflict(
    `the new Proxmox VE user ${name} was a member of ${inherited.join(', ')} at once, which named it before it was there; it was deleted again`,
    'nothing, the stale membership went with it and the user is made by the next reconcile; look who names users that do not exist',
  );
}
