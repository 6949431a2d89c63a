import { randomUUID } from 'node:crypto';
import type { AccessTokens } from './access-tokens.js';
import type { App } from './apps.js';
import type { SimulatorClock } from './clock.js';
import { parseJwt, verifyRsa } from './jwt.js';
import type { Answer } from './types.js';

export interface TokenEndpointOptions {
  tenantId: string;
  loginUrl: () => string;
  clock: SimulatorClock;
  apps: ReadonlyMap<string, App>;
  tokens: AccessTokens;
  audiences: () => readonly string[];
  lifetimeSeconds: number;
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const MAX_ASSERTION_SECONDS = 24 * 3600;

/** `POST /{tenant}/oauth2/v2.0/token` for client credentials, with a secret or a certificate's assertion. */
export function answerTokenRequest(form: URLSearchParams, options: TokenEndpointOptions): Answer {
  if (form.get('grant_type') !== 'client_credentials')
    return refusal(400, 'unsupported_grant_type', 70003, 'The app requested an unsupported grant type.');
  const app = options.apps.get(form.get('client_id') ?? '');
  if (!app)
    return refusal(
      400,
      'unauthorized_client',
      700016,
      `Application with identifier '${form.get('client_id')}' was not found in the directory.`,
    );
  const scope = (form.get('scope') ?? '').split(' ').find((part) => part.endsWith('/.default'));
  const audience = scope?.slice(0, -'/.default'.length);
  if (audience === undefined || !options.audiences().includes(audience))
    return refusal(
      400,
      'invalid_scope',
      1002012,
      `The provided value for scope ${form.get('scope')} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.`,
    );
  const refused = form.has('client_assertion') ? checkAssertion(form, app, options) : checkSecret(form, app);
  if (refused) return refused;
  return {
    status: 200,
    headers: { 'Cache-Control': 'no-store, no-cache' },
    body: {
      token_type: 'Bearer',
      expires_in: options.lifetimeSeconds,
      ext_expires_in: options.lifetimeSeconds,
      access_token: options.tokens.issue(app, audience),
    },
  };
}

function checkSecret(form: URLSearchParams, app: App): Answer | undefined {
  const secret = form.get('client_secret');
  if (secret === null)
    return refusal(
      401,
      'invalid_client',
      7000218,
      "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    );
  if (secret !== app.secret.value)
    return refusal(
      401,
      'invalid_client',
      7000215,
      `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${app.clientId}'.`,
    );
  if (app.secret.state === 'expired')
    return refusal(
      401,
      'invalid_client',
      7000222,
      `The provided client secret keys for app '${app.clientId}' are expired. Visit the Azure portal to create new keys for your app.`,
    );
  return undefined;
}

function checkAssertion(form: URLSearchParams, app: App, options: TokenEndpointOptions): Answer | undefined {
  const broken = (why: string) =>
    refusal(
      401,
      'invalid_client',
      700027,
      `The certificate with identifier used to sign the client assertion is not registered on application, or the assertion is wrong. [Reason - ${why}]`,
    );
  if (form.get('client_assertion_type') !== ASSERTION_TYPE)
    return refusal(400, 'invalid_request', 900144, "The request body must contain 'client_assertion_type'.");
  const jwt = parseJwt(form.get('client_assertion') ?? '');
  if (!jwt) return refusal(401, 'invalid_client', 50027, 'JWT token is invalid or malformed.');
  const { header, claims } = jwt;
  if (header.alg !== 'PS256') return broken(`The algorithm must be PS256 for x5t#S256, not ${String(header.alg)}.`);
  const key = app.certificates.get(String(header['x5t#S256']));
  if (!key) return broken('The key was not found.');
  if (!verifyRsa(jwt, key)) return broken('The signature does not match.');
  const now = options.clock.now() / 1000;
  const login = `${options.loginUrl()}/${options.tenantId}`;
  const audiences = [`${login}/oauth2/v2.0/token`, `${login}/v2.0`, login];
  if (!audiences.includes(String(claims.aud))) return broken(`The audience '${String(claims.aud)}' is wrong.`);
  if (claims.iss !== app.clientId || claims.sub !== app.clientId)
    return broken('Issuer and subject must be the client id.');
  if (typeof claims.exp !== 'number' || claims.exp <= now || claims.exp > now + MAX_ASSERTION_SECONDS)
    return broken('The assertion is expired or lives too long.');
  if (typeof claims.jti !== 'string' || claims.jti === '') return broken('The assertion has no jti.');
  return undefined;
}

function refusal(status: number, error: string, code: number, text: string): Answer {
  const traceId = randomUUID();
  const correlationId = randomUUID();
  const timestamp = `${new Date().toISOString().slice(0, 19).replace('T', ' ')}Z`;
  return {
    status,
    headers: { 'Cache-Control': 'no-store, no-cache' },
    body: {
      error,
      error_description: `AADSTS${code}: ${text} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
      error_codes: [code],
      timestamp,
      trace_id: traceId,
      correlation_id: correlationId,
      error_uri: `https://login.microsoftonline.com/error?code=${code}`,
    },
  };
}
