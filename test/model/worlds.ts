/** A world is left after so many steps, so that a failure can be done again in a short time. */
export const STEPS_IN_A_WORLD = 100;

/** The seed of the world of this number. */
export function courseSeed(seed: number, world: number): number {
  return (seed * 10_007 + world) >>> 0;
}
