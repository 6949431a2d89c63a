import { z } from 'zod';
import type { Clock } from '../domain/clock.js';
import type { GraphClient } from './graph-client.js';
import { GraphError, saysNotFound } from './graph-errors.js';
import type { CreateOutcome, NewSubscription, Subscription, SubscriptionApi } from './subscription.js';
import { createSubscriptionLifetime } from './subscription-lifetime.js';
import { readRefusal } from './subscription-refusals.js';
import { subscriptionSchema } from './subscription-schema.js';

/** Two handshakes of up to 10 s each happen inside the call (Graph: change-notifications-delivery-webhooks). */
const CREATE_TIMEOUT_MS = 45_000;

/** The subscription calls over a Graph client. What is refused for good is thrown as GraphError. */
export function createSubscriptionApi(graph: GraphClient, clock: Pick<Clock, 'now'>): SubscriptionApi {
  const lifetime = createSubscriptionLifetime(clock);
  const get = (id: string, signal: AbortSignal) =>
    unlessGone(graph.get(pathOf(id), subscriptionSchema, { signal }), undefined);

  return {
    create: (wanted, signal) =>
      orRefusal(wanted, () =>
        lifetime.within(wanted.expiresAt, (expirationDateTime) => create(graph, wanted, expirationDateTime, signal)),
      ),
    get,
    list: async (signal) => (await graph.getAllPages('/subscriptions', subscriptionSchema, { signal })).items,
    async renew(id, expiresAt, signal) {
      const answer = subscriptionSchema.optional().or(z.null());
      const renewed = await unlessGone(
        lifetime.within(expiresAt, async (expirationDateTime) => {
          const shown = await graph.patch(pathOf(id), { expirationDateTime }, answer, { signal });
          return shown ?? 'silent';
        }),
        undefined,
      );
      // An older Graph answers 204: the expiry that counts is then read.
      return renewed === 'silent' ? get(id, signal) : renewed;
    },
    delete: (id, signal) =>
      unlessGone(
        graph.delete(pathOf(id), { signal }).then(() => true),
        false,
      ),
    reauthorize: (id, signal) =>
      unlessGone(
        graph.post(`${pathOf(id)}/reauthorize`, undefined, z.unknown(), { signal }).then(() => true),
        false,
      ),
  };
}

function create(
  graph: GraphClient,
  { resource, changeType, notificationUrl, lifecycleNotificationUrl, clientState }: NewSubscription,
  expirationDateTime: string,
  signal: AbortSignal,
): Promise<Subscription> {
  const body = {
    changeType,
    notificationUrl,
    lifecycleNotificationUrl,
    resource,
    expirationDateTime,
    clientState,
    latestSupportedTlsVersion: 'v1_2',
  };
  return graph.post('/subscriptions', body, subscriptionSchema, { signal, timeoutMs: CREATE_TIMEOUT_MS });
}

async function orRefusal(wanted: NewSubscription, call: () => Promise<Subscription>): Promise<CreateOutcome> {
  try {
    return { kind: 'created', subscription: await call() };
  } catch (error) {
    const outcome = error instanceof GraphError ? readRefusal(error, wanted) : undefined;
    if (outcome) return outcome;
    throw error;
  }
}

async function unlessGone<T, G>(call: Promise<T>, gone: G): Promise<T | G> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof GraphError && saysNotFound(error.status, error.code)) return gone;
    throw error;
  }
}

function pathOf(id: string): string {
  return `/subscriptions/${encodeURIComponent(id)}`;
}
