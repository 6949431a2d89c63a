import type { SubscriptionRecord } from '../../simulators/entra/subscription-store.js';
import { GRACE_MS, HOUR_MS, LIFECYCLE_URL, NOTIFICATIONS_URL, TICK_MS } from '../settings.js';
import type { Hindrance } from '../weather.js';
import type { Watched, Watcher } from './watcher.js';

/** A resource is covered by a live subscription with our addresses and change types, whose secret our process has. */
export function covers(watched: Watched, record: SubscriptionRecord, resource: string): boolean {
  return (
    record.resource === resource &&
    watched.isOurs(record.id) &&
    record.notificationUrl === NOTIFICATIONS_URL &&
    record.lifecycleNotificationUrl === LIFECYCLE_URL &&
    record.changeType === 'updated,deleted' &&
    watched.isKnown(record.id)
  );
}

/** A refusal lasts until somebody does something, so Graph is asked again only once an hour. */
const REFUSALS: readonly Hindrance[] = ['quota full', 'rival'];
const REFUSED_DUE_MS = HOUR_MS + TICK_MS + GRACE_MS;

/** How long both sides must have been up without a break before coverage is due: one tick, and time for the calls. */
export const COVERAGE_DUE_MS = TICK_MS + GRACE_MS;

/**
 * Once nothing hindered for one tick and the grace, nor Graph refused for an hour more, every resource that has been wanted as long is covered. And a
 * subscription does not run out where there was as long a calm after half of its life, in which it was to be renewed.
 */
export function coverage(watched: Watched): Watcher {
  const wantedSince = new Map<string, number>();
  const reported = new Set<string>();
  /** By resource: its subscription, and the end of the last calm in which it could have been renewed. */
  const lives = new Map<string, { id: string; expiresAt: number; renewableUntil: number; setAt: number }>();

  return {
    onSettled() {
      const now = watched.now();
      const wanted = watched.wanted();
      for (const resource of wantedSince.keys()) if (!wanted.includes(resource)) wantedSince.delete(resource);
      const calmSince = watched.weather.calmSince(['list wrong']);
      const refusedUntil = watched.weather.free(REFUSALS) ?? now;
      const calm = calmSince !== undefined && now - calmSince > COVERAGE_DUE_MS && now - refusedUntil > REFUSED_DUE_MS;
      const records = watched.atGraph();
      for (const resource of wanted) {
        const since = wantedSince.get(resource) ?? now;
        wantedSince.set(resource, since);
        const record = records.find((one) => covers(watched, one, resource));
        if (record) {
          reported.delete(resource);
          const life = lives.get(resource);
          if (life?.id !== record.id || life.expiresAt !== record.expiresAt)
            lives.set(resource, { id: record.id, expiresAt: record.expiresAt, renewableUntil: 0, setAt: now });
          else if (calm && now > life.setAt + (life.expiresAt - life.setAt) / 2 + COVERAGE_DUE_MS)
            life.renewableUntil = now;
          continue;
        }
        const life = lives.get(resource);
        lives.delete(resource);
        const ranOut = life && life.expiresAt <= now && life.renewableUntil > 0;
        if (ranOut)
          watched.violations.add(
            'coverage holds while both sides are up',
            `${resource}: ${life.id} ran out and could have been renewed until ${new Date(life.renewableUntil).toISOString()}`,
          );
        if (!calm || now - since <= COVERAGE_DUE_MS || reported.has(resource)) continue;
        reported.add(resource);
        watched.violations.add(
          'coverage holds while both sides are up',
          `${resource} is not covered, and nothing hindered since ${new Date(calmSince).toISOString()}`,
        );
      }
    },
  };
}
