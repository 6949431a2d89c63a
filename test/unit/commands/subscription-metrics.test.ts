import { expect, it } from 'vitest';
import { measureSubscriptions } from '../../../src/commands/parts/subscription-metrics.js';
import type { SourcedView } from '../../../src/listener/subscriptions-of-sources.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';

const NOW = Date.UTC(2026, 10, 22, 9);

const live: SourcedView = {
  source: 'webhook',
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
const missing: SourcedView = {
  ...live,
  id: undefined,
  state: 'missing',
  expiresAt: undefined,
  gap: { since: NOW - 60_000, kind: 'gone' },
};

it('shows each of two change sources for one resource by itself, whichever comes last', async () => {
  const metrics = createMetrics();
  const hub: SourcedView = { ...missing, source: 'eventhub' };

  measureSubscriptions([live, hub], metrics, NOW);
  const first = [await metrics.subscriptionExpirySeconds.get(), await metrics.subscriptionUncoveredSeconds.get()];
  measureSubscriptions([hub, live], metrics, NOW);
  const second = [await metrics.subscriptionExpirySeconds.get(), await metrics.subscriptionUncoveredSeconds.get()];

  const labels = {
    webhook: { resource: '/users', source: 'webhook' },
    hub: { resource: '/users', source: 'eventhub' },
  };
  for (const [expiry, uncovered] of [first, second]) {
    expect(expiry?.values).toHaveLength(2);
    expect(expiry?.values).toContainEqual({ labels: labels.webhook, value: 3600 });
    expect(expiry?.values).toContainEqual({ labels: labels.hub, value: 0 });
    expect(uncovered?.values).toContainEqual({ labels: labels.webhook, value: 0 });
    expect(uncovered?.values).toContainEqual({ labels: labels.hub, value: 60 });
  }
});

it('shows for how long nothing is told of a resource, and forgets one that has left', async () => {
  const metrics = createMetrics();
  measureSubscriptions([{ ...live, resource: '/groups' }], metrics, NOW);

  measureSubscriptions([missing], metrics, NOW);

  expect((await metrics.subscriptionExpirySeconds.get()).values).toEqual([
    { labels: { resource: '/users', source: 'webhook' }, value: 0 },
  ]);
  expect((await metrics.subscriptionUncoveredSeconds.get()).values).toEqual([
    { labels: { resource: '/users', source: 'webhook' }, value: 60 },
  ]);
});

it('counts nothing for one that never was', async () => {
  const metrics = createMetrics();

  measureSubscriptions([missing, { ...missing, resource: '/groups', gap: undefined }], metrics, NOW);

  expect((await metrics.subscriptionUncoveredSeconds.get()).values).toEqual([
    { labels: { resource: '/users', source: 'webhook' }, value: 60 },
    { labels: { resource: '/groups', source: 'webhook' }, value: 0 },
  ]);
});

it('counts from its end where one has expired and nobody has looked yet', async () => {
  const metrics = createMetrics();

  measureSubscriptions([{ ...live, state: 'expired', expiresAt: NOW - 120_000 }], metrics, NOW);

  expect((await metrics.subscriptionUncoveredSeconds.get()).values).toEqual([
    { labels: { resource: '/users', source: 'webhook' }, value: 120 },
  ]);
});
