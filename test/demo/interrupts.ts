import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** Somebody wants the demo to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor(
    reason: string,
    readonly exitCode: number,
  ) {
    super(reason);
  }
}

/**
 * A signal that aborts with Interrupted on Ctrl-C, on the other polite signals, and when nobody reads our output any
 * more, so that everything is put away in each case. Later signals change nothing: putting away is under way.
 */
export function watchInterrupts(): AbortSignal {
  const ending = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => ending.abort(new Interrupted(name, 128 + constants.signals[name])));
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => ending.abort(new Interrupted(`nobody reads the output: ${error.message}`, 1)));
  }
  return ending.signal;
}

/** Lets time pass. Rejects with the signal's reason as soon as that comes. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** The result of the work, or the reason of the signal as soon as that comes. */
export async function unlessInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let interrupt: (() => void) | undefined;
  const interrupted = new Promise<never>((_, reject) => {
    interrupt = () => reject(signal.reason);
    signal.addEventListener('abort', interrupt);
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    if (interrupt) signal.removeEventListener('abort', interrupt);
  }
}
