import type { Clock } from '../../domain/clock.js';
import type { CreateOutcome, Subscription, SubscriptionApi } from '../../entra/subscription.js';
import type { Log } from '../../telemetry/log.js';
import type { LiveRecord, SubscriptionRecord } from './record.js';
import type { SubscriptionStore } from './store.js';
import { askedExpiry, mayTouch, renewAt } from './timing.js';
import type { PublicUrls } from './urls.js';

export interface CaretakerOptions {
  api: SubscriptionApi;
  store: SubscriptionStore;
  urls: PublicUrls;
  /** What is subscribed to, see `CHANGE_TYPE`. */
  changeType: string;
  lifetimeMs: number;
  clock: Clock;
  random: (bytes: number) => Buffer;
  log: Log;
  /** Whether a handshake would succeed now. */
  endpointReady: (signal: AbortSignal) => Promise<boolean>;
  /** Changes may have gone unreported: everything must be looked at. */
  onGap: () => void;
}

/** Looks after the subscription of one resource. The caller sees to it that only one call per resource runs. */
export interface Caretaker {
  /** Compares with Graph, and creates, replaces or renews as needed. Gives what is in the way, if anything. */
  lookAfter(resource: string, signal: AbortSignal): Promise<string | undefined>;
  renew(record: LiveRecord, signal: AbortSignal): Promise<string | undefined>;
  reauthorize(record: LiveRecord, signal: AbortSignal): Promise<string | undefined>;
}

const NOT_READY = 'our own endpoint does not answer a handshake, so nothing is created';

