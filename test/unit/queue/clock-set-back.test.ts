import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/domain/clock.js';
import type { Queue } from '../../../src/queue/queue.js';
import { openSpool } from '../../../src/queue/spool.js';
import { createSpoolDir, createTestClock, createTestLog, eventually, type TestClock, userKey } from './fixtures.js';

const alice = userKey(1);
const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;

describe('a clock that is set back', () => {
  let dir: string;
  let remove: () => Promise<void>;
  /** What really goes by, which sleeps are measured by; the date beside it is off by `setBy`. */
  let passing: TestClock;
  let setBy: number;
  const clock: Clock = { now: () => passing.now() + setBy, sleep: (ms, signal) => passing.sleep(ms, signal) };
  const open = (): Promise<Queue> => openSpool({ dir, clock, log: createTestLog().log });

  beforeEach(async () => {
    ({ dir, remove } = await createSpoolDir());
    passing = createTestClock();
    setBy = 0;
  });
  afterEach(() => remove());

  it.each([HOUR, YEAR])('by %i ms does not put off what was hinted before', async (ms) => {
    const queue = await open();
    await queue.put(alice, 'removed');

    setBy -= ms;

    expect(await queue.stats()).toMatchObject({ deferred: 0 });
    expect((await queue.claim(10)).map(({ key }) => key)).toEqual([alice]);
  });

  it('does not put a second look off by more than anything is ever put off', async () => {
    const queue = await open();
    await queue.defer(alice, clock.now() + HOUR);

    setBy -= YEAR;

    expect((await queue.claim(10)).map(({ key }) => key)).toEqual([alice]);
  });

  it('does not stop the slow scan', async () => {
    const queue = await open();
    let woken = 0;
    const unwatch = queue.watch(() => {
      woken += 1;
    });

    setBy -= YEAR;
    for (let rounds = 0; rounds < 3; rounds += 1) {
      const before = woken;
      await eventually(() => {
        passing.advance(5001);
        return woken > before;
      });
    }

    expect(woken).toBeGreaterThanOrEqual(3);
    unwatch();
  });
});
