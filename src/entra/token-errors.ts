import { AuthError } from '@azure/msal-node';
import { messageOf } from '../domain/errors.js';
import { redactText } from '../telemetry/redact.js';
import { type CauseWords, expiredSecret, LOGIN_MEND, SECRETS_PAGE } from './cause-words.js';
import { GraphUnavailable } from './graph-errors.js';

export interface TokenSubject {
  tenantId: string;
  clientId: string;
  authority: string;
}

/** What the codes that operators meet mean, and what to do (Entra: error codes for the token endpoint). */
const EXPLAINED: Record<string, (subject: TokenSubject) => CauseWords> = {
  '7000222': ({ clientId }) => expiredSecret(clientId),
  '7000215': ({ clientId }) => ({
    saw: `the client secret of app ${clientId} is wrong`,
    mend: "ENTRA_CLIENT_SECRET must hold the secret's Value, not its Secret ID",
  }),
  '700016': ({ clientId, tenantId }) => ({
    saw: `tenant ${tenantId} knows no app ${clientId}`,
    mend: 'check ENTRA_CLIENT_ID, and that the app was registered in this tenant',
  }),
  '90002': ({ tenantId, authority }) => ({
    saw: `${authority} knows no tenant ${tenantId}`,
    mend: 'check ENTRA_TENANT_ID, and ENTRA_CLOUD for a national cloud',
  }),
  '900023': ({ tenantId }) => ({
    saw: `"${tenantId}" is not a tenant id`,
    mend: 'ENTRA_TENANT_ID takes the Directory (tenant) ID',
  }),
  '700027': ({ clientId }) => ({
    saw: `the certificate is not registered with app ${clientId}, or its signature is wrong`,
    mend: `upload it under Certificates & secrets (${SECRETS_PAGE})`,
  }),
  '700024': () => ({
    saw: 'the signed client assertion is outside its validity',
    mend: 'check the clock of this host',
  }),
  '7000112': ({ clientId }) => ({
    saw: `app ${clientId} is disabled in this tenant (Enterprise applications, Properties)`,
    mend: 'switch "Enabled for users to sign-in" on there',
  }),
  '7000229': ({ clientId, tenantId }) => ({
    saw: `app ${clientId} has no service principal in tenant ${tenantId}`,
    mend: 'grant admin consent (Entra admin centre, App registrations, API permissions)',
  }),
  '500011': () => ({
    saw: 'this tenant does not know the Graph that GRAPH_BASE_URL names',
    mend: 'check ENTRA_CLOUD',
  }),
  '53003': ({ clientId }) => ({
    saw: `Conditional Access blocks app ${clientId} from where this host is`,
    mend: 'see the Conditional Access policies for workload identities (Entra admin centre, Protection)',
  }),
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
      about: 'login',
      retryAfterMs: network.retryAfterMs,
      mend: LOGIN_MEND,
      cause: error,
    });
  }
  const text = redactText(error instanceof AuthError ? `${error.errorCode}: ${error.errorMessage}` : messageOf(error));
  const code = /AADSTS(\d+)/.exec(text)?.[1];
  const explained = code ? EXPLAINED[code]?.(subject) : undefined;
  const message = explained ? `${explained.saw}; ${explained.mend} (AADSTS${code})` : firstSentences(text);
  return new GraphUnavailable(`no access token: ${message}`, {
    about: 'credential',
    mend: explained?.mend ?? 'entramox doctor',
    cause: error,
  });
}

/** Entra's text without the trailing correlation ids and time stamps. */
function firstSentences(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  const end = line.search(/(Trace ID|Correlation ID|- Timestamp): (?!Not Available)/);
  const description = /Description: (.*)/.exec(line)?.[1];
  const useful = description ? description.replace(/\s*-? ?(Trace ID|Correlation ID):.*$/, '') : line;
  return (description || end < 0 ? useful : line.slice(0, end)).slice(0, 400);
}
