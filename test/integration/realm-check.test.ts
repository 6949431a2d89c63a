import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { realmApply } from '../../src/commands/realm/apply.js';
import { realmCheck } from '../../src/commands/realm/check.js';
import type { RealmWriteOptions } from '../../src/commands/realm/options.js';
import { REALM_CHECKS, type RealmCheckName } from '../../src/targets/proxmox/realm/check/finding.js';
import { capturedIo } from '../lab/captured-io.js';
import { type ConnectProxy, startConnectProxy } from '../simulators/connect-proxy.js';
import { loadContract } from '../simulators/contract.js';
import { type EntraSimulator, startEntraSimulator } from '../simulators/entra/index.js';
import { type IdentityProvider, startIdentityProvider } from '../simulators/oidc/index.js';
import { logIn } from '../simulators/oidc/log-in.js';
import { addAdministrator } from '../simulators/proxmox/administrator.js';
import { type Exchange, type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';

const DAY_MS = 24 * 3_600_000;
const REALM = 'sso';
const ADMINS = `admins-${REALM}`;

let authority: TestAuthority;
let entra: EntraSimulator;
let proxmox: ProxmoxSimulator;
let oldProxmox: ProxmoxSimulator;
let providers: Record<'entra' | 'kanidm', IdentityProvider>;
/** The one of this test. */
let provider: IdentityProvider;
let proxy: ConnectProxy | undefined;
let dir: string;
const exchanges: Exchange[] = [];
const datacenter: { httpProxy?: string | undefined } = {};

beforeAll(async () => {
  authority = await createTestAuthority();
  [entra, proxmox, oldProxmox] = await Promise.all([
    startEntraSimulator({ authority }),
    startProxmoxSimulator({ authority, datacenter, onExchange: (exchange) => exchanges.push(exchange) }),
    startProxmoxSimulator({ authority, version: '8.3' }),
  ]);
  const { tenantId } = entra;
  const redirectUris = [proxmox.url];
  const [one, other] = await Promise.all([
    startIdentityProvider({ authority, flavour: 'entra', tenantId, redirectUris }),
    startIdentityProvider({ authority, flavour: 'kanidm', redirectUris }),
  ]);
  providers = { entra: one, kanidm: other };
});

afterAll(async () => {
  await Promise.all([entra, proxmox, oldProxmox, ...Object.values(providers ?? {})].map((one) => one?.close()));
});

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entramox-realm-check-'));
  writeFileSync(join(dir, 'ca.pem'), authority.cert);
});

afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
  for (const one of Object.values(providers)) one.alter({});
  for (const node of [proxmox, oldProxmox]) node.removeRealm(REALM);
  entra.applications.clear();
  delete datacenter.httpProxy;
  rmSync(dir, { recursive: true, force: true });
});

type Settings = Record<string, string | undefined>;

/** An administrator of this Proxmox, a provider that knows it, and the realm as it would be made for it. */
function prepare(flavour: 'entra' | 'kanidm', settings: Settings = {}, node = proxmox): void {
  provider = providers[flavour];
  node.removeUser('admin@pve');
  writeFileSync(join(dir, 'admin-token'), addAdministrator(node), { mode: 0o600 });
  node.removeGroup(ADMINS);
  node.addGroup(ADMINS);
  node.setAcl({ path: '/', type: 'group', ugid: ADMINS, roleid: 'PVEAdmin' });
  node.setUser('root@pam', { enabled: true });
  node.removeRealm(REALM);
  node.addRealm(REALM, { type: 'openid', settings: madeFor(flavour) });
  configure({ REALM_IDP: flavour, PVE_API_URL: node.url, ...settings });
}

function madeFor(flavour: 'entra' | 'kanidm'): Record<string, string | number> {
  return {
    'issuer-url': provider.issuer,
    'client-id': provider.clientId,
    'client-key': provider.clientSecret,
    'username-claim': 'preferred_username',
    scopes: 'email profile',
    autocreate: 0,
    ...(flavour === 'entra' && { 'query-userinfo': 0 }),
  };
}

