import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../src/domain/clock.js';
import type { Key } from '../../../src/queue/queue.js';
import type { EventCode } from '../../../src/telemetry/events/index.js';
import type { Log } from '../../../src/telemetry/log.js';

export interface TestClock extends Clock {
  time: number;
  /** Moves time and ends the sleeps that are over by then. */
  advance(ms: number): void;
}

/** A clock that stands still until it is moved. */
export function createTestClock(start = Date.UTC(2026, 10, 22, 9)): TestClock {
  const sleepers = new Set<{ until: number; wake: () => void }>();
  const clock: TestClock = {
    time: start,
    now: () => clock.time,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { until: clock.time + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason as Error);
        });
        if (signal?.aborted) reject(signal.reason as Error);
      }),
    advance(ms) {
      clock.time += ms;
      for (const sleeper of sleepers) {
        if (sleeper.until > clock.time) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
  };
  return clock;
}

/** A log that keeps its events. */
export function createTestLog(): { log: Log; events: { event: EventCode; fields: Record<string, unknown> }[] } {
  const events: { event: EventCode; fields: Record<string, unknown> }[] = [];
  return { events, log: (event, fields = {}) => events.push({ event, fields }) };
}

/** A new directory for a spool, removed by the returned function. */
export async function createSpoolDir(): Promise<{ dir: string; remove: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'entramox-spool-'));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** The n-th of a row of keys. */
export function userKey(n: number): Key {
  return `user:${guid(n)}`;
}

export function guid(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** Waits until the condition holds; fails after two seconds. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 2000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition did not come true within two seconds');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
