import type { TestAuthority } from '../simulators/tls.js';
import type { Action } from './actions.js';
import { checkStep, rememberBefore } from './after-step.js';
import { perform } from './perform.js';
import type { Violation } from './safety.js';
import { openWorld } from './world.js';

/** What came of one course in a world of its own. */
export interface Run {
  seed: number;
  /** Steps that were done. */
  steps: number;
  crashes: number;
  /** The first step after which something was wrong; undefined: all was well. */
  failedAt?: number | undefined;
  violations: Violation[];
  /** The last lines of the log, where something was wrong. */
  log: string[];
}

/** Does the course in a new world, and stops at the first step that harms somebody. Ends at rest. */
export async function runCourse(seed: number, course: readonly Action[], authority: TestAuthority): Promise<Run> {
  const world = await openWorld(seed, authority);
  const run: Run = { seed, steps: 0, crashes: 0, violations: world.safety.violations, log: world.logged };
  try {
    for (const action of [...course, { kind: 'rest' } as const]) {
      world.step += 1;
      const before = rememberBefore(world);
      await perform(world, action).catch((error: unknown) => {
        world.safety.add(
          'at rest as desired',
          `step ${world.step} broke: ${error instanceof Error ? error.stack : error}`,
        );
      });
      await checkStep(world, before, action);
      run.steps = world.step;
      if (run.violations.length > 0) break;
    }
    run.crashes = world.crashes;
    if (run.violations.length > 0) run.failedAt = run.steps;
    return run;
  } finally {
    await world.close();
  }
}
