import { beforeAll, describe, expect, it } from 'vitest';
import { courseOf } from '../model/actions.js';
import { runCourse } from '../model/run.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';

/** `npm run model` goes on for as long as one likes; here each world is a short one, and always the same. */
const STEPS = 60;
const SEEDS = [1, 2, 3, 4, 5, 6];

let authority: TestAuthority;
beforeAll(async () => {
  authority = await createTestAuthority();
});

describe('any course of events, with faults, crashes and operators, against both simulators', () => {
  it.each(SEEDS)('harms nobody on the way, and ends with every target as it should be (seed %i)', async (seed) => {
    const run = await runCourse(seed, courseOf(seed, STEPS), authority);

    const where = `step ${run.failedAt}; again with: npm run model -- --course ${seed} --steps ${STEPS}`;
    expect(run.violations, where).toEqual([]);
    expect(run.steps).toBe(STEPS + 1);
  });
});