function configure(settings: Settings): void {
  writeFileSync(join(dir, 'client-secret'), provider.clientSecret, { mode: 0o600 });
  const all: Settings = {
    ENTRA_TENANT_ID: entra.tenantId,
    ENTRA_AUTHORITY: entra.loginUrl,
    GRAPH_BASE_URL: entra.graphUrl,
    CA_FILE: join(dir, 'ca.pem'),
    PVE_API_URL: proxmox.url,
    PVE_CA_FILE: join(dir, 'ca.pem'),
    REALM,
    REALM_ISSUER_URL: provider.issuer,
    REALM_CLIENT_ID: provider.clientId,
    REALM_CLIENT_SECRET_FILE: join(dir, 'client-secret'),
    REALM_ORIGINS: proxmox.url,
    STATE_DIR: join(dir, 'state'),
    LOG_DIR: join(dir, 'log'),
    RUN_DIR: dir,
    ...settings,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined);
  writeFileSync(join(dir, 'entramox.env'), lines.map(([name, value]) => `${name}=${value}\n`).join(''));
}

/** With this, applications are shown. */
function graphCredential(roles: readonly string[]): Settings {
  const app = entra.credentials.registerApp(roles);
  writeFileSync(join(dir, 'graph-secret'), app.clientSecret, { mode: 0o600 });
  return { ENTRA_CLIENT_ID: app.clientId, ENTRA_CLIENT_SECRET_FILE: join(dir, 'graph-secret') };
}

async function run(
  command: typeof realmApply,
  more: RealmWriteOptions = {},
): Promise<{ code: number; out: string; err: string }> {
  const { io, out, err } = capturedIo();
  const options = { config: join(dir, 'entramox.env'), adminTokenFile: join(dir, 'admin-token'), json: true, ...more };
  const code = await command(options, io);
  return { code, out: out.join('\n'), err: err.join('\n') };
}

interface Shown {
  name: RealmCheckName;
  ok: boolean;
  saw: string;
  why: string | null;
  mend: string | null;
}

async function check(): Promise<{ code: number; checks: Shown[]; text: string }> {
  const { code, out, err } = await run(realmCheck);
  expect(`${out}${err}`).not.toContain(provider.clientSecret);
  return { code, checks: JSON.parse(out || '{"checks":[]}').checks, text: `${out}${err}` };
}

function named(checks: readonly Shown[], name: RealmCheckName): Shown[] {
  return checks.filter((one) => one.name === name);
}

/** The one check that is not well, for a fault that touches nothing else. */
function faults(checks: readonly Shown[]): string[] {
  return checks.filter(({ ok }) => !ok).map(({ name, saw }) => `${name}: ${saw}`);
}

