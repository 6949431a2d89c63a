import { X509Certificate } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { messageOf, SourceUnavailable } from '../../domain/errors.js';
import type { Log } from '../../telemetry/log.js';
import { NOTIFICATIONS_PATH } from '../paths.js';

export interface EndpointProbeOptions {
  /** Our own server, as `ListenerServer.localUrl`. */
  localUrl: string;
  /** PEM of the certificate that our own server shows, where it speaks TLS itself. */
  localCertificate?: string | undefined;
  publicUrl: string;
  random: (bytes: number) => Buffer;
  log: Log;
  fetch?: typeof globalThis.fetch | undefined;
}

/** Graph waits ten seconds for a handshake. */
const DEADLINE_MS = 10_000;

/**
 * A handshake as Graph makes it, before Graph does. Our own server must answer it, else the returned function rejects
 * with SourceUnavailable. The public address is only warned about, with the likely cause: a network may well keep
 * us from reaching our own public address while Graph can.
 */
export function createEndpointProbe(options: EndpointProbeOptions): (signal: AbortSignal) => Promise<void> {
  const { localUrl, publicUrl, random, log, fetch = globalThis.fetch } = options;
  return async (signal) => {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
    const problem = await probeLocal(options, random(16).toString('hex'), deadline);
    if (problem) throw new SourceUnavailable(`${localUrl} does not answer a handshake: ${problem}`);
    const cause = await probePublic(fetch, publicUrl, random(16).toString('hex'), deadline);
    if (cause) log('listener.endpoint.public-unreachable', { publicUrl, cause });
  };
}

async function probePublic(
  fetch: typeof globalThis.fetch,
  publicUrl: string,
  token: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const url = `${publicUrl.replace(/\/+$/, '')}${NOTIFICATIONS_PATH}?validationToken=${token}`;
    const response = await fetch(url, { method: 'POST', redirect: 'manual', signal });
    return judge(response.status, await response.text(), token);
  } catch (error) {
    return explain(error);
  }
}

function probeLocal(options: EndpointProbeOptions, token: string, signal: AbortSignal): Promise<string | undefined> {
  const url = new URL(`${NOTIFICATIONS_PATH}?validationToken=${token}`, options.localUrl);
  const secure = url.protocol === 'https:';
  return new Promise((resolve) => {
    // The certificate names the public host, not this address: it is compared with the file instead.
    const request = secure
      ? httpsRequest(url, { method: 'POST', signal, agent: false, rejectUnauthorized: false })
      : httpRequest(url, { method: 'POST', signal, agent: false });
    request.once('error', (error) => resolve(explain(error)));
    request.once('response', (response) => {
      if (secure && !shows(response.socket as TLSSocket, options.localCertificate)) {
        response.destroy();
        resolve('it shows another certificate than ours');
        return;
      }
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', (error) => resolve(explain(error)));
      response.once('end', () => resolve(judge(response.statusCode ?? 0, Buffer.concat(chunks).toString(), token)));
    });
    request.end();
  });
}

function shows(socket: TLSSocket, certificate: string | undefined): boolean {
  if (!certificate) return false;
  return socket.getPeerX509Certificate()?.fingerprint256 === new X509Certificate(certificate).fingerprint256;
}

function judge(status: number, body: string, token: string): string | undefined {
  if (status === 200 && body === token) return undefined;
  if (status === 200) return 'something else answers there: the text is not the token';
  if (status === 401 || status === 403) return `status ${status}: a proxy or firewall asks for authentication`;
  if (status === 404) return 'status 404: the proxy does not pass this path on to the listener';
  if (status >= 300 && status < 400) return `status ${status}: Graph follows no redirect`;
  if (status === 502 || status === 503 || status === 504)
    return `status ${status}: the proxy cannot reach the listener`;
  return `status ${status}`;
}

function explain(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (/TimeoutError|AbortError/.test(cause instanceof Error ? cause.name : '')) return 'no answer within ten seconds';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the name does not resolve (${code})`;
  if (code === 'ECONNREFUSED' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'ETIMEDOUT') {
    return `no connection (${code}): a firewall, or a network that cannot reach its own public address`;
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL/.test(code)) {
    return `the certificate is not accepted (${code}): Graph needs a public chain, with intermediates`;
  }
  return messageOf(cause);
}
