import type { SubscriptionView } from '../../listener/subscriptions/view.js';
import type { Metrics } from '../../telemetry/metrics.js';

/** Sets what the subscriptions show at this moment. Of two for one resource the better one counts. */
export function measureSubscriptions(views: readonly SubscriptionView[], metrics: Metrics, now: number): void {
  const best = new Map<string, { expirySeconds: number; uncoveredSeconds: number }>();
  for (const { resource, expiresAt, gap } of views) {
    const expirySeconds = Math.max(0, ((expiresAt ?? now) - now) / 1000);
    const uncoveredSeconds = gap ? Math.max(0, (now - gap.since) / 1000) : 0;
    const other = best.get(resource) ?? { expirySeconds, uncoveredSeconds };
    best.set(resource, {
      expirySeconds: Math.max(expirySeconds, other.expirySeconds),
      uncoveredSeconds: Math.min(uncoveredSeconds, other.uncoveredSeconds),
    });
  }
  // What is watched may change: nothing stays of a resource that has left.
  metrics.subscriptionExpirySeconds.reset();
  metrics.subscriptionUncoveredSeconds.reset();
  for (const [resource, { expirySeconds, uncoveredSeconds }] of best) {
    metrics.subscriptionExpirySeconds.set({ resource }, expirySeconds);
    metrics.subscriptionUncoveredSeconds.set({ resource }, uncoveredSeconds);
  }
}
