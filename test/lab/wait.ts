import { setTimeout as delay } from 'node:timers/promises';

/**
 * Looks again and again until `look` gives something else than undefined or false, or the deadline passes; then throws
 * with what was waited for. The time it took, in seconds, comes with the result.
 */
export async function waitFor<T>(
  what: string,
  look: () => T | Promise<T>,
  deadlineMs = 20_000,
  everyMs = 20,
): Promise<{ value: NonNullable<T>; seconds: number }> {
  const start = performance.now();
  let lastError: unknown;
  while (performance.now() - start < deadlineMs) {
    try {
      const value = await look();
      if (value !== undefined && value !== false && value !== null) {
        return { value: value as NonNullable<T>, seconds: (performance.now() - start) / 1000 };
      }
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    await delay(everyMs);
  }
  const because = lastError instanceof Error ? `: ${lastError.message}` : '';
  throw new Error(`not seen within ${deadlineMs / 1000} s: ${what}${because}`);
}
