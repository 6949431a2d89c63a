import type { GroupId, ObjectId } from '../../domain/identity.js';
import type { Log } from '../../telemetry/log.js';

/** Creating, restoring and soft-deleting all arrive as `updated`; Graph refuses `created` (resources/subscription). */
export const CHANGE_TYPE = 'updated,deleted';

/** Graph allows 100 subscriptions per app and tenant (change-notifications-overview); some room stays. */
const MAX_OBJECTS = 90;

export interface WantedOptions {
  groupIds: readonly GroupId[];
  userIds: readonly ObjectId[];
  log: Log;
}

/**
 * The resources to subscribe to: every configured group and `/users` (which also covers listed users), or each
 * listed user where no group is configured; whole collections where that would be too many for Graph.
 */
export function wantedResources({ groupIds, userIds, log }: WantedOptions): string[] {
  const groups = [...new Set(groupIds)];
  const users = [...new Set(userIds)];
  const single =
    groups.length > 0 ? [...groups.map((id) => `/groups/${id}`), '/users'] : users.map((id) => `/users/${id}`);
  if (single.length <= MAX_OBJECTS) return single;
  const collections = groups.length > 0 ? ['/groups', '/users'] : ['/users'];
  log('listener.subscriptions.collection', { objects: single.length, most: MAX_OBJECTS, watched: collections });
  return collections;
}
