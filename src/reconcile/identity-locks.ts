import type { ObjectId } from '../domain/identity.js';

/**
 * Keeps targeted work and a sweep off the same identity. A sweep reads everything first and writes for minutes; an
 * identity that targeted work read meanwhile is newer than the sweep's reading and is left alone by it. Targeted work
 * waits for the one step of a sweep that is under way; a sweep never waits, so the two cannot wait for each other.
 */
export interface IdentityLocks {
  /** Runs `work` while nobody else works on any of these identities. */
  hold<T>(oids: readonly ObjectId[], work: () => Promise<T>): Promise<T>;
  /** Runs a sweep's step, or gives back undefined where targeted work holds the identity or read it since `begun`. */
  share<T>(oid: ObjectId, begun: number, work: () => Promise<T>): Promise<T> | undefined;
  /** A mark that is later than every one before it; a sweep takes one before it reads. */
  mark(): number;
  /** Notes that targeted work has a reading of these identities. */
  touch(oids: readonly ObjectId[]): void;
  /** Whether targeted work holds the identity or read it since the mark `begun`. */
  isOvertaken(oid: ObjectId, begun: number): boolean;
}

interface Turn {
  done: Promise<unknown>;
  by: 'targeted' | 'sweep';
}

/** At most this many marks are kept; older ones than the longest sweep have no use. */
const MAX_MARKS = 20_000;

export function createIdentityLocks(): IdentityLocks {
  const turns = new Map<ObjectId, Turn>();
  const touched = new Map<ObjectId, number>();
  let marks = 0;

  const isOvertaken = (oid: ObjectId, begun: number): boolean =>
    turns.get(oid)?.by === 'targeted' || (touched.get(oid) ?? 0) > begun;

  async function take<T>(oids: readonly ObjectId[], by: Turn['by'], work: () => Promise<T>): Promise<T> {
    const before = oids.map((oid) => turns.get(oid)?.done);
    // Never at once: whoever asks from within the work must find the turn below.
    const result = Promise.allSettled(by === 'targeted' ? before : []).then(work);
    // All are queued for in one synchronous turn, so two holders never wait for each other.
    const turn: Turn = { done: Promise.allSettled([...before, result]), by };
    for (const oid of oids) turns.set(oid, turn);
    try {
      return await result;
    } finally {
      for (const oid of oids) if (turns.get(oid) === turn) turns.delete(oid);
    }
  }

  return {
    hold: (oids, work) => take(oids, 'targeted', work),
    share: (oid, begun, work) => (isOvertaken(oid, begun) ? undefined : take([oid], 'sweep', work)),
    mark() {
      marks += 1;
      return marks;
    },
    touch(oids) {
      marks += 1;
      for (const oid of oids) {
        touched.delete(oid);
        touched.set(oid, marks);
      }
      for (const oid of touched.keys()) {
        if (touched.size <= MAX_MARKS) break;
        touched.delete(oid);
      }
    },
    isOvertaken,
  };
}
