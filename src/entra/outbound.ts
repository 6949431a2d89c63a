import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { type BypassRule, createBypass } from './outbound-bypass.js';
import { openTunnel, proxyName } from './outbound-tunnel.js';

export interface OutboundOptions {
  /** Undefined: straight. `url` holds the password. */
  proxy?: { url: string; noProxy: readonly BypassRule[] } | undefined;
  /** The roots that are trusted, of the other side and of a proxy that speaks TLS; undefined: Node's own. */
  secureContext?: SecureContext | undefined;
  /** For a connection: to the proxy and through it, and then again for TLS; default 10 s. */
  connectTimeoutMs?: number | undefined;
}

/** The one way to everything that is not of this network: sign-in, Graph, Event Hubs, our own public address. */
export interface Outbound {
  /** For fetch: at most eight connections a host, kept for a minute, through the proxy where it applies. */
  dispatcher: Dispatcher;
  /** For WebSockets and node:https; the same trust, the same proxy. */
  agent: HttpsAgent;
  /** How the proxy for a URL is spoken of, without its password; undefined: the URL is reached straight. */
  proxyFor(url: string | URL): string | undefined;
  /** Lets the kept connections go once what runs has ended. */
  close(): Promise<void>;
}

/** How long a connection without calls is kept, where the other side does not name a time. */
const IDLE_MS = 60_000;
const CONNECT_MS = 10_000;
const CONNECTIONS = 8;

/**
 * Connections to the outside, through a proxy by CONNECT where there is one, so that TLS is spoken with the other side
 * itself. undici's own EnvHttpProxyAgent is not used: it reads variables of the process that nobody gave us, knows no
 * subnets, and its errors name neither the proxy nor what to do.
 */
export function createOutbound({ proxy, secureContext, connectTimeoutMs = CONNECT_MS }: OutboundOptions): Outbound {
  const proxyUrl = proxy && new URL(proxy.url);
  const bypasses = createBypass(proxy?.noProxy ?? []);
  const straight = buildConnector({ secureContext, timeout: connectTimeoutMs });
  const tunnelFor = (host: string, port: number): Promise<Socket> | undefined =>
    !proxyUrl || bypasses(host, port)
      ? undefined
      : openTunnel(host, port, { proxy: proxyUrl, secureContext, timeoutMs: connectTimeoutMs });

  const connect: buildConnector.connector = (options, callback) => {
    const tunnel = tunnelFor(options.hostname, portOf(options));
    if (!tunnel) {
      straight(options, callback);
      return;
    }
    tunnel.then(
      (httpSocket) => straight({ ...options, httpSocket }, callback),
      (error: Error) => callback(error, null),
    );
  };
  // A leaver's lock should not have to wait for a TLS handshake because nothing happened for some seconds.
  const dispatcher = new Agent({ connect, connections: CONNECTIONS, keepAliveTimeout: IDLE_MS });
  const agent = tunnellingAgent(secureContext, tunnelFor);
  return {
    dispatcher,
    agent,
    proxyFor(url) {
      const { hostname, port, protocol } = new URL(url);
      return proxyUrl && !bypasses(hostname, portOf({ port, protocol })) ? proxyName(proxyUrl) : undefined;
    },
    async close() {
      agent.destroy();
      await dispatcher.close();
    },
  };
}

/** An agent of node:https whose connections go through the tunnel where `tunnelFor` gives one. */
function tunnellingAgent(
  secureContext: SecureContext | undefined,
  tunnelFor: (host: string, port: number) => Promise<Socket> | undefined,
): HttpsAgent {
  // The type of the options leaves it out; they are handed on to tls.connect, which takes it.
  const agent = new HttpsAgent({ keepAlive: false, ...(secureContext && { secureContext }) });
  const straight = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const tunnel = tunnelFor(options.host ?? '', Number(options.port ?? 443));
    if (!tunnel) return straight(options, callback);
    tunnel.then(
      (socket) => callback?.(null, straight({ ...options, socket } as typeof options) as Socket),
      (error: Error) => callback?.(error, undefined as never),
    );
    return undefined;
  };
  return agent;
}

function portOf({ port, protocol }: { port?: string | undefined; protocol: string }): number {
  if (port) return Number(port);
  return protocol === 'http:' || protocol === 'ws:' ? 80 : 443;
}
