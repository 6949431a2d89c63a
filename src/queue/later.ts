import { readJsonObject } from './json-object.js';
/** When a key is to be looked at again, and what is remembered of it until then. */
export interface Later {
  /** Epoch ms. */
  notBefore: number;
  attempts: number;
  /** Arrival of the oldest hint, epoch ms. */
  since: number;
  removedAt?: number | undefined;
  /** How many of the attempts failed by the item's own fault. */
  faults?: number | undefined;
  /** Goes before what waits in line. */
  first?: boolean | undefined;
}

/** Nothing is put off for longer: 24 hours, in ms. */
export const MAX_DEFERRAL_MS = 24 * 3600 * 1000;
/** A `.later` file is about 100 bytes; more than this is not ours. */
export const MAX_LATER_BYTES = 4096;
const MAX_ATTEMPTS = 1_000_000;

/** The text of a `.later` file. */
export function formatLater(later: Later): string {
  return JSON.stringify(later);
}

/**
 * Reads a `.later` file that anybody in the spool's group may have written. undefined: not what we write, or a time
 * further away than we ever wait (clamping it instead would push it away anew at each start).
 */
export function parseLater(text: string, now: number): Later | undefined {
  const value = readJsonObject(text);
  if (!value) return undefined;
  const { notBefore, attempts, since, removedAt, faults, first } = value;
  if (!isTime(notBefore) || !isTime(since) || !isTime(attempts)) return undefined;
  if (removedAt !== undefined && !isTime(removedAt)) return undefined;
  if (faults !== undefined && !isTime(faults)) return undefined;
  if (notBefore > now + MAX_DEFERRAL_MS || attempts > MAX_ATTEMPTS) return undefined;
  return {
    notBefore,
    attempts,
    since: Math.min(since, now),
    removedAt: removedAt === undefined ? undefined : Math.min(removedAt, now),
    ...(faults === undefined ? {} : { faults: Math.min(faults, attempts) }),
    ...(first === true ? { first } : {}),
  };
}

/** The time, but never further away than the longest deferral. */
export function clampNotBefore(notBefore: number, now: number): number {
  return Math.round(Math.max(0, Math.min(notBefore, now + MAX_DEFERRAL_MS)));
}

/** One state out of two: the earlier wish, the older arrival, the higher count. */
export function mergeLater(a: Later | undefined, b: Later): Later {
  if (!a) return b;
  return {
    notBefore: Math.min(a.notBefore, b.notBefore),
    attempts: Math.max(a.attempts, b.attempts),
    since: Math.min(a.since, b.since),
    removedAt: earliest(a.removedAt, b.removedAt),
    ...(a.faults || b.faults ? { faults: Math.max(a.faults ?? 0, b.faults ?? 0) } : {}),
    ...(a.first || b.first ? { first: true } : {}),
  };
}

/** The smaller of two times of which each may be missing. */
export function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
