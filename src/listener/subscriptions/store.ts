import { type Adapter, Low } from 'lowdb';
import { registerPassingSecret } from '../../telemetry/redact.js';
import { sameResource } from './compare.js';
import { STORE_VERSION, type StoreData, type SubscriptionRecord } from './record.js';
import { BrokenStore, createStoreFile } from './store-file.js';

/** Durable record of our subscriptions, at most one per resource. */
export interface SubscriptionStore {
  data(): StoreData;
  list(): readonly SubscriptionRecord[];
  byId(id: string): SubscriptionRecord | undefined;
  byResource(resource: string): SubscriptionRecord | undefined;
  /** Adds or replaces the record of its resource; durable when it resolves. */
  put(record: SubscriptionRecord): Promise<void>;
  /** Several changes in one write: after a crash all of them are there, or none. */
  update(change: (data: StoreData) => StoreData): Promise<void>;
  remove(resource: string): Promise<void>;
  clear(): Promise<void>;
  /** Reads the file again, since a command may have changed it. */
  refresh(): Promise<void>;
}

export interface StoreOptions {
  path: string;
  /**
   * Called with the reason where the file is torn or foreign; it must move the file out of the way. The store then goes
   * on with what it knows: nothing at the start, everything while it runs. Without it Rejected is thrown.
   */
  onBroken?: ((why: string) => Promise<unknown>) | undefined;
}

/** Opens the store at `path`, empty where there is no file. Throws Rejected for a file that cannot be read. */
export function openSubscriptionStore({ path, onBroken }: StoreOptions): Promise<SubscriptionStore> {
  return openStoreOn(createStoreFile(path), onBroken);
}

/** The store on any lowdb adapter, which throws BrokenStore for content that can never be read. */
export async function openStoreOn(
  file: Adapter<StoreData>,
  onBroken?: StoreOptions['onBroken'],
): Promise<SubscriptionStore> {
  const empty: StoreData = { version: STORE_VERSION, subscriptions: [] };
  const db = new Low<StoreData>(file, empty);
  let queue: Promise<unknown> = Promise.resolve();

  /** What stands in the file, or what we know where the file cannot be understood. */
  async function current(): Promise<StoreData> {
    try {
      return (await file.read()) ?? empty;
    } catch (error) {
      if (!onBroken || !(error instanceof BrokenStore)) throw error;
      await onBroken(error.why);
      // There at once, or the next look would find nothing and take it for a lost record.
      await file.write(db.data);
      return db.data;
    }
  }

  async function load(): Promise<void> {
    db.data = await current();
    mask(db.data);
  }

  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = queue.then(work);
    queue = done.catch(() => undefined);
    return done;
  }

  /** One after the other, each on what stands in the file now. */
  const update: SubscriptionStore['update'] = (change) =>
    inTurn(async () => {
      const next = change(await current());
      // Written first: memory must never know what the disk does not.
      mask(next);
      await file.write(next);
      db.data = next;
    });

  const updateRecords = (change: (records: readonly SubscriptionRecord[]) => SubscriptionRecord[]) =>
    update((data) => ({ ...data, subscriptions: change(data.subscriptions) }));

  await load();
  return {
    update,
    data: () => db.data,
    list: () => db.data.subscriptions,
    byId: (id) => db.data.subscriptions.find((record) => record.id?.toLowerCase() === id.toLowerCase()),
    byResource: (resource) => db.data.subscriptions.find((record) => sameResource(record.resource, resource)),
    put: (record) => update((data) => withRecord(data, record)),
    remove: (gone) => updateRecords((records) => records.filter(({ resource }) => !sameResource(resource, gone))),
    clear: () => update(() => empty),
    refresh: () => inTurn(load),
  };
}

/** The data with this record in the place of the one of its resource. */
export function withRecord(data: StoreData, record: SubscriptionRecord): StoreData {
  const others = data.subscriptions.filter(({ resource }) => !sameResource(resource, record.resource));
  return { ...data, subscriptions: [...others, record] };
}

/** A client state proves that a notification is ours: from now on it is masked in whatever is logged or shown. */
function mask({ subscriptions }: StoreData): void {
  for (const { clientState } of subscriptions) registerPassingSecret(clientState);
}
