import { GRACE_MS, TICK_MS } from '../settings.js';
import { covers } from './coverage.js';
import type { Watched, Watcher } from './watcher.js';

/**
 * Whenever a resource is covered again after it was not, `sweep` is stored after the new subscription was made, within
 * a tick and the grace of our process running.
 */
export function sweepAfterLapse(watched: Watched): Watcher & { lapses(): number } {
  const madeAt = new Map<string, number>();
  const lostAt = new Map<string, number>();
  const covered = new Map<string, string>();
  let owed: { resource: string; seq: number; endedAt: number }[] = [];
  let lastSweep = 0;
  let lapses = 0;

  function lose(resource: string): void {
    if (covered.delete(resource)) lostAt.set(resource, watched.next());
  }

  function noteCoverage(): void {
    const records = watched.atGraph();
    const wanted = watched.wanted();
    for (const resource of covered.keys()) if (!wanted.includes(resource)) lose(resource);
    for (const resource of wanted) {
      const record = records.find((one) => covers(watched, one, resource));
      if (!record) lose(resource);
      else if (!covered.has(resource)) {
        lapses += 1;
        covered.set(resource, record.id);
        const seq = Math.max(madeAt.get(record.id) ?? 0, lostAt.get(resource) ?? 0);
        owed.push({ resource, seq, endedAt: watched.now() });
      }
    }
  }

  return {
    lapses: () => lapses,
    onStored(record) {
      madeAt.set(record.id, watched.next());
    },
    onDeleted(record) {
      madeAt.delete(record.id);
      for (const [resource, id] of covered) if (id === record.id) lose(resource);
    },
    onPut({ key, seq }) {
      if (key === 'sweep') lastSweep = seq;
    },
    onSettled() {
      noteCoverage();
      owed = owed.filter(({ seq }) => seq > lastSweep);
      const upSince = watched.upSince();
      if (upSince === undefined) return;
      const since = (endedAt: number) => watched.now() - Math.max(endedAt, upSince);
      const late = owed.filter(({ endedAt }) => since(endedAt) > TICK_MS + GRACE_MS);
      for (const { resource, endedAt } of late) {
        const at = new Date(endedAt).toISOString();
        watched.violations.add(
          'a sweep follows every lapse',
          `${resource} is covered again since ${at}, without a sweep`,
        );
      }
      owed = owed.filter((debt) => !late.includes(debt));
    },
  };
}
