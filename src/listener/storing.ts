import type { HintSink } from '../queue/queue.js';

/** The disk is too slow: the hints are not durable in time, or so many wait already that these would not be. */
export class StorageLate extends Error {
  override readonly name = 'StorageLate';
}

export interface Storing extends HintSink {
  /** Hints that wait for the disk. */
  waiting(): number;
  /** false: so many hints wait that another could not be durable in time. */
  hasRoom(): boolean;
}

/**
 * So many hints a healthy disk makes durable within the time for an answer. More of them only wait longer, and each
 * costs memory for as long as the disk is blocked.
 */
export const MAX_WAITING = 10_000;

/**
 * A sink that counts who waits for it and turns away whoever comes on top of too many. What was accepted may become
 * durable long after its answer; that is harmless, for Graph sends the same again.
 */
export function createStoring(sink: HintSink, maxWaiting = MAX_WAITING): Storing {
  let waiting = 0;
  const hasRoom = (): boolean => waiting < maxWaiting;
  return {
    waiting: () => waiting,
    hasRoom,
    async put(key, reason) {
      if (!hasRoom()) throw new StorageLate(`${waiting} hints wait for the disk already`);
      waiting += 1;
      try {
        await sink.put(key, reason);
      } finally {
        waiting -= 1;
      }
    },
  };
}

/** However late a body came in, the disk gets this long. */
const LEAST_MS = 500;

/** The work's outcome, or StorageLate once the time is over; the work itself goes on. */
export async function inTime<T>(work: Promise<T>, leftMs: number, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const text = `not durable within ${limitMs / 1000} s of the request: is the disk of SPOOL_DIR blocked?`;
    timer = setTimeout(() => reject(new StorageLate(text)), Math.max(Math.min(LEAST_MS, limitMs), leftMs));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
