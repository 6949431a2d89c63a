import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Router } from 'express';
import { schedule } from 'node-cron';
import { Agent, fetch as undiciFetch } from 'undici';
import type { Settings } from '../../config/settings.js';
import { messageOf, Rejected } from '../../domain/errors.js';
import { createSubscriptionApi } from '../../entra/subscription-api.js';
import { createListenerApp } from '../../listener/app.js';
import { createListenerServer } from '../../listener/server.js';
import { createEndpointProbe } from '../../listener/subscriptions/endpoint-probe.js';
import { createSubscriptionKeeper } from '../../listener/subscriptions/keeper.js';
import { subscriptionRoutes } from '../../listener/subscriptions/routes.js';
import { openSubscriptionStore } from '../../listener/subscriptions/store.js';
import { publicUrls } from '../../listener/subscriptions/urls.js';
import { CHANGE_TYPE, wantedResources } from '../../listener/subscriptions/wanted.js';
import type { Unready } from '../../operator/health.js';
import type { HintSink } from '../../queue/queue.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { systemClock } from '../../telemetry/system-clock.js';
import { connectGraph, trustedRoots } from './graph.js';

/** A running listener, to be put behind an operator socket. */
export interface Listener {
  routes: Router;
  unready(): Unready[];
  measure(): void;
  stop(): Promise<void>;
}

/** How long answers under way may take once a stop was asked for. */
const CLOSE_MS = 3000;

/** Listens first, then makes the subscriptions: Graph asks the endpoint while they are made. */
export async function startListener(
  settings: Settings,
  hints: HintSink,
  log: Log,
  metrics: Metrics,
): Promise<Listener> {
  const { listener, entra } = settings;
  if (!listener.publicUrl || !entra.tenantId) throw new Rejected('the listener needs PUBLIC_URL and ENTRA_TENANT_ID');
  const tls = listener.tls && {
    cert: readFileSync(listener.tls.certFile, 'utf8'),
    key: readFileSync(listener.tls.keyFile, 'utf8'),
  };
  const graph = connectGraph(settings, log, metrics);
  const store = await openSubscriptionStore({ path: join(settings.paths.listenerStateDir, 'subscriptions.json') });
  const groups = new Set(entra.groupIds);
  const dispatcher = new Agent({ connect: { secureContext: trustedRoots(settings.caFile) } });
  const stopping = new AbortController();
  const wanted = settings.dryRun ? [] : wantedResources({ groupIds: entra.groupIds, userIds: entra.userIds, log });
  // The keeper needs the address that the server gets, and the app needs the keeper.
  let endpointReady = (_signal: AbortSignal): Promise<void> => Promise.reject(new Error('not listening yet'));
  const keeper = createSubscriptionKeeper({
    api: createSubscriptionApi(graph.client, systemClock),
    store,
    wanted: () => wanted,
    urls: publicUrls(listener.publicUrl),
    changeType: CHANGE_TYPE,
    lifetimeMs: settings.subscriptions.lifetimeMs,
    clock: systemClock,
    random: randomBytes,
    hints,
    endpointReady: (signal) => endpointReady(signal),
    log,
  });
  const app = createListenerApp({
    tenantId: entra.tenantId,
    find: (id) => keeper.find(id),
    isWatchedGroup: (group) => groups.has(group),
    hints,
    onLifecycle: (event) => keeper.handleLifecycle(event),
    clock: systemClock,
    log,
    onOutcome: (outcome) => metrics.notifications.inc({ outcome }),
  });
  const server = await createListenerServer({
    app,
    host: listener.host,
    port: listener.port,
    tls,
    trustProxy: listener.trustProxy,
    log,
  });
  endpointReady = createEndpointProbe({
    localUrl: server.localUrl,
    localCertificate: tls?.cert,
    publicUrl: listener.publicUrl,
    random: randomBytes,
    log,
    // undici's own fetch, since the roots of CA_FILE are given to its agent.
    fetch: ((url: string, init: object) => undiciFetch(url, { ...init, dispatcher })) as typeof globalThis.fetch,
  });
  const tick = () => {
    keeper.tick(stopping.signal).catch((error: unknown) => {
      if (!stopping.signal.aborted) log('listener.tick.failed', { error: messageOf(error) });
    });
  };
  const { timeZone } = settings.schedule;
  const task = schedule(settings.subscriptions.cron, tick, {
    ...(timeZone ? { timezone: timeZone } : {}),
    noOverlap: true,
  });
  // A dry run writes nothing anywhere, at Graph neither.
  if (settings.dryRun) await task.stop();
  else tick();
  return {
    routes: subscriptionRoutes(keeper),
    unready: () =>
      keeper
        .list()
        .filter((item) => item.state !== 'live')
        .map(({ resource, state, problem }) => ({
          condition: 'subscription',
          detail: `${resource} is ${state}${problem ? `: ${problem}` : ''}`,
        })),
    measure() {
      for (const { resource, expiresAt } of keeper.list()) {
        const seconds = expiresAt === undefined ? 0 : Math.max(0, (expiresAt - systemClock.now()) / 1000);
        metrics.subscriptionExpirySeconds.set({ resource }, seconds);
      }
    },
    async stop() {
      stopping.abort(new Error('stopping'));
      await task.destroy();
      await server.close(CLOSE_MS);
      await graph.close();
      await dispatcher.close();
    },
  };
}
