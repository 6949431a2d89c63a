import { describe, expect, it, vi } from 'vitest';
import { createHubConsumer } from '../../../../src/listener/event-hub/consumer.js';
import type { HubConnection, HubHandlers } from '../../../../src/listener/event-hub/hub.js';
import { startHubReader } from '../../../../src/listener/event-hub/reader.js';
import type { Key } from '../../../../src/queue/queue.js';
import { createTestClock, createTestLog, guid, userKey } from '../../queue/fixtures.js';

const TENANT = guid(900);
const SUBSCRIPTION = guid(901);
const CLIENT_STATE = 'c'.repeat(40);
const LONG_MS = 5 * 60_000;

function event(n: number, sequenceNumber: number) {
  const item = {
    subscriptionId: SUBSCRIPTION,
    clientState: CLIENT_STATE,
    tenantId: TENANT,
    resource: `Users/${guid(n)}`,
  };
  return { body: Buffer.from(JSON.stringify({ value: [item] })), sequenceNumber, offset: String(sequenceNumber * 100) };
}

function bed({ stored }: { stored?: number } = {}) {
  const clock = createTestClock();
  const { log, events } = createTestLog();
  const keys: Key[] = [];
  const forgotten: string[] = [];
  const disk: { full: boolean; answer?: Promise<void> } = { full: false };
  const consumer = createHubConsumer({
    tenantId: TENANT,
    find: (id) => (id === SUBSCRIPTION ? { resource: '/users', clientState: CLIENT_STATE } : undefined),
    isWatchedGroup: () => true,
    hints: {
      async put(key) {
        await disk.answer;
        if (disk.full) throw new Error('the disk is full');
        keys.push(key);
      },
    },
    onOutcome: () => undefined,
    onLifecycle: async () => undefined,
    checkpoints: {
      of: (partition) =>
        stored === undefined ? undefined : { partition, offset: '0', sequenceNumber: stored, storedAt: 0 },
      forget: async (partition) => void forgotten.push(partition),
    },
    consumerGroup: '$Default',
    clock,
    log,
  });
  return { clock, consumer, keys, disk, forgotten, codes: () => events.map((one) => one.event) };
}

