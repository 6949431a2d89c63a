import type { Queue } from '../queue/queue.js';
import type { Context } from './context.js';

/** Brings the metrics of the queue up to date. */
export async function measureQueue(ctx: Pick<Context, 'metrics' | 'clock'>, queue: Queue): Promise<void> {
  const { metrics, clock } = ctx;
  const stats = await queue.stats();
  metrics.queueDepth.set({ state: 'pending' }, stats.pending);
  metrics.queueDepth.set({ state: 'deferred' }, stats.deferred);
  metrics.queueDepth.set({ state: 'processing' }, stats.processing);
  metrics.queueDepth.set({ state: 'parked' }, stats.parked.length);
  const ageMs = stats.oldestDueAt === undefined ? 0 : clock.now() - stats.oldestDueAt;
  metrics.queueOldestAgeSeconds.set(ageMs / 1000);
  const unprovedMs = stats.oldestUnprovedAt === undefined ? 0 : clock.now() - stats.oldestUnprovedAt;
  metrics.oldestUnprovedSeconds.set(Math.max(0, unprovedMs) / 1000);
}
