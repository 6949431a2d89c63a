import { z } from 'zod';
import type { Clock } from '../domain/clock.js';
import type { GraphClient } from './graph-client.js';
import { GraphError, saysNotFound } from './graph-errors.js';
import type { CreateOutcome, NewSubscription, Subscription, SubscriptionApi } from './subscription.js';
import { readRefusal } from './subscription-refusals.js';
import { subscriptionSchema } from './subscription-schema.js';

const MINUTE_MS = 60_000;
/** Graph: resources/subscription, users and groups: 41,760 minutes; an hour is kept for clocks that disagree. */
const MAX_LIFETIME_MS = 41_760 * MINUTE_MS - 60 * MINUTE_MS;
/** Two handshakes of up to 10 s each happen inside the call (Graph: change-notifications-delivery-webhooks). */
const CREATE_TIMEOUT_MS = 45_000;

/** The subscription calls over a Graph client. What is refused for good is thrown as GraphError. */
export function createSubscriptionApi(graph: GraphClient, clock: Pick<Clock, 'now'>): SubscriptionApi {
  const expiry = (expiresAt: number) => new Date(Math.min(expiresAt, clock.now() + MAX_LIFETIME_MS)).toISOString();
  const get = (id: string, signal: AbortSignal) =>
    unlessGone(graph.get(pathOf(id), subscriptionSchema, { signal }), undefined);

  return {
    create: (wanted, signal) => create(graph, wanted, expiry(wanted.expiresAt), signal),
    get,
    list: async (signal) => (await graph.getAllPages('/subscriptions', subscriptionSchema, { signal })).items,
    async renew(id, expiresAt, signal) {
      const body = { expirationDateTime: expiry(expiresAt) };
      const renewed = await unlessGone(
        graph
          .patch(pathOf(id), body, subscriptionSchema.optional().or(z.null()), { signal })
          .then((answer) => answer ?? 'silent'),
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

async function create(
  graph: GraphClient,
  { resource, changeType, notificationUrl, lifecycleNotificationUrl, clientState }: NewSubscription,
  expirationDateTime: string,
  signal: AbortSignal,
): Promise<CreateOutcome> {
  const body = {
    changeType,
    notificationUrl,
    lifecycleNotificationUrl,
    resource,
    expirationDateTime,
    clientState,
    latestSupportedTlsVersion: 'v1_2',
  };
  try {
    const options = { signal, timeoutMs: CREATE_TIMEOUT_MS };
    const subscription: Subscription = await graph.post('/subscriptions', body, subscriptionSchema, options);
    return { kind: 'created', subscription };
  } catch (error) {
    const outcome = error instanceof GraphError ? readRefusal(error, { resource, notificationUrl }) : undefined;
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
