import type { Clock } from '../../../../src/domain/clock.js';
import type { Claim, Key, Parked, Queue } from '../../../../src/queue/queue.js';

interface Pending {
  notBefore: number;
  since: number;
  attempts: number;
  faults?: number | undefined;
  removedAt?: number | undefined;
  told?: Claim['told'];
}

export interface MemoryQueue extends Queue {
  pending: Map<Key, Pending>;
  processing: Set<Key>;
  parked: Map<Key, Parked>;
  /** What settling a claim throws. */
  fault: (method: 'done' | 'retry', claim: Claim) => unknown;
  /** A removal that was reported at this time. */
  report(key: Key, at: number): void;
  /** As a timer would when something has become due. */
  wake(): void;
}

/** The queue's contract in memory: keys coalesce, and one that is put while it is worked on runs once more. */
export function createMemoryQueue(clock: Clock): MemoryQueue {
  const wakers = new Set<() => void>();
  const wake = () => {
    for (const waker of wakers) waker();
  };
  const settle = (claim: Claim) => {
    if (!queue.processing.delete(claim.key)) throw new Error(`${claim.key} was settled without being processed`);
    wake();
  };
  const add = (key: Key, item: Pending) => {
    const there = queue.pending.get(key);
    queue.pending.set(key, {
      notBefore: Math.min(there?.notBefore ?? item.notBefore, item.notBefore),
      since: Math.min(there?.since ?? item.since, item.since),
      attempts: Math.max(there?.attempts ?? 0, item.attempts),
      removedAt: there?.removedAt ?? item.removedAt,
      told: [there?.told, item.told].includes('push') ? 'push' : (there?.told ?? item.told),
      faults: item.faults ?? there?.faults,
    });
    wake();
  };
  const queue: MemoryQueue = {
    pending: new Map(),
    processing: new Set(),
    parked: new Map(),
    fault: () => undefined,
    wake,
    report: (key, at) => add(key, { notBefore: at, since: at, attempts: 0, removedAt: at }),
    async put(key, reason) {
      const now = clock.now();
      add(key, {
        notBefore: now,
        since: now,
        attempts: 0,
        removedAt: reason === 'removed' ? now : undefined,
        told: reason === 'caught-up' ? 'catch-up' : 'push',
      });
    },
    async claim(limit, only = () => true) {
      const due = [...queue.pending]
        .filter(([key, { notBefore }]) => notBefore <= clock.now() && !queue.processing.has(key) && only(key))
        .slice(0, limit);
      return due.map(([key, { since, removedAt, told, attempts, faults }]) => {
        queue.pending.delete(key);
        queue.processing.add(key);
        const unparked = queue.parked.delete(key);
        return {
          key,
          since,
          removedAt,
          told,
          attempts: unparked ? 0 : attempts,
          faults: unparked ? undefined : faults,
        };
      });
    },
    async done(claim) {
      const error = queue.fault('done', claim);
      if (error !== undefined) throw error;
      settle(claim);
    },
    async retry(claim, notBefore) {
      const error = queue.fault('retry', claim);
      if (error !== undefined) throw error;
      const { key, since, removedAt, faults } = claim;
      add(key, { notBefore, since, removedAt, faults, attempts: claim.attempts + 1 });
      settle(claim);
    },
    async park(claim, error) {
      queue.parked.set(claim.key, { key: claim.key, since: claim.since, attempts: claim.attempts + 1, error });
      settle(claim);
    },
    async defer(key, notBefore) {
      add(key, { notBefore, since: clock.now(), attempts: 0 });
    },
    hurry() {
      for (const item of queue.pending.values()) {
        if (item.attempts > 0) item.notBefore = Math.min(item.notBefore, clock.now());
      }
      wake();
    },
    async stats() {
      const waiting = [...queue.pending.values()];
      const due = waiting.filter(({ notBefore }) => notBefore <= clock.now());
      return {
        pending: waiting.length,
        deferred: waiting.length - due.length,
        processing: queue.processing.size,
        parked: [...queue.parked.values()],
        oldestDueAt: due.length > 0 ? Math.min(...due.map(({ notBefore }) => notBefore)) : undefined,
      };
    },
    watch(waker) {
      wakers.add(waker);
      return () => wakers.delete(waker);
    },
  };
  return queue;
}
