import { EVERYBODY, HOUR } from '../../domain/builders.js';
import { createFakeWorld, type FakeWorld, oidOf } from './world.js';

/** A guard that lets two people be locked and one be deleted in an hour. */
export const NARROW_GUARD = {
  windowMs: HOUR,
  maxLocks: 2,
  maxLocksPercent: 0,
  maxDeletes: 1,
  maxDeletesPercent: 0,
  rejectForMs: 48 * HOUR,
};

/** The object ids of a crowd. */
export function crowdOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => oidOf(index + 1));
}

/** A world behind the narrow guard, swept once, in which everybody of the crowd has what is due. */
export async function createCrowdedWorld(crowd: readonly string[]): Promise<FakeWorld> {
  const world = await createFakeWorld({ policy: { guard: { ...NARROW_GUARD } } });
  for (const [index, oid] of crowd.entries()) {
    world.directory.add({ oid, upn: `person${index}@example.com`, groups: [EVERYBODY] });
  }
  await world.sweep();
  return world;
}
