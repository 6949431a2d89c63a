import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ActionOf } from './actions.js';
import { personOf } from './people.js';
import type { World } from './world.js';

/** Notifications that get lost, come twice, or come in another order. */
export function disturbDelivery({ entra }: World, { how, items }: ActionOf<'delivery'>): void {
  if (how === 'lose') entra.notifications.loseNext(items);
  if (how === 'duplicate') entra.deliveries.duplicateNext(items);
  if (how === 'reorder') entra.deliveries.reorder(true);
  if (how === 'batch') entra.deliveries.batch(items);
}

/** Somebody who is not Graph reports that a person was removed. */
export async function forge(world: World, { how, person }: ActionOf<'forge'>): Promise<void> {
  const { oid } = personOf(world, person);
  if (how === 'owned-listener') return world.put(`user:${oid}`, 'removed');
  const subscription = world.entra.subscriptions().find(({ resource }) => resource.startsWith('/groups/'));
  if (!subscription) return;
  const resourceData = {
    '@odata.type': '#Microsoft.Graph.Group',
    '@odata.id': `Groups/${world.groupIds.everybody}`,
    id: world.groupIds.everybody,
    'members@delta': [{ id: oid, '@removed': 'deleted' }],
  };
  const secret = how === 'no-secret' ? { clientState: 'a guess' } : {};
  world.entra.notifications.send(subscription.id, { resourceData, ...secret });
  await nextTurn();
}
