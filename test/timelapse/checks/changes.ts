import type { Change } from '../../simulators/entra/directory-state.js';
import { CATCH_UP_MS, GRACE_MS } from '../settings.js';
import type { Hindrance } from '../weather.js';
import type { Watched, Watcher } from './watcher.js';

/** How long both sides must have been up for catch-up to have told of a change that push had not. */
export const CHANGE_DUE_MS = CATCH_UP_MS + GRACE_MS;

/** Catch-up needs neither our endpoint nor a subscription. */
const OF_PUSH_ALONE: readonly Hindrance[] = ['our endpoint unreachable', 'quota full', 'rival', 'list wrong'];

interface Debt {
  keys: readonly string[];
  what: string;
  seq: number;
  at: number;
  resource: string;
}

/** How long changes took to reach the queue, ms. */
export interface Latencies {
  told: number;
  longestMs: number;
  /** Changes that were in the queue within a minute. */
  within1Minute: number;
}

/**
 * Every change of a user, and of a membership in a group that is wanted, reaches the queue after it was made: by its
 * own key, by its group's, or by a sweep; once nothing hinders, within the interval of catch-up and the grace.
 */
export function changes(watched: Watched): Watcher & { latencies(): Latencies } {
  const owed = new Map<string, Debt[]>();
  const latencies: Latencies = { told: 0, longestMs: 0, within1Minute: 0 };

  function pay(debts: readonly Debt[]): void {
    for (const { at } of debts) {
      const took = watched.now() - at;
      latencies.told += 1;
      latencies.longestMs = Math.max(latencies.longestMs, took);
      if (took <= 60_000) latencies.within1Minute += 1;
    }
  }

  return {
    latencies: () => ({ ...latencies }),
    onChange(change) {
      const debt = debtOf(change, watched);
      if (!debt) return;
      const key = debt.keys[0] ?? '';
      owed.set(key, [...(owed.get(key) ?? []), debt]);
    },
    onPut({ key, seq }) {
      for (const [first, debts] of owed) {
        const left = debts.filter((debt) => debt.seq > seq || (key !== 'sweep' && !debt.keys.includes(key)));
        if (left.length === debts.length) continue;
        pay(debts.filter((debt) => !left.includes(debt)));
        if (left.length === 0) owed.delete(first);
        else owed.set(first, left);
      }
    },
    onSettled() {
      if (owed.size === 0) return;
      const calmSince = watched.weather.calmSince(OF_PUSH_ALONE);
      if (calmSince === undefined) return;
      const now = watched.now();
      const wanted = watched.wanted();
      for (const [key, debts] of owed) {
        const left = debts.filter(({ at, what, resource }) => {
          if (!wanted.includes(resource)) return false;
          if (now - Math.max(at, calmSince) <= CHANGE_DUE_MS) return true;
          watched.violations.add('every change reaches the queue', `${what}, at ${new Date(at).toISOString()}`);
          return false;
        });
        if (left.length === 0) owed.delete(key);
        else owed.set(key, left);
      }
    },
  };
}

function debtOf(change: Change, watched: Watched): Debt | undefined {
  const when = { seq: watched.next(), at: watched.now() };
  if (change.kind === 'object' && change.objectKind === 'user')
    return { ...when, keys: [`user:${change.id}`], what: `user ${change.id} ${change.what}`, resource: '/users' };
  if (change.kind !== 'member') return undefined;
  const resource = `/groups/${change.group}`;
  if (!watched.wanted().includes(resource)) return undefined;
  const what = `${change.member} ${change.what} in group ${change.group}`;
  return { ...when, keys: [`user:${change.member}`, `group:${change.group}`], what, resource };
}
