import { describe, expect, it } from 'vitest';
import { type AppSecretPorts, checkAppSecrets } from '../../../../src/commands/doctor/app-secrets.js';
import { checkExpiries, checkToken } from '../../../../src/commands/doctor/credential.js';
import { checkRoles } from '../../../../src/commands/doctor/roles.js';
import { GraphError, GraphUnavailable } from '../../../../src/entra/graph-errors.js';
import type { Expiry } from '../../../../src/telemetry/expiry.js';
import { answered, failed, NOW } from './looked.js';
import { provoked, unwell } from './provoked.js';

const DAY_MS = 24 * 3_600_000;
const never = new AbortController().signal;

async function token(error: Error | undefined, login = answered() as never) {
  const { check } = await checkToken({
    credential: { getToken: async () => (error ? Promise.reject(error) : 'token') },
    scope: 'https://graph.example.com/.default',
    clientId: 'app-1',
    login: Promise.resolve(login),
  });
  return check;
}

describe('the token', () => {
  it('is fine where one is given, and does not appear', async () => {
    const check = await token(undefined);

    expect(check.state).toBe('fine');
    expect(JSON.stringify(check)).not.toContain('"token"');
  });

  it('that Entra refuses is wrong, with what mends it and where', async () => {
    const refusal = new GraphUnavailable('no access token: the client secret of app app-1 has expired', {
      about: 'credential',
      mend: 'make a new one',
    });

    const check = provoked('credential.token', [await token(refusal)]);

    expect(check.mend).toBe('make a new one; Entra admin centre, App registrations, app-1, Certificates & secrets');
  });

  it('cannot be told where the endpoint is unwell, or is not reached at all', async () => {
    const unwellLogin = new GraphUnavailable('no access token: status 503', { about: 'login', mend: 'wait' });

    provoked('credential.token', [await token(unwellLogin)], 'unreachable');
    expect((await token(unwellLogin, failed() as never)).state).toBe('skipped');
  });
});

describe('what ends', () => {
  const ending = (credential: Expiry['credential'], days: number) =>
    checkExpiries(
      { entra: { credential: undefined } as never, expiries: [{ credential, expiresAt: NOW + days * DAY_MS }] },
      NOW,
    );

  it('is wrong a week before, a remark a month before, and fine earlier', () => {
    const states = [-1, 0.5, 6, 20, 60].map((days) => ending('entra-client-secret', days)[0]?.state);

    expect(states).toEqual(['wrong', 'wrong', 'wrong', 'remark', 'fine']);
  });

  it('has a name of its own for each credential', () => {
    provoked('credential.expiry', ending('entra-certificate', 2));
    provoked('listener.certificate', ending('listener-certificate', 2));
    provoked('proxmox.token-expiry', ending('pve-api-token', 2));
  });

  it('is a remark where nobody wrote down when', () => {
    const entra = { credential: { kind: 'secret', clientSecret: 'x' } } as never;

    const [check] = checkExpiries({ entra, expiries: [] }, NOW);

    expect(check).toMatchObject({ state: 'remark', mend: expect.stringContaining('ENTRA_CLIENT_SECRET_EXPIRES') });
  });
});

describe('the end of the secret as Entra has it', () => {
  const iso = (days: number) => new Date(NOW + days * DAY_MS).toISOString();
  const look = (change: Partial<AppSecretPorts>, secrets = [{ endDateTime: iso(100), hint: 'abc' }]) =>
    checkAppSecrets(
      {
        graph: { get: async (_path, schema) => schema.parse({ passwordCredentials: secrets }) },
        clientId: 'app-1',
        kind: 'secret',
        hint: 'abc',
        roles: ['Application.Read.All'],
        assumed: undefined,
        now: NOW,
        ...change,
      },
      never,
    );

  it('is fine where it is far away', async () => {
    expect((await look({})).state).toBe('fine');
  });

  it('is wrong where it is near, or is another one than the configuration says', async () => {
    const near = provoked('credential.expiry-at-entra', [await look({}, [{ endDateTime: iso(3), hint: 'abc' }])]);
    const other = provoked('credential.expiry-at-entra', [await look({ assumed: NOW + 300 * DAY_MS })]);

    expect(near.saw).toContain(iso(3).slice(0, 10));
    expect(other.mend).toBe(`set ENTRA_CLIENT_SECRET_EXPIRES=${iso(100).slice(0, 10)}`);
  });

  it('is that of the secret in use, known by its first characters, which are not shown', async () => {
    const check = await look({}, [
      { endDateTime: iso(3), hint: 'old' },
      { endDateTime: iso(200), hint: 'abc' },
    ]);

    expect(check.state).toBe('fine');
    expect(check.saw).not.toContain('abc');
  });

  it('is wrong where Entra has none at all', async () => {
    expect(provoked('credential.expiry-at-entra', [await look({}, [])]).saw).toContain('no secret of this app');
  });

  it('cannot be known without Application.Read.All, which is no fault, and where Graph refuses', async () => {
    const refused = new GraphError('Graph refused', 403, 'Authorization_RequestDenied', 'no', undefined);

    const blind = await look({ roles: ['User.Read.All'] });
    const denied = await look({ graph: { get: () => Promise.reject(refused) } });

    expect(blind).toMatchObject({ state: 'remark', saw: expect.stringContaining('may not see it') });
    expect(denied.state).toBe('skipped');
  });
});

describe('the permissions', () => {
  const needed = [
    { role: 'GroupMember.Read.All', use: 'groups' },
    { role: 'User.Read.All', use: 'people' },
  ];
  const look = (roles: string[] | undefined) => checkRoles({ roles, needed, clientId: 'app-1' });

  it('are fine where exactly those are granted that are needed', () => {
    expect(unwell(look(['GroupMember.Read.All', 'User.Read.All']))).toEqual({});
  });

  it('are wrong where one is missing, with what it is for and where to grant it', () => {
    const check = provoked('permissions.roles', look(['User.Read.All']));

    expect(check.saw).toBe('missing: GroupMember.Read.All; for: GroupMember.Read.All (groups)');
    expect(check.mend).toContain('Grant admin consent');
  });

  it('beyond reading are remarked on', () => {
    const checks = look(['GroupMember.ReadWrite.All', 'User.Read.All', 'Mail.Send', 'Application.Read.All']);

    const check = provoked('permissions.beyond', checks, 'remark');

    expect(check.saw).toBe('more than reading was granted: GroupMember.ReadWrite.All, Mail.Send');
  });

  it('are not known where the token does not say', () => {
    expect(look(undefined)).toMatchObject([{ name: 'permissions.roles', state: 'remark' }]);
  });
});
