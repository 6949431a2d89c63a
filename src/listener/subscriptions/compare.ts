import type { Subscription } from '../../entra/subscription.js';
import type { LiveRecord } from './record.js';
import type { PublicUrls } from './urls.js';

type Shown = Pick<Subscription, 'resource' | 'changeType' | 'notificationUrl'> & {
  lifecycleNotificationUrl?: string | undefined;
};

/** What of a subscription is not as we want it. `byUs`: since we want something else than when it was made. */
export interface Alteration {
  what: string;
  byUs: boolean;
}

/**
 * Compares what Graph shows with what we want; undefined: nothing differs. Graph may write an address or a resource in
 * another way than we did, so one that looks as it did when it was made is not altered.
 */
export function alteration(
  seen: Subscription,
  record: LiveRecord,
  urls: PublicUrls,
  changeType: string,
): Alteration | undefined {
  const wanted: Shown = {
    resource: record.resource,
    changeType,
    notificationUrl: urls.notifications,
    lifecycleNotificationUrl: urls.lifecycle,
  };
  const what = difference(seen, wanted);
  if (what === undefined) return undefined;
  const byUs =
    (record.notificationUrl !== undefined && !sameAddress(record.notificationUrl, urls.notifications)) ||
    !sameTypes(record.changeType, changeType);
  const asMade = record.shown !== undefined && difference(seen, record.shown) === undefined;
  return asMade && !byUs ? undefined : { what, byUs };
}

function difference(seen: Shown, wanted: Shown): string | undefined {
  if (!sameAddress(seen.notificationUrl, wanted.notificationUrl)) return 'notificationUrl';
  const lifecycle = seen.lifecycleNotificationUrl;
  // Not shown is not changed.
  if (lifecycle !== undefined && !sameAddress(lifecycle, wanted.lifecycleNotificationUrl ?? '')) {
    return 'lifecycleNotificationUrl';
  }
  if (!sameTypes(seen.changeType, wanted.changeType)) return 'changeType';
  return sameResource(seen.resource, wanted.resource) ? undefined : 'resource';
}

/** Graph writes `Users`, `/users` or `users` for the same. */
export function resourceKey(resource: string): string {
  return resource.replace(/^\/+|\/+$/g, '').toLowerCase();
}

export function sameResource(a: string, b: string): boolean {
  return resourceKey(a) === resourceKey(b);
}

/** Whether two notification addresses are the same; those of Event Hubs are no URLs of the web. */
export function sameAddress(a: string, b: string): boolean {
  return addressKey(a) === addressKey(b);
}

function addressKey(address: string): string {
  if (!/^https?:/i.test(address) || !URL.canParse(address)) return address.toLowerCase();
  return new URL(address).href;
}

export function sameTypes(a: string, b: string): boolean {
  return typesKey(a) === typesKey(b);
}

function typesKey(changeType: string): string {
  return changeType
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
    .sort()
    .join();
}
