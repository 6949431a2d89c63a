import { Low } from 'lowdb';
import { registerPassingSecret } from '../../telemetry/redact.js';
import { STORE_VERSION, type StoreData, type SubscriptionRecord } from './record.js';
import { createStoreFile } from './store-file.js';

/** Durable record of our subscriptions, at most one per resource. */
export interface SubscriptionStore {
  list(): readonly SubscriptionRecord[];
  byId(id: string): SubscriptionRecord | undefined;
  byResource(resource: string): SubscriptionRecord | undefined;
  /** Adds or replaces the record of its resource; durable when it resolves. */
  put(record: SubscriptionRecord): Promise<void>;
  remove(resource: string): Promise<void>;
  clear(): Promise<void>;
  /** Reads the file again, since a command may have changed it. */
  refresh(): Promise<void>;
}

/** Opens the store at `path`, empty where there is no file. Throws Rejected for a file that cannot be read. */
export async function openSubscriptionStore({ path }: { path: string }): Promise<SubscriptionStore> {
  const empty: StoreData = { version: STORE_VERSION, subscriptions: [] };
  const file = createStoreFile(path);
  const db = new Low<StoreData>(file, empty);
  await db.read();
  mask(db.data);
  let queue: Promise<unknown> = Promise.resolve();

  /** One after the other, each on what stands in the file now. */
  function change(apply: (records: SubscriptionRecord[]) => SubscriptionRecord[]): Promise<void> {
    const work = queue.then(async () => {
      const data = (await file.read()) ?? empty;
      const next = { version: data.version, subscriptions: apply([...data.subscriptions]) };
      // Written first: memory must never know what the disk does not.
      mask(next);
      await file.write(next);
      db.data = next;
    });
    queue = work.catch(() => undefined);
    return work;
  }

  return {
    list: () => db.data.subscriptions,
    byId: (id) => db.data.subscriptions.find((record) => record.id?.toLowerCase() === id.toLowerCase()),
    byResource: (resource) => db.data.subscriptions.find((record) => record.resource === resource),
    put: (record) => change((records) => [...records.filter(({ resource }) => resource !== record.resource), record]),
    remove: (gone) => change((records) => records.filter(({ resource }) => resource !== gone)),
    clear: () => change(() => []),
    async refresh() {
      await queue;
      db.data = (await file.read()) ?? empty;
      mask(db.data);
    },
  };
}

/** A client state proves that a notification is ours: from now on it is masked in whatever is logged or shown. */
function mask({ subscriptions }: StoreData): void {
  for (const { clientState } of subscriptions) registerPassingSecret(clientState);
}
