import { setMaxListeners } from 'node:events';
import type { Clock } from '../../domain/clock.js';
import { messageOf } from '../../domain/errors.js';
import type { CheckName } from './catalogue.js';
import { type Check, skipped, unreachable } from './check.js';

/** One exchange with another system may take this long. */
export const EXCHANGE_MS = 6_000;
/** All of it may take this long: what is still under way is then told as such. */
export const WHOLE_MS = 20_000;

/** The limit that ended something, as the reason of its signal. */
export class OutOfTime extends Error {
  override readonly name = 'OutOfTime';
}

/** A signal that aborts after `limitMs` with OutOfTime, or when `parent` does. */
export function limited(limitMs: number, parent?: AbortSignal): { signal: AbortSignal; done: () => void } {
  const own = new AbortController();
  const timer = setTimeout(() => own.abort(new OutOfTime(`no answer within ${limitMs / 1000} s`)), limitMs);
  const signal = parent ? AbortSignal.any([parent, own.signal]) : own.signal;
  // Every check listens to it.
  setMaxListeners(0, signal);
  return { signal, done: () => clearTimeout(timer) };
}

/** What `work` gives, or the signal's reason as an error as soon as it aborts, whether or not `work` heeds it. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** `work` with a limit of its own. Rejects with OutOfTime, or with the reason of `parent`. */
export async function within<T>(
  limitMs: number,
  parent: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, done } = limited(limitMs, parent);
  try {
    return await unlessAborted(work(signal), signal);
  } finally {
    done();
  }
}

/**
 * The checks of one subject, whatever becomes of them: what gave no answer in time, or broke in a way that nobody
 * foresaw, is told under each of its names rather than missing.
 */
export async function subject(
  names: readonly CheckName[],
  signal: AbortSignal,
  look: () => Promise<Check[]>,
): Promise<Check[]> {
  try {
    return await unlessAborted(look(), signal);
  } catch (error) {
    if (error instanceof OutOfTime) {
      return names.map((name) =>
        unreachable(name, messageOf(error), 'run "entramox doctor" again; see what else it says'),
      );
    }
    return names.map((name) => skipped(name, messageOf(error), 'see the message'));
  }
}

/** A clock whose waits end when the signal aborts, so that nobody's patience outlives the doctor's. */
export function impatient(clock: Clock, signal: AbortSignal): Clock {
  return {
    now: () => clock.now(),
    sleep: (ms, own) => clock.sleep(ms, own ? AbortSignal.any([own, signal]) : signal),
  };
}
