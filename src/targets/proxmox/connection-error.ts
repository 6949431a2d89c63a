import { messageOf, SourceUnavailable } from '../../domain/errors.js';
import { type CertificateFault, type ConnectionFault, codeOf, connectionFault } from '../../http/connection-fault.js';
import { PVE_NAMES, type WayNames } from './transport/way-names.js';

/** What became of a request that got no answer. */
export type ConnectionFailure =
  /** The certificate is not one that we trust; nothing was sent, and trying again does not help. */
  | { kind: 'untrusted'; error: SourceUnavailable }
  /** No connection came about; nothing was sent. */
  | { kind: 'not-sent'; what: string }
  /** The connection broke with the request on its way: the outcome of a write is not known. */
  | { kind: 'broken'; what: string };

/** Code of an error for a certificate that is good, but for other names than the one asked for. */
export const OTHER_NAMES = 'CERT_FOR_OTHER_NAMES';

/** Sorts an error of the connection by what the caller may still do. */
export function classifyConnectionError(error: unknown, host: string, names: WayNames = PVE_NAMES): ConnectionFailure {
  const code = codeOf(error);
  const fault: ConnectionFault =
    code === OTHER_NAMES ? { kind: 'untrusted', why: 'other-names', code } : connectionFault(error);
  if (fault.kind === 'untrusted') {
    const untrusted = certificateText(fault.why, code, error, names);
    return {
      kind: 'untrusted',
      error: new SourceUnavailable(`the certificate of ${names.product} at ${host} ${untrusted}`),
    };
  }
  return { kind: fault.kind, what: code ? `${code}: ${messageOf(error)}` : messageOf(error) };
}

function certificateText(why: CertificateFault, code: string, error: unknown, names: WayNames): string {
  const { address, authority, authorityIs, renew } = names;
  switch (why) {
    case 'other-names':
      return `does not match that name: ${messageOf(error).slice(0, 300)}; put a name that it carries into ${address}. ${authority} does not help here`;
    case 'unknown-issuer':
      return `is signed by an authority that is not trusted (${code}); set ${authority} to ${authorityIs}`;
    case 'expired':
      return `has expired; renew it on the node ("${renew}"). ${authority} does not help here`;
    case 'not-yet-valid':
      return `is not valid yet; compare the clocks of both machines. ${authority} does not help here`;
    default:
      return why satisfies never;
  }
}
