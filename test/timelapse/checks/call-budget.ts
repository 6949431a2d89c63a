import type { Call, CallKind } from '../calls.js';
import { CATCH_UP_MS, DAY_MS, TICK_MS } from '../settings.js';
import type { Watched, Watcher } from './watcher.js';

const TICKS_A_DAY = DAY_MS / TICK_MS;
const PASSES_A_DAY = DAY_MS / CATCH_UP_MS;

/**
 * What we allow ourselves on one day, far below Graph's limits. On a quiet day a subscription is read once a tick and
 * hardly ever written, the list is read at most once a tick; a bad day, on which every call may be repeated four times,
 * may cost five times as much.
 */
export const BUDGET = {
  /** For each wanted resource, all calls that name a subscription or make one. */
  eachResource: TICKS_A_DAY + 24,
  list: TICKS_A_DAY + 8,
  /** For each pass two collections of one or two pages. */
  delta: PASSES_A_DAY * 5,
  badDay: 5,
} as const;

/** Holds the calls of each virtual day against the budget. */
export function callBudget(watched: Watched): Watcher & { worst(): Record<string, number> } {
  let counts = new Map<CallKind, number>();
  let resources = 1;
  let dayStartedAt = watched.now();
  const worst: Record<string, number> = {};

  function judge(name: string, calls: number, budget: number): void {
    worst[name] = Math.max(worst[name] ?? 0, calls);
    if (calls <= budget) return;
    watched.violations.add('own call budget', `${calls} ${name} in a day, ${budget} are allowed`);
  }

  return {
    worst: () => ({ ...worst }),
    onCall({ kind }: Call) {
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      resources = Math.max(resources, watched.wanted().length);
    },
    onDay() {
      const calmSince = watched.weather.calmSince();
      const quiet = calmSince !== undefined && calmSince <= dayStartedAt;
      const times = quiet ? 1 : BUDGET.badDay;
      const of = (...kinds: CallKind[]) => kinds.reduce((sum, kind) => sum + (counts.get(kind) ?? 0), 0);
      const day = quiet ? 'on a quiet day' : 'on any day';
      const single = of('create', 'renew', 'delete', 'reauthorize', 'get');
      judge(`calls for each resource ${day}`, Math.ceil(single / resources), BUDGET.eachResource * times);
      judge(`listings ${day}`, of('list'), BUDGET.list * times);
      judge(`delta requests ${day}`, of('delta'), BUDGET.delta * times);
      counts = new Map();
      resources = Math.max(1, watched.wanted().length);
      dayStartedAt = watched.now();
    },
  };
}
