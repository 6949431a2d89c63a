/** What became of a request that got no answer, as far as the caller may act on it. */
export type ConnectionFault =
  /** The certificate is not one that we trust; nothing was sent, and trying again does not help. */
  | { kind: 'untrusted'; why: CertificateFault; code: string }
  /** No connection came about; nothing was sent. */
  | { kind: 'not-sent' }
  /** The connection broke with the request on its way: the outcome of a write is not known. */
  | { kind: 'broken' };

export type CertificateFault = 'unknown-issuer' | 'other-names' | 'expired' | 'not-yet-valid';

const NOT_SENT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

const CERTIFICATE: Readonly<Record<string, CertificateFault>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'unknown-issuer',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'unknown-issuer',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unknown-issuer',
  UNABLE_TO_GET_ISSUER_CERT: 'unknown-issuer',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unknown-issuer',
  CERT_SIGNATURE_FAILURE: 'unknown-issuer',
  CERT_UNTRUSTED: 'unknown-issuer',
  INVALID_CA: 'unknown-issuer',
  ERR_TLS_CERT_ALTNAME_INVALID: 'other-names',
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'not-yet-valid',
};

/** Sorts an error of Node or undici by its code. */
export function connectionFault(error: unknown): ConnectionFault {
  const code = codeOf(error);
  const why = CERTIFICATE[code];
  if (why !== undefined) return { kind: 'untrusted', why, code };
  const dialling = (error as { syscall?: unknown } | null)?.syscall === 'connect';
  return { kind: dialling || NOT_SENT.has(code) ? 'not-sent' : 'broken' };
}

/** The code of an error or of its cause; empty where it has none. */
export function codeOf(error: unknown): string {
  const direct = (error as { code?: unknown } | null)?.code;
  if (typeof direct === 'string') return direct;
  const cause = (error as { cause?: { code?: unknown } } | null)?.cause?.code;
  return typeof cause === 'string' ? cause : '';
}
