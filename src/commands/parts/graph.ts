import { readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { Credential as CredentialSettings, Settings } from '../../config/settings.js';
import { Rejected } from '../../domain/errors.js';
import type { BatchItem } from '../../entra/batch.js';
import { type Breaker, createBreaker } from '../../entra/breaker.js';
import { type Credential, createCredential, type Proof } from '../../entra/credential.js';
import { createGraphClient, type GraphClient } from '../../entra/graph-client.js';
import { createOutbound, type Outbound } from '../../entra/outbound.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { type Outside, theRealOutside } from './outside.js';

export interface Graph {
  credential: Credential;
  /** The same proof for another resource than Graph, such as Event Hubs; asked when it is first used. */
  credentialFor(scope: string): Credential;
  client: GraphClient;
  /** Whether Graph or the token endpoint is unwell as a whole; all calls of `client` share it. */
  breaker: Breaker;
  /** A cheap read that tells whether Graph answers again. */
  probe(signal: AbortSignal): Promise<unknown>;
  /** The way out that both use, for whatever else goes to Microsoft. */
  outbound: Outbound;
  /** Lets the kept connections go. */
  close(): Promise<void>;
}

const CONNECT_MS = 10_000;

/** The way out of these settings: through HTTPS_PROXY but for NO_PROXY, with the roots of CA_FILE trusted beside Node's. */
export function openOutbound({ proxy, caFile, entra: { timeoutMs } }: Settings): Outbound {
  // Before the call's own time is over, so that it is told who did not answer.
  const connectTimeoutMs = Math.min(CONNECT_MS, Math.ceil(timeoutMs * 0.8));
  return createOutbound({ proxy, secureContext: trustedRoots(caFile), connectTimeoutMs });
}

/**
 * The Graph client of this process, over the way out of its settings. `isOneOff`: for a command that may well lack what
 * the reconciler cannot do without, so that one refusal says nothing of the next call.
 */
export function connectGraph(
  settings: Settings,
  log: Log,
  metrics: Metrics,
  { clock, random, graph }: Outside = theRealOutside,
  { isOneOff = false }: { isOneOff?: boolean } = {},
): Graph {
  const { entra } = settings;
  if (!entra.tenantId || !entra.clientId || !entra.credential) {
    throw new Rejected('Graph needs ENTRA_TENANT_ID, ENTRA_CLIENT_ID and a credential');
  }
  const outbound = openOutbound(settings);
  const dispatcher = graph ?? outbound.dispatcher;
  const common = {
    proof: proofOf(entra.credential),
    tenantId: entra.tenantId,
    clientId: entra.clientId,
    authority: entra.authority,
    log,
    clock,
    random,
    dispatcher,
    timeoutMs: entra.timeoutMs,
  };
  const credentialFor = (scope: string) => createCredential({ ...common, scope });
  const credential = credentialFor(entra.graphScope);
  const breaker = createBreaker({ clock, log, random });
  const client = createGraphClient({
    breaker: isOneOff ? undefined : breaker,
    baseUrl: entra.graphBaseUrl,
    credential,
    log,
    clock,
    random,
    dispatcher,
    timeoutMs: entra.timeoutMs,
    onCall: ({ status }) => metrics.graphCalls.inc({ status: String(status ?? 'none') }),
  });
  return {
    credential,
    credentialFor,
    client,
    breaker,
    probe: (signal) => client.batch(probeItems(entra), { signal }),
    outbound,
    close: () => outbound.close(),
  };
}

/** A group and a user, in a batch as targeted work is. That somebody is not there is as good an answer as any. */
function probeItems({ groupIds, tenantId }: Settings['entra']): BatchItem[] {
  return [
    { id: 'group', method: 'GET', path: `/groups/${groupIds[0] ?? tenantId}?$select=id` },
    { id: 'user', method: 'GET', path: `/users/${tenantId}?$select=id` },
  ];
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
