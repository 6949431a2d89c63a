import { pause, unlessInterrupted } from './interrupts.js';

export interface PollOptions {
  deadlineMs: number;
  everyMs?: number;
  signal: AbortSignal;
}

/**
 * Looks at least once, and again until `enough` or the deadline; gives the last look and whether it was enough.
 * Rejects with the signal's reason, and with what `look` rejects with.
 */
export async function poll<T>(
  look: () => Promise<T>,
  enough: (seen: T) => boolean,
  { deadlineMs, everyMs = 20, signal }: PollOptions,
): Promise<{ seen: T; ok: boolean }> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const seen = await unlessInterrupted(look(), signal);
    if (enough(seen)) return { seen, ok: true };
    if (performance.now() >= end) return { seen, ok: false };
    await pause(everyMs, signal);
  }
}
