import type { TestAuthority } from '../simulators/tls.js';
import type { Action } from './actions.js';
import { runCourse } from './run.js';
import type { Invariant } from './safety.js';

const MOST_RUNS = 60;

/** Leaves out actions, large pieces first, for as long as the same invariant breaks. */
export async function shrink(
  seed: number,
  course: readonly Action[],
  invariant: Invariant | undefined,
  authority: TestAuthority,
): Promise<Action[]> {
  let least = [...course];
  let runs = 0;
  for (let piece = Math.ceil(least.length / 2); piece >= 1; piece = Math.floor(piece / 2)) {
    for (let start = 0; start < least.length; ) {
      if (runs >= MOST_RUNS) return least;
      runs += 1;
      const candidate = [...least.slice(0, start), ...least.slice(start + piece)];
      const { violations, steps } = await runCourse(seed, candidate, authority);
      if (violations.some((violation) => violation.invariant === invariant)) least = candidate.slice(0, steps);
      else start += piece;
    }
  }
  return least;
}
