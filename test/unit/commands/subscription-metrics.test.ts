import { expect, it } from 'vitest';
import { measureSubscriptions } from '../../../src/commands/parts/subscription-metrics.js';
import type { SubscriptionView } from '../../../src/listener/subscriptions/view.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';

const NOW = Date.UTC(2026, 10, 22, 9);

const live: SubscriptionView = {
  resource: '/users',
  id: 'a',
  sendsTo: undefined,
  state: 'live',
  expiresAt: NOW + 3_600_000,
  touchedAt: NOW,
  touchedBy: 'create',
  gap: undefined,
  lastGap: undefined,
  gaps: 0,
  gapMs: 0,
  problem: undefined,
};
const missing: SubscriptionView = {
  ...live,
  id: undefined,
  state: 'missing',
  expiresAt: undefined,
  gap: { since: NOW - 60_000, kind: 'gone' },
};

it('takes the better of two subscriptions for one resource, whichever comes last', async () => {
  const metrics = createMetrics();

  measureSubscriptions([live, missing], metrics, NOW);
  const first = [await metrics.subscriptionExpirySeconds.get(), await metrics.subscriptionUncoveredSeconds.get()];
  measureSubscriptions([missing, live], metrics, NOW);
  const second = [await metrics.subscriptionExpirySeconds.get(), await metrics.subscriptionUncoveredSeconds.get()];

  for (const [expiry, uncovered] of [first, second]) {
    expect(expiry?.values).toEqual([{ labels: { resource: '/users' }, value: 3600 }]);
    expect(uncovered?.values).toEqual([{ labels: { resource: '/users' }, value: 0 }]);
  }
});

it('shows for how long nothing is told of a resource, and forgets one that has left', async () => {
  const metrics = createMetrics();
  measureSubscriptions([{ ...live, resource: '/groups' }], metrics, NOW);

  measureSubscriptions([missing], metrics, NOW);

  expect((await metrics.subscriptionExpirySeconds.get()).values).toEqual([
    { labels: { resource: '/users' }, value: 0 },
  ]);
  expect((await metrics.subscriptionUncoveredSeconds.get()).values).toEqual([
    { labels: { resource: '/users' }, value: 60 },
  ]);
});
