import express, { type Router } from 'express';
import type { HubView } from './standing.js';

/** A hub as it is told: instants are ISO 8601 in UTC. */
export interface ShownHub extends Omit<HubView, 'since' | 'lastEventAt'> {
  hub: string;
  consumerGroup: string;
  transport: 'amqp' | 'websocket';
  since: string;
  lastEventAt: string | undefined;
}

/** What an operator may ask of the reader of an event hub. */
export function eventHubRoutes(view: () => ShownHub): Router {
  const router = express.Router();
  router.get('/event-hub', (_request, response) => {
    response.json(view());
  });
  return router;
}
