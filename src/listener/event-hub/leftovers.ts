import { messageOf } from '../../domain/errors.js';
import type { SubscriptionApi } from '../../entra/subscription.js';
import type { Log } from '../../telemetry/log.js';
import { isLive } from '../subscriptions/record.js';
import type { SubscriptionStore } from '../subscriptions/store.js';

/**
 * Deletes at Graph what a change source made that is no longer in use, so that it does not stand in the way of the
 * others (409) nor fill a hub that nobody reads. What fails is left for the next start. Never throws.
 */
export async function retireSubscriptions(
  store: SubscriptionStore,
  api: Pick<SubscriptionApi, 'delete'>,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  for (const record of store.list()) {
    try {
      if (isLive(record)) {
        await api.delete(record.id, signal);
        log('listener.subscription.deleted', { resource: record.resource, id: record.id });
      }
      await store.remove(record.resource);
    } catch (error) {
      if (signal.aborted) return;
      log('listener.subscription.failed', { resource: record.resource, error: messageOf(error) });
    }
  }
}
