import type { Watched, Watcher } from './watcher.js';

/** At no instant two live subscriptions of ours at Graph that watch the same resource, whatever their change types. */
export function onePerResource(watched: Watched): Watcher {
  return {
    onStored(record) {
      if (!watched.isOurs(record.id)) return;
      const same = watched
        .atGraph()
        .filter(({ id, resource }) => watched.isOurs(id) && resource.toLowerCase() === record.resource.toLowerCase());
      if (same.length < 2) return;
      const ids = same.map(({ id }) => id).join(' and ');
      watched.violations.add('one subscription per resource', `${record.resource} is watched by ${ids}`);
    },
  };
}
