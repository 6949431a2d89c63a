import express, { type Router } from 'express';
import type { SubscriptionKeeper } from './keeper.js';

/** What an operator may ask of the keeper of subscriptions. */
export function subscriptionRoutes(keeper: SubscriptionKeeper): Router {
  const router = express.Router();
  router.get('/subscriptions', (_request, response) => {
    response.json(keeper.list());
  });
  router.post('/subscriptions/renew', async (_request, response) => {
    await keeper.renewAll(new AbortController().signal);
    response.json(keeper.list());
  });
  router.post('/subscriptions/delete', async (_request, response) => {
    await keeper.deleteAll(new AbortController().signal);
    response.json(keeper.list());
  });
  return router;
}
