import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTestAuthority, type TestAuthority } from '../tls.js';
import { type IdentityProvider, startIdentityProvider } from './index.js';
import { logIn } from './log-in.js';

const REDIRECT = 'https://pve1.example.com:8006';

let authority: TestAuthority;
let provider: IdentityProvider | undefined;

beforeAll(async () => {
  authority = await createTestAuthority();
});

afterEach(async () => {
  await provider?.close();
});

describe('the identity provider', () => {
  it.each([
    { flavour: 'entra', alg: 'RS256' },
    { flavour: 'kanidm', alg: 'ES256' },
  ] as const)('in the shape of $flavour logs somebody in by code and PKCE', async ({ flavour, alg }) => {
    provider = await startIdentityProvider({ authority, flavour, redirectUris: [REDIRECT] });

    const { alg: used, claims } = await logIn(provider, {
      ca: authority.cert,
      redirectUri: REDIRECT,
      scopes: 'email profile',
    });

    expect(used).toBe(alg);
    expect(claims).toMatchObject({
      iss: provider.issuer,
      aud: provider.clientId,
      preferred_username: 'alice@contoso.com',
    });
  });
});
