import { TOKEN_TEMPLATE } from './faults.js';
import type { CallFacts } from './matcher.js';
import { answerTokenRequest, type TokenEndpointOptions } from './token-endpoint.js';
import type { Answer } from './types.js';

/** Which call of the login side a path is; undefined where it belongs to Graph. */
export function loginTemplate(path: string): string | undefined {
  if (path.endsWith('/oauth2/v2.0/token')) return TOKEN_TEMPLATE;
  if (path.endsWith('/v2.0/.well-known/openid-configuration')) return '/{tenant}/v2.0/.well-known/openid-configuration';
  if (path.endsWith('/discovery/v2.0/keys')) return '/{tenant}/discovery/v2.0/keys';
  if (path === '/common/discovery/instance') return '/common/discovery/instance';
  return undefined;
}

/** Answers the login side: tokens, and the metadata that msal looks up for an authority it does not know. */
export function answerLogin(call: CallFacts, path: string, rawBody: string, options: TokenEndpointOptions): Answer {
  const login = options.loginUrl();
  if (call.template === '/common/discovery/instance') {
    const host = new URL(login).host;
    return {
      status: 200,
      body: {
        tenant_discovery_endpoint: `${login}/${options.tenantId}/v2.0/.well-known/openid-configuration`,
        'api-version': '1.1',
        metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
      },
    };
  }
  if (path.split('/')[1]?.toLowerCase() !== options.tenantId)
    return {
      status: 400,
      body: {
        error: 'invalid_request',
        error_description: `AADSTS90002: Tenant '${path.split('/')[1]}' not found.`,
        error_codes: [90002],
      },
    };
  if (call.template === TOKEN_TEMPLATE)
    return call.method === 'POST'
      ? answerTokenRequest(new URLSearchParams(rawBody), options)
      : { status: 405, body: { error: 'invalid_request' } };
  const tenant = `${login}/${options.tenantId}`;
  if (call.template === '/{tenant}/discovery/v2.0/keys') return { status: 200, body: options.tokens.jwks() };
  return {
    status: 200,
    body: {
      token_endpoint: `${tenant}/oauth2/v2.0/token`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
      jwks_uri: `${tenant}/discovery/v2.0/keys`,
      issuer: `${tenant}/v2.0`,
      authorization_endpoint: `${tenant}/oauth2/v2.0/authorize`,
      device_authorization_endpoint: `${tenant}/oauth2/v2.0/devicecode`,
      end_session_endpoint: `${tenant}/oauth2/v2.0/logout`,
      response_types_supported: ['code', 'id_token'],
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    },
  };
}
