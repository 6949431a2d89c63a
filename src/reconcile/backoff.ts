import { Busy, SourceUnavailable } from '../domain/errors.js';
import { jittered } from '../domain/jitter.js';

/** What waits after a failed attempt: doubling from one second, with jitter, five minutes at most. */
export function backoffMs(attempts: number, random: () => number): number {
  const ceiling = Math.min(1000 * 2 ** Math.min(attempts, 20), 300_000);
  return Math.round(jittered(ceiling, 0.5, random));
}

/** Whether the fault lies with another system or with our own disk, so that the item itself is never given up. */
export function isPassing(error: unknown): boolean {
  return error instanceof SourceUnavailable || error instanceof Busy;
}
