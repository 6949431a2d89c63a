import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ALICE, BOB, EVERYBODY, HOUR } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

let world: FakeWorld;

beforeEach(async () => {
  world = await createFakeWorld();
  world.directory.add({ oid: ALICE, upn: 'a.b@example.com', groups: [EVERYBODY] });
  world.directory.add({ oid: BOB, upn: 'a_b@example.com', groups: [EVERYBODY] });
});
afterEach(() => world.remove());

function conflictsOf(oid: string): string[] {
  return world.entry(oid)?.conflicts.map(({ what }) => what) ?? [];
}

describe('two people who map to one Unix name', () => {
  it('leaves the name with the earlier one, and tells the later one whose it is', async () => {
    await world.reconcile(ALICE);

    await world.reconcile(BOB);

    expect(world.linux.account(ALICE)?.name).toBe('a_b');
    expect(world.linux.account(BOB)).toBeUndefined();
    expect(conflictsOf(BOB)).toEqual([expect.stringContaining(ALICE)]);
  });

  it('gives it to neither when they arrive together', async () => {
    const outcomes = await world.reconcile(ALICE, BOB);

    expect(outcomes.map(({ result }) => result)).toEqual(['conflict', 'conflict']);
    expect(world.linux.accounts.size).toBe(0);
  });

  it('still gives it to neither when only one of them is looked at again', async () => {
    await world.reconcile(ALICE, BOB);

    await world.reconcile(ALICE);
    await world.restart();
    await world.reconcile(BOB);

    expect(world.linux.accounts.size).toBe(0);
    expect(conflictsOf(ALICE)).toEqual([expect.stringContaining(BOB)]);
  });

  it('gives it to the one who is left once the other one has another name', async () => {
    await world.reconcile(ALICE, BOB);
    world.directory.person(BOB).upn = 'bob@example.com';

    await world.reconcile(ALICE, BOB);

    expect(world.linux.account(ALICE)?.name).toBe('a_b');
    expect(world.linux.account(BOB)?.name).toBe('bob');
    expect(conflictsOf(ALICE)).toEqual([]);
  });

  it('gives it to the one who is left once the other one has left', async () => {
    await world.reconcile(ALICE, BOB);
    world.directory.person(BOB).standing = 'soft-deleted';

    await world.reconcile(ALICE, BOB);

    expect(world.linux.account(ALICE)?.name).toBe('a_b');
  });

  it('never hands on the name of somebody who was deleted', async () => {
    await world.reconcile(ALICE);
    world.directory.person(ALICE).standing = 'soft-deleted';
    await world.reconcile(ALICE);
    world.clock.time += 25 * HOUR;
    world.directory.person(BOB).groups = [];
    await world.sweep();
    world.directory.person(BOB).groups = [EVERYBODY];

    await world.reconcile(BOB);

    expect(world.entry(ALICE)?.state).toBe('deleted');
    expect(world.linux.account(BOB)).toBeUndefined();
    expect(conflictsOf(BOB)).toEqual([expect.stringContaining(ALICE)]);
  });

  it('gives it to one of a sweep and a targeted batch that meet, and tells the other', async () => {
    // The sweep has looked at the targets and not planned yet when the targeted work begins and ends.
    world.directory.person(BOB).groups = [];
    let met = false;
    world.linux.onObserve = async () => {
      if (met) return;
      met = true;
      world.directory.person(BOB).groups = [EVERYBODY];
      await world.reconcile(BOB);
    };

    await world.sweep();

    expect(met).toBe(true);
    expect(world.linux.account(BOB)?.name).toBe('a_b');
    expect(world.linux.account(ALICE)).toBeUndefined();
    expect(world.entry(ALICE)?.names.linux).toBeUndefined();
    expect(conflictsOf(ALICE)).toEqual([expect.stringContaining(BOB)]);
  });

  it('gives it to one of two passes that run in step', async () => {
    await Promise.all([world.reconcile(ALICE), world.reconcile(BOB)]);

    const names = world.ctx.ledger.entries().flatMap((entry) => entry.names.linux ?? []);
    expect(names).toEqual(['a_b']);
    expect(world.linux.accounts.size).toBe(1);
  });
});
