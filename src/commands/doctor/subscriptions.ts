import { messageOf } from '../../domain/errors.js';
import { GraphError } from '../../entra/graph-errors.js';
import type { Subscription, SubscriptionApi } from '../../entra/subscription.js';
import { sameAddress, sameResource } from '../../listener/subscriptions/compare.js';
import { type Check, fine, remark, unreachable, wrong } from './check.js';

export interface SubscriptionPorts {
  api: Pick<SubscriptionApi, 'list' | 'get'>;
  /** The resources that are to be watched. */
  wanted: readonly string[];
  /** Where Graph is to deliver; a subscription that delivers elsewhere is not this installation's. */
  addresses: readonly { notifications: string; lifecycle: string }[];
  /** Ids that the running listener holds, by resource. */
  known: ReadonlyMap<string, readonly string[]>;
  dryRun: boolean;
  now: number;
}

const HOUR_MS = 3_600_000;
const MAKE = 'systemctl restart entramox-listener: it makes them at once; then journalctl -u entramox-listener';

/** Each wanted subscription, read by its id, and whatever else this app holds at Graph. */
export async function checkSubscriptions(ports: SubscriptionPorts, signal: AbortSignal): Promise<Check[]> {
  try {
    const all = await ports.api.list(signal);
    const ours = all.filter((item) =>
      ports.addresses.some(({ notifications }) => sameAddress(item.notificationUrl, notifications)),
    );
    const wanted = await Promise.all(ports.wanted.map((resource) => checkOne(resource, ours, ports, signal)));
    const astray = ours.filter(({ resource }) => !ports.wanted.some((name) => sameResource(name, resource)));
    return [...wanted.flat(), ...astray.map(strayOf), checkOthers(all.filter((item) => !ours.includes(item)))];
  } catch (error) {
    signal.throwIfAborted();
    const refused = error instanceof GraphError;
    const mend = refused ? 'see permissions.roles' : 'try again; see graph.tls';
    return [(refused ? wrong : unreachable)('subscription.live', messageOf(error), mend)];
  }
}

async function checkOne(
  resource: string,
  ours: readonly Subscription[],
  ports: SubscriptionPorts,
  signal: AbortSignal,
): Promise<Check[]> {
  const { api, addresses, known } = ports;
  const held = known.get(resource) ?? [];
  const listed = ours.filter((item) => sameResource(item.resource, resource));
  const ids = [...new Set([...listed.map(({ id }) => id), ...held])];
  const found = (await Promise.all(ids.map((id) => api.get(id, signal)))).filter((item) => item !== undefined);
  const elsewhere = found.filter(
    (item) => !addresses.some(({ notifications }) => sameAddress(item.notificationUrl, notifications)),
  );
  return [
    ...elsewhere.map((item) =>
      wrong('subscription.live', `${titleOf(item)} delivers to ${hostOf(item.notificationUrl)}`, MAKE),
    ),
    ...addresses.map((address) => {
      const own = found.filter((item) => sameAddress(item.notificationUrl, address.notifications));
      return judge(
        resource,
        own,
        address,
        held.filter((id) => !elsewhere.some((item) => item.id === id)),
        ports,
      );
    }),
  ];
}

/** One resource at one address. */
function judge(
  resource: string,
  found: readonly Subscription[],
  { notifications, lifecycle }: SubscriptionPorts['addresses'][number],
  held: readonly string[],
  { addresses, dryRun, now }: SubscriptionPorts,
): Check {
  const name = 'subscription.live';
  const place = addresses.length > 1 ? ` at ${hostOf(notifications)}` : '';
  const [item, ...more] = found;
  if (!item) {
    if (dryRun) return remark(name, `${resource} has none${place}: DRY_RUN is on, so none is made`);
    const gone =
      held.length > 0 && addresses.length === 1
        ? `; the listener holds ${held.join(', ')}, which Graph does not know`
        : '';
    return wrong(name, `${resource} has none${place}${gone}`, MAKE);
  }
  if (more.length > 0) {
    const saw = `${resource} has ${found.length}${place}: ${found.map(({ id }) => id).join(', ')}`;
    return wrong(name, saw, 'entramox subscriptions delete; the listener makes one of each anew');
  }
  const left = item.expiresAt - now;
  if (left <= 0) return wrong(name, `${titleOf(item)} has expired`, MAKE);
  const saw = `${titleOf(item)}${place} expires ${new Date(item.expiresAt).toISOString()}`;
  if (item.lifecycleNotificationUrl !== undefined && !sameAddress(item.lifecycleNotificationUrl, lifecycle)) {
    return wrong(
      name,
      `${saw}; its lifecycle events go elsewhere`,
      'entramox subscriptions delete; the listener makes them anew',
    );
  }
  if (held.length > 0 && !held.includes(item.id)) {
    return wrong(
      name,
      `${saw}, but the listener holds ${held.join(', ')}: it believes no notification of this one`,
      MAKE,
    );
  }
  if (left < HOUR_MS) return remark(name, saw, 'entramox subscriptions renew, unless the listener does so soon');
  return fine(name, saw);
}

function titleOf({ resource, id }: Subscription): string {
  return `${resource} (${id})`;
}

function strayOf({ resource, id }: Subscription): Check {
  return wrong(
    'subscription.live',
    `${resource} (${id}) delivers to this listener and is not wanted`,
    'entramox subscriptions delete: the listener makes those that are wanted anew',
  );
}

function checkOthers(others: readonly Subscription[]): Check {
  if (others.length === 0) return fine('subscription.others', 'this app has no other subscription');
  const hosts = [...new Set(others.map(({ notificationUrl }) => hostOf(notificationUrl)))];
  return remark(
    'subscription.others',
    `this app has ${others.length} more, which deliver to ${hosts.slice(0, 5).join(', ')}`,
    'give each installation an app registration of its own; what nobody reads expires by itself',
  );
}

function hostOf(notificationUrl: string): string {
  return URL.canParse(notificationUrl) ? new URL(notificationUrl).host || 'an Event Hub' : 'nowhere that we know';
}
