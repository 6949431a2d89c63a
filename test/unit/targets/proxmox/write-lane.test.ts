import { expect, test } from 'vitest';
import { createLane } from '../../../../src/targets/proxmox/write-lane.js';
import { never } from './fake-api.js';

function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test('runs one at a time, in the order asked', async () => {
  const lane = createLane();
  const events: string[] = [];
  const work = (name: string) => async (): Promise<void> => {
    events.push(`${name} starts`);
    await new Promise((resolve) => setImmediate(resolve));
    events.push(`${name} ends`);
  };

  await Promise.all(['a', 'b', 'c'].map((name) => lane(work(name), never())));

  expect(events).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
});

test('goes on after work that failed', async () => {
  const lane = createLane();
  const failing = lane(() => Promise.reject(new Error('no')), never());
  const next = lane(() => Promise.resolve('done'), never());

  await expect(failing).rejects.toThrow('no');
  await expect(next).resolves.toBe('done');
});

test('lets a waiting caller go at once when it aborts, never starts its work, and keeps the order of the others', async () => {
  const lane = createLane();
  const { opened, open } = gate();
  const stop = new AbortController();
  const started: string[] = [];
  const first = lane(() => opened, never());
  const waiting = lane(async () => void started.push('aborted one'), stop.signal);
  const last = lane(async () => void started.push('last'), never());

  stop.abort(new Error('stopping'));

  await expect(waiting).rejects.toThrow('stopping');
  expect(started).toEqual([]);
  open();
  await Promise.all([first, last]);
  expect(started).toEqual(['last']);
});

test('does not start the next while aborted work still runs', async () => {
  const lane = createLane();
  const { opened, open } = gate();
  const stop = new AbortController();
  const order: string[] = [];
  const entered = gate();
  const running = lane(async () => {
    entered.open();
    await opened;
    order.push('first');
  }, stop.signal);
  const next = lane(async () => void order.push('next'), never());
  await entered.opened;

  stop.abort(new Error('stopping'));
  open();
  await Promise.all([running, next]);

  expect(order).toEqual(['first', 'next']);
});
