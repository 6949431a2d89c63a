import type { IncomingMessage } from 'node:http';
import { type Agent, request as httpsRequest } from 'node:https';
import { type PeerCertificate, type SecureContext, TLSSocket } from 'node:tls';
import { messageOf } from '../../domain/errors.js';
import { ProxyFailure } from '../../entra/outbound-tunnel.js';

/** A certificate of the other side, as far as it is told. Instants are epoch ms. */
export interface SeenCertificate {
  subject: string;
  issuer: string;
  endsAt: number;
  /** SHA-256 of the last certificate of the chain, with colons. */
  root: string;
  /** Certificates that were sent or found, the server's own included. */
  length: number;
}

/** What came of one harmless HTTPS request. */
export type Looked =
  | {
      kind: 'answered';
      status: number;
      contentType: string;
      body: string;
      certificate: SeenCertificate | undefined;
      /** Why the certificate is not to be trusted, as a code of OpenSSL or Node; undefined: it is. */
      distrust: string | undefined;
      /** Of the Date header, epoch ms. */
      date: number | undefined;
      /** The middle of the exchange by our clock, epoch ms. */
      at: number;
      /** From the connected socket to the whole answer. */
      answerMs: number;
    }
  /** `code`: of Node or OpenSSL. `proxy`: the proxy is what failed. `certain`: waiting would not help. */
  | { kind: 'failed'; code: string; text: string; proxy: boolean; certain: boolean };

export type Look = (url: URL, options: LookOptions, signal: AbortSignal) => Promise<Looked>;

export interface LookOptions {
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
}

export interface LookPorts {
  /** Goes through the proxy where there is one; undefined: straight. */
  agent?: Agent | undefined;
  secureContext?: SecureContext | undefined;
  now: () => number;
}

const MAX_BODY_BYTES = 4096;

/**
 * Asks once, without any secret, and tells what was met on the way. A certificate that is not trusted is looked at all
 * the same, so that it can be told whose it is; nothing that such an answer says is relied upon.
 */
export function createLook({ agent, secureContext, now }: LookPorts): Look {
  return (url, { method = 'GET', headers = {} }, signal) =>
    new Promise((resolve) => {
      let startedAt = now();
      const fail = (error: unknown): void => resolve(failureOf(signal.aborted ? signal.reason : error));
      const request = httpsRequest(url, {
        method,
        headers,
        signal,
        agent: agent ?? false,
        rejectUnauthorized: false,
        ...(secureContext ? { secureContext } : {}),
      } as Parameters<typeof httpsRequest>[1] & object);
      request.once('error', fail);
      request.once('socket', (socket) => {
        socket.once('secureConnect', () => {
          startedAt = now();
        });
      });
      request.once('response', (response) => {
        const met = trustOf(response);
        let body = '';
        const settle = (): void => {
          const endedAt = now();
          const date = Date.parse(response.headers.date ?? '');
          resolve({
            kind: 'answered',
            status: response.statusCode ?? 0,
            contentType: response.headers['content-type'] ?? '',
            body,
            ...met,
            date: Number.isNaN(date) ? undefined : date,
            at: (startedAt + endedAt) / 2,
            answerMs: endedAt - startedAt,
          });
          request.destroy();
        };
        response.setEncoding('utf8').on('data', (text: string) => {
          body = `${body}${text}`.slice(0, MAX_BODY_BYTES);
          if (body.length === MAX_BODY_BYTES) settle();
        });
        response.once('end', settle);
        response.once('error', fail);
      });
      request.end();
    });
}

function trustOf({ socket }: IncomingMessage): {
  certificate: SeenCertificate | undefined;
  distrust: string | undefined;
} {
  if (!(socket instanceof TLSSocket)) return { certificate: undefined, distrust: 'NO_TLS' };
  const { authorizationError } = socket as { authorizationError?: Error | string };
  const code = authorizationError instanceof Error ? codeOf(authorizationError) : authorizationError;
  return {
    certificate: certificateOf(socket.getPeerCertificate(true)),
    distrust: socket.authorized ? undefined : String(code),
  };
}

function certificateOf(leaf: PeerCertificate & { issuerCertificate?: PeerCertificate }): SeenCertificate | undefined {
  if (!leaf.subject) return undefined;
  let last: PeerCertificate & { issuerCertificate?: PeerCertificate } = leaf;
  let length = 1;
  while (last.issuerCertificate && last.issuerCertificate !== last && length < 10) {
    if (last.issuerCertificate.fingerprint256 === last.fingerprint256) break;
    last = last.issuerCertificate;
    length += 1;
  }
  return {
    subject: [leaf.subject.CN ?? leaf.subjectaltname ?? 'no name'].flat().join(', '),
    issuer: [leaf.issuer.O, leaf.issuer.CN].filter(Boolean).join(', ') || 'nobody',
    endsAt: Date.parse(leaf.valid_to),
    root: last.fingerprint256,
    length,
  };
}

/** Failures that stay until somebody changes something. */
const CERTAIN = new Set(['ENOTFOUND', 'ERR_INVALID_URL', 'EPROTO']);

function failureOf(error: unknown): Looked {
  const code = codeOf(error);
  if (error instanceof ProxyFailure) {
    return { kind: 'failed', code, text: messageOf(error), proxy: true, certain: !error.transient };
  }
  const certain = CERTAIN.has(code) || code.startsWith('ERR_SSL');
  return { kind: 'failed', code, text: wordsOf(code, messageOf(error)), proxy: false, certain };
}

const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known to DNS',
  EAI_AGAIN: 'DNS does not answer',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  ETIMEDOUT: 'the connection timed out',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  EPROTO: 'what answers there does not speak TLS as we do',
};

function wordsOf(code: string, message: string): string {
  const known = WORDS[code] ?? (code.startsWith('ERR_SSL') ? WORDS.EPROTO : undefined);
  return known ? `${known} (${code})` : message;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
