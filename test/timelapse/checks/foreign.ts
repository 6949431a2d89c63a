import type { Call } from '../calls.js';
import { DAY_MS } from '../settings.js';
import type { Watched, Watcher } from './watcher.js';

const WRITES: readonly Call['kind'][] = ['renew', 'delete', 'reauthorize'];
/** What stands in our way may be a remainder of our own, once. */
const QUARREL_MS = 7 * DAY_MS;

/**
 * No write of ours ever names a subscription that another service made under the same app registration. The one that
 * stands in our way, on a resource that we want, may be deleted once in a week: what then comes back has an owner.
 */
export function foreign(watched: Watched): Watcher {
  const replaced = new Map<string, number>();
  return {
    onCall({ kind, id, at }) {
      if (!id || !WRITES.includes(kind) || watched.isOurs(id)) return;
      const record = watched.atGraph().find((one) => one.id === id);
      if (!record) return;
      const before = replaced.get(record.resource);
      if (kind !== 'delete' || !watched.wanted().includes(record.resource))
        watched.violations.add('nobody else is touched', `${kind} of ${id}, which is not ours`);
      else if (before !== undefined && at - before < QUARREL_MS)
        watched.violations.add(
          'no quarrel with a rival',
          `${record.resource} was taken from another installation again`,
        );
      else replaced.set(record.resource, at);
    },
  };
}