describe('realm check', () => {
  it.each(['entra', 'kanidm'] as const)(
    'finds nothing wrong with what realm apply made for %s, and it logs people in',
    async (flavour) => {
      prepare(flavour);
      proxmox.removeRealm(REALM);
      expect(await run(realmApply)).toMatchObject({ code: 0 });

      const { code, checks } = await check();

      expect(faults(checks)).toEqual([]);
      expect(code).toBe(0);
      expect(new Set(checks.map(({ name }) => name))).toEqual(new Set(REALM_CHECKS));
      const made = proxmox.realm(REALM)?.settings ?? {};
      const { claims } = await logIn(
        {
          issuer: String(made['issuer-url']),
          clientId: String(made['client-id']),
          clientSecret: String(made['client-key']),
        },
        { ca: authority.cert, redirectUri: proxmox.url, scopes: String(made.scopes) },
      );
      expect(claims[String(made['username-claim'])]).toBe('alice@contoso.com');
    },
  );

  it('tells a person under headings, and counts', async () => {
    prepare('entra');

    const { code, out } = await run(realmCheck, { json: false });

    expect(code).toBe(0);
    expect(out).toMatch(/^identity provider\n {2}ok {2}idp\.proxy: /);
    expect(out).toMatch(/\nProxmox VE\n/);
    expect(out).toMatch(/All \d+ checks are fine\.$/);
  });

  it('says what Entra leaves out of its document without calling it wrong', async () => {
    prepare('entra', { REALM_GROUPS_CLAIM: 'roles', REALM_USERNAME_CLAIM: 'upn' });

    const { checks } = await check();

    expect(faults(checks).every((text) => text.startsWith('realm.'))).toBe(true);
    expect(named(checks, 'idp.pkce')[0]?.saw).toMatch(/lists no methods; Entra takes S256/);
    expect(named(checks, 'idp.groups-claim')[0]?.saw).toMatch(/roles is not listed/);
    expect(named(checks, 'idp.username-claim')[0]?.saw).toMatch(/upn is not listed: it is there only as an optional/);
  });

  it('says of Kanidm that ES256 alone may not be enough', async () => {
    prepare('kanidm');

    const { checks } = await check();

    expect(named(checks, 'idp.keys')).toMatchObject([
      { ok: true, saw: expect.stringMatching(/ES256 alone/), mend: expect.stringMatching(/legacy-crypto/) },
    ]);
  });
});

interface Provoked {
  name: RealmCheckName;
  /** What is done to a world in which everything is well. */
  by: () => void | Promise<void>;
  saw: RegExp;
  code: number;
}

const provoked = (name: RealmCheckName, code: number, saw: RegExp, by: Provoked['by']): Provoked => ({
  name,
  by,
  saw,
  code,
});

const withField = (key: string, value: unknown) => ({
  document: (document: Record<string, unknown>) => ({ ...document, [key]: value }),
});

const AT_THE_PROVIDER: Provoked[] = [
  provoked('idp.proxy', 1, /no address of a proxy/, () => {
    datacenter.httpProxy = 'nonsense';
  }),
  provoked('idp.proxy', 1, /no address of a proxy/, () => {
    datacenter.httpProxy = 'http://pve:100%@127.0.0.1:3128';
  }),
  provoked('idp.discovery', 1, /is answered with status 404/, () => {
    configure({ REALM_IDP: 'generic', REALM_ISSUER_URL: `${new URL(provider.issuer).origin}/elsewhere` });
  }),
  provoked('idp.issuer', 1, /the slash at the end makes them two/, () => {
    provider.alter(withField('issuer', `${provider.issuer}/`));
  }),
  provoked('idp.endpoints', 1, /authorization_endpoint is not https/, () => {
    const open = (url: unknown) => String(url).replace('https:', 'http:');
    provider.alter({
      document: (document) => ({ ...document, authorization_endpoint: open(document.authorization_endpoint) }),
    });
  }),
  provoked('idp.keys', 1, /1 keys, none of which signs with RS256/, () => {
    provider.alter({ keys: (keys) => keys.map((key) => ({ ...key, use: 'enc' })) });
  }),
  provoked('idp.flow', 1, /id_token, without code/, () => {
    provider.alter(withField('response_types_supported', ['id_token']));
  }),
  provoked('idp.pkce', 1, /plain, without S256/, () => {
    provider.alter(withField('code_challenge_methods_supported', ['plain']));
  }),
  provoked('idp.client-auth', 1, /private_key_jwt; Proxmox has nothing but/, () => {
    provider.alter(withField('token_endpoint_auth_methods_supported', ['private_key_jwt']));
  }),
  provoked('idp.scopes', 1, /does not know profile/, () => {
    provider.alter(withField('scopes_supported', ['openid', 'email']));
  }),
  provoked('idp.username-claim', 1, /preferred_username is none of them/, () => {
    configure({ REALM_IDP: 'generic', REALM_USERNAME_CLAIM: 'preferred_username' });
    provider.alter(withField('claims_supported', ['sub', 'email']));
  }),
  provoked('idp.groups-claim', 1, /teams is none of them/, () => {
    configure({ REALM_IDP: 'generic', REALM_USERNAME_CLAIM: 'preferred_username', REALM_GROUPS_CLAIM: 'teams' });
  }),
  provoked('idp.client-key', 1, /AADSTS7000215: the client secret is wrong/, () => {
    const secret = join(dir, 'client-secret');
    const text = readFileSync(secret, 'utf8');
    writeFileSync(secret, `${text}x`);
  }),
];

