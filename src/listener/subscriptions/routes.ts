import express, { type Router } from 'express';
import type { SubscriptionKeeper } from './keeper.js';
import type { GapKind } from './record.js';
import type { SubscriptionView } from './view.js';

/** A subscription as it is told: instants are ISO 8601 in UTC, lengths are seconds. */
export type ShownSubscription = Pick<SubscriptionView, 'resource' | 'id' | 'state' | 'problem'> & {
  expiresAt: string | undefined;
  touchedAt: string | undefined;
  sendsTo?: string | undefined;
  touchedBy?: SubscriptionView['touchedBy'];
  /** It does not tell us of changes at present. */
  gap?: { since: string; kind: GapKind } | undefined;
  lastGap?: { from: string; to: string; seconds: number; kind: GapKind } | undefined;
  gaps?: number;
  gapSeconds?: number;
};

/** What an operator may ask of the keeper of subscriptions. `dryRun`: to look, and nothing that Graph would note. */
export function subscriptionRoutes(
  keeper: Pick<SubscriptionKeeper, 'list' | 'renewAll' | 'deleteAll'>,
  dryRun: boolean,
): Router {
  const router = express.Router();
  router.get('/subscriptions', (_request, response) => {
    response.json(keeper.list().map(shown));
  });
  router.post(['/subscriptions/renew', '/subscriptions/delete'], (_request, response, next) => {
    if (!dryRun) return next();
    const remedy = 'set DRY_RUN=false and start the listener again';
    response.status(422).json({ error: 'DRY_RUN is on, so nothing is written at Graph', remedy });
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
  const { resource, id, sendsTo, state, problem, touchedBy, gap, lastGap, gaps } = view;
  return {
    resource,
    id,
    sendsTo,
    state,
    expiresAt: iso(view.expiresAt),
    touchedAt: iso(view.touchedAt),
    touchedBy,
    gap: gap && { since: new Date(gap.since).toISOString(), kind: gap.kind },
    lastGap: lastGap && {
      from: new Date(lastGap.from).toISOString(),
      to: new Date(lastGap.to).toISOString(),
      seconds: secondsOf(lastGap.to - lastGap.from),
      kind: lastGap.kind,
    },
    gaps,
    gapSeconds: secondsOf(view.gapMs),
    problem,
  };
}

function secondsOf(ms: number): number {
  return Math.max(0, Math.round(ms / 1000));
}

function iso(epochMs: number | undefined): string | undefined {
  return epochMs === undefined ? undefined : new Date(epochMs).toISOString();
}
