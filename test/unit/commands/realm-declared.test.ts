import { describe, expect, it } from 'vitest';
import { realmOf } from '../../../src/commands/realm/declared.js';
import type { RealmOptions } from '../../../src/commands/realm/options.js';
import { loadSettings } from '../../../src/config/load.js';

const TENANT = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
const GRAPH_APP = '99999999-8888-4777-8666-555555555555';
const LOGIN_APP = '77777777-8888-4999-8aaa-bbbbbbbbbbbb';
const GRAPH_SECRET = 'secret-of-the-app-that-asks-graph';
const LOGIN_SECRET = 'secret-of-the-app-that-people-log-in-with';

const ENTRA = {
  REALM: 'entra',
  ENTRA_TENANT_ID: TENANT,
  REALM_CLIENT_ID: LOGIN_APP,
  REALM_CLIENT_SECRET: LOGIN_SECRET,
};

function read(env: Record<string, string>, options: RealmOptions = { idp: 'entra' }) {
  const told: string[] = [];
  const io = { out: () => undefined, err: (text: string) => void told.push(text) };
  const found = realmOf(loadSettings({ env, command: 'realm' }), options, io as never);
  return { ...found, told: told.join('\n') };
}

describe('the realm of the configuration', () => {
  it('is Entra’s with an application of its own for the login', () => {
    const { declared, remarks } = read({
      ...ENTRA,
      REALM_SCOPES: 'profile,email groups',
      REALM_AUTOCREATE: 'no',
      REALM_GROUPS_CLAIM: 'roles',
      REALM_ORIGINS: 'https://pve1.example.com:8006/ https://pve2.example.com:8006',
    });

    expect(declared).toMatchObject({
      realm: 'entra',
      issuerUrl: `https://login.microsoftonline.com/${TENANT}/v2.0`,
      clientId: LOGIN_APP,
      scopes: ['profile', 'email', 'groups'],
      groups: { claim: 'roles', overwrite: false, autocreate: false },
      origins: ['https://pve1.example.com:8006', 'https://pve2.example.com:8006'],
    });
    expect(declared?.clientKey?.reveal()).toBe(LOGIN_SECRET);
    expect(remarks).toEqual([]);
  });

  it.each([
    ['usgov', 'https://login.microsoftonline.us'],
    ['dod', 'https://login.microsoftonline.us'],
    ['china', 'https://login.partner.microsoftonline.cn'],
  ])('has the issuer of the cloud %s, wherever our own requests for tokens go', (cloud, base) => {
    const moved = { ENTRA_CLOUD: cloud, ENTRA_AUTHORITY: 'https://proxy.example.com' };

    expect(read({ ...ENTRA, ...moved }).declared?.issuerUrl).toBe(`${base}/${TENANT}/v2.0`);
  });

  it('falls back to the application that asks Graph, and says what that gives away', () => {
    const { declared, remarks } = read({
      REALM: 'entra',
      ENTRA_TENANT_ID: TENANT,
      ENTRA_CLIENT_ID: GRAPH_APP,
      ENTRA_CLIENT_SECRET: GRAPH_SECRET,
    });

    expect(declared?.clientId).toBe(GRAPH_APP);
    expect(declared?.clientKey?.reveal()).toBe(GRAPH_SECRET);
    expect(remarks).toEqual([expect.stringContaining('name one of its own in REALM_CLIENT_ID')]);
  });

  it('never has the id of one application with the secret of the other', () => {
    const both = { ...ENTRA, ENTRA_CLIENT_ID: GRAPH_APP, ENTRA_CLIENT_SECRET: GRAPH_SECRET };
    const { REALM_CLIENT_SECRET: _, ...idAlone } = both;
    const { REALM_CLIENT_ID: __, ...secretAlone } = both;

    expect(read(both).declared?.clientKey?.reveal()).toBe(LOGIN_SECRET);
    expect(read(idAlone)).toMatchObject({ told: expect.stringContaining('REALM_CLIENT_SECRET: missing') });
    expect(read(secretAlone)).toMatchObject({ told: expect.stringContaining('REALM_CLIENT_ID: missing') });
  });

  it('takes nothing of Entra for another provider', () => {
    const { declared, told } = read(
      {
        REALM: 'kanidm',
        REALM_ISSUER_URL: 'https://idm.example.com',
        ENTRA_CLIENT_ID: GRAPH_APP,
        ENTRA_CLIENT_SECRET: GRAPH_SECRET,
      },
      { idp: 'kanidm' },
    );

    expect(declared).toBeUndefined();
    expect(told).toMatch(/REALM_CLIENT_ID: missing/);
    expect(told).not.toContain(GRAPH_SECRET);
  });

  it('is of the provider that was named, or of REALM_IDP', () => {
    const env = { ...ENTRA, REALM_IDP: 'generic', REALM_ISSUER_URL: 'https://id.example.com/' };

    expect(read(env, {}).declared).toMatchObject({ idp: 'generic', issuerUrl: 'https://id.example.com/' });
    expect(read({ ...ENTRA, REALM_IDP: 'generic' }).declared?.idp).toBe('entra');
    expect(read(ENTRA, {}).told).toContain('REALM_IDP');
  });

  it('says that the client secret ends soon, or has ended', () => {
    const over = read({ ...ENTRA, REALM_CLIENT_SECRET_EXPIRES: '2020-01-01' });
    const far = read({ ...ENTRA, REALM_CLIENT_SECRET_EXPIRES: '2199-01-01' });

    expect(over.remarks).toEqual([expect.stringMatching(/ended at 2020-01-01.*nobody can log in/)]);
    expect(far.remarks).toEqual([]);
  });

  it('is one that Entramox looks after unless TARGETS leaves Proxmox out, whoever holds the API token', () => {
    expect(read(ENTRA).upkeep).toEqual({ writesUpns: true, creates: true });
    expect(read({ ...ENTRA, TARGETS: 'proxmox', PVE_PROVISION: 'existing' }).upkeep).toEqual({
      writesUpns: true,
      creates: false,
    });
    expect(read({ ...ENTRA, TARGETS: 'linux' }).upkeep).toBeUndefined();
    expect(read({ ...ENTRA, GRAPH_ENFORCE: 'false' }).upkeep).toMatchObject({ writesUpns: false });
  });
});
