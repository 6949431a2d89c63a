import type { Clock } from '../../domain/clock.js';
import { messageOf } from '../../domain/errors.js';
import { GraphError } from '../../entra/graph-errors.js';
import type { CreateOutcome, Subscription, SubscriptionApi } from '../../entra/subscription.js';
import type { Log } from '../../telemetry/log.js';
import type { Backoff } from './backoff.js';
import { sameAddress, sameResource, sameTypes } from './compare.js';
import { withDebt } from './debts.js';
import { closeGap, type Gap } from './gaps.js';
import type { SubscriptionRecord } from './record.js';
import { explainRival, type Rivals } from './rivals.js';
import { type SubscriptionStore, withRecord } from './store.js';
import { askedExpiry } from './timing.js';
import type { PublicUrls } from './urls.js';

export interface CreationOptions {
  api: SubscriptionApi;
  store: SubscriptionStore;
  urls: PublicUrls;
  /** What is subscribed to, see `CHANGE_TYPE`. */
  changeType: string;
  lifetimeMs: number;
  clock: Clock;
  random: (bytes: number) => Buffer;
  log: Log;
  rivals: Rivals;
  backoff: Backoff;
  /** Whether a subscription belongs to another keeper of this process. */
  isSibling: (subscriptionId: string) => boolean;
  onGapEnded: (gap: Gap) => void;
  /** A creation ended without an answer: there may be one at Graph that nobody knows. */
  onUncertain: () => void;
}

/** What is in the way, and whether it may pass by itself. */
interface Obstacle {
  kind: 'refused' | 'unavailable';
  problem: string;
}

/** So many ids that were ours are remembered for a resource. */
const FORMER = 5;

/**
 * Makes the subscription of one resource, and clears its way at Graph. Gives what is in the way, if anything. Errors of
 * Graph and of the store are thrown. After a failure it waits before it tries again.
 */
export type Creation = (resource: string, signal: AbortSignal) => Promise<string | undefined>;

