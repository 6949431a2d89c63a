import { readFileSync } from 'node:fs';
import type { Router } from 'express';
import { fetch as undiciFetch } from 'undici';
import type { Settings } from '../../config/settings.js';
import type { ListenerAppOptions } from '../../listener/app.js';
import { createListenerApp } from '../../listener/app.js';
import { createListenerServer } from '../../listener/server.js';
import { createEndpointProbe } from '../../listener/subscriptions/endpoint-probe.js';
import type { Unready } from '../../operator/health.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { systemClock } from '../../telemetry/system-clock.js';
import { watchEndpoint } from './endpoint.js';
import type { Graph } from './graph.js';
import { orUndo } from './or-undo.js';

export interface WebhookSource {
  /** A handshake as Graph makes it; see `createEndpointProbe`. */
  endpointReady(signal: AbortSignal): Promise<void>;
  routes: Router;
  unready(): Unready[];
  measure(): void;
  stop(): Promise<void>;
}

/** How long answers under way may take once a stop was asked for. */
const CLOSE_MS = 3000;

/** Listens for Graph; resolves once connections are taken. */
export async function startWebhookSource(
  settings: Settings,
  publicUrl: string,
  graph: Graph,
  intake: Pick<ListenerAppOptions, 'tenantId' | 'find' | 'isWatchedGroup' | 'onNesting' | 'hints' | 'onLifecycle'>,
  log: Log,
  metrics: Metrics,
): Promise<WebhookSource> {
  const { listener } = settings;
  const tls = listener.tls && {
    cert: readFileSync(listener.tls.certFile, 'utf8'),
    key: readFileSync(listener.tls.keyFile, 'utf8'),
  };
  const endpoint = watchEndpoint(settings, intake.hints, log, metrics);
  const app = createListenerApp({
    ...intake,
    ...endpoint.app,
    clock: systemClock,
    log,
    onOutcome: (outcome) => metrics.notifications.inc({ outcome }),
  });
  const server = await orUndo(
    createListenerServer({
      app,
      host: listener.host,
      port: listener.port,
      tls,
      trustProxy: listener.trustProxy,
      log,
    }),
    () => endpoint.stop(),
  );
  const { dispatcher } = graph.outbound;
  return {
    endpointReady: createEndpointProbe({
      localUrl: server.localUrl,
      localCertificate: tls?.cert,
      publicUrl,
      random: endpoint.random,
      log,
      // undici's own fetch, since the dispatcher, with the proxy and the roots of CA_FILE, is of that package.
      fetch: ((url: string, init: object) => undiciFetch(url, { ...init, dispatcher })) as typeof globalThis.fetch,
    }),
    routes: endpoint.routes,
    unready: endpoint.unready,
    measure: endpoint.measure,
    async stop() {
      await server.close(CLOSE_MS);
      await endpoint.stop();
    },
  };
}
