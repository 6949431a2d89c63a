import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import nock from 'nock';
import { generate } from 'selfsigned';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Rejected, SourceUnavailable } from '../../../src/domain/errors.js';
import { type CredentialOptions, createCredential, type Proof } from '../../../src/entra/credential.js';
import { createTestClock, createTestLog, guid } from './support.js';

const AUTHORITY = 'https://login.example.test:8443';
const TENANT = guid(1, 7);
const CLIENT = guid(2, 7);
const TOKEN_PATH = `/${TENANT}/oauth2/v2.0/token`;

function jwt(payload: Record<string, unknown>): string {
  return `e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.c2ln`;
}

function answer(token: string, extra: Record<string, unknown> = {}) {
  return { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: token, ...extra };
}

function refusal(code: number, text: string) {
  return {
    error: 'invalid_client',
    error_description: `AADSTS${code}: ${text} Trace ID: ${guid(3)} Correlation ID: ${guid(4)} Timestamp: 2026-11-20 09:00:00Z`,
    error_codes: [code],
    timestamp: '2026-11-20 09:00:00Z',
    trace_id: guid(3),
    correlation_id: guid(4),
  };
}

function setUp(overrides: Partial<CredentialOptions> = {}) {
  // msal has a clock of its own, so this one starts with the real time.
  const clock = createTestClock(Date.now());
  const { log, events } = createTestLog();
  const credential = createCredential({
    proof: { kind: 'secret', secret: 'S3cr3t~value' },
    tenantId: TENANT,
    clientId: CLIENT,
    authority: AUTHORITY,
    scope: 'https://graph.example.test/.default',
    log,
    clock,
    random: () => 1,
    ...overrides,
  });
  return { credential, clock, events };
}

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  const pending = nock.pendingMocks();
  nock.cleanAll();
  nock.enableNetConnect();
  expect(pending).toEqual([]);
});

