import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Busy } from '../../../src/domain/errors.js';
import type { Key } from '../../../src/queue/queue.js';
import { backoffMs } from '../../../src/reconcile/backoff.js';
import { createLoop, type Loop } from '../../../src/reconcile/loop.js';
import { ALICE, BOB, EVERYBODY, LAB } from '../domain/builders.js';
import { createMemoryQueue, type MemoryQueue } from './fakes/queue.js';
import { createFakeWorld, type FakeWorld, oidOf } from './fakes/world.js';

const ALICES: Key = `user:${ALICE}`;
const BOBS: Key = `user:${BOB}`;

let world: FakeWorld;
let queue: MemoryQueue;
let loop: Loop;

beforeEach(async () => {
  world = await createFakeWorld();
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
  world.directory.add({ oid: BOB, upn: 'bob@example.com', groups: [EVERYBODY] });
  queue = createMemoryQueue(world.clock);
  loop = createLoop(world.ctx, {
    queue,
    confirmAfterMs: [30_000, 300_000],
    maxAttempts: 3,
    failOpen: true,
    random: () => 0,
  });
});
afterEach(async () => {
  await loop.stop();
  await world.remove();
});

/** Nothing is due any more and nothing is being worked on. */
async function rest(): Promise<void> {
  await vi.waitUntil(
    async () => {
      const { pending, deferred, processing } = await queue.stats();
      return pending === deferred && processing === 0 && !loop.busy().sweep;
    },
    { interval: 2, timeout: 5000 },
  );
}

async function later(ms: number): Promise<void> {
  world.clock.time += ms;
  queue.wake();
  await rest();
}

async function hint(key: Key): Promise<void> {
  await queue.put(key);
  await rest();
}

function dueIn(key: Key): number | undefined {
  const pending = queue.pending.get(key);
  return pending && pending.notBefore - world.clock.time;
}

