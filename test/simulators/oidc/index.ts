import { randomUUID } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import Provider, { type KoaContextWithOIDC } from 'oidc-provider';
import type { TestAuthority } from '../tls.js';
import { approve } from './approve.js';
import { entraShape, type Flavour, kanidmShape, type Person } from './shapes.js';

export type { Person } from './shapes.js';

export interface IdentityProviderOptions {
  /** Signs the server's certificate for `localhost`. */
  authority: TestAuthority;
  flavour: Flavour;
  /** Of Entra; by default a new one. */
  tenantId?: string;
  clientId?: string;
  clientSecret?: string;
  redirectUris: readonly string[];
  /** Who is logged in in the browser: every question of the provider is answered with yes in their name. */
  person?: Person;
}

/** Changes what is published, so that a check meets what it is there for. */
export interface Alterations {
  document?: (document: Record<string, unknown>) => Record<string, unknown>;
  keys?: (keys: Record<string, unknown>[]) => Record<string, unknown>[];
}

/** A real OpenID provider over TLS, in the shape of a product. */
export interface IdentityProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Of Entra. */
  readonly tenantId: string;
  /** Until the next call; `{}`: as it was. */
  alter(alterations: Alterations): void;
  /** Paths that were asked for, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

const LIFETIME_S = 600;

const ALICE: Person = {
  subject: 'f3a1c1c0-alice',
  claims: {
    name: 'Alice Doe',
    preferred_username: 'alice@contoso.com',
    email: 'alice@contoso.com',
    roles: ['pve-admins'],
    proxmox_role: ['admin'],
  },
};

/** Starts the provider on 127.0.0.1. */
export async function startIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
  const { flavour, person = ALICE, redirectUris, tenantId = randomUUID() } = options;
  const clientId = options.clientId ?? (flavour === 'entra' ? randomUUID() : 'proxmox');
  const clientSecret = options.clientSecret ?? `key ${randomUUID()}+/%=`;
  const shape = flavour === 'entra' ? entraShape(tenantId) : kanidmShape(clientId);
  const requests: string[] = [];
  let altered: Alterations = {};
  let provider: Provider | undefined;

  const tls = await options.authority.issue(['localhost', '127.0.0.1']);
  const server = createServer(tls, (request, response) => {
    const url = request.url ?? '/';
    requests.push(url.split('?')[0] ?? url);
    if (!provider || !url.startsWith(`${shape.issuerPath}/`)) {
      response.writeHead(404).end();
      return;
    }
    // As a mounting framework does it; oidc-provider finds its own path from the difference.
    request.url = url.slice(shape.issuerPath.length);
    Object.assign(request, { originalUrl: url });
    const uid = /^\/interaction\/([\w-]+)$/.exec(request.url)?.[1];
    if (uid === undefined) void provider.callback()(request, response);
    else approve(provider, person, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `https://localhost:${(server.address() as AddressInfo).port}${shape.issuerPath}`;

  const { privateKey } = await generateKeyPair(shape.signing, { extractable: true });
  const key = { ...(await exportJWK(privateKey)), alg: shape.signing, use: 'sig', kid: randomUUID() };
  provider = new Provider(issuer, {
    ...shape.configuration,
    jwks: { keys: [key as { kty: string }] },
    enabledJWA: { idTokenSigningAlgValues: [shape.signing] },
    conformIdTokenClaims: false,
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [...redirectUris],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        id_token_signed_response_alg: shape.signing,
      },
    ],
    ttl: { Interaction: LIFETIME_S, Session: LIFETIME_S, Grant: LIFETIME_S, AuthorizationCode: LIFETIME_S },
    renderError: (ctx, { error, error_description }) => {
      ctx.type = 'text/plain';
      ctx.body = `${error}: ${error_description ?? ''}`;
    },
    cookies: { keys: [randomUUID()] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, { uid }) => `${shape.issuerPath}/interaction/${uid}` },
    findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id, ...person.claims }) }),
  });
  provider.use(async (ctx: KoaContextWithOIDC, next) => {
    await next();
    const body = ctx.body as Record<string, unknown>;
    switch (ctx.oidc?.route) {
      case 'discovery':
        ctx.body = (altered.document ?? same)(shape.document(body));
        return;
      case 'jwks': {
        const shown = shape.keys(body.keys as Record<string, unknown>[]);
        ctx.body = { keys: (altered.keys ?? same)(shown) };
        return;
      }
      case 'token':
        if (ctx.status >= 400) ctx.body = shape.refusal(body);
        return;
      default:
    }
  });

  return {
    issuer,
    clientId,
    clientSecret,
    tenantId,
    requests,
    alter(alterations) {
      altered = alterations;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function same<T>(value: T): T {
  return value;
}
