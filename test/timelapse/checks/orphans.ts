import { ORPHAN_MS, TICK_MS } from '../settings.js';
import type { Watched, Watcher } from './watcher.js';

/** A subscription of ours that our process does not know is gone after an hour (and a tick) without any hindrance. */
export function orphans(watched: Watched): Watcher {
  const since = new Map<string, number>();
  const reported = new Set<string>();
  return {
    onSettled() {
      const now = watched.now();
      const ours = watched.atGraph().filter(({ id }) => watched.isOurs(id));
      const live = new Set(ours.map(({ id }) => id));
      for (const id of since.keys()) if (!live.has(id)) since.delete(id);
      const wanted = watched.wanted();
      const calmSince = watched.weather.calmSince();
      for (const { id, resource } of ours) {
        if (watched.isKnown(id) && wanted.includes(resource)) {
          since.delete(id);
          continue;
        }
        const from = since.get(id) ?? now;
        since.set(id, from);
        if (calmSince === undefined || reported.has(id)) continue;
        if (now - Math.max(from, calmSince) <= ORPHAN_MS + TICK_MS) continue;
        reported.add(id);
        watched.violations.add('no orphan stays', `${id} on ${resource}, since ${new Date(from).toISOString()}`);
      }
    },
  };
}
