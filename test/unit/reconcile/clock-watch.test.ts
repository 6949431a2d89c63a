import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deletionWaits } from '../../../src/operator/deletion-waits.js';
import { watchClock } from '../../../src/reconcile/clock-watch.js';
import { confirmClock } from '../../../src/reconcile/confirm-clock.js';
import type { BootClock } from '../../../src/reconcile/context.js';
import { reject } from '../../../src/reconcile/rejection.js';
import { ALICE, BOB, EVERYBODY, HOUR, NOW } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

const YEAR = 365 * 24 * HOUR;
const DAY = 24 * HOUR;

/** The boot clock goes on with the fake wall clock, except for what the date was set by. */
let setBy: number;
let boot: string;
let world: FakeWorld;
const bootClock: BootClock = () => ({ bootId: boot, uptimeMs: world.clock.time - setBy - NOW + HOUR });

beforeEach(async () => {
  setBy = 0;
  boot = 'one';
  world = await createFakeWorld({ bootClock });
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
  await world.reconcile(ALICE);
});
afterEach(() => world.remove());

/** Somebody sets the date. */
function setClock(byMs: number): void {
  setBy += byMs;
  world.clock.time += byMs;
}

function pass(ms: number): void {
  world.clock.time += ms;
}

async function leave(): Promise<void> {
  world.directory.person(ALICE).groups = [];
  await world.settleDown(ALICE);
  expect(world.entry(ALICE)?.state).toBe('grace');
}

const doubt = () => world.ctx.ledger.data.clock?.doubt;
const isDeleted = () => world.linux.account(ALICE)?.state === 'deleted';

describe('a clock that jumps a year ahead', () => {
  it('ends no countdown: the deletion is held until an operator looks, and the jump is told', async () => {
    await world.sweep();
    await leave();

    setClock(YEAR);
    const { record } = await world.sweep();

    expect(isDeleted()).toBe(false);
    expect(record.result).toBe('held');
    expect(world.ctx.ledger.data.guard.held?.why).toContain('jumped ahead by 365 days');
    expect([...world.ctx.problems.values()].join()).toContain('deletions wait');
    expect(world.events.filter(({ event }) => event === 'reconcile.clock.jumped')).toHaveLength(1);
    expect(await world.ctx.metrics.registry.metrics()).toContain('entramox_clock_doubted 1');
  });

  it('still locks who leaves, and lets in who joins', async () => {
    await watchClock(world.ctx);
    setClock(YEAR);
    await watchClock(world.ctx);
    world.directory.add({ oid: BOB, upn: 'bob@example.com', groups: [EVERYBODY] });

    await leave();
    await world.reconcile(BOB);

    expect(world.linux.account(ALICE)?.locked).toBe(true);
    expect(world.linux.account(BOB)?.state).toBe('whole');
  });

  it('does not make a first sign of a departure old: the second reading waits for its time', async () => {
    await watchClock(world.ctx);
    world.directory.person(ALICE).groups = [];
    await world.reconcile(ALICE);

    setClock(YEAR);
    await watchClock(world.ctx);
    await world.reconcile(ALICE);

    expect(world.entry(ALICE)?.state).toBe('active');
    pass(5000);
    await world.reconcile(ALICE);
    expect(world.entry(ALICE)?.state).toBe('grace');
  });

  it('is believed again once it is set right, and a countdown that it began gets its full time from then', async () => {
    await watchClock(world.ctx);
    setClock(YEAR);
    await watchClock(world.ctx);
    await leave();

    setClock(-YEAR);
    await watchClock(world.ctx);

    expect(doubt()).toBeUndefined();
    expect(world.entry(ALICE)?.deleteAt).toBe(world.clock.time + DAY);
    expect([...world.ctx.problems.values()]).toEqual([]);
  });

  it('leaves a countdown that ran before as it was, and lets its deletion go once the clock is right', async () => {
    await leave();
    const deleteAt = world.entry(ALICE)?.deleteAt;
    await watchClock(world.ctx);

    setClock(YEAR);
    await world.sweep();
    pass(DAY);
    setClock(-YEAR);
    await watchClock(world.ctx);
    const after = world.entry(ALICE)?.deleteAt;
    const { record } = await world.sweep();

    expect(after).toBe(deleteAt);
    expect(record.result).toBe('done');
    expect(isDeleted()).toBe(true);
  });

  it('is still doubted after a restart, and noticed by it where nobody was there to see it', async () => {
    await watchClock(world.ctx);
    world.ctx.ledger.changed();
    await world.ctx.ledger.save();

    setClock(YEAR);
    await world.restart();
    await watchClock(world.ctx);
    const noticed = doubt();
    await world.restart();

    expect(noticed?.why).toContain('jumped ahead by 365 days');
    expect(doubt()).toEqual(noticed);
  });
});

