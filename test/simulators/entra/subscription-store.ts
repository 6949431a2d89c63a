import type { SimulatorClock } from './clock.js';

/** What a subscription watches. */
export interface WatchedResource {
  collection: 'users' | 'groups';
  id: string | undefined;
  part: 'members' | 'owners' | undefined;
}

export interface SubscriptionRecord {
  id: string;
  appId: string;
  creatorId: string;
  /** As the caller wrote it. */
  resource: string;
  watched: WatchedResource;
  changeType: string;
  notificationUrl: string;
  lifecycleNotificationUrl: string | undefined;
  clientState: string | undefined;
  /** Epoch ms. */
  expiresAt: number;
  latestSupportedTlsVersion: string;
  /** When it was last renewed or reauthorized, epoch ms. */
  touchedAt: number;
}

/** The live subscriptions; an expired one is gone like a deleted one. */
export interface SubscriptionStore {
  list(): SubscriptionRecord[];
  get(id: string): SubscriptionRecord | undefined;
  put(record: SubscriptionRecord): void;
  delete(id: string): SubscriptionRecord | undefined;
  /** One of the same app, change types and resource. */
  same(appId: string, changeType: string, watched: WatchedResource): SubscriptionRecord | undefined;
}

/** An empty store. */
export function createSubscriptionStore(clock: SimulatorClock): SubscriptionStore {
  const records = new Map<string, SubscriptionRecord>();

  function live(): SubscriptionRecord[] {
    for (const record of [...records.values()]) if (record.expiresAt <= clock.now()) records.delete(record.id);
    return [...records.values()];
  }

  return {
    list: live,
    get: (id) => live().find((record) => record.id === id),
    put(record) {
      records.set(record.id, record);
    },
    delete(id) {
      const record = live().find((candidate) => candidate.id === id);
      records.delete(id);
      return record;
    },
    same: (appId, changeType, watched) =>
      live().find(
        (record) =>
          record.appId === appId &&
          typesOf(record.changeType) === typesOf(changeType) &&
          resourceKey(record.watched) === resourceKey(watched),
      ),
  };
}

/** What a resource string watches; undefined for one that Graph does not know. */
export function parseResource(resource: string): WatchedResource | undefined {
  const found = /^\/?(users|groups)(?:\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\/(members|owners))?)?$/i.exec(
    resource,
  );
  if (!found) return undefined;
  const collection = found[1]?.toLowerCase() as 'users' | 'groups';
  const part = found[3]?.toLowerCase() as 'members' | 'owners' | undefined;
  if (part && collection === 'users') return undefined;
  return { collection, id: found[2]?.toLowerCase(), part };
}

function typesOf(changeType: string): string {
  return changeType.toLowerCase().split(',').sort().join(',');
}

function resourceKey({ collection, id, part }: WatchedResource): string {
  return `${collection}/${id ?? ''}/${part ?? ''}`;
}
