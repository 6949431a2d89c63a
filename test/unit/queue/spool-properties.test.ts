import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Claim, Key, Queue } from '../../../src/queue/queue.js';
import { openSpool } from '../../../src/queue/spool.js';
import { createSpoolDisk, type SpoolDisk } from '../../../src/queue/spool-disk.js';
import { createSpoolDir, createTestClock, type TestClock, userKey } from './fixtures.js';

const KEYS: Key[] = [...Array.from({ length: 5 }, (_, n) => userKey(n)), 'sweep'];
const DAY_MS = 24 * 3600_000;

type Command =
  | { kind: 'put'; key: Key; removed: boolean }
  | { kind: 'defer'; key: Key; ms: number }
  | { kind: 'claim'; limit: number }
  | { kind: 'settle'; nth: number; how: 'done' | 'retry' | 'park'; ms: number }
  | { kind: 'advance'; ms: number }
  /** The process dies at its `after`-th touch of the disk from here, before or after that touch has its effect. */
  | { kind: 'doom'; after: number; effective: boolean };

const key = fc.constantFrom(...KEYS);
const ms = fc.constantFrom(0, 1, 50, 1000, 60_000);
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), key, removed: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('defer' as const), key, ms }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('claim' as const), limit: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      nth: fc.nat(9),
      how: fc.constantFrom('done' as const, 'done' as const, 'retry' as const, 'park' as const),
      ms,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('doom' as const), after: fc.nat(8), effective: fc.boolean() }),
  },
);

/** A disk on which nothing changes any more once the process is dead. */
function createMortalDisk(
  disk: SpoolDisk,
): SpoolDisk & { doom(after: number, effective: boolean): void; dead(): boolean } {
  let left = Number.POSITIVE_INFINITY;
  let lastCounts = false;
  const later =
    <A extends unknown[], T>(act: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      left -= 1;
      if (left >= 0) return act(...args);
      if (left === -1 && lastCounts) await act(...args);
      throw new Error('the process is dead');
    };
  return {
    createHint: later(disk.createHint),
    replaceHint: later(disk.replaceHint),
    sync: later(async () => undefined),
    names: later(disk.names),
    look: later(disk.look),
    read: later(disk.read),
    write: later(disk.write),
    move: later(disk.move),
    remove: later(disk.remove),
    reject: later(disk.reject),
    doom(after, effective) {
      left = after;
      lastCounts = effective;
    },
    dead: () => left < 0,
  };
}

/** What a plain reading of the promises expects: which keys must still be claimed some day, and which are in work. */
async function play(dir: string, clock: TestClock, commands: readonly Command[]): Promise<void> {
  const owed = new Set<Key>();
  /** Their call ended with the process: stored or not, both is right. */
  const perhaps = new Set<Key>();
  let inWork = new Map<Key, { claim: Claim; again: boolean; hinted: boolean }>();
  let disk = createMortalDisk(createSpoolDisk(dir));
  const open = (): Promise<Queue> => openSpool({ dir, clock, log: () => undefined, disk });
  let queue = await open();

  async function survive(): Promise<void> {
    if (!disk.dead()) return;
    for (const inHand of inWork.keys()) owed.add(inHand);
    inWork = new Map();
    disk = createMortalDisk(createSpoolDisk(dir));
    queue = await open();
  }

  async function claim(limit: number): Promise<Claim[]> {
    const before = new Set(inWork.keys());
    const claims = await queue.claim(limit).catch(() => []);
    if (disk.dead()) return [];
    for (const one of claims) {
      expect(before.has(one.key), `${one.key} is claimed twice at once`).toBe(false);
      expect(owed.has(one.key) || perhaps.has(one.key), `${one.key} is claimed without a reason`).toBe(true);
      before.add(one.key);
      owed.delete(one.key);
      perhaps.delete(one.key);
      inWork.set(one.key, { claim: one, again: false, hinted: false });
    }
    return claims;
  }

  function expectAgain(wanted: Key, hinted: boolean): void {
    const entry = inWork.get(wanted);
    if (entry) Object.assign(entry, { again: true, hinted: entry.hinted || hinted });
    else owed.add(wanted);
  }

  async function obey(one: Command): Promise<void> {
    switch (one.kind) {
      case 'put': {
        const stored = await queue.put(one.key, one.removed ? 'removed' : 'changed').then(
          () => true,
          () => false,
        );
        if (stored) expectAgain(one.key, true);
        else perhaps.add(one.key);
        return;
      }
      case 'defer':
        await queue.defer(one.key, clock.now() + one.ms);
        if (disk.dead()) perhaps.add(one.key);
        else expectAgain(one.key, false);
        return;
      case 'claim':
        await claim(one.limit);
        return;
      case 'settle': {
        const [held] = [...inWork.values()].slice(one.nth % Math.max(1, inWork.size));
        if (!held) return;
        const settle = {
          done: () => queue.done(held.claim),
          retry: () => queue.retry(held.claim, clock.now() + one.ms),
          park: () => queue.park(held.claim, 'too bad'),
        };
        await settle[one.how]().catch((error: unknown) => {
          if (!disk.dead()) throw error;
        });
        if (disk.dead()) {
          // Settled or not, depending on where it died; what came meanwhile is owed all the same.
          inWork.delete(held.claim.key);
          perhaps.add(held.claim.key);
          if (one.how === 'park' ? held.hinted : held.again) owed.add(held.claim.key);
          return;
        }
        inWork.delete(held.claim.key);
        if (one.how === 'retry') owed.add(held.claim.key);
        if (one.how === 'park') perhaps.add(held.claim.key);
        // Parking drops what was planned for the key, but never a hint.
        if (one.how === 'park' ? held.hinted : held.again) owed.add(held.claim.key);
        return;
      }
      case 'advance':
        clock.advance(one.ms);
        return;
      case 'doom':
        disk.doom(one.after, one.effective);
    }
  }

  for (const one of commands) {
    await obey(one);
    await survive();
  }
  disk.doom(0, false);
  await queue.claim(1).catch(() => []);
  await survive();
  clock.advance(DAY_MS);
  // Everything that is owed comes within as many claims as there are keys.
  for (let round = 0; round < KEYS.length; round += 1) {
    for (const one of await claim(1)) await queue.done(one);
  }
  expect([...owed], 'lost').toEqual([]);
}

it('loses no stored hint and claims no key twice at once, wherever the process dies', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 40 }), async (commands) => {
      const { dir, remove } = await createSpoolDir();
      try {
        await play(dir, createTestClock(), commands);
      } finally {
        await remove();
      }
    }),
    { numRuns: 120 },
  );
});

it('starves no key, however often others are put', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(key, { minLength: 10, maxLength: 40 }), async (noise) => {
      const { dir, remove } = await createSpoolDir();
      const clock = createTestClock();
      try {
        const queue = await openSpool({ dir, clock, log: () => undefined });
        for (const one of KEYS.slice(1)) await queue.put(one);
        clock.advance(1);
        const patient = userKey(0);
        await queue.put(patient);
        let claimsUntilServed = 0;
        for (const other of noise) {
          clock.advance(1);
          if (other !== patient) await queue.put(other);
          const [claim] = await queue.claim(1);
          claimsUntilServed += 1;
          if (claim) await queue.done(claim);
          if (claim?.key === patient) break;
        }

        expect(claimsUntilServed).toBeLessThanOrEqual(KEYS.length);
      } finally {
        await remove();
      }
    }),
    { numRuns: 40 },
  );
});
