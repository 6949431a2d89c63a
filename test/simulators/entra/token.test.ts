import { createHash, X509Certificate } from 'node:crypto';
import { type AuthenticationResult, ConfidentialClientApplication, type Configuration } from '@azure/msal-node';
import { generate } from 'selfsigned';
import { Agent, type Dispatcher, getGlobalDispatcher, setGlobalDispatcher } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bed, startBed } from './harness.js';

const SCOPE = 'https://graph.microsoft.com/.default';

describe('tokens of the Entra simulator', () => {
  let bed: Bed;
  let usual: Dispatcher;
  let trusting: Agent;

  beforeEach(async () => {
    bed = await startBed();
    usual = getGlobalDispatcher();
    trusting = new Agent({ connect: { ca: [bed.authority.cert] } });
    setGlobalDispatcher(trusting);
  });

  afterEach(async () => {
    setGlobalDispatcher(usual);
    await trusting.destroy();
    await bed.close();
  });

  function client(auth: Partial<Configuration['auth']>): ConfidentialClientApplication {
    return new ConfidentialClientApplication({
      auth: {
        clientId: bed.sim.clientId,
        authority: `${bed.sim.loginUrl}/${bed.sim.tenantId}`,
        knownAuthorities: [new URL(bed.sim.loginUrl).host],
        ...auth,
      },
    });
  }

  function acquire(auth: Partial<Configuration['auth']>): Promise<AuthenticationResult | null> {
    return client(auth).acquireTokenByClientCredential({ scopes: [SCOPE] });
  }

  function read(token: string) {
    return bed.bare('GET', `${bed.sim.graphUrl}/users?$select=id`, undefined, { authorization: `Bearer ${token}` });
  }

  function rolesOf(token: string): unknown {
    return (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { roles?: unknown }).roles;
  }

  it('are given to msal for a client secret and taken by Graph', async () => {
    const result = await acquire({ clientSecret: bed.sim.clientSecret });
    const reply = await read(result?.accessToken ?? '');

    expect(rolesOf(result?.accessToken ?? '')).toEqual(['GroupMember.Read.All', 'User.Read.All']);
    expect(reply.status).toBe(200);
  });

  it('are given to msal for a certificate that is registered, and for no other', async () => {
    const [known, stranger] = await Promise.all(
      [1, 2].map(() => generate([{ name: 'commonName', value: 'entramox' }], { keySize: 2048 })),
    );
    bed.sim.credentials.registerCertificate(known?.cert ?? '');
    const certificate = (made: typeof known) => ({
      clientCertificate: {
        thumbprintSha256: createHash('sha256')
          .update(new X509Certificate(made?.cert ?? '').raw)
          .digest('hex'),
        privateKey: made?.private ?? '',
      },
    });

    const result = await acquire(certificate(known));
    const taken = await read(result?.accessToken ?? '');
    const refused = acquire(certificate(stranger));

    await expect(refused).rejects.toThrow('AADSTS700027');
    expect(taken.status).toBe(200);
  });

  it('are refused for a forged signature under a known thumbprint', async () => {
    const [known, forger] = await Promise.all(
      [1, 2].map(() => generate([{ name: 'commonName', value: 'entramox' }], { keySize: 2048 })),
    );
    bed.sim.credentials.registerCertificate(known?.cert ?? '');
    const thumbprintSha256 = createHash('sha256')
      .update(new X509Certificate(known?.cert ?? '').raw)
      .digest('hex');

    const refused = acquire({ clientCertificate: { thumbprintSha256, privateKey: forger?.private ?? '' } });

    await expect(refused).rejects.toThrow('AADSTS700027');
  });

  it.each([
    ['a wrong secret', 'AADSTS7000215', () => undefined],
    ['an expired secret', 'AADSTS7000222', () => bed.sim.credentials.expireSecret()],
  ])('are refused for %s', async (name, code, arrange) => {
    arrange();

    const refused = acquire({ clientSecret: name === 'a wrong secret' ? 'wrong' : bed.sim.clientSecret });

    await expect(refused).rejects.toThrow(code);
    await expect(refused).rejects.toMatchObject({ errorCode: 'invalid_client' });
  });

  it('are given again after the secret was rotated', async () => {
    bed.sim.credentials.expireSecret();
    const clientSecret = bed.sim.credentials.rotateSecret();

    const result = await acquire({ clientSecret });

    expect(result?.accessToken).toMatch(/^eyJ/);
  });

  it('cannot be had while the token endpoint shows an HTML page', async () => {
    const fault = bed.sim.faults.tokenEndpointDown();

    await expect(acquire({ clientSecret: bed.sim.clientSecret })).rejects.toThrow();
    fault.clear();

    await expect(acquire({ clientSecret: bed.sim.clientSecret })).resolves.toMatchObject({ tokenType: 'Bearer' });
  });

  it('carry the roles of their time of issue', async () => {
    const before = bed.sim.credentials.issueToken();
    bed.sim.credentials.setRoles([]);
    const after = bed.sim.credentials.issueToken();

    expect([(await read(before)).status, (await read(after)).status]).toEqual([200, 403]);
    expect(rolesOf(after)).toBeUndefined();
  });

  it.each([
    ['no bearer', () => ''],
    ['something that is not a token', () => 'nonsense'],
    ['a changed token', () => `${bed.sim.credentials.issueToken().slice(0, -6)}AAAAAA`],
    [
      'an expired token',
      () => {
        const token = bed.sim.credentials.issueToken({ lifetimeSeconds: 60 });
        bed.sim.advance(61_000);
        return token;
      },
    ],
  ])('are needed: Graph answers 401 to %s', async (_, token) => {
    const reply = await read(token());

    expect(bed.sim.calls.summary()).toEqual({ 'GET /users 401': 1 });
    expect(reply.status).toBe(401);
    expect(reply.body).toMatchObject({ error: { code: 'InvalidAuthenticationToken' } });
    expect(reply.headers['www-authenticate']).toMatch(/^Bearer/);
  });

  it('are refused with a claims challenge once they are revoked, and new ones are taken', async () => {
    const old = bed.sim.credentials.issueToken();
    bed.sim.credentials.revokeTokens({ challenge: true });

    const refused = await read(old);
    const taken = await read(bed.sim.credentials.issueToken());

    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toMatch(/error="insufficient_claims", claims="[\w+/=]+"/);
    expect(taken.status).toBe(200);
  });
});
