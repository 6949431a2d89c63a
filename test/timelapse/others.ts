import { randomUUID } from 'node:crypto';
import {
  parseResource,
  type SubscriptionRecord,
  type SubscriptionStore,
} from '../simulators/entra/subscription-store.js';
import { DAY_MS, FOREIGN_URL } from './settings.js';

/** What other services do under the same app registration. */
export interface Others {
  /** A subscription of theirs for so long, on a group that is none of ours where no resource is given. */
  add(resource?: string, lifetimeMs?: number): void;
  /** As many as the quota allows, whatever becomes of ours meanwhile, for so long. */
  fill(lifetimeMs: number): void;
}

const QUOTA = 100;
const FOR_EVER_MS = 1000 * DAY_MS;

export function createOthers(store: SubscriptionStore, appId: string, now: () => number): Others {
  const add: Others['add'] = (resource = `/groups/${randomUUID()}`, lifetimeMs = FOR_EVER_MS) => {
    const watched = parseResource(resource);
    if (!watched) throw new Error(`${resource} is nothing that Graph watches`);
    const record: SubscriptionRecord = {
      id: '',
      appId,
      creatorId: appId,
      resource,
      watched,
      changeType: 'updated,deleted',
      notificationUrl: FOREIGN_URL,
      lifecycleNotificationUrl: undefined,
      clientState: 'of another service',
      expiresAt: now() + lifetimeMs,
      latestSupportedTlsVersion: 'v1_2',
      touchedAt: now(),
    };
    store.put(record);
  };
  return {
    add,
    fill(lifetimeMs) {
      for (let count = store.list().length; count < QUOTA * 1.2; count += 1) add(undefined, lifetimeMs);
    },
  };
}
