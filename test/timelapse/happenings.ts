import { type Chance, createChance } from '../model/chance.js';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './settings.js';

/** Everything that can come between the two sides, and the life of the directory. */
export type HappeningKind =
  | 'change'
  | 'reauthorize'
  | 'reauthorize-all'
  | 'removed'
  | 'missed'
  | 'graph-down'
  | 'graph-unreachable'
  | 'graph-slow'
  | 'token-down'
  | 'restart'
  | 'crash'
  | 'crash-soon'
  | 'crash-in-create'
  | 'long-down'
  | 'endpoint-unreachable'
  | 'endpoint-slow'
  | 'delete-behind'
  | 'alter-behind'
  | 'ignore-renewals'
  | 'hide-from-list'
  | 'list-fails'
  | 'lose-answer'
  | 'quota'
  | 'rival'
  | 'clock-jump'
  | 'want-more'
  | 'want-less'
  | 'lose-notifications'
  | 'duplicate-notifications'
  | 'disorder'
  | 'late-notifications';

export interface Happening {
  /** Ms after the start. */
  at: number;
  kind: HappeningKind;
  /** How long it lasts, where it does. */
  ms: number;
  /** Chooses among what is there when it comes. */
  choice: number;
}

/** How often a day, and for how long: from, to, on a logarithmic scale, since most troubles are short. */
const KINDS: readonly [kind: HappeningKind, timesADay: number, fromMs: number, toMs: number][] = [
  ['change', 10, 0, 0],
  ['reauthorize', 2, 2 * MINUTE_MS, 30 * MINUTE_MS],
  ['reauthorize-all', 0.2, 2 * MINUTE_MS, 30 * MINUTE_MS],
  ['removed', 0.12, 0, 0],
  ['missed', 0.15, 0, 0],
  ['graph-down', 0.22, MINUTE_MS, 6 * HOUR_MS],
  ['graph-down', 0.02, DAY_MS, 4 * DAY_MS],
  ['graph-unreachable', 0.08, MINUTE_MS, 3 * HOUR_MS],
  ['graph-slow', 0.12, 10 * MINUTE_MS, 5 * HOUR_MS],
  ['token-down', 0.12, MINUTE_MS, 5 * HOUR_MS],
  ['restart', 0.3, 1000, 5 * MINUTE_MS],
  ['crash', 0.2, 5000, MINUTE_MS],
  ['crash-soon', 0.3, 5000, MINUTE_MS],
  ['crash-in-create', 0.15, 5000, MINUTE_MS],
  ['long-down', 0.05, 2 * HOUR_MS, 4 * DAY_MS],
  ['endpoint-unreachable', 0.2, MINUTE_MS, 8 * HOUR_MS],
  ['endpoint-slow', 0.1, 10 * MINUTE_MS, HOUR_MS],
  ['delete-behind', 0.25, 0, 0],
  ['alter-behind', 0.2, 0, 0],
  ['ignore-renewals', 0.25, 0, 0],
  ['hide-from-list', 0.15, HOUR_MS, 8 * HOUR_MS],
  ['list-fails', 0.15, HOUR_MS, 8 * HOUR_MS],
  ['lose-answer', 0.25, 0, 0],
  ['quota', 0.08, 30 * MINUTE_MS, DAY_MS],
  ['rival', 0.04, 3 * HOUR_MS, 2 * DAY_MS],
  ['clock-jump', 0.07, 0, 0],
  ['want-more', 0.1, 0, 0],
  ['want-less', 0.1, 0, 0],
  ['lose-notifications', 0.4, 0, 0],
  ['duplicate-notifications', 0.3, 0, 0],
  ['disorder', 0.2, HOUR_MS, 5 * HOUR_MS],
  ['late-notifications', 0.3, 30 * MINUTE_MS, 5 * HOUR_MS],
];

/** The first day is quiet, so that every world begins with a whole installation. */
const QUIET_MS = 2 * HOUR_MS;

/** What happens in so many days, in order; the same for the same seed. */
export function happeningsOf(seed: number, days: number): Happening[] {
  const chance = createChance(seed);
  const all = KINDS.flatMap(([kind, timesADay, fromMs, toMs]) => {
    const times = Math.floor(timesADay * days + chance.next());
    return Array.from({ length: times }, () => ({
      at: QUIET_MS + Math.floor(chance.next() * (days * DAY_MS - QUIET_MS)),
      kind,
      ms: between(chance, fromMs, toMs),
      choice: chance.below(2 ** 30),
    }));
  });
  return all.sort((a, b) => a.at - b.at);
}

function between(chance: Chance, fromMs: number, toMs: number): number {
  return fromMs === 0 ? 0 : Math.round(fromMs * (toMs / fromMs) ** chance.next());
}
