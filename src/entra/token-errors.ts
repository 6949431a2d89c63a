import { AuthError } from '@azure/msal-node';
import { messageOf } from '../domain/errors.js';
import { redactText } from '../telemetry/redact.js';
import { GraphUnavailable } from './graph-errors.js';

export interface TokenSubject {
  tenantId: string;
  clientId: string;
  authority: string;
}

/** What the codes that operators meet mean, and what to do (Entra: error codes for the token endpoint). */
const EXPLAINED: Record<string, (subject: TokenSubject) => string> = {
  '7000222': ({ clientId }) =>
    `the client secret of app ${clientId} has expired; make a new one (Entra admin centre, App registrations, ` +
    'Certificates & secrets), put it into ENTRA_CLIENT_SECRET, restart',
  '7000215': ({ clientId }) =>
    `the client secret of app ${clientId} is wrong; ENTRA_CLIENT_SECRET must hold the secret's Value, not its Secret ID`,
  '700016': ({ clientId, tenantId }) =>
    `tenant ${tenantId} knows no app ${clientId}; check ENTRA_CLIENT_ID, and that the app was registered in this tenant`,
  '90002': ({ tenantId, authority }) =>
    `${authority} knows no tenant ${tenantId}; check ENTRA_TENANT_ID, and ENTRA_CLOUD for a national cloud`,
  '900023': ({ tenantId }) => `"${tenantId}" is not a tenant id; ENTRA_TENANT_ID takes the Directory (tenant) ID`,
  '700027': ({ clientId }) =>
    `the certificate is not registered with app ${clientId}, or its signature is wrong; upload it under Certificates & secrets`,
  '700024': () => 'the signed client assertion is outside its validity; check the clock of this host',
  '7000112': ({ clientId }) => `app ${clientId} is disabled in this tenant (Enterprise applications, Properties)`,
  '7000229': ({ clientId, tenantId }) =>
    `app ${clientId} has no service principal in tenant ${tenantId}; grant admin consent`,
  '500011': () => 'this tenant does not know the Graph that GRAPH_BASE_URL names; check ENTRA_CLOUD',
  '53003': ({ clientId }) => `Conditional Access blocks app ${clientId} from where this host is`,
};

/**
 * The failure to get a token, in words, as something that makes the whole source unavailable. Holds no secret. Never
 * transient: the token network has been patient already, the call that wanted the token need not be so again.
 */
export function explainTokenFailure(
  error: unknown,
  subject: TokenSubject,
  network: GraphUnavailable | undefined,
): GraphUnavailable {
  if (network) {
    return new GraphUnavailable(`no access token: ${network.message}`, {
      status: network.status,
      cause: error,
    });
  }
  const text = redactText(error instanceof AuthError ? `${error.errorCode}: ${error.errorMessage}` : messageOf(error));
  const code = /AADSTS(\d+)/.exec(text)?.[1];
  const explained = code ? EXPLAINED[code]?.(subject) : undefined;
  const message = explained ? `${explained} (AADSTS${code})` : firstSentences(text);
  return new GraphUnavailable(`no access token: ${message}`, { cause: error });
}

/** Entra's text without the trailing correlation ids and time stamps. */
function firstSentences(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  const end = line.search(/(Trace ID|Correlation ID|- Timestamp): (?!Not Available)/);
  const description = /Description: (.*)/.exec(line)?.[1];
  const useful = description ? description.replace(/\s*-? ?(Trace ID|Correlation ID):.*$/, '') : line;
  return (description || end < 0 ? useful : line.slice(0, end)).slice(0, 400);
}