/** Lets everything that waits for nothing but earlier promises go on. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the consumer of an event hub', () => {
  it('stores the keys before the checkpoint', async () => {
    const { consumer, keys } = bed();
    const before: Key[][] = [];

    await consumer.onEvents('0', [event(1, 0), event(2, 1)], async () => void before.push([...keys]));

    expect(before).toEqual([[userKey(1), userKey(2)]]);
  });

  it('tries the spool again after ever longer waits, half a minute at most, and then goes on', async () => {
    const { clock, consumer, keys, disk } = bed();
    const checkpoint = vi.fn(async () => undefined);
    disk.full = true;

    const taking = consumer.onEvents('0', [event(1, 0)], checkpoint);
    for (const waitMs of [1000, 2000, 4000, 8000, 16_000, 30_000]) {
      await settled();
      clock.advance(waitMs);
    }
    await settled();
    const during = { calls: checkpoint.mock.calls.length, view: consumer.standing.view() };
    disk.full = false;
    clock.advance(30_000);
    await taking;

    expect(during.calls).toBe(0);
    expect(during.view).toMatchObject({ state: 'waiting', problem: 'the disk is full', since: clock.time - 91_000 });
    expect(keys).toEqual([userKey(1)]);
    expect(checkpoint).toHaveBeenCalledOnce();
  });

  it('gets over an event of more items than any sender has, and takes what is beside it', async () => {
    const { consumer, keys } = bed();
    const items = `{"value":[${'[],'.repeat(300_000)}{}]}`;
    const checkpoint = vi.fn(async () => undefined);

    await consumer.onEvents('0', [event(1, 0), { ...event(0, 1), body: Buffer.from(items) }, event(2, 2)], checkpoint);

    expect(keys).toEqual([userKey(1), userKey(2)]);
    expect(checkpoint).toHaveBeenCalledOnce();
  });

  it('goes on where a checkpoint cannot be stored, and says so once', async () => {
    const { consumer, keys, codes } = bed();
    const full = () => Promise.reject(new Error('the disk is full'));

    await consumer.onEvents('0', [event(1, 0)], full);
    await consumer.onEvents('0', [event(2, 1)], full);

    expect(keys).toEqual([userKey(1), userKey(2)]);
    expect(codes().filter((code) => code === 'listener.event-hub.checkpoint-unstored')).toHaveLength(1);
  });

  it.each([
    ['the next one', 7, 8, false],
    ['one that was read already, since a checkpoint was lost', undefined, 3, false],
    ['one behind a hole', 7, 10, true],
    ['one of a new hub that took the name', 7, 2, true],
  ])('after a start with %s: everything is looked at or not', async (_, stored, first, gap) => {
    const { consumer, keys } = bed(stored === undefined ? {} : { stored });

    await consumer.onEvents('0', [event(1, first)], async () => undefined);

    expect(keys.includes('sweep')).toBe(gap);
  });

  it('waits longer after each failure in a row, a minute at most', async () => {
    const { clock, consumer } = bed();
    const waits: number[] = [];

    for (let n = 0; n < 8; n += 1) {
      const done = vi.fn();
      void consumer.onTrouble('0', new Error('connect ECONNREFUSED')).then(done);
      let waitedMs = 0;
      while (done.mock.calls.length === 0) {
        await settled();
        clock.advance(1000);
        await settled();
        waitedMs += 1000;
      }
      waits.push(waitedMs / 1000);
    }

    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  });

  it('starts a partition over only once a sweep for what that may miss is stored', async () => {
    const { clock, consumer, keys, disk, forgotten } = bed({ stored: 7 });
    const refused = Object.assign(new Error("The supplied offset '700' is invalid."), { code: 'ArgumentError' });
    disk.full = true;

    const first = consumer.onTrouble('0', refused);
    await settled();
    clock.advance(1000);
    await first;
    const early = [...forgotten];
    disk.full = false;
    await consumer.onTrouble('0', refused);

    expect(early).toEqual([]);
    expect(forgotten).toEqual(['0']);
    expect(keys).toEqual(['sweep']);
  });
});

describe('the reader of an event hub', () => {
  function fakeHub() {
    const opened: { handlers: Map<string, HubHandlers>; closed: boolean }[] = [];
    const connect = (): HubConnection => {
      const one = { handlers: new Map<string, HubHandlers>(), closed: false };
      opened.push(one);
      return {
        partitions: async () => ['0', '1'],
        read(partition, handlers) {
          one.handlers.set(partition, handlers);
          return { stop: async () => void one.handlers.delete(partition) };
        },
        async close() {
          one.closed = true;
        },
      };
    };
    return { opened, connect };
  }

  it('starts a client afresh that gives no sign of life for five minutes', async () => {
    const { clock, consumer, codes } = bed();
    const { opened, connect } = fakeHub();
    const { log } = createTestLog();
    const reader = startHubReader({ connect, consumer, clock, log });
    await settled();

    for (let ms = 0; ms <= LONG_MS; ms += 30_000) {
      await opened[0]?.handlers.get('0')?.onEvents('0', [], async () => undefined);
      clock.advance(30_000);
      await settled();
    }
    await settled();
    await reader.stop();

    expect(opened).toHaveLength(2);
    expect(opened.every(({ closed }) => closed)).toBe(true);
    expect(codes()).toEqual([]);
  });

  it('leaves a client alone that says something, were it only trouble', async () => {
    const { clock, consumer } = bed();
    const { opened, connect } = fakeHub();
    const { log } = createTestLog();
    const reader = startHubReader({ connect, consumer, clock, log });
    await settled();

    for (let ms = 0; ms <= 2 * LONG_MS; ms += 30_000) {
      await opened[0]?.handlers.get('0')?.onEvents('0', [], async () => undefined);
      void opened[0]?.handlers.get('1')?.onTrouble('1', new Error('connect ECONNREFUSED'));
      clock.advance(30_000);
      await settled();
    }
    await reader.stop();

    expect(opened).toHaveLength(1);
    expect(consumer.standing.view()).toMatchObject({ state: 'away', problem: 'connect ECONNREFUSED' });
  });

  it('leaves partitions that a hub which was made again no longer has', async () => {
    const { clock, consumer } = bed();
    const { log } = createTestLog();
    const { opened, connect } = fakeHub();
    let partitions = ['0', '1'];
    const reader = startHubReader({
      connect: () => ({ ...connect(), partitions: async () => partitions }),
      consumer,
      clock,
      log,
    });
    await settled();
    void opened[0]?.handlers.get('1')?.onTrouble('1', new Error('there is no partition 1'));

    partitions = ['0'];
    for (let ms = 0; ms <= 3 * LONG_MS; ms += 30_000) {
      await opened
        .at(-1)
        ?.handlers.get('0')
        ?.onEvents('0', [], async () => undefined);
      clock.advance(30_000);
      await settled();
    }
    const left = [...(opened.at(-1)?.handlers.keys() ?? [])];
    await reader.stop();

    expect(left).toEqual(['0']);
    expect(consumer.standing.view()).toMatchObject({ state: 'reading', partitions: 1 });
    expect(opened.length).toBeLessThanOrEqual(2);
  });

  it('keeps the client while the spool does not even answer, and says what it waits for', async () => {
    const { clock, consumer, disk, keys } = bed();
    const { opened, connect } = fakeHub();
    const { log } = createTestLog();
    const reader = startHubReader({ connect, consumer, clock, log });
    await settled();
    let answer = (): void => undefined;
    disk.answer = new Promise((resolve) => {
      answer = resolve;
    });
    void opened[0]?.handlers.get('0')?.onEvents('0', [event(1, 0)], async () => undefined);

    for (let ms = 0; ms <= 2 * LONG_MS; ms += 30_000) {
      await opened
        .at(-1)
        ?.handlers.get('1')
        ?.onEvents('1', [], async () => undefined);
      clock.advance(30_000);
      await settled();
    }
    const during = consumer.standing.view();
    answer();
    await settled();
    const after = consumer.standing.view();
    await reader.stop();

    expect(during).toMatchObject({ state: 'waiting', problem: 'the spool does not answer' });
    expect(after).toMatchObject({ state: 'reading' });
    expect(keys).toEqual([userKey(1)]);
    expect(opened).toHaveLength(1);
  });

  it('does not wait for a hub that does not answer when it is stopped', async () => {
    const { clock, consumer } = bed();
    const { log } = createTestLog();
    const never = new Promise<never>(() => undefined);
    const close = vi.fn(async () => undefined);
    const reader = startHubReader({
      connect: () => ({ partitions: () => never, read: () => ({ stop: () => never }), close }),
      consumer,
      clock,
      log,
    });
    await settled();

    await reader.stop();

    expect(close).toHaveBeenCalledOnce();
  });
});