describe('createCredential with a client secret', () => {
  it('asks a private authority for exactly one token, without discovery, and keeps it', async () => {
    const bodies: string[] = [];
    nock(AUTHORITY)
      .post(TOKEN_PATH, (body: Record<string, string>) => {
        bodies.push(JSON.stringify(body));
        return true;
      })
      .query(true)
      .reply(200, answer('first'));
    const { credential } = setUp();

    const tokens = [await credential.getToken(), await credential.getToken()];

    expect(tokens).toEqual(['first', 'first']);
    expect(bodies).toHaveLength(1);
    expect(JSON.parse(bodies[0] ?? '')).toMatchObject({
      client_id: CLIENT,
      client_secret: 'S3cr3t~value',
      grant_type: 'client_credentials',
      scope: expect.stringContaining('https://graph.example.test/.default'),
    });
  });

  it('merges cold concurrent calls into one request', async () => {
    nock(AUTHORITY).post(TOKEN_PATH).query(true).delay(20).reply(200, answer('only'));
    const { credential } = setUp();

    const tokens = await Promise.all([credential.getToken(), credential.getToken(), credential.getToken()]);

    expect(tokens).toEqual(['only', 'only', 'only']);
  });

  it('tries again with the next call after a failure was shared', async () => {
    nock(AUTHORITY).post(TOKEN_PATH).query(true).reply(401, refusal(7000215, 'Invalid client secret provided.'));
    nock(AUTHORITY).post(TOKEN_PATH).query(true).reply(200, answer('later'));
    const { credential } = setUp();

    const failed = await Promise.allSettled([credential.getToken(), credential.getToken()]);
    const token = await credential.getToken();

    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(token).toBe('later');
  });

  it('goes past its cache with claims, hands them on, and keeps the new token', async () => {
    const claims = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}';
    nock(AUTHORITY).post(TOKEN_PATH).query(true).reply(200, answer('old'));
    nock(AUTHORITY)
      .post(TOKEN_PATH, (body: Record<string, string>) => String(body.claims).includes('1700000000'))
      .query(true)
      .reply(200, answer('new'));
    const { credential } = setUp();

    await credential.getToken();
    const challenged = await credential.getToken({ claims });
    const next = await credential.getToken();

    expect([challenged, next]).toEqual(['new', 'new']);
  });

  it('goes past its cache when it is told to', async () => {
    nock(AUTHORITY).post(TOKEN_PATH).query(true).reply(200, answer('old'));
    nock(AUTHORITY).post(TOKEN_PATH).query(true).reply(200, answer('new'));
    const { credential } = setUp();

    await credential.getToken();

    expect(await credential.getToken({ forceRefresh: true })).toBe('new');
  });

  it.each([
    [
      7000222,
      'The provided client secret keys for app are expired.',
      /secret of app .* has expired.*ENTRA_CLIENT_SECRET/,
    ],
    [7000215, 'Invalid client secret provided.', /secret of app .* is wrong.*not its Secret ID/],
    [700016, 'Application was not found in the directory.', /knows no app .*ENTRA_CLIENT_ID/],
    [90002, 'Tenant not found.', /knows no tenant .*ENTRA_TENANT_ID/],
  ])('explains AADSTS%i in words', async (code, text, expected) => {
    nock(AUTHORITY).post(TOKEN_PATH).query(true).reply(401, refusal(code, text));
    const { credential, events } = setUp();

    const failure = await credential.getToken().catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(SourceUnavailable);
    expect((failure as Error).message).toMatch(expected);
    expect((failure as Error).message).toContain(`AADSTS${code}`);
    expect((failure as Error).message).not.toContain('S3cr3t');
    expect(events.map(({ event }) => event)).toEqual(['entra.token.failed']);
  });

  it("gives Entra's own text for a code that it does not know, without trace ids", async () => {
    nock(AUTHORITY).post(TOKEN_PATH).query(true).reply(400, refusal(99999, 'Something new happened.'));
    const { credential } = setUp();

    const failure = await credential.getToken().catch((error: unknown) => error as Error);

    expect((failure as Error).message).toContain('AADSTS99999: Something new happened.');
    expect((failure as Error).message).not.toContain('Trace ID');
  });

  it('repeats on 503 with HTML, 429 with Retry-After and a cut connection', async () => {
    nock(AUTHORITY).post(TOKEN_PATH).query(true).reply(503, '<html>away</html>', { 'content-type': 'text/html' });
    nock(AUTHORITY).post(TOKEN_PATH).query(true).reply(429, {}, { 'retry-after': '7' });
    nock(AUTHORITY)
      .post(TOKEN_PATH)
      .query(true)
      .replyWithError(Object.assign(new Error('cut'), { code: 'ECONNRESET' }));
    nock(AUTHORITY).post(TOKEN_PATH).query(true).reply(200, answer('at last'));
    const { credential, clock } = setUp();

    expect(await credential.getToken()).toBe('at last');
    expect(clock.sleeps).toEqual([500, 7_000, 2_000]);
  });

  it('says that the token endpoint is unwell when it stays so', async () => {
    nock(AUTHORITY).post(TOKEN_PATH).query(true).times(4).reply(503, '<html>away</html>');
    const { credential } = setUp();

    await expect(credential.getToken()).rejects.toThrow('login.example.test:8443 answers with status 503');
  });

  it('says that the token endpoint cannot be reached', async () => {
    const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    nock(AUTHORITY).post(TOKEN_PATH).query(true).times(4).replyWithError(refused);
    const { credential } = setUp();

    await expect(credential.getToken()).rejects.toThrow(
      /no access token: login.example.test:8443 cannot be reached: .*refused/,
    );
  });

  it('ends an attempt that gets no answer', async () => {
    nock(AUTHORITY).post(TOKEN_PATH).query(true).delay(5_000).reply(200, answer('late'));
    const { credential } = setUp({ timeoutMs: 30, retry: { attempts: 1, baseMs: 1, ceilingMs: 1, budgetMs: 1 } });

    await expect(credential.getToken()).rejects.toThrow('did not answer within 30 ms');
    nock.abortPendingRequests();
  });

  it('explains an answer that is not JSON', async () => {
    nock(AUTHORITY).post(TOKEN_PATH).query(true).reply(200, '<html>sign in</html>', { 'content-type': 'text/html' });
    const { credential } = setUp();

    await expect(credential.getToken()).rejects.toThrow(/text\/html instead of a token.*ENTRA_AUTHORITY/);
  });

  it('keeps a token that is still valid when it cannot be renewed, and is in no hurry to try again', async () => {
    nock(AUTHORITY)
      .post(TOKEN_PATH)
      .query(true)
      .reply(200, answer('still good', { expires_in: 200 }));
    nock(AUTHORITY).post(TOKEN_PATH).query(true).times(4).reply(503);
    const { credential, events } = setUp();

    await credential.getToken();
    const tokens = [await credential.getToken(), await credential.getToken()];

    expect(tokens).toEqual(['still good', 'still good']);
    expect(events.filter(({ event }) => event === 'entra.token.kept')).toHaveLength(1);
  });

  it('refuses an authority that is not https', () => {
    expect(() => setUp({ authority: 'http://login.example.test' })).toThrow(Rejected);
  });

  it('explains which permissions the token lacks', async () => {
    nock(AUTHORITY)
      .post(TOKEN_PATH)
      .query(true)
      .reply(200, answer(jwt({ roles: ['User.Read.All'] })));
    const { credential } = setUp();

    expect(await credential.roles()).toEqual(['User.Read.All']);
    expect((await credential.missingRoles())?.missing).toEqual(['GroupMember.Read.All']);
    expect(await credential.missingRoles(['User.Read.All'])).toBeUndefined();
  });
});

