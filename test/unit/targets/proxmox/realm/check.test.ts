import { describe, expect, it } from 'vitest';
import type { ProxmoxClient } from '../../../../../src/targets/proxmox/client.js';
import { checkAuthUrls } from '../../../../../src/targets/proxmox/realm/check/auth-url.js';
import { checkClientKey } from '../../../../../src/targets/proxmox/realm/check/client-key-check.js';
import {
  checkEndpoints,
  checkIssuer,
  discoveryUrl,
  readDocument,
} from '../../../../../src/targets/proxmox/realm/check/document.js';
import type { HttpAnswer, HttpExchange, HttpRequest } from '../../../../../src/targets/proxmox/realm/check/exchange.js';
import { checkKeys } from '../../../../../src/targets/proxmox/realm/check/keys.js';
import {
  checkKeyExpiry,
  checkRedirectUris,
  checkSignInPages,
} from '../../../../../src/targets/proxmox/realm/check/redirect-uris.js';

const ISSUER = 'https://idp.example.com/realm';
const signal = new AbortController().signal;

const answer = (status: number, text: string, headers: Record<string, string> = {}): HttpExchange => {
  const reply: HttpAnswer = { status, text, headers: new Headers(headers) };
  return async () => reply;
};

describe('the discovery document', () => {
  it.each([
    ['https://idp.example.com', 'https://idp.example.com/.well-known/openid-configuration'],
    ['https://idp.example.com/', 'https://idp.example.com/.well-known/openid-configuration'],
    [ISSUER, `${ISSUER}/.well-known/openid-configuration`],
  ])('of %s is at %s', (issuer, url) => {
    expect(discoveryUrl(issuer)).toBe(url);
  });

  it.each<[number, string, Record<string, string>, string, RegExp]>([
    [301, '', { location: 'https://elsewhere.example.com/x' }, 'wrong', /redirected to "https:\/\/elsewhere/],
    [404, 'not here', {}, 'wrong', /status 404/],
    [503, '', {}, 'unreachable', /status 503/],
    [200, '<html>a portal</html>', {}, 'wrong', /no discovery document/],
    [200, '{"issuer":7}', {}, 'wrong', /issuer: /],
    [200, '[]', {}, 'wrong', /no discovery document/],
  ])('answered with %i %j is %s', async (status, text, headers, state, saw) => {
    const { finding, document } = await readDocument(ISSUER, answer(status, text, headers), signal);

    expect(finding.state).toBe(state);
    expect(finding.saw).toMatch(saw);
    expect(document).toBeUndefined();
  });

  it.each([
    [`${ISSUER}/`, /the slash at the end makes them two/],
    ['https://IDP.example.com/realm', /upper and lower case/],
    ['https://idp.example.com/other', /they part at character 25/],
    ['https://login.microsoftonline.com/{tenantid}/v2.0', /part at character/],
  ])('that calls itself %s is not the one that is meant', (issuer, why) => {
    const { state, saw } = checkIssuer(ISSUER, { issuer });

    expect(state).toBe('wrong');
    expect(saw).toMatch(why);
  });

  it('of all tenants sends to the one tenant', () => {
    const { mend } = checkIssuer(ISSUER, { issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0' });

    expect(mend).toMatch(/one tenant by its id/);
  });
});

describe('the endpoints', () => {
  const at = (authorization: string, rest = 'https://idp.example.com') => ({
    authorization_endpoint: `${authorization}/auth`,
    token_endpoint: `${rest}/token`,
    jwks_uri: `${rest}/keys`,
  });

  it('at another host than the issuer are named, since people and the client key go there', () => {
    const own = checkEndpoints(ISSUER, at('https://idp.example.com'));
    const foreign = checkEndpoints(ISSUER, at('https://idp.example.com', 'https://idp.example.com.evil.example'));

    expect(own.state).toBe('fine');
    expect(foreign).toMatchObject({ state: 'remark', saw: expect.stringMatching(/sent to idp\.example\.com\.evil/) });
  });

  it.each([
    ['https://idp.example.com/auth.evil?', 'https://idp.example.com/auth', false],
    ['https://idp.example.com.evil.example/?', 'https://idp.example.com', false],
    ['http://idp.example.com/auth?', undefined, false],
    ['https://idp.example.com/auth?', 'https://idp.example.com/auth', true],
    ['https://idp.example.com/auth?', undefined, true],
  ])('that Proxmox sends people to, %s, is held against %s', async (start, endpoint, isGood) => {
    const origin = 'https://pve1.example.com:8006';
    const query = new URLSearchParams({ redirect_uri: origin, client_id: 'id', response_type: 'code' });
    const url = `${start}${query}&code_challenge_method=S256`;

    const { findings, addresses } = await checkAuthUrls(
      {
        client: { host: 'pve1', write: async () => url } as unknown as ProxmoxClient,
        realm: { realm: 'sso', clientId: 'id' },
        origins: [origin],
        document: { authorization_endpoint: endpoint },
        exchange: answer(200, JSON.stringify({ data: url })),
      },
      signal,
    );

    expect(findings.map(({ state }) => state)).toEqual(isGood ? ['fine', 'fine'] : ['wrong', 'wrong']);
    expect(addresses).toHaveLength(isGood ? 1 : 0);
  });
});

describe('what the directory shows of the application', () => {
  const END = Date.parse('2030-01-01');
  const now = Date.parse('2026-01-01');

  it('tells when the client secret is none of those that are registered', () => {
    const secrets = [{ endsAt: END, hint: 'abc' }];

    const other = checkKeyExpiry({ redirectUris: [], secrets }, { hint: 'xyz', noted: undefined, now });
    const own = checkKeyExpiry({ redirectUris: [], secrets }, { hint: 'abc', noted: undefined, now });

    expect(other).toMatchObject({ state: 'wrong', saw: expect.stringMatching(/none of those/) });
    expect(own.state).toBe('fine');
  });

  it('says first what the registration does not know, where an address is that of a node by its name', () => {
    const [one, other] = ['https://pve1.example.com:8006', 'https://pve2.example.com:8006'];

    const { mend } = checkRedirectUris(
      { redirectUris: [one], secrets: [] },
      { origins: [one, other], declared: [one] },
      'how',
    );

    expect(mend).toMatch(/^add https:\/\/pve2\.example\.com:8006 to REALM_ORIGINS, then entramox realm registration/);
  });
});

describe('the keys', () => {
  const rsa = { kty: 'RSA', use: 'sig', n: 'sXch', e: 'AQAB' };

  it.each([
    ['no key at all', [], 'wrong'],
    ['a key without an algorithm, as Entra has them', [rsa], 'fine'],
    ['a key for encryption', [{ ...rsa, use: 'enc' }], 'wrong'],
    ['a key of another algorithm', [{ ...rsa, alg: 'RS512' }], 'wrong'],
    ['a key that cannot be read', [{ kty: 'RSA', use: 'sig', n: 7 }], 'wrong'],
    ['a public key beside a private one', [rsa, { ...rsa, d: 'AQAB' }], 'wrong'],
    ['a public key beside a shared secret', [rsa, { kty: 'oct', k: 'c2VjcmV0' }], 'wrong'],
    ['a key of another kind', [{ kty: 'EC', crv: 'P-256', use: 'sig', x: 'AA', y: 'AA' }], 'wrong'],
  ])('are %s', async (_, keys, state) => {
    const document = { jwks_uri: 'https://idp.example.com/keys', id_token_signing_alg_values_supported: ['RS256'] };

    const finding = await checkKeys(document, answer(200, JSON.stringify({ keys })), signal);

    expect(finding.state).toBe(state);
  });

  it('that only the provider itself could check are of no use', async () => {
    const document = { jwks_uri: 'https://idp.example.com/keys', id_token_signing_alg_values_supported: ['HS256'] };

    const finding = await checkKeys(document, answer(200, JSON.stringify({ keys: [rsa] })), signal);

    expect(finding).toMatchObject({ state: 'wrong', saw: expect.stringMatching(/none of which signs with HS256/) });
  });
});

describe('the client key', () => {
  const KEY = 'client key+/%=';
  const check = (exchange: HttpExchange, methods?: string[]) =>
    checkClientKey(
      {
        clientId: 'client:id',
        clientKey: KEY,
        redirectUri: 'https://pve1.example.com:8006',
        document: {
          issuer: ISSUER,
          token_endpoint: 'https://idp.example.com/token',
          token_endpoint_auth_methods_supported: methods,
        },
      },
      exchange,
      signal,
    );
  const refuse = (status: number, error: string, words = '') =>
    answer(status, JSON.stringify({ error, error_description: words }));

  it.each<[string, HttpExchange, string, RegExp]>([
    ['a refused code', refuse(400, 'invalid_grant'), 'fine', /only the made-up code is refused/],
    ['a refused client', refuse(401, 'invalid_client'), 'wrong', /refuses this client: invalid_client/],
    ['a client that may not', refuse(400, 'unauthorized_client'), 'wrong', /unauthorized_client/],
    ['a wrong secret in Entra', refuse(401, 'invalid_client', 'AADSTS7000215: Invalid'), 'wrong', /secret is wrong/],
    ['an expired secret in Entra', refuse(401, 'invalid_client', 'AADSTS7000222: Expired'), 'wrong', /has expired/],
    [
      'an unknown application in Entra',
      refuse(400, 'unauthorized_client', 'AADSTS700016: no'),
      'wrong',
      /no such application/,
    ],
    [
      'a malformed code in Entra',
      refuse(400, 'invalid_request', 'AADSTS9002313: Invalid request.'),
      'fine',
      /made-up code/,
    ],
    ['a code of Entra that is not known', refuse(400, 'invalid_request', 'AADSTS99: what'), 'remark', /AADSTS99/],
    ['something else', refuse(400, 'invalid_request'), 'remark', /neither taken nor refused/],
    ['no reason', answer(403, '<html>'), 'remark', /status 403/],
    ['an outage', answer(503, ''), 'unreachable', /status 503/],
    ['throttling', answer(429, ''), 'unreachable', /status 429/],
  ])('after %s is judged', async (_, exchange, state, saw) => {
    const finding = await check(exchange);

    expect(finding.state).toBe(state);
    expect(finding.saw).toMatch(saw);
  });

  it('that the provider repeats is not shown', async () => {
    const { saw } = await check(refuse(400, 'invalid_request', `bad request with ${KEY}`));

    expect(saw).not.toContain(KEY);
  });

  it('that cannot be tried, since nobody answers, is not called wrong', async () => {
    const { state, saw } = await check(async () => {
      throw new Error('idp.example.com cannot be reached: ECONNREFUSED');
    });

    expect(state).toBe('unreachable');
    expect(saw).toMatch(/ECONNREFUSED/);
  });

  it.each([
    [undefined, 'header'],
    [['client_secret_post', 'client_secret_basic'], 'header'],
    [['client_secret_post'], 'body'],
  ])('goes by the method of %j in the %s, and never into the address', async (methods, where) => {
    const seen: { url: string; request: HttpRequest }[] = [];

    await check(async (url, request) => {
      seen.push({ url, request });
      return { status: 400, text: '{"error":"invalid_grant"}', headers: new Headers() };
    }, methods);

    const [{ url, request } = { url: '', request: {} }] = seen;
    const form = new URLSearchParams(request.body);
    expect(url).toBe('https://idp.example.com/token');
    expect(form.get('client_secret')).toBe(where === 'body' ? KEY : null);
    expect(Object.keys(request.headers ?? {}).includes('authorization')).toBe(where === 'header');
    expect(form.get('code_verifier')).toMatch(/^[\w.~-]{43,128}$/);
  });
});

describe('the sign-in page', () => {
  const ask = (exchange: HttpExchange) =>
    checkSignInPages(
      [{ origin: 'https://pve1.example.com:8006', url: 'https://idp.example.com/auth?x=1' }],
      exchange,
      signal,
    );

  it.each<[string, HttpExchange, string]>([
    ['shown', answer(200, '<html>Sign in</html>'), 'fine'],
    ['a redirect to a page', answer(303, '', { location: '/login/abc' }), 'fine'],
    ['refused with 400', answer(400, 'redirect_uri did not match'), 'wrong'],
    ['refused by Entra with 200', answer(200, 'AADSTS50011: The redirect URI does not match'), 'wrong'],
    [
      'a redirect back with an error',
      answer(302, '', { location: 'https://pve1.example.com:8006?error=invalid_scope' }),
      'wrong',
    ],
    [
      'a redirect back for want of a login',
      answer(302, '', { location: 'https://pve1.example.com:8006?error=login_required' }),
      'fine',
    ],
    ['down', answer(502, ''), 'unreachable'],
  ])('that is %s', async (_, exchange, state) => {
    const [finding] = await ask(exchange);

    expect(finding?.state).toBe(state);
  });
});
