import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSpool } from '../../../src/queue/spool.js';
import { createSpoolDir, createTestClock, createTestLog, userKey } from './fixtures.js';

const alice = userKey(1);
const bob = userKey(2);
const carol = userKey(3);
const MINUTE = 60_000;

describe('what waits in the spool', () => {
  let dir: string;
  let remove: () => Promise<void>;
  let clock: ReturnType<typeof createTestClock>;
  const open = () => openSpool({ dir, clock, log: createTestLog().log });
  beforeEach(async () => {
    ({ dir, remove } = await createSpoolDir());
    clock = createTestClock();
  });
  afterEach(() => remove());

  it('tells how old its oldest hint is, be it due, in work or to be tried again, also after a restart', async () => {
    const queue = await open();
    const at = clock.now();
    await queue.put(alice);
    const due = (await queue.stats()).oldestUnprovedAt;
    clock.advance(MINUTE);
    const [claim] = await queue.claim(1);
    const inWork = (await queue.stats()).oldestUnprovedAt;
    if (claim) await queue.retry(claim, clock.now() + 60 * MINUTE);
    clock.advance(MINUTE);

    const again = (await (await open()).stats()).oldestUnprovedAt;

    expect([due, inWork, again]).toEqual([at, at, at]);
  });

  it('does not count sweeps and re-checks as unproved', async () => {
    const queue = await open();
    await queue.put('sweep');
    await queue.defer(alice, clock.now() + MINUTE);
    const waiting = (await queue.stats()).oldestUnprovedAt;
    clock.advance(2 * MINUTE);
    await queue.claim(2);

    expect([waiting, (await queue.stats()).oldestUnprovedAt]).toEqual([undefined, undefined]);
  });

  it('is due at once after a failure that is over, while a re-check keeps its time', async () => {
    const queue = await open();
    await queue.put(alice);
    for (const claim of await queue.claim(1)) await queue.retry(claim, clock.now() + 60 * MINUTE);
    await queue.defer(bob, clock.now() + 60 * MINUTE);
    const before = await queue.claim(10);

    queue.hurry();

    expect(before).toEqual([]);
    expect((await queue.claim(10)).map(({ key }) => key)).toEqual([alice]);
  });

  it('gives what failed the place in line back that its arrival gave it', async () => {
    const queue = await open();
    await queue.put(alice);
    const [claim] = await queue.claim(1);
    clock.advance(MINUTE);
    await queue.put(bob);
    if (claim) await queue.retry(claim, clock.now() + MINUTE);
    clock.advance(2 * MINUTE);

    queue.hurry();

    expect((await queue.claim(1)).map(({ key }) => key)).toEqual([alice]);
  });

  it('lets a second reading go before all that has waited for longer, once it is due', async () => {
    const queue = await open();
    await queue.put(alice);
    await queue.defer(bob, clock.now() + MINUTE);
    await queue.defer(carol, clock.now() + MINUTE, true);
    clock.advance(2 * MINUTE);

    expect((await queue.claim(2)).map(({ key }) => key)).toEqual([carol, alice]);
  });

  it('remembers over restarts how many attempts were the fault of the item', async () => {
    const queue = await open();
    await queue.put(alice);
    for (const claim of await queue.claim(1)) await queue.retry({ ...claim, faults: 1 }, clock.now());

    expect(await (await open()).claim(1)).toMatchObject([{ key: alice, attempts: 1, faults: 1 }]);
  });

  it('is claimed as far as it is wanted', async () => {
    const queue = await open();
    await queue.put(alice);
    await queue.put('sweep');

    expect((await queue.claim(10, (key) => key === 'sweep')).map(({ key }) => key)).toEqual(['sweep']);
  });
});
