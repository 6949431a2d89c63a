import { messageOf, SourceUnavailable } from '../../domain/errors.js';
import { PVE_NAMES, type WayNames } from './transport/way-names.js';

/** What became of a request that got no answer. */
export type ConnectionFailure =
  /** The certificate is not one that we trust; nothing was sent, and trying again does not help. */
  | { kind: 'untrusted'; error: SourceUnavailable }
  /** No connection came about; nothing was sent. */
  | { kind: 'not-sent'; what: string }
  /** The connection broke with the request on its way: the outcome of a write is not known. */
  | { kind: 'broken'; what: string };

const NOT_SENT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

const UNKNOWN_ISSUER = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
]);

/** Code of an error for a certificate that is good, but for other names than the one asked for. */
export const OTHER_NAMES = 'CERT_FOR_OTHER_NAMES';

/** Sorts an error of the connection by what the caller may still do. */
export function classifyConnectionError(error: unknown, host: string, names: WayNames = PVE_NAMES): ConnectionFailure {
  const code = codeOf(error);
  const untrusted = certificateText(code, error, names);
  if (untrusted) {
    return {
      kind: 'untrusted',
      error: new SourceUnavailable(`the certificate of ${names.product} at ${host} ${untrusted}`),
    };
  }
  const what = code ? `${code}: ${messageOf(error)}` : messageOf(error);
  const dialling = (error as { syscall?: unknown } | null)?.syscall === 'connect';
  return { kind: dialling || NOT_SENT.has(code) ? 'not-sent' : 'broken', what };
}

function certificateText(code: string, error: unknown, names: WayNames): string | undefined {
  const { address, authority, authorityIs, renew } = names;
  if (code === OTHER_NAMES) {
    return `does not match that name: ${messageOf(error).slice(0, 300)}; put a name that it carries into ${address}. ${authority} does not help here`;
  }
  if (UNKNOWN_ISSUER.has(code)) {
    return `is signed by an authority that is not trusted (${code}); set ${authority} to ${authorityIs}`;
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return `has expired; renew it on the node ("${renew}"). ${authority} does not help here`;
  }
  if (code === 'CERT_NOT_YET_VALID') {
    return `is not valid yet; compare the clocks of both machines. ${authority} does not help here`;
  }
  return undefined;
}

function codeOf(error: unknown): string {
  const direct = (error as { code?: unknown } | null)?.code;
  if (typeof direct === 'string') return direct;
  const cause = (error as { cause?: { code?: unknown } } | null)?.cause?.code;
  return typeof cause === 'string' ? cause : '';
}
