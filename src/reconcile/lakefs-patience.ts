import { setMaxListeners } from 'node:events';
import { Busy } from '../domain/errors.js';

/** How long targeted work has to do with lakeFS; other targets, and other people, wait behind it. */
export interface LakefsPatience {
  /** For a look. */
  lookMs: number;
  /** For a look while somebody is still to be locked, or to lose something, elsewhere. */
  urgentLookMs: number;
  /** For all the writes of one pass. */
  writeMs: number;
}

/** A look is longer than the one quick attempt at a server that was silent before, so that it learns of the silence. */
export const PATIENCE: LakefsPatience = { lookMs: 6_000, urgentLookMs: 1_000, writeMs: 10_000 };

/** A limit to what is asked of lakeFS; whoever set it ends it. */
export interface LakefsDeadline {
  signal: AbortSignal;
  expired(): boolean;
  error: Busy;
  end(): void;
}

/** Aborts when the time is over, with a TimeoutError, or with `signal`. Real time: what hangs does not know of another. */
export function openDeadline(limitMs: number, signal: AbortSignal): LakefsDeadline {
  const ending = new AbortController();
  const why = `lakeFS did not answer within ${limitMs} ms; it is tried again`;
  const timer = setTimeout(() => ending.abort(new DOMException(why, 'TimeoutError')), limitMs);
  timer.unref();
  const either = AbortSignal.any([signal, ending.signal]);
  // Each of many people has a few calls on their way, and each of those listens.
  setMaxListeners(0, either);
  return {
    signal: either,
    expired: () => ending.signal.aborted,
    error: new Busy(why),
    end: () => clearTimeout(timer),
  };
}