describe('a clock that jumps a year back', () => {
  it('begins countdowns that nobody loses early once it is set right', async () => {
    await watchClock(world.ctx);
    setClock(-YEAR);
    await watchClock(world.ctx);
    await leave();
    pass(HOUR);

    setClock(YEAR);
    await world.sweep();

    expect(isDeleted()).toBe(false);
    expect(world.entry(ALICE)?.deleteAt).toBe(world.clock.time + DAY);
    pass(DAY);
    await world.sweep();
    expect(isDeleted()).toBe(true);
  });

  it('does not keep a leaver in: a first sign from the future counts from now', async () => {
    await watchClock(world.ctx);
    world.directory.person(ALICE).groups = [];
    await world.reconcile(ALICE);

    setClock(-YEAR);
    await world.settleDown(ALICE);

    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('neither makes the guard count a removal for a year, nor an approval last for one', async () => {
    const { guard } = world.ctx.ledger.data;
    await watchClock(world.ctx);
    guard.window = [{ oid: BOB, kind: 'lock', at: world.clock.time - HOUR / 2 }];
    guard.approved = [{ oid: BOB, kind: 'lock', until: world.clock.time + HOUR }];

    setClock(-YEAR);
    await watchClock(world.ctx);

    expect(guard.window[0]?.at).toBe(world.clock.time - HOUR / 2);
    expect(guard.approved[0]?.until).toBe(world.clock.time + HOUR);
  });

  it('over a reboot is doubted too, until the date is past what it was', async () => {
    await watchClock(world.ctx);
    boot = 'two';
    setClock(-YEAR);
    await watchClock(world.ctx);
    const why = doubt()?.why;

    setClock(YEAR);
    await watchClock(world.ctx);

    expect(why).toContain('behind what it was before the reboot');
    expect(doubt()).toBeUndefined();
  });
});

describe('a clock that goes as it should', () => {
  it('is believed through weeks, a reboot and a correction by NTP, and deletions happen on time', async () => {
    await leave();
    await world.sweep();

    pass(DAY);
    setClock(60_000);
    await watchClock(world.ctx);
    boot = 'two';
    pass(2 * DAY);
    await world.sweep();

    expect(doubt()).toBeUndefined();
    expect(isDeleted()).toBe(true);
  });

  it('is noted without a write of its own', async () => {
    await watchClock(world.ctx);
    const saved = await world.ctx.ledger.save();
    pass(60_000);

    const found = await watchClock(world.ctx);

    expect(saved).toBeUndefined();
    expect(found).toBe('believed');
    expect(world.ctx.ledger.data.clock?.wall).toBe(world.clock.time);
  });
});

describe('a doubt', () => {
  it('that an operator takes away is gone: the clock counts as right from then on', async () => {
    await leave();
    await watchClock(world.ctx);
    setClock(YEAR);
    await world.sweep();
    const { clock } = world.ctx.ledger.data;
    if (clock) clock.doubt = undefined;
    pass(60_000);

    await watchClock(world.ctx);

    expect(doubt()).toBeUndefined();
  });
});

describe('an operator who says that the clock is right', () => {
  const say = () => confirmClock(world.ctx, { operator: 'operator', claimedUser: 'root' });
  const YEARS_OFF = 'went by, by the clock of this host';

  async function offForAMonth(): Promise<void> {
    await watchClock(world.ctx);
    boot = 'two';
    pass(30 * DAY);
    await watchClock(world.ctx);
    expect(doubt()?.why).toContain(YEARS_OFF);
  }

  it('ends a doubt that nothing else would end, while no deletion is due, and is on record', async () => {
    await offForAMonth();
    const told = [...world.ctx.problems.values()].join();

    const { why } = await say();
    await world.restart();
    await watchClock(world.ctx);

    expect(told).toContain('entramox approve clock');
    expect(why).toContain(YEARS_OFF);
    expect(doubt()).toBeUndefined();
    expect([...world.ctx.problems.values()]).toEqual([]);
    expect(world.audit.filter(({ action }) => action === 'confirm-clock')).toMatchObject([
      { by: 'operator', claimedUser: 'root', outcome: 'done', before: { why } },
    ]);
  });

  it('lets deletions go that waited for the clock alone, and those that are too many be held', async () => {
    world.directory.add({ oid: BOB, upn: 'bob@example.com', groups: [EVERYBODY] });
    await world.reconcile(BOB);
    await leave();
    await offForAMonth();
    const { record: waits } = await world.sweep();

    await say();
    const held = world.ctx.ledger.data.guard.held;
    const { record } = await world.sweep();

    expect(waits.result).toBe('held');
    expect(held).toBeUndefined();
    expect(record.result).toBe('done');
    expect(isDeleted()).toBe(true);
  });

  it('lets no more deletions go than the guard does', async () => {
    world.ctx.policy.guard.maxDeletes = 0;
    await leave();
    await offForAMonth();
    await world.sweep();

    await say();
    const { record } = await world.sweep();

    expect(record.result).toBe('held');
    expect(world.ctx.ledger.data.guard.held?.why).toContain('none may without being asked for');
    expect(isDeleted()).toBe(false);
  });

  it('does not let somebody be deleted unasked whose rejection ended while the clock was in doubt', async () => {
    world.ctx.policy.guard.maxDeletes = 0;
    await leave();
    pass(DAY);
    await world.sweep();
    await reject(world.ctx, world.ctx.ledger.data.guard.held?.hash ?? '', 'operator');
    world.ctx.policy.guard.maxDeletes = 5;
    await offForAMonth();
    await world.sweep();

    await say();
    const { record } = await world.sweep();

    expect(record.result).toBe('held');
    expect(isDeleted()).toBe(false);
  });

  it('is asked again where the clock jumped since the operator can have looked', async () => {
    await offForAMonth();
    setClock(YEAR);

    await expect(say()).rejects.toThrow('jumped just now');

    expect(doubt()).toBeDefined();
  });

  it('is told so where the clock is not in doubt, and in a dry run', async () => {
    await watchClock(world.ctx);

    await expect(say()).rejects.toThrow('not in doubt');
    world.ctx = { ...world.ctx, dryRun: true };
    await expect(say()).rejects.toThrow('DRY_RUN');
  });
});

describe('the list of who will be deleted', () => {
  const waits = (): string | undefined => {
    const entry = world.entry(ALICE);
    return entry && deletionWaits(world.ctx, entry);
  };

  it('does not promise the next sweep where the clock is in doubt, a plan is held, or an operator said no', async () => {
    await leave();
    pass(DAY);
    const due = waits();
    await watchClock(world.ctx);
    setClock(YEAR);
    await watchClock(world.ctx);
    const doubted = waits();
    await world.sweep();
    const held = waits();
    await reject(world.ctx, world.ctx.ledger.data.guard.held?.hash ?? '', 'operator');

    expect(due).toBeUndefined();
    expect(doubted).toBe('waits for the clock');
    expect(held).toMatch(/^held: plan [0-9a-f]{12}$/);
    expect(waits()).toBe('kept by a rejection');
  });
});
