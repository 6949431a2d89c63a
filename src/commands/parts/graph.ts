import { readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { Agent } from 'undici';
import type { Credential as CredentialSettings, Settings } from '../../config/settings.js';
import { Rejected } from '../../domain/errors.js';
import { type Credential, createCredential, type Proof } from '../../entra/credential.js';
import { createGraphClient, type GraphClient } from '../../entra/graph-client.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { type Outside, theRealOutside } from './outside.js';

export interface Graph {
  credential: Credential;
  client: GraphClient;
  /** Lets the kept connections go. */
  close(): Promise<void>;
}

/** How long a connection without calls is kept, where Graph does not name a time. */
const IDLE_MS = 60_000;

/** The Graph client of this process, with the roots of CA_FILE trusted beside the built-in ones. */
export function connectGraph(
  settings: Settings,
  log: Log,
  metrics: Metrics,
  { clock, random, graph }: Outside = theRealOutside,
): Graph {
  const { entra } = settings;
  if (!entra.tenantId || !entra.clientId || !entra.credential) {
    throw new Rejected('Graph needs ENTRA_TENANT_ID, ENTRA_CLIENT_ID and a credential');
  }
  const dispatcher = graph ?? keptConnections(settings.caFile);
  const credential = createCredential({
    proof: proofOf(entra.credential),
    tenantId: entra.tenantId,
    clientId: entra.clientId,
    authority: entra.authority,
    scope: entra.graphScope,
    log,
    clock,
    random,
    dispatcher,
    timeoutMs: entra.timeoutMs,
  });
  const client = createGraphClient({
    baseUrl: entra.graphBaseUrl,
    credential,
    log,
    clock,
    random,
    dispatcher,
    timeoutMs: entra.timeoutMs,
    onCall: ({ status }) => metrics.graphCalls.inc({ status: String(status ?? 'none') }),
  });
  return { credential, client, close: async () => (graph ? undefined : dispatcher.close()) };
}

function keptConnections(caFile: string | undefined): Agent {
  return new Agent({
    connect: { secureContext: trustedRoots(caFile) },
    connections: 8,
    // A leaver's lock should not have to wait for a TLS handshake because nothing happened for some seconds.
    keepAliveTimeout: IDLE_MS,
  });
}

/**
 * Node's own roots and those of CA_FILE, read once: Node parses a list of roots anew for every connection, which takes
 * it some 60 ms. undefined: Node's own alone, which it keeps parsed.
 */
export function trustedRoots(caFile: string | undefined): SecureContext | undefined {
  if (!caFile) return undefined;
  return createSecureContext({ ca: [...rootCertificates, readFileSync(caFile, 'utf8')] });
}

function proofOf(credential: CredentialSettings): Proof {
  switch (credential.kind) {
    case 'secret':
      return { kind: 'secret', secret: credential.clientSecret };
    case 'certificate': {
      const { thumbprintSha256, privateKey, certificate } = credential;
      return certificate
        ? { kind: 'certificate', certificatePem: certificate, privateKeyPem: privateKey }
        : { kind: 'thumbprint', thumbprintSha256, privateKeyPem: privateKey };
    }
    case 'token':
      return { kind: 'bearer', token: credential.accessToken };
    default:
      return credential satisfies never;
  }
}
