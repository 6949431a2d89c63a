import { timingSafeEqual } from 'node:crypto';
import { parseGuid } from '../domain/identity.js';
import type { DropReason } from './outcome.js';

/** What the listener must know of a subscription to trust an item that claims to come by it. */
export interface KnownSubscription {
  resource: string;
  clientState: string;
}

export type OriginReading = { subscription: KnownSubscription; subscriptionId: string } | { dropped: DropReason };

/** Checks that an item comes by one of our subscriptions, carries its secret and is of our tenant. */
export function readOrigin(
  item: Record<string, unknown>,
  tenantId: string,
  find: (subscriptionId: string) => KnownSubscription | undefined,
): OriginReading {
  const subscriptionId = parseGuid(item.subscriptionId);
  const subscription = subscriptionId ? find(subscriptionId) : undefined;
  if (!subscriptionId || !subscription) return { dropped: 'unknown-subscription' };
  if (!sameSecret(item.clientState, subscription.clientState)) return { dropped: 'wrong-client-state' };
  if (parseGuid(item.tenantId) !== tenantId) return { dropped: 'wrong-tenant' };
  return { subscription, subscriptionId };
}

/** Compares in a time that does not depend on where two secrets differ. Missing, null or not text is a difference. */
function sameSecret(given: unknown, ours: string): boolean {
  if (typeof given !== 'string') return false;
  const a = Buffer.from(given);
  const b = Buffer.from(ours);
  return a.length === b.length && timingSafeEqual(a, b);
}