describe('the loop', () => {
  it('works off what waited before it began, and what comes later', async () => {
    await queue.put(ALICES);

    loop.start();
    await rest();
    await hint(BOBS);

    expect([ALICE, BOB].map((oid) => world.linux.account(oid)?.name)).toEqual(['alice', 'bob']);
  });

  it('looks at a key that is put while it is worked on once more, and only once', async () => {
    loop.start();
    let reads = 0;
    world.directory.onRead = async () => {
      reads += 1;
      if (reads > 1) return;
      for (let n = 0; n < 5; n += 1) await queue.put(ALICES);
    };

    await hint(ALICES);

    expect(reads).toBe(2);
  });

  it('reads up to ten identities at once', async () => {
    const batches: number[] = [];
    world.directory.onRead = (oids) => void batches.push(oids.length);
    for (let n = 0; n < 12; n += 1) await queue.put(`user:${oidOf(n)}`);

    loop.start();
    await rest();

    expect(batches).toEqual([10, 2]);
  });

  it('looks again after each trailing pause, and then rests', async () => {
    loop.start();
    await hint(ALICES);
    const first = dueIn(ALICES);
    await later(30_000);
    const second = dueIn(ALICES);
    await later(270_000);

    expect(first).toBe(30_000);
    expect(second).toBe(270_000);
    expect(dueIn(ALICES)).toBeUndefined();
  });

  it('looks at a stranger once more and then forgets them', async () => {
    loop.start();
    await hint(`user:${oidOf(99)}`);
    const first = dueIn(`user:${oidOf(99)}`);
    await later(30_000);

    expect(first).toBe(30_000);
    expect(dueIn(`user:${oidOf(99)}`)).toBeUndefined();
  });

  it('finds by a trailing look what the first answer was too early for', async () => {
    loop.start();
    world.directory.scripted.set(ALICE, [{ certainty: 'absent', oid: ALICE, evidence: 'not-found' }]);

    await hint(ALICES);
    const early = world.linux.account(ALICE);
    await later(30_000);

    expect(early).toBeUndefined();
    expect(world.linux.account(ALICE)?.name).toBe('alice');
  });

  it('takes the second reading of a departure when the pause is over', async () => {
    loop.start();
    await hint(ALICES);
    world.directory.person(ALICE).groups = [];

    await hint(ALICES);
    const wait = dueIn(ALICES);
    const before = world.linux.account(ALICE)?.locked;
    await later(5000);

    expect(wait).toBe(5000);
    expect(before).toBe(false);
    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('counts a reported removal as the first of the two readings', async () => {
    loop.start();
    await hint(ALICES);
    world.directory.person(ALICE).groups = [];

    queue.report(ALICES, world.clock.time - 5000);
    await rest();

    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('does not count a report again that a certain reading answered', async () => {
    loop.start();
    await hint(ALICES);
    world.proxmox.blind = true;
    queue.report(ALICES, world.clock.time - 6000);
    await rest();
    world.directory.person(ALICE).groups = [];

    await later(2000);

    expect(world.linux.account(ALICE)?.locked).toBe(false);
    expect(world.entry(ALICE)?.suspicion).toMatchObject({ by: 'reading' });
  });

  it('tries what failed again, with growing pauses, and parks it in the end', async () => {
    loop.start();
    world.linux.fault = () => new Error('no space left');

    await hint(ALICES);
    const first = dueIn(ALICES);
    await later(first ?? 0);
    const second = dueIn(ALICES);
    await later(second ?? 0);

    expect([first, second]).toEqual([backoffMs(1, () => 0), backoffMs(2, () => 0)]);
    expect(queue.parked.get(ALICES)).toMatchObject({ attempts: 3, error: 'no space left' });
    expect(dueIn(ALICES)).toBeUndefined();
  });

  it('takes a parked key up again with a new hint', async () => {
    loop.start();
    world.linux.fault = () => new Error('no space left');
    await hint(ALICES);
    await later(10_000);
    await later(10_000);
    world.linux.fault = () => undefined;

    await hint(ALICES);

    expect(queue.parked.size).toBe(0);
    expect(world.linux.account(ALICE)?.name).toBe('alice');
  });

  const troubles: { what: string; begin: () => void; end: () => void }[] = [
    {
      what: 'the directory is away',
      begin() {
        world.directory.down = true;
      },
      end() {
        world.directory.down = false;
      },
    },
    {
      what: 'the person cannot be read',
      begin() {
        world.directory.unreadable.add(ALICE);
      },
      end() {
        world.directory.unreadable.clear();
      },
    },
    {
      what: 'a target cannot be seen',
      begin() {
        world.linux.blind = true;
      },
      end() {
        world.linux.blind = false;
      },
    },
    {
      what: 'a target is busy',
      begin() {
        world.linux.fault = () => new Busy('locked');
      },
      end() {
        world.linux.fault = () => undefined;
      },
    },
    {
      what: 'the ledger cannot be written',
      begin() {
        vi.spyOn(world.ctx.ledger, 'save').mockRejectedValue(new Busy('no space left'));
      },
      end() {
        vi.restoreAllMocks();
      },
    },
    {
      what: 'the audit log cannot be written',
      begin() {
        world.auditFault.error = new Error('no space left');
      },
      end() {
        world.auditFault.error = undefined;
      },
    },
  ];

  it.each(troubles)('never gives up because $what', async ({ begin, end }) => {
    loop.start();
    begin();
    await hint(ALICES);
    for (let attempt = 0; attempt < 12; attempt += 1) await later(300_000);
    const parked = queue.parked.size;
    end();

    await later(300_000);

    expect(parked).toBe(0);
    expect(world.linux.account(ALICE)?.name).toBe('alice');
  });

  it('waits as long as a busy target asks for', async () => {
    loop.start();
    world.linux.fault = () => new Busy('ceiling', 600_000);

    await hint(ALICES);

    expect(dueIn(ALICES)).toBe(600_000);
  });

  it('notes that the directory is away, once, until it answers', async () => {
    loop.start();
    world.directory.down = true;
    await hint(ALICES);
    await later(10_000);
    const problems = [...world.ctx.problems.values()];
    world.directory.down = false;

    await later(10_000);

    expect(problems).toEqual(['Graph is away']);
    expect(world.events.filter(({ event }) => event === 'reconcile.source.unavailable')).toHaveLength(1);
    expect(world.ctx.problems.size).toBe(0);
  });

  it('lets one identity that breaks a pass harm nobody else of its batch', async () => {
    const poison = `user:${oidOf(66)}` as const;
    world.directory.onRead = (oids) => {
      if (oids.includes(oidOf(66))) throw new TypeError('cannot read properties of undefined');
    };
    await queue.put(poison);
    await queue.put(ALICES);

    loop.start();
    await rest();
    await later(10_000);
    await later(10_000);

    expect(world.linux.account(ALICE)?.name).toBe('alice');
    expect([...queue.parked.keys()]).toEqual([poison]);
  });

  it('settles the others of a batch when one claim cannot be settled', async () => {
    queue.fault = (method, claim) => (method === 'done' && claim.key === ALICES ? new Error('EIO') : undefined);
    await queue.put(ALICES);
    await queue.put(BOBS);

    loop.start();
    await rest();
    queue.fault = () => undefined;
    await later(30_000);

    expect(queue.processing.size).toBe(0);
    expect(world.linux.account(BOB)?.name).toBe('bob');
  });

  it('goes on when the queue itself fails for a moment', async () => {
    const { claim } = queue;
    let failures = 2;
    queue.claim = async (limit) => {
      failures -= 1;
      if (failures >= 0) throw new Error('EIO');
      return claim(limit);
    };
    await queue.put(ALICES);

    loop.start();
    await rest();

    expect(world.linux.account(ALICE)?.name).toBe('alice');
  });
});

describe('a changed group', () => {
  it('is taken apart into those who joined and those who left', async () => {
    loop.start();
    await hint(ALICES);
    world.directory.person(ALICE).groups = [];

    await hint(`group:${EVERYBODY}`);
    await later(5000);

    expect(world.linux.account(BOB)?.name).toBe('bob');
    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('is tried again when it cannot be read, instead of being forgotten', async () => {
    loop.start();
    world.directory.unreadableGroups.add(EVERYBODY);
    await hint(`group:${EVERYBODY}`);
    const again = dueIn(`group:${EVERYBODY}`);
    world.directory.unreadableGroups.clear();

    await later(again ?? 0);

    expect(again).toBeGreaterThan(0);
    expect(world.linux.account(BOB)?.name).toBe('bob');
  });
});

describe('a sweep in the loop', () => {
  it('runs beside targeted work, and never twice at once', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let sweeps = 0;
    world.directory.onScope = async () => {
      sweeps += 1;
      await released;
    };
    loop.start();
    await queue.put('sweep');
    await vi.waitUntil(() => loop.busy().sweep, { interval: 2 });
    const { progress } = loop.busy();
    await queue.put('sweep');
    await queue.put(ALICES);
    await vi.waitUntil(() => world.linux.account(ALICE) !== undefined, { interval: 2 });
    const atOnce = sweeps;

    release();
    await rest();

    expect(progress?.text).toBe('reading the directory');
    expect(loop.busy()).toEqual({ sweep: false, targeted: 0 });
    expect(atOnce).toBe(1);
    expect(sweeps).toBe(2);
  });

  it('is tried again for as long as the directory is away', async () => {
    loop.start();
    world.directory.down = true;
    await hint('sweep');
    for (let attempt = 0; attempt < 6; attempt += 1) await later(300_000);
    const away = world.ctx.ledger.data.lastSweep?.result;
    world.directory.down = false;

    await later(300_000);

    expect(away).toBe('degraded');
    expect(queue.parked.size).toBe(0);
    expect(world.ctx.ledger.data.lastSweep?.result).toBe('done');
  });

  it('is tried again when the ledger cannot be written, and does not keep its key for ever', async () => {
    loop.start();
    const save = vi.spyOn(world.ctx.ledger, 'save').mockRejectedValue(new Busy('no space left'));
    await hint('sweep');
    const processing = queue.processing.size;
    save.mockRestore();

    await later(300_000);

    expect(processing).toBe(0);
    expect(world.ctx.ledger.data.lastSweep?.result).toBe('done');
  });

  it('has those looked at again who did not come to rest', async () => {
    loop.start();
    world.linux.fault = (step) => (step.oid === ALICE ? new Error('no space left') : undefined);

    await hint('sweep');

    expect(dueIn(ALICES)).toBe(backoffMs(4, () => 0));
    expect(dueIn(BOBS)).toBeUndefined();
  });

  it('gives parked keys another chance', async () => {
    loop.start();
    world.linux.fault = () => new Error('no space left');
    await hint(ALICES);
    await later(10_000);
    await later(10_000);
    const parked = [...queue.parked.keys()];
    world.linux.fault = () => undefined;

    await hint('sweep');

    expect(parked).toEqual([ALICES]);
    expect(queue.parked.size).toBe(0);
  });

  it('is done again, instead of hundreds of single looks, when a whole target is away', async () => {
    for (let n = 0; n < 120; n += 1) {
      world.directory.add({ oid: oidOf(n), upn: `person${n}@example.com`, groups: [LAB] });
    }
    world.linux.blind = true;
    loop.start();
    await hint('sweep');
    const waiting = [...queue.pending.keys()];
    world.linux.blind = false;

    await later(300_000);

    expect(waiting).toEqual(['sweep']);
    expect(world.linux.accounts.size).toBe(122);
  });
});

describe('a stop', () => {
  it('lets targeted work end and claims nothing more', async () => {
    loop.start();
    let stopped: Promise<void> | undefined;
    world.linux.onApply = async () => {
      stopped ??= loop.stop();
      await queue.put(BOBS);
    };
    await queue.put(ALICES);
    await vi.waitUntil(() => stopped !== undefined, { interval: 2 });

    await stopped;

    expect(world.linux.account(ALICE)?.name).toBe('alice');
    expect(world.linux.account(BOB)).toBeUndefined();
    expect(queue.processing.size).toBe(0);
    expect(queue.pending.has(BOBS)).toBe(true);
  });

  it('leaves a sweep that it cut short to the next start', async () => {
    loop.start();
    let stopped: Promise<void> | undefined;
    world.linux.onApply = () => {
      stopped ??= loop.stop();
    };
    await queue.put('sweep');
    await vi.waitUntil(() => stopped !== undefined, { interval: 2 });

    await stopped;

    expect([...queue.processing]).toEqual(['sweep']);
    expect(world.linux.applied.length).toBeLessThan(3);
    expect(world.ctx.ledger.data.lastSweep).toBeUndefined();
  });

  it('keeps the key of work that could not end in time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      loop.start();
      world.directory.onRead = () => new Promise(() => undefined);
      const asked = vi.fn();
      const { readIdentities } = world.directory;
      world.directory.readIdentities = (oids, signal) => {
        asked();
        return Promise.race([
          readIdentities(oids, signal),
          new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
        ]);
      };
      await queue.put(ALICES);
      while (asked.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
      const stopped = loop.stop();

      await vi.advanceTimersByTimeAsync(6000);
      await stopped;

      expect(queue.processing.size).toBe(0);
      expect(queue.pending.has(ALICES)).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('the pause after a failure', () => {
  it('doubles from one second, with jitter, and stays within five minutes', () => {
    expect([0, 1, 2].map((attempts) => backoffMs(attempts, () => 1))).toEqual([1000, 2000, 4000]);
    expect([0, 1, 2].map((attempts) => backoffMs(attempts, () => 0))).toEqual([500, 1000, 2000]);
    for (const attempts of [9, 30, 1000, 1_000_000]) {
      expect(backoffMs(attempts, () => 0)).toBe(150_000);
      expect(backoffMs(attempts, () => 1)).toBe(300_000);
    }
  });
});
