import { messageOf } from '../../domain/errors.js';
import type { Subscription, SubscriptionApi } from '../../entra/subscription.js';
import type { Log } from '../../telemetry/log.js';
import { resourceKey, sameAddress, sameResource } from './compare.js';
import type { KeyedLock } from './keyed-lock.js';
import { explainRival, type Rivals } from './rivals.js';
import type { SubscriptionStore } from './store.js';

export interface OrphanOptions {
  api: SubscriptionApi;
  store: SubscriptionStore;
  /** Where ours send to; what sends elsewhere is never looked at. */
  notificationUrl: string;
  rivals: Rivals;
  /** Whether another keeper of this process has this one: it may have been made before the address became ours. */
  isSibling: (subscriptionId: string) => boolean;
  /** The lock of the keeper: what is being made at this moment is no orphan. */
  locked: KeyedLock;
  monotonicMs: () => number;
  log: Log;
}

/** Subscriptions that send to us and that we have no client state for, so that nothing they send is accepted. */
export interface Orphans {
  /** Deletes them where a look is due. A list that cannot be read is no empty list: it is tried again. Never throws. */
  check(signal: AbortSignal): Promise<void>;
  /** Says so where somebody else makes subscriptions that send to us. */
  contested(): string | undefined;
  /** Something may have been made that nobody knows: look at the next check. */
  suspect(): void;
  /** Deletes all of them at an operator's word. Throws where that fails. */
  deleteAll(signal: AbortSignal): Promise<number>;
}

/** Others make orphans seldom, and Graph allows few listings. */
const EVERY_MS = 60 * 60_000;
const RETRY_MS = 60_000;

export function createOrphans(options: OrphanOptions): Orphans {
  const { api, store, notificationUrl, rivals, isSibling, locked, monotonicMs, log } = options;
  let checked: { at: number; again: number } | undefined;
  let contested: string[] = [];

  function isDue(): boolean {
    if (!checked) return true;
    const elapsedMs = monotonicMs() - checked.at;
    return elapsedMs < 0 || elapsedMs >= checked.again;
  }

  async function find(signal: AbortSignal): Promise<Subscription[]> {
    const all = await api.list(signal);
    return all.filter((one) => sameAddress(one.notificationUrl, notificationUrl) && !isSibling(one.id));
  }

  /** Whether a creation for this resource went without an answer, so that this may be what it made. */
  function isProvable({ id, resource }: Subscription): boolean {
    return store.list().some((record) => {
      if (record.former?.includes(id)) return true;
      return record.id === null && record.refused !== true && sameResource(record.resource, resource);
    });
  }

  async function remove(orphan: Subscription, signal: AbortSignal): Promise<void> {
    const { id, resource, notificationUrl: theirs } = orphan;
    await locked(resourceKey(resource), async () => {
      if (store.byId(id)) return;
      if (!isProvable(orphan)) {
        if (!rivals.mayReplace(resource)) {
          log('listener.subscription.contested', { resource, id, theirs, ours: notificationUrl });
          contested.push(resource);
          return;
        }
        await rivals.note(resource, theirs);
      }
      await api.delete(id, signal);
      log('listener.subscription.deleted', { resource, id, orphan: true });
    });
  }

  return {
    async check(signal) {
      if (!isDue()) return;
      const look = { at: monotonicMs(), again: RETRY_MS };
      checked = look;
      try {
        const found = await find(signal);
        contested = [];
        for (const orphan of found) {
          if (!store.byId(orphan.id)) await remove(orphan, signal);
        }
        // Of this look alone: what is suspected meanwhile is not in the list.
        look.again = EVERY_MS;
      } catch (error) {
        if (!signal.aborted) log('listener.subscriptions.orphans-unknown', { error: messageOf(error) });
      }
    },
    contested: () =>
      contested.length === 0
        ? undefined
        : `${explainRival(notificationUrl, notificationUrl)} (for ${contested.join(', ')})`,
    suspect() {
      checked = undefined;
    },
    async deleteAll(signal) {
      const orphans = (await find(signal)).filter(({ id }) => !store.byId(id));
      for (const { id, resource } of orphans) {
        await locked(resourceKey(resource), () => api.delete(id, signal));
        log('listener.subscription.deleted', { resource, id, orphan: true });
      }
      contested = [];
      return orphans.length;
    },
  };
}