const IN_THE_DIRECTORY: Provoked[] = [
  provoked('idp.key-expiry', 1, /ends .*, in 2 d/, () => {
    const app = entra.applications.add(
      { displayName: 'Proxmox', web: { redirectUris: [`${proxmox.url}/`] } },
      provider.clientId,
    );
    const end = new Date(Date.now() + 3 * DAY_MS - 3_600_000).toISOString();
    entra.applications.addPassword(app.id, provider.clientSecret, end);
    entra.applications.addPassword(app.id, 'another one that ended', new Date(0).toISOString());
    configure({ REALM_IDP: 'entra', ...graphCredential(['Application.Read.All']) });
  }),
  provoked('idp.key-expiry', 1, /by REALM_CLIENT_SECRET_EXPIRES the client secret has ended/, () => {
    configure({ REALM_IDP: 'entra', REALM_CLIENT_SECRET_EXPIRES: '2020-01-01' });
  }),
  provoked('idp.redirect-uris', 1, /not registered: https:\/\/localhost/, () => {
    const app = entra.applications.add(
      { displayName: 'Proxmox', web: { redirectUris: ['https://pve9.example.com:8006'] } },
      provider.clientId,
    );
    entra.applications.addPassword(app.id, provider.clientSecret, new Date(Date.now() + 99 * DAY_MS).toISOString());
    configure({ REALM_IDP: 'entra', ...graphCredential(['Application.Read.All']) });
  }),
  provoked('idp.redirect-uris', 1, /no application with the client id/, () => {
    configure({ REALM_IDP: 'entra', ...graphCredential(['Application.Read.All']) });
  }),
];

const IN_PROXMOX: Provoked[] = [
  provoked('idp.sign-in-page', 1, /refused for https:\/\/127\.0\.0\.1.*redirect_uri/, () => {
    configure({ REALM_IDP: 'entra', REALM_ORIGINS: `${proxmox.url},${proxmox.url.replace('localhost', '127.0.0.1')}` });
  }),
  provoked('realm.settings', 1, /autocreate is not set, not "1"|autocreate is "0", not "1"/, () => {
    configure({ REALM_IDP: 'entra', REALM_AUTOCREATE: 'true' });
  }),
  provoked('realm.settings', 1, /client-key is "another"/, () => {
    const { type, comment, settings = {} } = proxmox.realm(REALM) ?? {};
    proxmox.removeRealm(REALM);
    proxmox.addRealm(REALM, { type, comment, settings: { ...settings, 'client-key': 'old' } });
  }),
  provoked('realm.settings', 1, /there is no realm/, () => proxmox.removeRealm(REALM)),
  provoked('realm.username-claim', 1, /it is preferred_username, not upn/, () => {
    configure({ REALM_IDP: 'entra', REALM_USERNAME_CLAIM: 'upn' });
  }),
  provoked('realm.groups', 1, /no group that ends in -sso has a role/, () => {
    proxmox.removeGroup(ADMINS);
    configure({ REALM_IDP: 'entra', REALM_GROUPS_CLAIM: 'roles' });
  }),
  provoked('realm.groups', 1, /no group that ends in -sso has a role/, () => {
    proxmox.removeGroup(ADMINS);
    proxmox.addGroup(ADMINS);
    proxmox.setAcl({ path: '/', type: 'group', ugid: ADMINS, roleid: 'NoAccess' });
    configure({ REALM_IDP: 'entra', REALM_GROUPS_CLAIM: 'roles' });
  }),
  provoked('realm.break-glass', 1, /root@pam is disabled/, () => proxmox.setUser('root@pam', { enabled: false })),
];

