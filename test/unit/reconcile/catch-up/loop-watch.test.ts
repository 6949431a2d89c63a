import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DeltaSource } from '../../../../src/entra/delta-hints.js';
import { type CatchUp, createCatchUp } from '../../../../src/reconcile/catch-up/catch-up.js';
import { createKnownPeople, type KnownPeople } from '../../../../src/reconcile/catch-up/known.js';
import { linksInMemory } from '../../../../src/reconcile/catch-up/links.js';
import { createLoop, type Loop } from '../../../../src/reconcile/loop.js';
import { ALICE, BOB, EVERYBODY, LAB } from '../../domain/builders.js';
import { createMemoryQueue, type MemoryQueue } from '../fakes/queue.js';
import { createFakeWorld, type FakeWorld, oidOf } from '../fakes/world.js';

const CAROL = oidOf(3);

let world: FakeWorld;
let queue: MemoryQueue;
let loop: Loop;
let catchUp: CatchUp;
let known: KnownPeople;
/** What the next round tells. */
let told: { users: string[]; groups: string[] };

beforeEach(async () => {
  world = await createFakeWorld();
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
  world.directory.add({ oid: BOB, upn: 'bob@example.com', groups: [EVERYBODY] });
  world.directory.add({ oid: CAROL, upn: 'carol@example.com', enabled: false, groups: [LAB] });
  queue = createMemoryQueue(world.clock);
  known = createKnownPeople(world.ctx.ledger, [oidOf(9)]);
  told = { users: [], groups: [] };
  const source: DeltaSource = {
    begin: async () => ({ link: 'https://graph.example.test/', requests: 1 }),
    async follow(kind, link) {
      const hints = kind === 'users' ? told : { users: [], groups: [] };
      if (kind === 'users') told = { users: [], groups: [] };
      return { users: new Set(hints.users), groups: new Set(hints.groups), link, requests: 1 };
    },
  };
  const { ledger, clock, log, metrics } = world.ctx;
  catchUp = createCatchUp({
    source,
    hints: queue,
    links: linksInMemory(),
    groups: () => [EVERYBODY],
    known,
    entry: ledger.entry,
    intervalMs: 60_000,
    isPushed: true,
    clock,
    log,
    metrics,
    random: () => 1,
  });
  loop = createLoop(world.ctx, {
    queue,
    confirmAfterMs: [30_000],
    maxAttempts: 3,
    failOpen: true,
    random: () => 0,
    watch: catchUp.watch,
  });
  loop.start();
  await catchUp.round();
  await rest();
});
afterEach(async () => {
  await loop.stop();
  await catchUp.stop();
  await world.remove();
});

async function rest(): Promise<void> {
  await vi.waitUntil(
    async () => {
      const { pending, deferred, processing } = await queue.stats();
      return pending === deferred && processing === 0 && !loop.busy().sweep;
    },
    { interval: 2, timeout: 5000 },
  );
}

async function round(...users: string[]): Promise<void> {
  world.clock.time += 60_000;
  told = { users, groups: [] };
  await catchUp.round();
  queue.wake();
  await rest();
}

async function sweep(): Promise<void> {
  world.clock.time += 1000;
  await queue.put('sweep');
  await rest();
}

const untold = () =>
  world.events.flatMap(({ event, fields }) => (event === 'reconcile.change.untold' ? [[fields.by, fields.upn]] : []));

describe('what the loop tells catch-up', () => {
  it('shows whom only catch-up had told of, and nobody whom a notification had named', async () => {
    await round();
    world.directory.person(ALICE).enabled = false;
    world.directory.person(BOB).enabled = false;

    await queue.put(`user:${BOB}`);
    await rest();
    await round(ALICE, BOB);

    expect(untold()).toEqual([['catch-up', 'alice@example.com']]);
  });

  it('shows it also where the lock waited for a second reading', async () => {
    await round();
    world.directory.person(ALICE).groups = [];

    await round(ALICE);
    await round();

    expect(world.entry(ALICE)?.state).toBe('grace');
    expect(untold()).toEqual([['catch-up', 'alice@example.com']]);
  });

  it('shows those of a group that only catch-up had told of', async () => {
    await round();
    world.directory.add({ oid: oidOf(4), upn: 'dora@example.com', groups: [EVERYBODY] });
    world.clock.time += 60_000;
    told = { users: [], groups: [EVERYBODY] };

    await catchUp.round();
    await rest();

    expect(world.entry(oidOf(4))?.state).toBe('active');
    expect(untold()).toEqual([['catch-up', 'dora@example.com']]);
  });

  it('shows what only a sweep had found, once catch-up had its chance', async () => {
    await round();
    world.directory.person(ALICE).enabled = false;
    world.directory.person(BOB).displayName = 'Bob Other';

    await sweep();
    const atOnce = untold();
    await round(BOB);

    expect(atOnce).toEqual([]);
    expect(untold().sort()).toEqual([
      ['catch-up', 'bob@example.com'],
      ['sweep', 'alice@example.com'],
    ]);
  });

  it('does not call it a discovery that a target had drifted', async () => {
    await round();
    world.proxmox.users.clear();

    await sweep();
    const made = world.proxmox.users.size;
    await round();

    expect([made, untold()]).toEqual([2, []]);
  });
});

describe('who is known', () => {
  it('is nobody before a sweep has finished, since somebody may be in scope whom nobody has seen', () => {
    const fresh = createKnownPeople(world.ctx.ledger, []);

    expect(fresh.list()).toBeUndefined();
  });

  it('are those in the ledger, those configured, and those in a group for whom nothing was made', () => {
    expect([...(known.list() ?? [])].sort()).toEqual([ALICE, BOB, CAROL, oidOf(9)].sort());
  });

  it('is also whoever was looked at since and is in a group, and no stranger', async () => {
    world.directory.add({ oid: oidOf(5), upn: 'erin@example.com', enabled: false, groups: [LAB] });
    world.directory.add({ oid: oidOf(6), upn: 'frank@example.com' });

    await round(oidOf(5), oidOf(6));

    expect(known.list()).toContain(oidOf(5));
    expect(known.list()).not.toContain(oidOf(6));
  });
});
