import { describe, expect, it } from 'vitest';
import { BREAKAGES } from '../timelapse/breakages.js';
import { INVARIANTS } from '../timelapse/checks/violations.js';
import type { Happening } from '../timelapse/happenings.js';
import { runTimelapse } from '../timelapse/run.js';
import { HOUR_MS } from '../timelapse/settings.js';

/** `npm run timelapse` lives through months; here the days are few, and always the same. */
const DAYS = 8;
const SEEDS = [1, 2];

describe('days of renewals, outages, restarts and changes in virtual time', () => {
  it.each(SEEDS)('leave no gap, no orphan and no change behind (seed %i)', async (seed) => {
    const run = await runTimelapse({ seed, days: DAYS });

    expect(run.first, `again with: npm run timelapse -- --days ${DAYS} --seed ${seed}`).toEqual([]);
    expect(run.violations).toBe(0);
    // The days were worth living through.
    expect(run.calls.renew).toBeGreaterThan(10);
    expect(run.calls.reauthorize).toBeGreaterThan(5);
    expect(run.crashes).toBeGreaterThan(3);
    expect(run.lapses).toBeGreaterThan(5);
    expect(run.changes.told).toBeGreaterThan(30);
    expect(run.changes.within1Minute).toBeLessThan(run.changes.told);
  });

  it('come out the same for the same seed', async () => {
    const once = await runTimelapse({ seed: 5, days: 1 });

    const again = await runTimelapse({ seed: 5, days: 1 });

    expect(again).toEqual(once);
  });
});

describe('each invariant of the time-lapse', () => {
  it.each(Object.entries(BREAKAGES))('is seen to be broken by a product that %s', async (_, breakage) => {
    const { invariant, days, course, tamper } = breakage;

    const run = await runTimelapse({ seed: 1, days, happenings: course, tamper });

    expect(run.byInvariant[invariant]).toBeGreaterThan(0);
    expect(run.first.map((violation) => violation.invariant)).toContain(invariant);
  });

  it('has a product that breaks it', () => {
    const broken = Object.values(BREAKAGES).map(({ invariant }) => invariant);

    expect(new Set(broken)).toEqual(new Set(INVARIANTS));
  });

  it('holds in all of these courses where the product is whole', async () => {
    const happenings = Object.values(BREAKAGES).flatMap(({ course }) => course);

    const run = await runTimelapse({ seed: 1, days: 4, happenings });

    expect(run.first).toEqual([]);
  });
});

describe('an endpoint that could not be reached for hours', () => {
  it('has its subscription back with the next look once it can be reached', async () => {
    const happenings: Happening[] = [
      { at: 5 * HOUR_MS, kind: 'endpoint-unreachable', ms: 6.3 * HOUR_MS, choice: 0 },
      { at: 5.1 * HOUR_MS, kind: 'delete-behind', ms: 0, choice: 0 },
    ];

    const run = await runTimelapse({ seed: 1, days: 1, happenings });

    expect(run.first).toEqual([]);
    expect(run.calls.create).toBeGreaterThan(20);
  });
});
