import { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { clouds } from '../../config/clouds.js';
import type { Settings } from '../../config/settings.js';
import { graphRoot } from '../../entra/graph-root.js';
import { publicUrls } from '../../listener/subscriptions/urls.js';
import type { Graph } from '../parts/graph.js';
import { trustedRoots } from '../parts/graph.js';
import { EXCHANGE_MS, subject, within } from './budget.js';
import type { Check } from './check.js';
import { checkClock } from './clock.js';
import { checkEndpoint } from './endpoint.js';
import { createLook, type Look, type Looked } from './look.js';
import { checkProxy, checkWay } from './way.js';

export interface MicrosoftPorts {
  settings: Settings;
  graph: Pick<Graph, 'outbound'>;
  /** A text for a handshake that nobody could guess, and that our own listener lets in. */
  newToken: () => Promise<string>;
  now: () => number;
}

/** A look that ends after the time that one exchange may take, and tells so. */
export function timedLook(look: Look): Look {
  return (url, options, signal) =>
    within(EXCHANGE_MS, signal, (inner) => look(url, options, inner)).catch(
      (error: unknown): Looked => ({
        kind: 'failed',
        code: '',
        text: error instanceof Error ? error.message : String(error),
        proxy: false,
        certain: false,
      }),
    );
}

/** The SHA-256 fingerprints of the certificates in CA_FILE. */
export function fingerprintsIn(caFile: string | undefined): Set<string> {
  if (caFile === undefined) return new Set();
  const pems = readFileSync(caFile, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return new Set(pems.map((pem) => new X509Certificate(pem).fingerprint256));
}

/** What was met on the way, for whoever goes on from there. */
export interface WayOut {
  login: Promise<Looked>;
  service: Promise<Looked>;
  checks: Promise<Check[]>;
}

/** The way to Microsoft and, through the public address, back from there, side by side. */
export function lookAtTheWay({ settings, graph, newToken, now }: MicrosoftPorts, signal: AbortSignal): WayOut {
  const { entra, caFile, listener, sources } = settings;
  const ownRoots = fingerprintsIn(caFile);
  const { agent, proxyFor } = graph.outbound;
  const look = timedLook(createLook({ agent, secureContext: trustedRoots(caFile), now }));
  const loginUrl = new URL(`${entra.authority}/${entra.tenantId}/v2.0/.well-known/openid-configuration`);
  const root = graphRoot(entra.graphBaseUrl);
  // Refused without a token, which is answer enough.
  const graphUrl = new URL(`${root.base}/${root.version}/users?$select=id&$top=1`);
  const login = look(loginUrl, {}, signal);
  const service = look(graphUrl, {}, signal);
  const resolve = (host: string) =>
    within(EXCHANGE_MS, signal, async () => (await lookup(host, { all: true })).map(({ address }) => address));
  const way = async (which: 'login' | 'graph', url: URL, looked: Promise<Looked>, setting: string) =>
    checkWay({
      names: { dns: `${which}.dns`, tls: `${which}.tls` },
      url,
      setting,
      looked: await looked,
      resolve,
      proxy: proxyFor(url),
      ownRoots,
      now: now(),
    });
  const proxy = proxyFor(graphUrl) ?? proxyFor(loginUrl);
  const hasEndpoint = listener.publicUrl !== undefined && sources.includes('webhook');
  const isRealGraph = Object.values(clouds).some(({ graphBaseUrl }) => graphBaseUrl === entra.graphBaseUrl);
  const parts = Promise.all([
    subject(['clock.entra'], signal, async () =>
      checkClock('clock.entra', 'Microsoft', await Promise.all([login, service])),
    ),
    proxy ? subject(['proxy.reach'], signal, async () => checkProxy(proxy, await Promise.all([login, service]))) : [],
    subject(['login.dns', 'login.tls'], signal, () => way('login', loginUrl, login, 'ENTRA_AUTHORITY')),
    subject(['graph.dns', 'graph.tls'], signal, () => way('graph', graphUrl, service, 'GRAPH_BASE_URL')),
    hasEndpoint
      ? subject(['endpoint.reach', 'endpoint.tls', 'endpoint.handshake', 'endpoint.time'], signal, () => {
          const { notifications, lifecycle } = publicUrls(listener.publicUrl ?? '');
          return checkEndpoint(
            { urls: [notifications, lifecycle], look, newToken, ownRoots, isRealGraph, now },
            signal,
          );
        })
      : [],
  ]);
  return { login, service, checks: parts.then((all) => all.flat()) };
}
