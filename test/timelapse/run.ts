import { apart } from './checks/apart.js';
import { callBudget } from './checks/call-budget.js';
import { callRates } from './checks/call-rates.js';
import { changes } from './checks/changes.js';
import { coverage } from './checks/coverage.js';
import { foreign } from './checks/foreign.js';
import { onePerResource } from './checks/one-per-resource.js';
import { orphans } from './checks/orphans.js';
import { storeSize } from './checks/store-size.js';
import { sweepAfterLapse } from './checks/sweep-after-lapse.js';
import type { Invariant, Violation } from './checks/violations.js';
import type { Watched, Watcher } from './checks/watcher.js';
import { type Happening, happeningsOf } from './happenings.js';
import { perform } from './perform.js';
import { DAY_MS } from './settings.js';
import { openWorld, type WorldOptions } from './world.js';

/** What came of so many virtual days. */
export interface Run {
  seed: number;
  days: number;
  starts: number;
  crashes: number;
  /** Times that a resource came to be covered, the first one included. */
  lapses: number;
  happenings: Record<string, number>;
  /** How often each hindrance began. */
  hindrances: Record<string, number>;
  /** By kind. */
  calls: Record<string, number>;
  /** The most in any 20 seconds. */
  peaks: Record<string, number>;
  /** The most in any day. */
  worst: Record<string, number>;
  changes: { told: number; within1Minute: number; longestMinutes: number };
  storeBytes: number;
  violations: number;
  byInvariant: Partial<Record<Invariant, number>>;
  first: readonly Violation[];
}

export interface RunOptions extends Pick<WorldOptions, 'tamper'> {
  seed: number;
  days: number;
  /** Instead of what the seed gives. */
  happenings?: readonly Happening[] | undefined;
  /** Given the last lines of the log at the end. */
  onLog?: ((lines: readonly string[]) => void) | undefined;
}

/** Lives through the days, with everything that the seed lets happen in them, and judges all of it. */
export async function runTimelapse({ seed, days, tamper, happenings, onLog }: RunOptions): Promise<Run> {
  const kept: { -readonly [K in keyof Kept]: Kept[K] } = {};
  const keep =
    <K extends keyof Kept>(name: K, make: (watched: Watched) => NonNullable<Kept[K]>) =>
    (watched: Watched): Watcher => {
      const made = make(watched);
      Object.assign(kept, { [name]: made });
      return made;
    };
  const world = await openWorld({
    seed,
    tamper,
    watchers: [
      coverage,
      keep('sweeps', sweepAfterLapse),
      onePerResource,
      keep('rates', callRates),
      keep('budget', callBudget),
      apart,
      orphans,
      foreign,
      keep('changes', changes),
      keep('size', storeSize),
    ],
  });
  try {
    const course = happenings ?? happeningsOf(seed, days);
    const counts: Record<string, number> = {};
    const startedAt = world.time.now();
    const marks = [
      ...course.map((happening) => ({ at: happening.at, happening })),
      ...Array.from({ length: days }, (_, day) => ({ at: (day + 1) * DAY_MS, happening: undefined })),
    ].sort((a, b) => a.at - b.at);
    for (const { at, happening } of marks) {
      await world.runUntil(startedAt + at);
      if (!happening) world.endDay();
      else {
        counts[happening.kind] = (counts[happening.kind] ?? 0) + 1;
        perform(world, happening);
      }
    }
    const { starts, crashes, calls } = world.counts();
    const { told = 0, longestMs = 0, within1Minute = 0 } = kept.changes?.latencies() ?? {};
    const byInvariant = world.violations.counts();
    onLog?.(world.logged);
    return {
      seed,
      days,
      starts,
      crashes,
      lapses: kept.sweeps?.lapses() ?? 0,
      happenings: counts,
      hindrances: world.weather.counts(),
      calls,
      peaks: kept.rates?.peaks() ?? {},
      worst: kept.budget?.worst() ?? {},
      changes: { told, within1Minute, longestMinutes: Math.round(longestMs / 60_000) },
      storeBytes: kept.size?.bytes() ?? 0,
      violations: Object.values(byInvariant).reduce((sum, count) => sum + count, 0),
      byInvariant,
      first: world.violations.list(),
    };
  } finally {
    await world.close();
  }
}

interface Kept {
  readonly sweeps?: ReturnType<typeof sweepAfterLapse>;
  readonly rates?: ReturnType<typeof callRates>;
  readonly budget?: ReturnType<typeof callBudget>;
  readonly changes?: ReturnType<typeof changes>;
  readonly size?: ReturnType<typeof storeSize>;
}
