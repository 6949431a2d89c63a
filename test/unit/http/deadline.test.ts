import { expect, test } from 'vitest';
import { withDeadline } from '../../../src/http/deadline.js';
import { createTestClock, never } from '../targets/proxmox/fake-api.js';

/** Work that ends only when its signal aborts, as a request to a stalled server does. */
function stalled(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

test('gives back what the work gives, and calls the timer off', async () => {
  const time = createTestClock();

  const answer = await withDeadline({ clock: time.clock, limitMs: 5_000, signal: never() }, async () => 'done');

  expect(answer).toBe('done');
  expect(time.waiting()).toBe(0);
});

test('aborts the work at the limit and says expired', async () => {
  const time = createTestClock();

  const answer = withDeadline({ clock: time.clock, limitMs: 5_000, signal: never() }, stalled);
  time.advance(4_999);
  expect(time.waiting()).toBe(1);
  time.advance(1);

  await expect(answer).resolves.toBe('expired');
});

test("rejects with the reason of the caller's abort", async () => {
  const time = createTestClock();
  const stop = new AbortController();

  const answer = withDeadline({ clock: time.clock, limitMs: 5_000, signal: stop.signal }, stalled);
  stop.abort(new Error('stopping'));

  await expect(answer).rejects.toThrow('stopping');
  expect(time.waiting()).toBe(0);
});

test('passes on an error of the work', async () => {
  const time = createTestClock();

  const answer = withDeadline({ clock: time.clock, limitMs: 5_000, signal: never() }, () =>
    Promise.reject(new Error('no')),
  );

  await expect(answer).rejects.toThrow('no');
});
