import type { ObjectId } from '../domain/identity.js';

/**
 * Keeps targeted work and a sweep off the same identity. A sweep reads everything first and writes for minutes; an
 * identity that targeted work settled meanwhile is newer than the sweep's reading and is left alone by it.
 */
export interface IdentityLocks {
  /** Runs `work` while nobody else works on any of these identities. */
  hold<T>(oids: readonly ObjectId[], work: () => Promise<T>): Promise<T>;
  /** Notes that these identities were read and settled at `at`, epoch ms. */
  touch(oids: readonly ObjectId[], at: number): void;
  /** Whether the identity was settled by a reading newer than `at`. */
  settledSince(oid: ObjectId, at: number): boolean;
}

/** At most this many marks are kept; older ones than the longest sweep have no use. */
const MAX_MARKS = 20_000;

export function createIdentityLocks(): IdentityLocks {
  const tails = new Map<ObjectId, Promise<unknown>>();
  const touched = new Map<ObjectId, number>();
  return {
    async hold(oids, work) {
      const before = oids.map((oid) => tails.get(oid) ?? Promise.resolve());
      // All are queued for in one synchronous turn, so two holders never wait for each other.
      const turn = Promise.allSettled(before).then(work);
      const tail = turn.then(
        () => undefined,
        () => undefined,
      );
      for (const oid of oids) tails.set(oid, tail);
      try {
        return await turn;
      } finally {
        for (const oid of oids) if (tails.get(oid) === tail) tails.delete(oid);
      }
    },
    touch(oids, at) {
      for (const oid of oids) {
        touched.delete(oid);
        touched.set(oid, at);
      }
      for (const oid of touched.keys()) {
        if (touched.size <= MAX_MARKS) break;
        touched.delete(oid);
      }
    },
    settledSince: (oid, at) => (touched.get(oid) ?? Number.NEGATIVE_INFINITY) > at,
  };
}
