import type { Settings } from '../../config/settings.js';
import { groupsBelow } from '../../domain/group-tree.js';
import { readGroupTree } from '../../entra/group-tree.js';
import { createSubscriptionApi } from '../../entra/subscription-api.js';
import { publicUrls } from '../../listener/subscriptions/urls.js';
import { wantedResources } from '../../listener/subscriptions/wanted.js';
import type { Log } from '../../telemetry/log.js';
import type { Graph } from '../parts/graph.js';
import type { Check } from './check.js';
import type { HeldSubscription } from './daemons.js';
import { checkSubscriptions } from './subscriptions.js';

export interface WatchPorts {
  settings: Settings;
  graph: Graph;
  /** What the running listener holds. */
  held: Promise<readonly HeldSubscription[]>;
  now: () => number;
  log: Log;
}

/** Where Graph is told to deliver, for each change source that is told of changes. */
export function addressesOf({ sources, listener, eventHub }: Settings): { notifications: string; lifecycle: string }[] {
  const hub = eventHub && { notifications: eventHub.notificationUrl, lifecycle: eventHub.notificationUrl };
  return [
    ...(sources.includes('webhook') && listener.publicUrl ? [publicUrls(listener.publicUrl)] : []),
    ...(sources.includes('eventhub') && hub ? [hub] : []),
  ];
}

/** The subscriptions that should be there: of the configured groups and of those below them. */
export async function checkWatch(
  { settings, graph, held, now, log }: WatchPorts,
  signal: AbortSignal,
): Promise<Check[]> {
  const { entra, dryRun } = settings;
  const [tree, holding] = await Promise.all([readGroupTree(graph.client, entra.groupIds, signal), held]);
  const nested = [...tree.values()].flatMap((branch) => groupsBelow(branch).map(({ id }) => id));
  const resources = [...new Set(holding.map(({ resource }) => resource))];
  const idsOf = (resource: string) =>
    holding.flatMap((item) => (item.resource === resource && item.id ? [item.id] : []));
  const known = new Map(resources.map((resource) => [resource, idsOf(resource)] as const));
  // Whoever keeps them may know of nested groups that cannot be read just now.
  const wanted =
    resources.length > 0
      ? resources
      : wantedResources({ groupIds: [...entra.groupIds, ...nested], userIds: entra.userIds, log });
  const api = createSubscriptionApi(graph.client, { now });
  return checkSubscriptions({ api, wanted, addresses: addressesOf(settings), known, dryRun, now: now() }, signal);
}
