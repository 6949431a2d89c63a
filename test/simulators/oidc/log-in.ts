import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { Agent } from 'undici';
import { browse } from './browser.js';

export interface RelyingParty {
  issuer: string;
  clientId: string;
  clientSecret: string;
}

export interface LoginOptions {
  /** PEM of the authority that the provider is trusted by. */
  ca: string;
  /** As PVE sends it: an origin without a slash at the end. */
  redirectUri: string;
  /** Separated by spaces, without `openid`. */
  scopes: string;
}

/**
 * One whole login as PVE does it, without a person: discovery, code flow with PKCE S256, client secret by HTTP basic,
 * and the ID token verified against the published keys. Throws where any of it is refused.
 */
export async function logIn(
  { issuer, clientId, clientSecret }: RelyingParty,
  { ca, redirectUri, scopes }: LoginOptions,
): Promise<{ alg: string; claims: Record<string, unknown> }> {
  const dispatcher = new Agent({ connect: { ca: [ca] } });
  const trusting = (url: string, options?: RequestInit) => fetch(url, { ...options, dispatcher } as RequestInit);
  try {
    const auth = client.ClientSecretBasic(clientSecret);
    const configuration = await client.discovery(new URL(issuer), clientId, undefined, auth, {
      [client.customFetch]: trusting as client.CustomFetch,
    });
    const verifier = client.randomPKCECodeVerifier();
    const state = client.randomState();
    const nonce = client.randomNonce();
    const start = client.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: `openid ${scopes}`,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    });
    const { searchParams: back } = await browse(start.href, ca);
    const code = back.get('code');
    if (!code || back.get('state') !== state) throw new Error(`no code came back: ${back}`);
    // Not authorizationCodeGrant: it takes the redirect URI from a URL object, which puts a slash behind an origin.
    const tokens = await client.genericGrantRequest(configuration, 'authorization_code', {
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    });
    const keys = await trusting(configuration.serverMetadata().jwks_uri ?? '');
    const known = createLocalJWKSet((await keys.json()) as JSONWebKeySet);
    const { payload, protectedHeader } = await jwtVerify(tokens.id_token ?? '', known, { issuer, audience: clientId });
    if (payload.nonce !== nonce) throw new Error('the ID token is of another login');
    return { alg: protectedHeader.alg, claims: payload };
  } finally {
    await dispatcher.destroy();
  }
}
