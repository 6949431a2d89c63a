import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { messageOf } from '../domain/errors.js';

/** The proxy did not let us through. Its text names the proxy without its password, and the setting. */
export class ProxyFailure extends Error {
  override readonly name = 'ProxyFailure';
  constructor(
    message: string,
    /** Whether the same may succeed a moment later; a wrong password does not. */
    readonly transient: boolean,
  ) {
    super(message);
  }
}

export interface TunnelOptions {
  /** With user and password, percent-encoded, where the proxy asks for them. */
  proxy: URL;
  /** Roots for a proxy that speaks TLS itself. */
  secureContext: SecureContext | undefined;
  timeoutMs: number;
}

/** How a proxy is spoken of: without user and password. */
export function proxyName({ protocol, host }: URL): string {
  return `the proxy ${protocol}//${host} (HTTPS_PROXY)`;
}

/**
 * A connection through the proxy to `host` (brackets around IPv6 or not) and `port`, by CONNECT (RFC 9110, 9.3.6).
 * Nothing of ours has been sent through it yet. Rejects with ProxyFailure, at the latest after `timeoutMs`.
 */
export function openTunnel(
  host: string,
  port: number,
  { proxy, secureContext, timeoutMs }: TunnelOptions,
): Promise<Socket> {
  const bare = host.replace(/^\[|\]$/g, '');
  const target = `${isIP(bare) === 6 ? `[${bare}]` : bare}:${port}`;
  const name = proxyName(proxy);
  const hostname = proxy.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const fail = (what: string, transient = true): void => {
      clearTimeout(timer);
      reject(new ProxyFailure(`${name} ${what}`, transient));
      request.destroy();
    };
    const secure = proxy.protocol === 'https:';
    const options = {
      method: 'CONNECT',
      host: hostname,
      port: proxy.port || (secure ? 443 : 80),
      path: target,
      headers: { host: target, ...authorization(proxy) },
      agent: false as const,
    };
    const request = secure
      ? httpsRequest({
          ...options,
          ...(secureContext && { secureContext }),
          // Left out, Node would take it from the Host header, which names the other side and not the proxy.
          servername: isIP(hostname) === 0 ? hostname : '',
        })
      : httpRequest(options);
    const timer = setTimeout(() => fail(`did not answer within ${timeoutMs} ms`), timeoutMs);
    request.once('connect', (response, socket, head) => {
      // Node gives the socket of every answer to a CONNECT, refusals too.
      const refusal = refusalOf(response, proxy, target);
      if (refusal) {
        socket.destroy();
        fail(refusal.what, refusal.transient);
        return;
      }
      clearTimeout(timer);
      if (head.length > 0) socket.unshift(head);
      resolve(socket as Socket);
    });
    request.on('error', (error: NodeJS.ErrnoException) => fail(explain(error)));
    request.end();
  });
}

function authorization({ username, password }: URL): Record<string, string> {
  if (!username && !password) return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

function refusalOf(
  { statusCode = 0, statusMessage = '' }: IncomingMessage,
  { username }: URL,
  target: string,
): { what: string; transient: boolean } | undefined {
  if (statusCode >= 200 && statusCode < 300) return undefined;
  const status = `(status ${statusCode})`;
  if (statusCode === 407) {
    const what = username ? 'does not accept its user and password' : 'asks for a user and password';
    return { what: `${what} ${status}: write it as http://user:password@host:port`, transient: false };
  }
  if (statusCode === 403 || statusCode === 401 || statusCode === 405) {
    return { what: `does not let us through to ${target} ${status}: allow it there`, transient: false };
  }
  const why = statusMessage.replaceAll(/[^\x20-\x7e]/g, '').slice(0, 60);
  return { what: `cannot reach ${target} (status ${statusCode}${why ? ` ${why}` : ''})`, transient: true };
}

const WORDS: Record<string, string> = {
  ECONNREFUSED: 'refuses connections: is it running, is its port right?',
  ENOTFOUND: 'is not known to DNS',
  EAI_AGAIN: 'could not be looked up: DNS does not answer',
  ETIMEDOUT: 'cannot be reached: the connection timed out',
  EHOSTUNREACH: 'cannot be reached: there is no route to it',
  ENETUNREACH: 'cannot be reached: there is no route to it',
  ECONNRESET: 'cut the connection',
  EPIPE: 'cut the connection',
};

function explain(error: NodeJS.ErrnoException): string {
  const { code = '' } = error;
  const known = WORDS[code];
  if (known) return `${known} (${code})`;
  if (code.startsWith('HPE_')) return `answers something that is not HTTP (${code}): is it a proxy for CONNECT?`;
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) {
    return `does not speak TLS as its https:// says (${code}): try http://`;
  }
  return `cannot be used: ${messageOf(error)}${code && !error.message.includes(code) ? ` (${code})` : ''}`;
}