/** The work on single subscriptions. Errors of Graph and of the store are thrown. */
export function createCaretaker(options: CaretakerOptions): Caretaker {
  const { api, store, urls, changeType, lifetimeMs, clock, log, onGap } = options;
  /** Resources that a subscription with a foreign address was once removed from. */
  const contested = new Set<string>();

  function ask(record: SubscriptionRecord, signal: AbortSignal): Promise<CreateOutcome> {
    const { resource, changeType, clientState, expiresAt } = record;
    const notificationUrl = urls.notifications;
    const lifecycleNotificationUrl = urls.lifecycle;
    return api.create(
      { resource, changeType, clientState, expiresAt, notificationUrl, lifecycleNotificationUrl },
      signal,
    );
  }

  async function create(resource: string, signal: AbortSignal): Promise<string | undefined> {
    const now = clock.now();
    const intent: SubscriptionRecord = {
      id: null,
      resource,
      changeType,
      clientState: options.random(32).toString('base64url'),
      expiresAt: askedExpiry(now, lifetimeMs),
      createdAt: now,
      renewedAt: now,
      touchedAt: now,
      touchedBy: 'create',
    };
    // Stored before it is used: whatever we die of, the next start knows what was asked for.
    await store.put(intent);
    let outcome = await ask(intent, signal);
    if (outcome.kind === 'exists') {
      const obstacle = await clearTheWay(resource, outcome.existingId, signal);
      if (obstacle) return obstacle;
      outcome = await ask(intent, signal);
    }
    switch (outcome.kind) {
      case 'created': {
        const { id, expiresAt } = outcome.subscription;
        await store.put({ ...intent, id, expiresAt });
        log('listener.subscription.created', { resource, id, expiresAt: new Date(expiresAt).toISOString() });
        onGap();
        return undefined;
      }
      case 'exists':
        return `Graph says that ${outcome.existingId ?? 'a subscription'} is in the way, also after it was deleted`;
      case 'forbidden':
        log('listener.subscription.forbidden', { resource, explanation: outcome.explanation });
        return outcome.explanation;
      case 'endpoint-failed':
        log('listener.subscription.endpoint-failed', { resource, explanation: outcome.explanation });
        return outcome.explanation;
    }
  }

  /** Deletes what stands in the way; its clientState can never be read again, so it is of no use to us. */
  async function clearTheWay(
    resource: string,
    existingId: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const existing = existingId ? await api.get(existingId, signal) : await findOurs(resource, signal);
    const id = existingId ?? existing?.id;
    if (!id) return 'Graph says that a subscription exists, and none of ours is listed; it may show after a while';
    const foreign = existing !== undefined && existing.notificationUrl !== urls.notifications && !store.byId(id);
    if (foreign && contested.has(resource)) {
      log('listener.subscription.contested', { resource, id, theirs: existing.notificationUrl });
      return `another installation (${existing.notificationUrl}) uses the same app registration: give each its own`;
    }
    if (foreign) contested.add(resource);
    await api.delete(id, signal);
    log('listener.subscription.replaced', { resource, id, theirs: foreign ? existing.notificationUrl : undefined });
    return undefined;
  }

  async function findOurs(resource: string, signal: AbortSignal): Promise<Subscription | undefined> {
    const all = await api.list(signal);
    return all.find((one) => one.notificationUrl === urls.notifications && sameResource(one.resource, resource));
  }

  async function createIfReady(resource: string, signal: AbortSignal): Promise<string | undefined> {
    return (await options.endpointReady(signal)) ? create(resource, signal) : NOT_READY;
  }

  async function replace(record: LiveRecord, signal: AbortSignal): Promise<string | undefined> {
    // An endpoint that is not ready must not cost us the one that we have.
    if (!(await options.endpointReady(signal))) return NOT_READY;
    await api.delete(record.id, signal);
    return create(record.resource, signal);
  }

  function gone({ resource, id }: LiveRecord, signal: AbortSignal): Promise<string | undefined> {
    log('listener.subscription.gone', { resource, id });
    onGap();
    return createIfReady(resource, signal);
  }

  async function renew(record: LiveRecord, signal: AbortSignal): Promise<string | undefined> {
    const { resource, id } = record;
    const now = clock.now();
    if (!mayTouch(record, 'renew', now)) {
      log('listener.subscription.rested', { resource, id, wanted: 'renew' });
      return undefined;
    }
    const touched: LiveRecord = { ...record, touchedAt: now, touchedBy: 'renew' };
    await store.put(touched);
    const asked = askedExpiry(now, lifetimeMs);
    const renewed = await api.renew(id, asked, signal);
    if (!renewed) return gone(record, signal);
    const { expiresAt } = renewed;
    // Graph has been seen to answer 200 and change nothing. A second is the precision of its times.
    if (expiresAt <= record.expiresAt && asked > record.expiresAt + 1000) {
      log('listener.subscription.expiry-unchanged', { resource, id, expiresAt: new Date(expiresAt).toISOString() });
      if (expiresAt - now < lifetimeMs / 4) return replace(touched, signal);
      return 'Graph accepted the renewal and did not move the expiry';
    }
    await store.put({ ...touched, expiresAt, renewedAt: now });
    log('listener.subscription.renewed', { resource, id, expiresAt: new Date(expiresAt).toISOString() });
    return undefined;
  }

  return {
    renew,
    async lookAfter(resource, signal) {
      const record = store.byResource(resource);
      if (!record || !isLive(record)) return createIfReady(resource, signal);
      const seen = await api.get(record.id, signal);
      if (!seen) return gone(record, signal);
      if (altered(seen, urls, changeType) || seen.expiresAt <= clock.now()) {
        log('listener.subscription.altered', { resource, id: record.id, theirs: seen.notificationUrl });
        onGap();
        return replace(record, signal);
      }
      const current = { ...record, expiresAt: seen.expiresAt };
      if (clock.now() >= renewAt(current)) return renew(current, signal);
      if (seen.expiresAt !== record.expiresAt) await store.put(current);
      return undefined;
    },
    async reauthorize(record, signal) {
      const { resource, id } = record;
      const now = clock.now();
      // A renewal reauthorizes as well, so one that is due anyway is all that is needed.
      if (now >= renewAt(record)) return renew(record, signal);
      if (!mayTouch(record, 'reauthorize', now)) {
        log('listener.subscription.rested', { resource, id, wanted: 'reauthorize' });
        return undefined;
      }
      await store.put({ ...record, touchedAt: now, touchedBy: 'reauthorize' });
      if (!(await api.reauthorize(id, signal))) return gone(record, signal);
      log('listener.subscription.reauthorized', { resource, id });
      return undefined;
    },
  };
}

/** Whether Graph has confirmed the subscription. */
export function isLive(record: SubscriptionRecord): record is LiveRecord {
  return record.id !== null;
}

function altered(seen: Subscription, urls: PublicUrls, changeType: string): boolean {
  const lifecycle = seen.lifecycleNotificationUrl;
  if (seen.notificationUrl !== urls.notifications) return true;
  if (lifecycle !== undefined && lifecycle !== urls.lifecycle) return true;
  return sorted(seen.changeType) !== sorted(changeType);
}

function sorted(changeType: string): string {
  return changeType
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
    .sort()
    .join();
}

function sameResource(a: string, b: string): boolean {
  return a.replace(/^\//, '').toLowerCase() === b.replace(/^\//, '').toLowerCase();
}
