import type { Log } from '../../telemetry/log.js';
import { moveStoreAside } from './store-file.js';

/**
 * The remedy for a record of subscriptions that cannot be read: moves it aside, for a person to look at. Nothing that
 * counts is lost with it: the client states in it can only be used to believe notifications, and new ones are made. What
 * it named at Graph is found by its address or by the 409 that it causes, and replaced.
 */
export async function discardSubscriptionStore(options: {
  path: string;
  /** What is wrong with it. */
  why: string;
  /** Epoch ms, for the new name. */
  now: number;
  log: Log;
}): Promise<string | undefined> {
  const { path, why, now, log } = options;
  const aside = await moveStoreAside(path, now);
  if (aside) log('listener.store.discarded', { path, why, aside });
  return aside;
}
