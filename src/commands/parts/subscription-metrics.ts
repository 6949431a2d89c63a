import type { SourcedView } from '../../listener/subscriptions-of-sources.js';
import type { Metrics } from '../../telemetry/metrics.js';

/** Sets what the subscriptions show at this moment, of each change source by itself: the other one does not stand in for it. */
export function measureSubscriptions(views: readonly SourcedView[], metrics: Metrics, now: number): void {
  // What is watched may change: nothing stays of a resource that has left.
  metrics.subscriptionExpirySeconds.reset();
  metrics.subscriptionUncoveredSeconds.reset();
  for (const view of views) {
    const { resource, source, expiresAt } = view;
    const expirySeconds = Math.max(0, ((expiresAt ?? now) - now) / 1000);
    metrics.subscriptionExpirySeconds.set({ resource, source }, expirySeconds);
    metrics.subscriptionUncoveredSeconds.set({ resource, source }, uncoveredOf(view, now));
  }
}

/** 0 where there never was one, too: it has lost nothing. */
function uncoveredOf({ state, expiresAt, gap }: SourcedView, now: number): number {
  // One that expired without a look at it has no gap yet.
  const since = gap?.since ?? (state === 'expired' ? expiresAt : undefined);
  return since === undefined ? 0 : Math.max(0, (now - since) / 1000);
}
