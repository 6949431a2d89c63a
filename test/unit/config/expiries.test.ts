import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { createTestAuthority, type TlsMaterial } from '../../simulators/tls.js';
import { load, problemsWith, TOKEN, temporaryFile } from './fixture.js';

let material: TlsMaterial;
let endsAt: number;

beforeAll(async () => {
  material = await (await createTestAuthority()).issue(['entramox.example.com']);
  endsAt = Date.parse(new X509Certificate(material.cert).validTo);
});

describe('what is known to end', () => {
  it('is nothing where nothing says so', () => {
    expect(load().settings.expiries).toEqual([]);
  });

  it('is the client secret and the API token by their settings', () => {
    const { settings } = load({
      ENTRA_CLIENT_SECRET_EXPIRES: '2027-11-22',
      PVE_API_TOKEN: TOKEN,
      REALM: 'entra',
      PVE_API_TOKEN_EXPIRES: '2027-12-01T08:30:00+01:00',
    });

    expect(settings.expiries).toEqual([
      { credential: 'entra-client-secret', expiresAt: Date.UTC(2027, 10, 22) },
      { credential: 'pve-api-token', expiresAt: Date.UTC(2027, 11, 1, 7, 30) },
    ]);
  });

  it('is a certificate by itself, for Entra and for the listener', () => {
    const { settings } = load({
      ENTRA_CLIENT_SECRET: undefined,
      ENTRA_CLIENT_SECRET_EXPIRES: '2027-11-22',
      ENTRA_CERT_FILE: temporaryFile('cert.pem', material.cert),
      ENTRA_CERT_KEY_FILE: temporaryFile('key.pem', material.key),
      LISTEN_TLS_CERT_FILE: temporaryFile('tls.crt', material.cert),
      LISTEN_TLS_KEY_FILE: temporaryFile('tls.key', material.key),
    });

    expect(settings.expiries).toEqual([
      { credential: 'entra-certificate', expiresAt: endsAt },
      { credential: 'listener-certificate', expiresAt: endsAt },
    ]);
  });

  it('is only what the command uses', () => {
    const changes = {
      PVE_API_TOKEN_FILE: temporaryFile('token', TOKEN),
      REALM: 'entra',
      PVE_API_TOKEN_EXPIRES: '2027-12-01',
      LISTEN_TLS_CERT_FILE: temporaryFile('tls.crt', material.cert),
      LISTEN_TLS_KEY_FILE: temporaryFile('tls.key', material.key),
    };

    const listener = load(changes, { command: 'listen' }).settings.expiries;
    const reconciler = load(changes, { command: 'reconcile' }).settings.expiries;

    expect(listener.map(({ credential }) => credential)).toEqual(['listener-certificate']);
    expect(reconciler.map(({ credential }) => credential)).toEqual(['pve-api-token']);
  });

  it('is the client secret that people log in with, for whoever looks after Proxmox', () => {
    const changes = { REALM_CLIENT_SECRET_EXPIRES: '2027-11-22' };

    const [reconciler, realm, listener] = (['reconcile', 'realm', 'listen'] as const).map(
      (command) => load(changes, { command }).settings.expiries,
    );

    expect(reconciler).toEqual([{ credential: 'realm-client-secret', expiresAt: Date.UTC(2027, 10, 22) }]);
    expect([realm, listener]).toEqual([reconciler, []]);
  });

  it.each(['soon', '22.11.2027', '2027-02-30', '2027-13-01', '2027-11-22 09:00', '1800000000'])('is not %s', (text) => {
    expect(problemsWith({ ENTRA_CLIENT_SECRET_EXPIRES: text }).map(({ key }) => key)).toEqual([
      'ENTRA_CLIENT_SECRET_EXPIRES',
    ]);
  });
});
