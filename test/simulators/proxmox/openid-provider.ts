import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { Agent, request } from 'undici';
import type { RealmRecord } from './records.js';

const PATIENCE_MS = 20_000;

/** What a node remembers of a login that a browser is away for. */
export interface PendingLogin {
  realm: string;
  redirect: string;
  verifier: string;
  nonce: string;
}

export type Claims = Readonly<Record<string, unknown>>;

/** The provider of a realm as the node finds it: asked for its document and its keys each time. */
export interface OpenIdProvider {
  authorizationEndpoint: string;
  /** The claims of the ID token; of the userinfo endpoint too those that the token lacks, where that is asked. */
  claimsOf(code: string, pending: PendingLogin, options: { queryUserinfo: boolean }): Promise<Claims>;
}

/**
 * Over TLS, with the certificates that the node trusts.
 * @throws where the provider cannot be reached, calls itself otherwise, or refuses
 */
export async function withProvider<T>(
  { settings }: RealmRecord,
  trusted: string,
  work: (provider: OpenIdProvider) => Promise<T>,
): Promise<T> {
  const agent = new Agent({ connect: { ca: trusted }, headersTimeout: PATIENCE_MS, bodyTimeout: PATIENCE_MS });
  const issuer = String(settings['issuer-url']);
  const [clientId, clientKey] = [String(settings['client-id']), String(settings['client-key'] ?? '')];

  async function ask(url: string, options: Parameters<typeof request>[1] = {}): Promise<Record<string, unknown>> {
    const { statusCode, body } = await request(url, { ...options, dispatcher: agent });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
    return JSON.parse(text);
  }

  try {
    const document = await ask(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    if (document.issuer !== issuer) {
      throw new Error(`unexpected issuer URI \`${String(document.issuer)}\` (expected \`${issuer}\`)`);
    }
    const keys = createLocalJWKSet((await ask(String(document.jwks_uri))) as unknown as JSONWebKeySet);
    const audiences = String(settings.audiences ?? '').split(/[,;\s]+/);
    return await work({
      authorizationEndpoint: String(document.authorization_endpoint),
      async claimsOf(code, { redirect, verifier, nonce }, { queryUserinfo }) {
        const fields = { grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier };
        const basic = [clientId, clientKey].map(encodeURIComponent).join(':');
        const tokens = await ask(String(document.token_endpoint), {
          method: 'POST',
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            authorization: `Basic ${Buffer.from(basic).toString('base64')}`,
          },
          body: new URLSearchParams(fields).toString(),
        });
        const audience = [clientId, ...audiences.filter(Boolean)];
        const { payload } = await jwtVerify(String(tokens.id_token), keys, { issuer, audience });
        if (payload.nonce !== nonce) throw new Error('invalid nonce');
        if (!queryUserinfo || document.userinfo_endpoint === undefined) return payload;
        const authorization = `Bearer ${String(tokens.access_token)}`;
        return { ...(await ask(String(document.userinfo_endpoint), { headers: { authorization } })), ...payload };
      },
    });
  } finally {
    await agent.close();
  }
}
