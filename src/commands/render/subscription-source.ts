import type { ShownSubscription } from '../../listener/subscriptions/routes.js';

/** The change source of a subscription, as CHANGE_SOURCE names it; undefined where the daemon does not tell. */
export function sourceOf({ sendsTo }: Pick<ShownSubscription, 'sendsTo'>): 'webhook' | 'eventhub' | undefined {
  if (sendsTo === undefined) return undefined;
  return sendsTo.startsWith('EventHub:') ? 'eventhub' : 'webhook';
}

/** The same, where two change sources watch a resource with the source behind its name. */
export function namedBySource(subscriptions: readonly ShownSubscription[]): ShownSubscription[] {
  return subscriptions.map((one) => {
    const source = sourceOf(one);
    const hasTwin = subscriptions.some((other) => other !== one && other.resource === one.resource);
    return hasTwin && source ? { ...one, resource: `${one.resource} (${source})` } : one;
  });
}
