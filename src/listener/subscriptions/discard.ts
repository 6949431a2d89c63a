import type { Log } from '../../telemetry/log.js';
import { moveStoreAside } from './store-file.js';

/**
 * The remedy for a record of subscriptions that cannot be read: moves it aside on the operator's word. What it named
 * at Graph is found by its address at the listener's next start and deleted.
 */
export async function discardSubscriptionStore(options: {
  path: string;
  /** Epoch ms, for the new name. */
  now: number;
  log: Log;
}): Promise<string | undefined> {
  const aside = await moveStoreAside(options.path, options.now);
  if (aside) options.log('listener.store.discarded', { path: options.path, aside });
  return aside;
}
