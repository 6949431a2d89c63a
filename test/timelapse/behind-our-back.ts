import type { SubscriptionRecord } from '../simulators/entra/subscription-store.js';
import { FOREIGN_URL, HOUR_MS, NOTIFICATIONS_URL } from './settings.js';
import type { World } from './world.js';

/** A subscription is gone at Graph, and nobody was told. */
export function removeBehind({ graph, weather }: World, { id }: SubscriptionRecord): void {
  graph.subscriptions.delete(id);
  weather.disturb();
}

/** A subscription sends to somebody else from now on, watches less, or ends soon. */
export function alterBehind({ graph, weather, time }: World, { id }: SubscriptionRecord, choice: number): void {
  const record = graph.subscriptions.get(id);
  if (!record) return;
  weather.disturb();
  if (choice % 3 === 0) record.notificationUrl = `${FOREIGN_URL}/altered`;
  else if (choice % 3 === 1) record.changeType = 'updated';
  else record.expiresAt = Math.min(record.expiresAt, time.now() + HOUR_MS);
}

/** Another installation on the same app registration deletes ours and makes its own for the same resource. */
export function rivalTakes(world: World, resource: string): void {
  const holder = world.graph.subscriptions.list().find((record) => record.resource === resource);
  if (holder && holder.notificationUrl !== NOTIFICATIONS_URL) return;
  if (holder) removeBehind(world, holder);
  world.asOther((store) => store.add(resource));
}

/** It goes away and cleans up after itself. */
export function rivalTires({ graph, weather }: World, resource: string): void {
  for (const record of graph.subscriptions.list())
    if (record.resource === resource && record.notificationUrl === FOREIGN_URL) graph.subscriptions.delete(record.id);
  weather.disturb();
}
