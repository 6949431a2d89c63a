import type { GroupId, ObjectId } from '../../domain/identity.js';
import type { Log } from '../../telemetry/log.js';

/** Creating, restoring and soft-deleting all arrive as `updated`; Graph refuses `created` (resources/subscription). */
export const CHANGE_TYPE = 'updated,deleted';

/** Graph allows 100 subscriptions per app and tenant (change-notifications-overview); some room stays. */
const MAX_OBJECTS = 90;
/** Single subscriptions come back only well below: each change of the manner is a gap, which costs a sweep. */
const FEW_OBJECTS = 70;

export interface WantedOptions {
  /** The configured groups, and those nested below them. */
  groupIds: readonly GroupId[];
  userIds: readonly ObjectId[];
  /** Whether whole collections are watched until now. */
  collections?: boolean | undefined;
  log: Log;
}

/**
 * The resources to subscribe to: every group and `/users` (which also covers listed users), or each listed user where
 * no group is configured; whole collections where that would be too many for Graph, and until they are clearly fewer.
 */
export function wantedResources({ groupIds, userIds, collections: before = false, log }: WantedOptions): string[] {
  const groups = [...new Set(groupIds)];
  const users = [...new Set(userIds)];
  const single =
    groups.length > 0 ? [...groups.map((id) => `/groups/${id}`), '/users'] : users.map((id) => `/users/${id}`);
  const most = before ? FEW_OBJECTS : MAX_OBJECTS;
  if (single.length <= most) return single;
  const collections = groups.length > 0 ? ['/groups', '/users'] : ['/users'];
  log('listener.subscriptions.collection', { objects: single.length, most, watched: collections });
  return collections;
}

/** Whether these resources hold the collection of all groups, or of users that no group is watched beside. */
export function areCollections(resources: readonly string[]): boolean {
  return resources.includes('/groups') || (resources.length === 1 && resources[0] === '/users');
}

/** The groups among these resources that are watched by themselves. */
export function singleGroups(resources: readonly string[]): GroupId[] {
  return resources.flatMap((resource) => (resource.startsWith('/groups/') ? [resource.slice('/groups/'.length)] : []));
}
