import { createFileKeeper } from './file-keeper.js';
import type { Sink } from './sink.js';

/**
 * A file for its owner alone, 0600, replaced as a whole; the format of the old workflow. The file itself is never a
 * link, and a place is refused where others may rename anything on the way to it.
 */
export function createFileSink(path: string): Sink {
  return createFileKeeper(path, path, {
    probe: async () => undefined,
    wrap: async (text) => Buffer.from(text),
    unwrap: async (content) => content.toString('utf8'),
  });
}
