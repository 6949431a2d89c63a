import type { Clock } from '../../domain/clock.js';
import { sameAddress, sameResource } from './compare.js';
import type { SubscriptionStore } from './store.js';

/**
 * Other listeners on our app registration. What stands in the way at Graph and cannot be proved to be ours is deleted
 * once: it may be a remainder of ours from before a move or a loss of the record. What then comes back has an owner, who
 * is left alone, or both would delete each other's for ever.
 */
export interface Rivals {
  mayReplace(resource: string): boolean;
  /** To be called before the deletion, so that a restart does not forget it. */
  note(resource: string, url: string): Promise<void>;
  /** On an operator's word: everything may be replaced once more. */
  forgive(): Promise<void>;
}

/** A listener that is looked after once a day, or even once in three days, still counts as one that comes back. */
const WINDOW_MS = 7 * 24 * 3600_000;

export function createRivals(store: SubscriptionStore, clock: Pick<Clock, 'now'>): Rivals {
  // A time ahead of us was written before the clock was set back: how long ago is unknown, so it counts.
  const recent = (at: number) => clock.now() - at < WINDOW_MS;
  return {
    mayReplace: (resource) =>
      !(store.data().replacements ?? []).some((one) => sameResource(one.resource, resource) && recent(one.at)),
    note: (resource, url) =>
      store.update((data) => ({
        ...data,
        replacements: [
          ...(data.replacements ?? []).filter((one) => recent(one.at) && !sameResource(one.resource, resource)),
          { resource, url, at: clock.now() },
        ],
      })),
    forgive: () =>
      store.update(({ replacements: _, ...data }) => ({
        ...data,
        subscriptions: data.subscriptions.map(({ rival: __, ...record }) => record),
      })),
  };
}

/** What an operator must know of a rival, with both addresses. */
export function explainRival(theirs: string, ours: string): string {
  const remedy = 'then run "entramox subscriptions renew", which takes its place once';
  if (sameAddress(theirs, ours)) {
    return (
      `another listener has the same PUBLIC_URL (${ours}) and app registration, and makes the same subscription: stop ` +
      `it or give it an address and an app registration of its own, ${remedy}`
    );
  }
  return (
    `another installation (${theirs}) uses the same app registration as this one (${ours}), and Graph allows one such ` +
    `subscription for an app: give each its own, ${remedy}`
  );
}
