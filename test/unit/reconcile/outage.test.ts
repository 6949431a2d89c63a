import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Rejected, SourceUnavailable } from '../../../src/domain/errors.js';
import { createBreaker } from '../../../src/entra/breaker.js';
import { GraphUnavailable } from '../../../src/entra/graph-errors.js';
import type { Key } from '../../../src/queue/queue.js';
import { tellOutages } from '../../../src/reconcile/health-outages.js';
import { createLoop, type Loop } from '../../../src/reconcile/loop.js';
import { retryClaim } from '../../../src/reconcile/retry-claim.js';
import { ALICE, EVERYBODY } from '../domain/builders.js';
import { createMemoryQueue, type MemoryQueue } from './fakes/queue.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

const ALICES: Key = `user:${ALICE}`;

let world: FakeWorld;
let queue: MemoryQueue;
let loop: Loop;
let breaker: ReturnType<typeof createBreaker>;

beforeEach(async () => {
  world = await createFakeWorld();
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
  queue = createMemoryQueue(world.clock);
  breaker = createBreaker({ clock: world.clock, log: world.ctx.log, random: () => 1 });
  tellOutages(world.ctx.problems, breaker);
  const ctx = { ...world.ctx, outages: breaker };
  loop = createLoop(ctx, { queue, confirmAfterMs: [], maxAttempts: 3, failOpen: true, random: () => 0 });
});
afterEach(async () => {
  await loop.stop();
  await world.remove();
});

async function goesAway(): Promise<void> {
  const refused = new GraphUnavailable('no access token: expired', { about: 'credential', mend: 'make a new one' });
  await breaker
    .pass(
      () => Promise.reject(refused),
      async () => undefined,
    )
    .catch(() => undefined);
}

async function comesBack(): Promise<void> {
  world.clock.time = breaker.outage()?.until ?? 0;
  await breaker.pass(
    async () => 'answer',
    async () => undefined,
  );
}

const idle = () => vi.waitUntil(() => queue.processing.size === 0 && !loop.busy().sweep, { interval: 2 });

describe('an outage of the directory', () => {
  it('leaves people in the queue as they are, and lets a sweep say at once why it cannot be', async () => {
    await goesAway();
    world.directory.down = true;
    let reads = 0;
    world.directory.onRead = () => {
      reads += 1;
    };
    await queue.put(ALICES);
    loop.start();

    await queue.put('sweep');
    await vi.waitUntil(() => world.ctx.ledger.data.lastSweep !== undefined, { interval: 2 });
    await idle();

    expect(reads).toBe(0);
    expect(queue.pending.get(ALICES)).toMatchObject({ attempts: 0 });
    expect(world.ctx.ledger.data.lastSweep?.result).toBe('degraded');
    expect(world.ctx.problems.list()).toMatchObject([{ condition: 'credential', mend: 'make a new one' }]);
  });

  it('ends with everybody who waits for another try being due at once', async () => {
    loop.start();
    world.directory.down = true;
    await queue.put(ALICES);
    await vi.waitUntil(() => queue.pending.get(ALICES)?.attempts === 1, { interval: 2 });
    await goesAway();
    const waiting = queue.pending.get(ALICES);
    if (waiting) waiting.notBefore = world.clock.time + 3_600_000;
    world.directory.down = false;

    await comesBack();

    await vi.waitUntil(() => world.linux.account(ALICE) !== undefined, { interval: 2 });
    expect(world.ctx.problems.has('credential')).toBe(false);
  });

  it('speaks against nobody, however many attempts it cost', async () => {
    const options = { queue, maxAttempts: 3, random: () => 0 };
    await queue.put(ALICES);
    const attempt = async (error: unknown) => {
      const [claim] = await queue.claim(1);
      if (!claim) throw new Error('nothing is due');
      await retryClaim(world.ctx, options, claim, error);
      world.clock.time += 400_000;
    };
    for (let count = 0; count < 50; count += 1) await attempt(new SourceUnavailable('away'));

    await attempt(new Rejected('broken'));
    await attempt(new Rejected('broken'));
    const before = [...queue.parked.keys()];
    await attempt(new Rejected('broken'));

    expect(before).toEqual([]);
    expect([...queue.parked.keys()]).toEqual([ALICES]);
  });
});
