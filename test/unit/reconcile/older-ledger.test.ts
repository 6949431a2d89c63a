import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { approve } from '../../../src/reconcile/approval.js';
import { EVERYBODY, HOUR } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld, oidOf } from './fakes/world.js';

const guard = {
  windowMs: HOUR,
  maxLocks: 2,
  maxLocksPercent: 0,
  maxDeletes: 1,
  maxDeletesPercent: 0,
  rejectForMs: HOUR,
};
const [FIRST, SECOND, THIRD] = [1, 2, 3].map(oidOf) as [string, string, string];
const OLD_HASH = 'abcdefabcdef';
const forever = new AbortController().signal;

let world: FakeWorld;

beforeEach(async () => {
  world = await createFakeWorld({ policy: { guard, firstRun: 'plan' } });
  const { data } = world.ctx.ledger;
  data.firstRun = { state: 'begun', at: world.clock.time };
  for (const [index, oid] of [FIRST, SECOND, THIRD].entries()) {
    world.directory.add({ oid, upn: `person${index}@example.com`, groups: [EVERYBODY] });
  }
  await world.sweep();
});
afterEach(() => world.remove());

/** As the release before wrote it: nothing tells targets, nor what exactly is taken. */
async function withGuard(change: object): Promise<void> {
  await world.ctx.ledger.save();
  const { guard: _guard, firstRun: _firstRun, ...rest } = JSON.parse(JSON.stringify(world.ctx.ledger.data));
  const text = JSON.stringify({ ...rest, guard: { window: [], approved: [], ...change } });
  await writeFile(world.ledgerPath, text);
  await world.restart();
}

function leave(...oids: string[]): void {
  for (const oid of oids) world.directory.person(oid).standing = 'soft-deleted';
}

describe('a ledger of the release before', () => {
  it('is of a host that has run: nothing waits for a first approval', async () => {
    await withGuard({});
    leave(FIRST);

    await world.sweep();

    expect(world.linux.account(FIRST)?.locked).toBe(true);
  });

  it('has what was removed counted in every target', async () => {
    const at = world.clock.time;
    await withGuard({ window: [8, 9].map((n) => ({ oid: oidOf(n), kind: 'lock', at })) });
    leave(FIRST);

    await world.reconcile(FIRST);

    expect(world.linux.account(FIRST)?.locked).toBe(false);
    expect(world.ctx.ledger.data.guard.held?.why).toMatch(
      /3 of 3 identities on linux .*; 3 of 3 identities on proxmox/,
    );
  });

  it('has its held plan held on, under a new hash that an approval of the old one tells', async () => {
    leave(FIRST, SECOND, THIRD);
    const removals = [FIRST, SECOND, THIRD].map((oid) => ({ oid, kind: 'lock', steps: ['linux lock somebody'] }));
    await withGuard({ held: { hash: OLD_HASH, since: 1, by: 'sweep', why: '3 of 3', removals } });

    const answer = await approve(world.ctx, OLD_HASH, 'operator', forever);

    expect(answer).toMatchObject({ approved: false, difference: { came: [], went: [] } });
    expect(answer.approved || answer.instead).toBe(world.ctx.ledger.data.guard.held?.hash);
    expect(world.ctx.ledger.data.guard.held?.since).toBe(1);
    await world.sweep();
    expect(world.linux.account(FIRST)?.locked).toBe(false);
  });

  it('has its approvals honoured', async () => {
    leave(FIRST, SECOND, THIRD);
    const until = world.clock.time + HOUR / 2;
    await withGuard({ approved: [FIRST, SECOND, THIRD].map((oid) => ({ oid, kind: 'lock', until })) });

    await world.sweep();

    expect([FIRST, SECOND, THIRD].map((oid) => world.linux.account(oid)?.locked)).toEqual([true, true, true]);
  });
});

describe('the ledger file', () => {
  it('gives back held plans, rejections, decisions and what was seen', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    const before = JSON.parse(JSON.stringify(world.ctx.ledger.data));

    await world.restart();

    expect(before.guard.held.removals).toHaveLength(3);
    expect(before.guard.seen).toHaveLength(1);
    expect(JSON.parse(JSON.stringify(world.ctx.ledger.data))).toEqual(before);
  });
});
