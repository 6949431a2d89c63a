import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Key } from '../../../src/queue/queue.js';
import { openSpool } from '../../../src/queue/spool.js';

/** Puts and works off keys until it is killed, saying `put KEY` and `worked KEY` once each has happened. */
const [dir = '', prefix = ''] = process.argv.slice(2);
const clock = { now: Date.now, sleep: (ms: number, signal?: AbortSignal) => sleep(ms, undefined, { signal }) };
const queue = await openSpool({ dir, clock, log: () => undefined });
const say = (line: string): void => void writeSync(1, `${line}\n`);

async function putAll(lane: number): Promise<void> {
  for (let n = 0; n < 100_000; n += 1) {
    const key: Key = `user:${prefix}-0000-4000-8000-${(lane * 100_000 + n).toString(16).padStart(12, '0')}`;
    await queue.put(key);
    say(`put ${key}`);
  }
}

async function workOff(): Promise<void> {
  for (let round = 0; round < 100_000; round += 1) {
    for (const claim of await queue.claim(10)) {
      if (claim.attempts === 0 && round % 3 === 0) await queue.retry(claim, Date.now());
      else {
        // The work itself; only after it may the key go.
        say(`worked ${claim.key}`);
        await queue.done(claim);
      }
    }
    await sleep(1);
  }
}

await Promise.all([...Array.from({ length: 8 }, (_, lane) => putAll(lane)), workOff()]);
