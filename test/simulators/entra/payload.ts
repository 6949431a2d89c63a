import type { Change } from './directory-state.js';
import type { SubscriptionRecord } from './subscription-store.js';

/** One element of a notification's `value`. */
export type NotificationItem = Record<string, unknown>;

/** Where the numbers start: beyond 2^53, as Graph's do. */
const FIRST_SEQUENCE_NUMBER = 638_900_000_000_000_001n;

/** Numbers of notifications, as text, because a JavaScript number cannot hold them. */
export function createSequence(): () => string {
  let next = FIRST_SEQUENCE_NUMBER;
  return () => {
    next += 100n;
    return next.toString();
  };
}

/** The item that tells this subscription of the change; undefined where the change is none of its business. */
export function itemFor(
  change: Change,
  subscription: SubscriptionRecord,
  context: { tenantId: string; nowMs: number; sequenceNumber: () => string },
): NotificationItem | undefined {
  const { watched } = subscription;
  const types = subscription.changeType.toLowerCase().split(',');
  if (change.kind === 'unlinked') return undefined;
  if (change.kind === 'member') {
    if (watched.collection !== 'groups' || (watched.id && watched.id !== change.group) || watched.part === 'owners')
      return undefined;
    if (!types.includes('updated')) return undefined;
    return memberItem(subscription, context.tenantId, change.group, [
      { id: change.member, ...(change.what === 'removed' && { '@removed': 'deleted' }) },
    ]);
  }
  const collection = change.objectKind === 'user' ? 'users' : change.objectKind === 'group' ? 'groups' : undefined;
  if (watched.collection !== collection || (watched.id && watched.id !== change.id) || watched.part) return undefined;
  // Creating, restoring and soft-deleting all arrive as `updated`; only deletion for good is `deleted`.
  const changeType = change.what === 'deleted' ? 'deleted' : 'updated';
  if (!types.includes(changeType)) return undefined;
  const name = change.objectKind === 'user' ? 'User' : 'Group';
  return {
    ...envelope(subscription, context.tenantId),
    changeType,
    resource: `${name}s/${change.id}`,
    resourceData: {
      '@odata.type': `#Microsoft.Graph.${name}`,
      '@odata.id': `${name}s/${change.id}`,
      id: change.id,
      organizationId: context.tenantId,
      eventTime: new Date(context.nowMs).toISOString().replace('Z', '0000Z'),
      sequenceNumber: context.sequenceNumber(),
    },
  };
}

/** A membership item; a subscription on `/groups/{id}/members` gets the other shape that handlers out there accept. */
export function memberItem(
  subscription: SubscriptionRecord,
  tenantId: string,
  group: string,
  members: readonly Record<string, unknown>[],
): NotificationItem {
  if (subscription.watched.part === 'members' && members.length === 1)
    return {
      ...envelope(subscription, tenantId),
      changeType: 'updated',
      resource: `Groups/${group}/members/${String(members[0]?.id)}`,
      resourceData: {
        '@odata.type': '#Microsoft.Graph.User',
        '@odata.id': `Users/${String(members[0]?.id)}`,
        ...members[0],
        organizationId: tenantId,
      },
    };
  return {
    ...envelope(subscription, tenantId),
    changeType: 'updated',
    resource: `Groups/${group}`,
    resourceData: {
      '@odata.type': '#Microsoft.Graph.Group',
      '@odata.id': `Groups/${group}`,
      id: group,
      organizationId: tenantId,
      'members@delta': members,
    },
  };
}

/** A lifecycle item: neither changeType nor resourceData. */
export function lifecycleItem(subscription: SubscriptionRecord, tenantId: string, event: string): NotificationItem {
  return {
    subscriptionId: subscription.id,
    subscriptionExpirationDateTime: new Date(subscription.expiresAt).toISOString(),
    tenantId,
    clientState: subscription.clientState ?? null,
    lifecycleEvent: event,
  };
}

/** The body of a POST, with sequence numbers as bare JSON numbers. */
export function serialize(items: readonly NotificationItem[]): string {
  return JSON.stringify({ value: items }).replaceAll(/"sequenceNumber":"(\d+)"/g, '"sequenceNumber":$1');
}

function envelope(subscription: SubscriptionRecord, tenantId: string): NotificationItem {
  return {
    changeType: 'updated',
    clientState: subscription.clientState ?? null,
    resource: '',
    subscriptionExpirationDateTime: withOffset(subscription.expiresAt),
    subscriptionId: subscription.id,
    tenantId,
  };
}

/** Seven hours west of UTC, as Graph's notification servers write it. */
function withOffset(epochMs: number): string {
  return `${new Date(epochMs - 7 * 3600_000).toISOString().slice(0, 19)}-07:00`;
}