export function createCreation(options: CreationOptions): Creation {
  const { api, store, urls, clock, log, rivals, backoff } = options;

  async function create(resource: string, signal: AbortSignal): Promise<Obstacle | undefined> {
    const before = store.byResource(resource);
    const intent = intend(resource, before);
    // What an earlier creation without an answer made stays ours until Graph has told what there is.
    let uncertain = isUnanswered(before);
    const refused = (): SubscriptionRecord => (uncertain ? intent : { ...intent, refused: true });
    // Stored before it is used: whatever we die of, the next start knows what was asked for.
    await store.put(intent);
    try {
      let outcome = await ask(intent, signal);
      if (outcome.kind === 'exists') {
        const obstacle = await clearTheWay(intent, before, outcome.existingId, signal);
        if (!obstacle || obstacle.rival) uncertain = false;
        if (obstacle) {
          await store.put({ ...refused(), ...obstacle.rival });
          return { kind: 'refused', problem: obstacle.problem };
        }
        outcome = await ask(intent, signal);
      }
      if (outcome.kind === 'created') {
        await made(intent, outcome.subscription);
        return undefined;
      }
      await store.put(refused());
      // An endpoint that cannot be reached comes back by itself, as a network does.
      const kind = outcome.kind === 'endpoint-failed' ? 'unavailable' : 'refused';
      return { kind, problem: refusal(resource, outcome) };
    } catch (error) {
      // A refusal is an answer; after anything else there may be one that nobody has told us of.
      if (error instanceof GraphError) await store.put(refused());
      else options.onUncertain();
      throw error;
    }
  }

  function intend(resource: string, before: SubscriptionRecord | undefined): SubscriptionRecord {
    const now = clock.now();
    const former = [...(before?.former ?? []), ...(before?.id ? [before.id] : [])].slice(-FORMER);
    const { gap, lastGap, gaps, gapMs, goodAt, goneAt, alteredAt } = before ?? {};
    return {
      id: null,
      resource,
      changeType: options.changeType,
      clientState: options.random(32).toString('base64url'),
      expiresAt: askedExpiry(now, options.lifetimeMs),
      createdAt: now,
      renewedAt: now,
      touchedAt: now,
      touchedBy: 'create',
      former,
      notificationUrl: urls.notifications,
      ...{ gap, lastGap, gaps, gapMs, goodAt, goneAt, alteredAt },
    };
  }

  function ask(record: SubscriptionRecord, signal: AbortSignal): Promise<CreateOutcome> {
    const { resource, changeType, clientState, expiresAt } = record;
    const notificationUrl = urls.notifications;
    const lifecycleNotificationUrl = urls.lifecycle;
    return api.create(
      { resource, changeType, clientState, expiresAt, notificationUrl, lifecycleNotificationUrl },
      signal,
    );
  }

  /** In one write: that it is live, that its gap is over, and that a sweep is owed for what nobody told us before. */
  async function made(intent: SubscriptionRecord, subscription: Subscription): Promise<void> {
    const now = clock.now();
    const { id, expiresAt, resource, changeType, notificationUrl, lifecycleNotificationUrl } = subscription;
    const shown = { resource, changeType, notificationUrl, lifecycleNotificationUrl };
    const { record, gap } = closeGap({ ...intent, id, expiresAt, shown, goodAt: now }, now);
    await store.update((data) => withDebt(withRecord(data, record), `${intent.resource} was subscribed to`, now));
    log('listener.subscription.created', { resource: intent.resource, id, expiresAt: iso(expiresAt) });
    if (gap) options.onGapEnded(gap);
  }

  /** Deletes what stands in the way; its clientState can never be read again, so it is of no use to us. */
  async function clearTheWay(
    intent: SubscriptionRecord,
    before: SubscriptionRecord | undefined,
    existingId: string | undefined,
    signal: AbortSignal,
  ): Promise<{ problem: string; rival?: Pick<SubscriptionRecord, 'rival'> } | undefined> {
    const { resource } = intent;
    const existing = existingId ? await api.get(existingId, signal) : await findListed(resource, signal);
    if (!existing) {
      // A 409 that names one which is gone is late; the next attempt tells.
      if (existingId) return undefined;
      return { problem: 'Graph says that a subscription exists, and none is listed; it may show after a while' };
    }
    const { id, notificationUrl: theirs } = existing;
    if (options.isSibling(id)) {
      return { problem: 'the other change source of this installation watches it already: leave one in CHANGE_SOURCE' };
    }
    if (!isOurs(existing, intent, before)) {
      if (!rivals.mayReplace(resource)) {
        log('listener.subscription.contested', { resource, id, theirs, ours: urls.notifications });
        const rival = { id, url: theirs, since: before?.rival?.since ?? clock.now() };
        return { problem: explainRival(theirs, urls.notifications), rival: { rival } };
      }
      await rivals.note(resource, theirs);
    }
    await api.delete(id, signal);
    log('listener.subscription.replaced', { resource, id, theirs });
    return undefined;
  }

  /** Whether one at Graph is provably ours: by its id, or because an answer to a creation of ours was lost. */
  function isOurs(existing: Subscription, intent: SubscriptionRecord, before: SubscriptionRecord | undefined): boolean {
    if (intent.former?.includes(existing.id)) return true;
    return isUnanswered(before) && sameAddress(existing.notificationUrl, urls.notifications);
  }

  async function findListed(resource: string, signal: AbortSignal): Promise<Subscription | undefined> {
    // What has other change types is in nobody's way, and may well be another application's.
    const same = (await api.list(signal)).filter(
      (one) => sameResource(one.resource, resource) && sameTypes(one.changeType, options.changeType),
    );
    return same.find((one) => sameAddress(one.notificationUrl, urls.notifications)) ?? same[0];
  }

  function refusal(resource: string, outcome: Exclude<CreateOutcome, { kind: 'created' }>): string {
    switch (outcome.kind) {
      case 'exists':
        return `Graph says that ${outcome.existingId ?? 'a subscription'} is in the way, also after it was deleted`;
      case 'forbidden':
        log('listener.subscription.forbidden', { resource, explanation: outcome.explanation });
        return outcome.explanation;
      case 'no-object':
        log('listener.subscription.no-object', { resource, explanation: outcome.explanation });
        return outcome.explanation;
      case 'endpoint-failed':
        log('listener.subscription.endpoint-failed', { resource, explanation: outcome.explanation });
        return outcome.explanation;
      default:
        return outcome satisfies never;
    }
  }

  return async (resource, signal) => {
    const early = backoff.waiting(resource);
    if (early !== undefined) return early;
    try {
      const obstacle = await create(resource, signal);
      if (obstacle) backoff.failed(resource, obstacle.kind, obstacle.problem);
      else backoff.succeeded(resource);
      return obstacle?.problem;
    } catch (error) {
      if (!signal.aborted)
        backoff.failed(resource, error instanceof GraphError ? 'refused' : 'unavailable', messageOf(error));
      throw error;
    }
  };
}

/** Whether a creation may have made one that nobody has told us of. */
function isUnanswered(record: SubscriptionRecord | undefined): boolean {
  return record !== undefined && record.id === null && record.refused !== true;
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