describe('a check that is not well', () => {
  it.each([...AT_THE_PROVIDER, ...IN_THE_DIRECTORY, ...IN_PROXMOX])(
    '$name tells $saw',
    async ({ name, by, saw, code }) => {
      prepare('entra');
      await by();

      const found = await check();

      const own = named(found.checks, name).filter(({ ok }) => !ok);
      expect(own.map((one) => one.saw).join('\n')).toMatch(saw);
      expect(own.every(({ why, mend }) => why && mend)).toBe(true);
      expect(found.code).toBe(code);
    },
  );

  it('realm.version tells what this Proxmox does not have', async () => {
    prepare('entra', { REALM_GROUPS_CLAIM: 'roles' }, oldProxmox);

    const { code, checks } = await check();

    expect(code).toBe(1);
    expect(named(checks, 'realm.version')).toMatchObject([
      { ok: false, saw: expect.stringMatching(/Proxmox VE 8\.3\S* has no groups-claim/) },
    ]);
  });

  it('realm.auth-url tells which node cannot begin a login, and which cannot be asked', async () => {
    prepare('entra');
    const other = await startProxmoxSimulator({ authority, openIdCa: (await createTestAuthority('nobody')).cert });
    const { type, comment, settings } = proxmox.realm(REALM) ?? {};
    other.addRealm(REALM, { type, comment, settings });
    configure({ REALM_IDP: 'entra', REALM_ORIGINS: `${proxmox.url},${other.url},https://localhost:1` });

    const { code, checks } = await check();
    await other.close();

    expect(code).toBe(1);
    const told = named(checks, 'realm.auth-url').filter(({ ok }) => !ok);
    expect(told.map(({ saw }) => saw)).toEqual([
      expect.stringMatching(
        new RegExp(`^${new URL(other.url).host}, asked at its own address: openid discovery failed`),
      ),
      expect.stringMatching(/^cannot be reached: localhost:1, to be asked at its own address/),
    ]);
  });
});

describe('the client secret', () => {
  const asked = () => provider.requests.filter((path) => path.endsWith('/token')).length;

  it('is not sent where the document of another issuer says', async () => {
    prepare('entra');
    provider.alter(withField('issuer', 'https://login.microsoftonline.com/another/v2.0'));
    const before = asked();

    const { checks } = await check();

    expect(named(checks, 'idp.client-key')[0]?.saw).toMatch(/^not looked at: a document of another issuer/);
    expect(asked()).toBe(before);
  });

  it('that Proxmox has for one provider is not sent to the one that is to take its place', async () => {
    prepare('entra');
    provider = providers.kanidm;
    configure({ REALM_IDP: 'generic', REALM_CLIENT_SECRET_FILE: undefined });
    const before = asked();

    const { checks } = await check();

    expect(named(checks, 'idp.client-key')[0]?.saw).toMatch(/^there is none/);
    expect(asked()).toBe(before);
  });
});

