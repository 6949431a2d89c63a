import type { Dispatcher } from 'undici';
import { readBounded } from '../answer.js';
import { expandPath, parseBaseUrl } from '../base-url.js';
import { classifyConnectionError } from '../connection-error.js';
import { type Connections, openConnections } from '../connections.js';
import type { Credential, Exchange } from './credential.js';
import type { ProxmoxTransport, TransportReply, TransportRequest } from './transport.js';
import { PVE_NAMES, type WayNames } from './way-names.js';

export interface RestOptions {
  /** PVE_API_URL, `https://pve1.example.com:8006`. */
  baseUrl: string;
  credential: Credential;
  /** PEM text; where given, only certificates signed by it are trusted. */
  ca?: string | undefined;
  /** To connect, in milliseconds. */
  timeoutMs: number;
  /** By default real connections to `baseUrl`. */
  connections?: Connections | undefined;
  /** Those of Proxmox VE where they are not given. */
  names?: WayNames | undefined;
}

/** How long PVE holds every 401 back (pve-http-server), in which a ticket that ran out is found out. */
const RENEWAL_MS = 8_000;

/** The API over HTTPS. Throws Rejected for an address that would leak the credential, and for a broken `ca`. */
export function restTransport(options: RestOptions): ProxmoxTransport {
  const { credential, names = PVE_NAMES } = options;
  const address = parseBaseUrl(options.baseUrl, names);
  const connections =
    options.connections ??
    openConnections({ origin: address.origin, ca: options.ca, timeoutMs: options.timeoutMs, names });

  async function exchange(
    dispatcher: Dispatcher,
    { method, path, headers = {}, body }: Parameters<Exchange>[0],
    signal: AbortSignal,
  ): Promise<TransportReply> {
    const all = { accept: 'application/json', ...headers, ...(body ? { 'content-type': 'application/json' } : {}) };
    const request: Dispatcher.RequestOptions = { method, path: address.root + path, headers: all, signal };
    try {
      // A string body makes undici send content-length; PVE answers 501 to chunked bodies.
      const response = await dispatcher.request(body ? { ...request, body } : request);
      const text = await readBounded(response);
      return { kind: 'answer', status: response.statusCode, reason: response.statusText ?? '', body: text };
    } catch (error) {
      signal.throwIfAborted();
      return brokenConnection(error, address.host, names);
    }
  }

  /** A login must not wait behind a write that waits for PVE's lock. */
  const besideWrites: Exchange = (request, signal) => exchange(connections.reads, request, signal);

  async function once(request: TransportRequest, signal: AbortSignal) {
    const { method, route, params, query, body } = request;
    const path = expandPath(route, params, query);
    const proof = await credential.prove(besideWrites, signal);
    if (!proof.ok) return { reply: proof.reply, stale: false };
    const sent = { method, path, headers: proof.headers(method), body: body && JSON.stringify(body) };
    const dispatcher = method === 'GET' ? connections.reads : connections.writes;
    const reply = await exchange(dispatcher, sent, signal);
    return { reply, stale: reply.kind === 'answer' && reply.status === 401 && credential.refused(proof) };
  }

  return {
    host: address.host,
    caller: credential.caller,
    advice: {
      silent: 'check PVE_API_URL and "systemctl status pveproxy"',
      strange: 'is PVE_API_URL right, and nothing in between?',
    },
    overheadMs: credential.caller.kind === 'ticket' ? RENEWAL_MS : 0,
    secrets: credential.secrets,
    async send(request, signal) {
      const { reply, stale } = await once(request, signal);
      // PVE did nothing: it asks who is there before it looks at a call.
      return stale ? (await once(request, signal)).reply : reply;
    },
    close: () => connections.close(),
  };
}

function brokenConnection(error: unknown, host: string, names: WayNames): TransportReply {
  const failure = classifyConnectionError(error, host, names);
  switch (failure.kind) {
    case 'untrusted':
      return { kind: 'refused', error: failure.error };
    case 'not-sent':
      return { kind: 'not-sent', what: failure.what };
    case 'broken':
      return { kind: 'lost', what: failure.what };
    default:
      return failure satisfies never;
  }
}
