import { messageOf } from '../domain/errors.js';
import type { Log } from '../telemetry/log.js';
import { formatLater, type Later, mergeLater } from './later.js';
import type { Key } from './queue.js';
import type { SpoolDisk } from './spool-disk.js';
import type { SpoolIndex } from './spool-index.js';
import { nameOf } from './spool-name.js';

export interface LaterStoreOptions {
  disk: SpoolDisk;
  index: SpoolIndex;
  log: Log;
  /** The next due time may have changed. */
  onChange: () => void;
}

/**
 * Remembers when a key is to be looked at again, in the index and on disk, merged with what is remembered already.
 * The function resolves with false where the disk refuses: memory must do until the next start.
 */
export function createLaterStore({ disk, index, log, onChange }: LaterStoreOptions) {
  const writing = new Map<Key, Promise<boolean>>();

  async function write(key: Key, later: Later, before: Promise<boolean> | undefined): Promise<boolean> {
    // One write per key at a time, so that the file never ends as the older of two states.
    await before;
    try {
      await disk.write('pending', nameOf(key, 'later'), formatLater(later));
      if (index.later(key) === later) index.setLater(key, later);
      return true;
    } catch (error) {
      log('queue.state.unwritable', { key, error: messageOf(error) });
      return false;
    }
  }

  return async function store(key: Key, later: Later): Promise<boolean> {
    const merged = mergeLater(index.later(key), later);
    index.setLater(key, merged, true);
    onChange();
    const work = write(key, merged, writing.get(key));
    writing.set(key, work);
    const stored = await work;
    if (writing.get(key) === work) writing.delete(key);
    return stored;
  };
}