describe('what stands between here and the provider', () => {
  it('costs nothing but its own part where the directory does not answer', async () => {
    prepare('entra', {});
    configure({ REALM_IDP: 'entra', ...graphCredential(['Application.Read.All']) });
    entra.faults.stall(/\/applications/, 3_000, Number.POSITIVE_INFINITY);

    const { code, out } = await run((options, io) => realmCheck(options, io, 100));
    entra.faults.clear();

    const { checks } = JSON.parse(out);
    expect(code).toBe(4);
    expect(faults(checks)).toEqual([
      expect.stringMatching(/^idp\.key-expiry: cannot be reached: no answer within 100 ms/),
      expect.stringMatching(/^idp\.redirect-uris: cannot be reached/),
    ]);
  });

  it("is Proxmox's own proxy where it has one, and its password is shown to nobody", async () => {
    prepare('entra');
    proxy = await startConnectProxy({ user: 'pve', password: 'p%25-word' });
    datacenter.httpProxy = `http://pve:p%25-word@127.0.0.1:${proxy.port}`;

    const refused = await check();
    datacenter.httpProxy = `http://pve:${encodeURIComponent('p%25-word')}@127.0.0.1:${proxy.port}`;
    const { code, checks, text } = await check();

    expect(named(refused.checks, 'idp.discovery')[0]?.saw).toMatch(/^cannot be reached: .*the datacenter options.*407/);
    expect(code).toBe(0);
    expect(named(checks, 'idp.proxy')[0]?.saw).toMatch(
      /goes through the proxy http:\/\/127\.0\.0\.1:\d+ of its datacenter/,
    );
    expect(proxy.passages.some(({ status }) => status === 200)).toBe(true);
    expect(`${text}${refused.text}`).not.toMatch(/p%25-word|p%2525-word|p%-word/);
  });

  it('leaves what nobody could look at unsaid, and the exit code tells', async () => {
    prepare('entra');
    const issuer = 'https://localhost:1/issuer';
    proxmox.removeRealm(REALM);
    proxmox.addRealm(REALM, { type: 'openid', settings: { ...madeFor('entra'), 'issuer-url': issuer } });
    configure({ REALM_IDP: 'generic', REALM_ISSUER_URL: issuer, REALM_USERNAME_CLAIM: 'username' });

    const { code, checks } = await check();

    expect(named(checks, 'idp.discovery')).toMatchObject([
      { ok: false, saw: expect.stringMatching(/^cannot be reached/) },
    ]);
    expect(named(checks, 'idp.keys')).toMatchObject([{ ok: false, saw: expect.stringMatching(/^not looked at/) }]);
    expect(named(checks, 'realm.auth-url').map(({ ok }) => ok)).toContain(false);
    expect(code).toBe(1);
  });

  it('does not fail for want of rights that a check can do without', async () => {
    prepare('entra');
    const auditor = proxmox.createToken('admin@pve', 'narrow', { privsep: true });
    proxmox.addRole('Realms', ['Sys.Audit']);
    proxmox.setAcl({ path: '/access/realm', type: 'token', ugid: 'admin@pve!narrow', roleid: 'Realms' });
    writeFileSync(join(dir, 'admin-token'), auditor, { mode: 0o600 });

    const { code, checks } = await check();

    expect(faults(checks)).toEqual([
      expect.stringMatching(/^realm\.groups: not looked at/),
      expect.stringMatching(/^realm\.break-glass: not looked at/),
    ]);
    expect(named(checks, 'idp.proxy')[0]?.saw).toMatch(/not shown to us/);
    expect(code).toBe(4);
  });
});

it('every check has a test that provokes it', () => {
  const names = [...AT_THE_PROVIDER, ...IN_THE_DIRECTORY, ...IN_PROXMOX].map(({ name }) => name);

  expect(new Set([...names, 'realm.version', 'realm.auth-url'])).toEqual(new Set(REALM_CHECKS));
});

const contract = loadContract('proxmox-access.openapi.json');
const missing = ' (skipped: the contract documents are not beside this checkout)';

// The last one: it looks at what all the others asked.
it.skipIf(!contract)(`every call of the access API and its answer fit the contract${contract ? '' : missing}`, () => {
  const known = exchanges.filter(({ path }) => path.startsWith('/access/') || path.startsWith('/version'));

  const broken = known.flatMap((exchange) => {
    const found = exchange.status < 400 ? contract?.check(exchange) : contract?.checkResponse(exchange);
    return (found ?? []).map((fault) => `${exchange.method} ${exchange.path} ${exchange.status}: ${fault}`);
  });

  expect(known.some(({ path }) => path === '/access/openid/auth-url')).toBe(true);
  // A node gives null where a user has no tokens (measured); the document knows objects alone.
  const told = broken.filter((fault) => !fault.includes('/data/tokens must be object'));
  expect([...new Set(told)]).toEqual([]);
});