describe('createCredential with a ready bearer', () => {
  it('hands it out, and says that this is not for production', async () => {
    const { credential, events } = setUp({ proof: { kind: 'bearer', token: 'ready-made' } });

    expect(await credential.getToken()).toBe('ready-made');
    expect(await credential.roles()).toBeUndefined();
    expect(await credential.missingRoles()).toBeUndefined();
    expect(events.map(({ event }) => event)).toEqual(['config.insecure']);
  });

  it('says when it has ended', async () => {
    const { credential } = setUp({ proof: { kind: 'bearer', token: jwt({ exp: 1_600_000_000 }) } });

    await expect(credential.getToken()).rejects.toThrow(/GRAPH_ACCESS_TOKEN ended at 2020-09-13/);
  });
});

describe('createCredential with a certificate', () => {
  let pem: { cert: string; key: string };

  beforeAll(async () => {
    const make = async (days: number) => {
      const made = await generate([{ name: 'commonName', value: 'entramox' }], {
        keySize: 2048,
        algorithm: 'sha256',
        notAfterDate: new Date(Date.now() + days * 86_400_000),
      });
      return { cert: made.cert, key: made.private };
    };
    pem = await make(365);
  });

  const proof = ({ cert, key }: { cert: string; key: string }): Proof => ({
    kind: 'certificate',
    certificatePem: cert,
    privateKeyPem: key,
  });

  it('signs an assertion that names the certificate by its SHA-256 thumbprint', async () => {
    let assertion = '';
    nock(AUTHORITY)
      .post(TOKEN_PATH, (body: Record<string, string>) => {
        assertion = body.client_assertion ?? '';
        return true;
      })
      .query(true)
      .reply(200, answer('by certificate'));
    const { credential } = setUp({ proof: proof(pem) });

    const token = await credential.getToken();

    const header = JSON.parse(Buffer.from(assertion.split('.')[0] ?? '', 'base64url').toString());
    const fingerprint = new X509Certificate(pem.cert).fingerprint256.replaceAll(':', '');
    expect(token).toBe('by certificate');
    expect(header.alg).toBe('PS256');
    expect(Buffer.from(header['x5t#S256'], 'base64url').toString('hex').toUpperCase()).toBe(fingerprint);
  });

  it('refuses a key of another certificate before anything is sent', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

    expect(() => setUp({ proof: proof({ cert: pem.cert, key }) })).toThrow(/does not belong to the client certificate/);
  });

  it.each([
    ['client certificate', { cert: 'nonsense', key: 'nonsense' }],
    ['private key', undefined],
  ])('says so when the %s cannot be read', (what, files) => {
    expect(() => setUp({ proof: proof(files ?? { cert: pem.cert, key: 'nonsense' }) })).toThrow(
      new RegExp(`the ${what}.* cannot be read`),
    );
  });
});
