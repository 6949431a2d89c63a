import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Watched, Watcher } from './watcher.js';

/** A record is some 1,000 bytes; so much for each wanted resource, and for the rest of the file. */
const BYTES_EACH = 2048;
/** The store, catch-up's own, and what a crash may have left beside each of them. */
const MOST_FILES = 6;

/** What our process keeps on disk does not grow with the months. */
export function storeSize(watched: Watched): Watcher & { bytes(): number } {
  let most = 0;
  return {
    bytes: () => most,
    onDay() {
      const names = readdirSync(watched.directory());
      if (names.length > MOST_FILES)
        watched.violations.add('the store stays small', `${names.length} files: ${names.slice(0, 8).join(', ')} …`);
      const store = names.find((name) => name === 'subscriptions.json');
      if (!store) return;
      const { size } = statSync(join(watched.directory(), store));
      most = Math.max(most, size);
      const allowed = BYTES_EACH * (watched.wanted().length + 2);
      if (size > allowed)
        watched.violations.add('the store stays small', `${store} has ${size} bytes, ${allowed} are plenty`);
    },
  };
}
