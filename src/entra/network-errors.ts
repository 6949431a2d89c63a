import { messageOf } from '../domain/errors.js';
import { ProxyFailure } from './outbound-tunnel.js';

const CERTIFICATE: Record<string, string> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from a root that is not trusted; name that root in CA_FILE',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; name it in CA_FILE if that is meant',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate chain is incomplete or of an unknown root; see CA_FILE',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate chain is incomplete or of an unknown root; see CA_FILE',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate chain is incomplete or of an unknown root; see CA_FILE',
  CERT_HAS_EXPIRED: 'its certificate has expired (or the clock of this host is wrong)',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet (or the clock of this host is wrong)',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
};

const PLAIN: Record<string, string> = {
  ENOTFOUND: 'its name is not known to DNS',
  EAI_AGAIN: 'DNS does not answer',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_HEADERS_TIMEOUT: 'no answer came in time',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped half-way',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer was cut short',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
};

/** What went wrong on the wire, in words, and whether trying again may help (a wrong certificate stays wrong). */
export function describeNetworkError(error: unknown): { text: string; transient: boolean } {
  const proxy = causes(error).find((cause) => cause instanceof ProxyFailure);
  if (proxy) return { text: proxy.message, transient: proxy.transient };
  const codes = causes(error)
    .map((cause) => (cause as { code?: unknown }).code)
    .filter((code): code is string => typeof code === 'string');
  for (const code of codes) {
    const certificate = CERTIFICATE[code];
    if (certificate) return { text: `${certificate} (${code})`, transient: false };
    const plain = PLAIN[code];
    if (plain) return { text: `${plain} (${code})`, transient: true };
  }
  const deepest = causes(error).at(-1) ?? error;
  return { text: messageOf(deepest), transient: true };
}

/** The error and its causes, outermost first; bounded, for causes may form a circle. */
function causes(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let next = error; next instanceof Error && chain.length < 5; next = next.cause) {
    chain.push(next);
    if (next instanceof AggregateError) chain.push(...next.errors.filter((inner) => inner instanceof Error));
  }
  return chain;
}
