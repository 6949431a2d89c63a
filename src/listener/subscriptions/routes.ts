import express, { type Router } from 'express';
import type { SubscriptionKeeper, SubscriptionView } from './keeper.js';

/** A subscription as it is told: instants are ISO 8601 in UTC. */
export type ShownSubscription = Omit<SubscriptionView, 'expiresAt' | 'touchedAt'> & {
  expiresAt: string | undefined;
  touchedAt: string | undefined;
};

/** What an operator may ask of the keeper of subscriptions. */
export function subscriptionRoutes(keeper: SubscriptionKeeper): Router {
  const router = express.Router();
  router.get('/subscriptions', (_request, response) => {
    response.json(keeper.list().map(shown));
  });
  router.post('/subscriptions/renew', async (_request, response) => {
    await keeper.renewAll(new AbortController().signal);
    response.json(keeper.list().map(shown));
  });
  router.post('/subscriptions/delete', async (_request, response) => {
    await keeper.deleteAll(new AbortController().signal);
    response.json(keeper.list().map(shown));
  });
  return router;
}

function shown(view: SubscriptionView): ShownSubscription {
  return { ...view, expiresAt: iso(view.expiresAt), touchedAt: iso(view.touchedAt) };
}

function iso(epochMs: number | undefined): string | undefined {
  return epochMs === undefined ? undefined : new Date(epochMs).toISOString();
}
