import type { Configuration } from 'oidc-provider';

/** Somebody who can log in, with the claims that go into the ID token. */
export interface Person {
  subject: string;
  claims: Readonly<Record<string, unknown>>;
}

/** How one product's issuer differs from what oidc-provider does by itself. */
export interface Shape {
  /** Path of the issuer, without a slash at the end. */
  issuerPath: string;
  signing: 'RS256' | 'ES256';
  configuration: Pick<Configuration, 'claims' | 'scopes' | 'pkce'>;
  /** The discovery document as this product shows it. */
  document(document: Record<string, unknown>): Record<string, unknown>;
  /** The public keys as this product shows them. */
  keys(keys: Record<string, unknown>[]): Record<string, unknown>[];
  /** The body of a refusal at the token endpoint. */
  refusal(body: Record<string, unknown>): Record<string, unknown>;
}

export type Flavour = 'entra' | 'kanidm';

/**
 * Entra ID, v2.0 endpoint: no PKCE methods, no `upn`, `groups` or `roles` among the claims, keys without `alg`, refusals
 * with AADSTS codes.
 */
export function entraShape(tenantId: string): Shape {
  return {
    issuerPath: `/${tenantId}/v2.0`,
    signing: 'RS256',
    configuration: {
      scopes: ['openid', 'profile', 'email', 'offline_access'],
      claims: { openid: ['sub', 'roles', 'groups', 'oid', 'tid'], profile: ['name', 'preferred_username', 'upn'] },
      pkce: { required: () => false },
    },
    document({ code_challenge_methods_supported, authorization_response_iss_parameter_supported, ...rest }) {
      return {
        ...rest,
        id_token_signing_alg_values_supported: ['RS256'],
        response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
        scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
        claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'name', 'preferred_username', 'oid', 'tid', 'email'],
        token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
        tenant_region_scope: 'EU',
        cloud_instance_name: 'microsoftonline.com',
      };
    },
    keys: (keys) => keys.map(({ alg, ...key }) => ({ ...key, x5t: key.kid })),
    refusal: (body) => ({ ...body, ...aadsts(String(body.error)) }),
  };
}

function aadsts(error: string): Record<string, unknown> {
  const [code, text] =
    error === 'invalid_client'
      ? [
          7000215,
          'Invalid client secret provided. Ensure the secret being sent in the request is the client secret value.',
        ]
      : [70000, 'The provided authorization code is malformed or invalid.'];
  return { error_description: `AADSTS${code}: ${text} Trace ID: 0000`, error_codes: [code] };
}

/** Kanidm: one issuer for each client, ES256, PKCE required, claims not listed. */
export function kanidmShape(clientId: string): Shape {
  return {
    issuerPath: `/oauth2/openid/${clientId}`,
    signing: 'ES256',
    configuration: {
      scopes: ['openid', 'profile', 'email', 'groups', 'groups_name'],
      claims: { openid: ['sub', 'proxmox_role'], profile: ['name', 'preferred_username'], email: ['email'] },
      pkce: { required: () => true },
    },
    document({ claims_supported, ...rest }) {
      return { ...rest, id_token_signing_alg_values_supported: ['ES256'], response_types_supported: ['code'] };
    },
    keys: (keys) => keys,
    refusal: (body) => body,
  };
}
