import { X509Certificate } from 'node:crypto';
import { buildConnector, Client, type Dispatcher, Pool } from 'undici';
import { messageOf, Rejected } from '../../domain/errors.js';
import { OTHER_NAMES } from './connection-error.js';
import { PVE_NAMES, type WayNames } from './transport/way-names.js';

/** The transport of the client: reads may run side by side, writes have one connection of their own. */
export interface Connections {
  reads: Dispatcher;
  writes: Dispatcher;
  /** Ends all connections at once; a call that still waits for its answer gets an error. */
  close(): Promise<void>;
}

export interface ConnectionOptions {
  origin: string;
  ca?: string | undefined;
  timeoutMs: number;
  /** Those of Proxmox VE where they are not given. */
  names?: WayNames | undefined;
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const READ_CONNECTIONS = 4;
/** PVE closes a connection after 100 requests (pve-http-server); we leave before, so that no request races that. */
const REQUESTS_PER_CONNECTION = 90;
/** pveproxy drops idle connections after some seconds; going first keeps a write from meeting a dead one. */
const IDLE_MS = 4_000;

/** Kept connections to one origin. Throws Rejected where `ca` is not a PEM certificate. */
export function openConnections({ origin, ca, timeoutMs, names = PVE_NAMES }: ConnectionOptions): Connections {
  checkAuthority(ca, names);
  const options = {
    connect: connectorFor(ca, timeoutMs),
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    maxRequestsPerClient: REQUESTS_PER_CONNECTION,
    pipelining: 1,
  } satisfies Client.Options;
  const reads = new Pool(origin, { ...options, connections: READ_CONNECTIONS });
  const writes = new Client(origin, options);
  return {
    reads,
    writes,
    async close() {
      await Promise.all([reads.destroy(), writes.destroy()]);
    },
  };
}

/**
 * undici (7.30) treats the code ERR_TLS_CERT_ALTNAME_INVALID apart, and the client takes no further request after it.
 * Under another code it is an error like any other, and the next attempt connects anew.
 */
function connectorFor(ca: string | undefined, timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs, ...(ca === undefined ? {} : { ca }) });
  return (options, callback) =>
    connect(options, (...outcome) => {
      const [error] = outcome;
      if (error && 'code' in error && error.code === 'ERR_TLS_CERT_ALTNAME_INVALID') callback(otherNames(error), null);
      else callback(...outcome);
    });
}

function otherNames(error: Error & { cert?: { subjectaltname?: string } }): Error {
  const message = `it is for ${error.cert?.subjectaltname ?? 'no name at all'}`;
  return Object.assign(new Error(message, { cause: error }), { code: OTHER_NAMES });
}

function checkAuthority(ca: string | undefined, { authority, authorityIs }: WayNames): void {
  if (ca === undefined) return;
  const certificates = ca.match(PEM_CERTIFICATE) ?? [];
  const advice = `use ${authorityIs}`;
  if (certificates.length === 0) throw new Rejected(`${authority} holds no PEM certificate; ${advice}`);
  try {
    // Node ignores what it cannot read in a list of authorities; then every connection would fail without a hint.
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch (error) {
    throw new Rejected(`${authority} holds a certificate that cannot be read (${messageOf(error)}); ${advice}`);
  }
}
