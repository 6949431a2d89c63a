import { createSecureContext, rootCertificates } from 'node:tls';
import { Agent, buildConnector, type Dispatcher } from 'undici';

const CONNECTIONS = 8;
const IDLE_MS = 30_000;

/** Kept connections that trust `ca`, PEM text, beside Node's own roots. */
export function openConnections({ ca, timeoutMs }: { ca?: string | undefined; timeoutMs: number }): Dispatcher {
  // Once: Node parses a list of roots anew for every connection otherwise.
  const secureContext = ca === undefined ? undefined : createSecureContext({ ca: [...rootCertificates, ca] });
  const connect = buildConnector({ secureContext, timeout: timeoutMs });
  return new Agent({ connect, connections: CONNECTIONS, keepAliveTimeout: IDLE_MS });
}
