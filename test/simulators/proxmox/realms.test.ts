import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { browse } from '../oidc/browser.js';
import { type IdentityProvider, startIdentityProvider } from '../oidc/index.js';
import { createTestAuthority, type TestAuthority } from '../tls.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from './index.js';
import { type Client, createClient } from './test-client.js';

const MADE = { realm: 'login', type: 'openid', 'issuer-url': 'https://id.example.com', 'client-id': 'proxmox' };

let authority: TestAuthority;
let node: ProxmoxSimulator;
let root: Client;

beforeAll(async () => {
  authority = await createTestAuthority();
});

beforeEach(() => start());

afterEach(() => node.close());

async function start(version?: string): Promise<void> {
  node = await startProxmoxSimulator({ authority, version });
  root = createClient({ url: node.url, ca: authority.cert, session: node.session('root@pam') });
}

const make = (more: Record<string, unknown> = {}) => root('POST', '/access/domains', { json: { ...MADE, ...more } });
const change = (json: Record<string, unknown>) => root('PUT', '/access/domains/login', { json });
const read = async () => (await root('GET', '/access/domains/login')).data as Record<string, unknown>;

describe('a realm', () => {
  it('is made once, shown with its secret, and listed for everybody without it', async () => {
    const nobody = createClient({ url: node.url, ca: authority.cert });

    const made = await make({ 'client-key': 'secret', autocreate: true, comment: 'People' });
    const again = await make();
    const list = (await nobody('GET', '/access/domains')).data as object[];

    expect([made.status, again.message]).toEqual([200, "add auth server failed: domain 'login' already exists\n"]);
    expect(await read()).toMatchObject({ type: 'openid', 'client-key': 'secret', autocreate: 1, comment: 'People' });
    expect(list).toContainEqual({ realm: 'login', type: 'openid', comment: 'People' });
  });

  it('needs an issuer and a client id, and a name that is one', async () => {
    const { 'issuer-url': _, ...without } = MADE;

    const lacking = await root('POST', '/access/domains', { json: without });
    const misnamed = await make({ realm: '../x' });
    const builtIn = await make({ realm: 'more', type: 'pve' });

    expect([lacking.status, lacking.message]).toEqual([500, expect.stringMatching(/400 Parameter .*\nissuer-url: /)]);
    expect([misnamed.status, Object.keys(misnamed.errors)]).toEqual([400, ['realm']]);
    expect(builtIn.message).toMatch(/unable to create builtin type 'pve'/);
  });

  it('is changed where it is named, keeps the rest, and loses what is to be deleted', async () => {
    await make({ prompt: 'login', scopes: 'email', 'username-claim': 'upn' });

    const changed = await change({ autocreate: 1, delete: 'prompt,username-claim' });

    expect(changed.status).toBe(200);
    const shown = await read();
    expect(shown).toMatchObject({ autocreate: 1, scopes: 'email' });
    expect(Object.keys(shown)).not.toContain('prompt');
    expect(Object.keys(shown)).not.toContain('username-claim');
  });

  it('never gets another username-claim or type, nor a change that rests on an older reading', async () => {
    await make();
    const { digest } = await read();
    await make({ realm: 'other' });

    const claim = await change({ 'username-claim': 'email' });
    const type = await change({ type: 'openid' });
    const stale = await change({ autocreate: 1, digest });

    expect(claim.errors['username-claim']).toMatch(/not defined in schema/);
    expect([claim.status, type.status]).toEqual([400, 400]);
    expect([stale.status, stale.message]).toEqual([500, expect.stringMatching(/detected modified configuration/)]);
    expect((await read()).autocreate).toBeUndefined();
  });

  it.each([{ 'issuer-url': '' }, { 'client-id': '' }, { delete: 'client-id' }])(
    'is destroyed with an answer of 200 by %o',
    async (destroying) => {
      await make();

      const answer = await change(destroying);
      const after = await root('GET', '/access/domains/login');

      expect(answer.status).toBe(200);
      expect(after.message).toBe("domain 'login' does not exist\n");
      expect((await make()).status).toBe(200);
    },
  );

  it('that is proposed by the login page is the only one', async () => {
    await make({ default: 1 });
    await make({ realm: 'other', default: 1 });

    expect(await read()).not.toHaveProperty('default');
    expect(node.realm('other')?.settings.default).toBe(1);
  });

  it('goes and leaves its users, and is told as missing in three ways', async () => {
    await make();
    node.addUser({ userid: 'alice@login' });

    const gone = await root('DELETE', '/access/domains/login');
    const again = await root('DELETE', '/access/domains/login');
    const put = await change({ autocreate: 1 });

    expect([gone.status, node.user('alice@login')?.userid]).toEqual([200, 'alice@login']);
    expect(again.message).toBe("delete auth server failed: domain 'login' does not exist\n");
    expect(put.message).toMatch(/^update auth server failed: cannot lookup undefined type! at /);
  });

  it('is not synchronised', async () => {
    await make();

    const answer = await root('POST', '/access/domains/login/sync', { json: {} });

    expect(answer.message).toBe("Cannot sync realm type 'openid'! Only LDAP/AD realms can be synced.\n");
  });

  it('is written by whoever allocates realms, shown to auditors, and to nobody else', async () => {
    await make();
    node.addUser({ userid: 'bob@pve' });
    node.addRole('Keeper', ['Realm.Allocate']);
    const bob = createClient({ url: node.url, ca: authority.cert, session: node.session('bob@pve') });
    const statuses: number[][] = [];

    for (const roleid of ['PVEVMAdmin', 'PVEAuditor', 'Keeper']) {
      node.setAcl({ path: '/access/realm', type: 'user', ugid: 'bob@pve', roleid });
      const shown = await bob('GET', '/access/domains/login');
      const written = await bob('PUT', '/access/domains/login', { json: { autocreate: 1 } });
      statuses.push([shown.status, written.status]);
    }

    expect(statuses).toEqual([
      [403, 403],
      [200, 403],
      [200, 200],
    ]);
  });

  it('waits for its own lock and not for that of users, and is read-only without a quorum', async () => {
    const release = await node.faults.holdLock();
    const meanwhile = await make();
    release();
    node.faults.loseQuorum(true);

    const without = await change({ autocreate: 1 });

    expect(meanwhile.status).toBe(200);
    expect(without.message).toContain("cfs-lock 'file-domains_cfg' error: no quorum!");
  });
});

describe('a realm of release', () => {
  it.each([
    ['8.3', [400, 400, 400]],
    ['8.4.0', [200, 400, 400]],
    ['8.4', [200, 200, 400]],
    ['9.1', [200, 200, 200]],
  ])('%s takes what that release has', async (version, expected) => {
    await node.close();
    await start(version);

    const answers = [
      await make({ 'groups-claim': 'roles', 'query-userinfo': 0 }),
      await make({ realm: 'dotted', 'groups-claim': 'pve.roles' }),
      await make({ realm: 'wide', audiences: 'a,b' }),
    ];

    expect(answers.map(({ status }) => status)).toEqual(expected);
  });
});

describe('the address that the login page sends browsers to', () => {
  const REDIRECT = 'https://pve1.example.com:8006';
  let provider: IdentityProvider;
  let nobody: Client;

  beforeAll(async () => {
    provider = await startIdentityProvider({ authority, flavour: 'kanidm', redirectUris: [REDIRECT] });
  });

  beforeEach(() => {
    nobody = createClient({ url: node.url, ca: authority.cert });
  });

  afterAll(() => provider.close());

  const ask = (realm: string) =>
    nobody('POST', '/access/openid/auth-url', { json: { realm, 'redirect-url': REDIRECT } });

  it('is made for everybody, from what the provider tells of itself', async () => {
    await make({ 'issuer-url': provider.issuer, prompt: 'login', 'acr-values': 'a,b', scopes: 'email,profile' });

    const answer = await ask('login');

    expect(answer.status).toBe(200);
    const url = new URL(String(answer.data));
    expect(url.origin).toBe(new URL(provider.issuer).origin);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      response_type: 'code',
      client_id: 'proxmox',
      redirect_uri: REDIRECT,
      scope: 'openid email profile',
      code_challenge_method: 'S256',
      prompt: 'login',
      acr_values: 'a b',
    });
  });

  it('is not made for a provider that calls itself otherwise, is not there, or is not trusted', async () => {
    await make({ 'issuer-url': `${provider.issuer}/` });
    await make({ realm: 'away', 'issuer-url': 'https://localhost:9' });
    const otherwise = await ask('login');
    const away = await ask('away');
    await node.close();
    const stranger = await createTestAuthority('a stranger');
    node = await startProxmoxSimulator({ authority, openIdCa: stranger.cert });
    node.addRealm('login', { settings: { 'issuer-url': provider.issuer, 'client-id': 'proxmox' } });
    nobody = createClient({ url: node.url, ca: authority.cert });
    const untrusted = await ask('login');

    expect([otherwise.status, away.status, untrusted.status]).toEqual([500, 500, 500]);
    expect(otherwise.message).toContain('unexpected issuer');
  });

  it('is not made for a realm that is none', async () => {
    const unknown = await ask('nowhere');
    const pam = await ask('pam');

    expect(unknown.message).toBe("authentication domain 'nowhere' does not exist\n");
    expect(pam.message).toBe('wrong realm type (pam != openid)\n');
  });
});

describe('a login', () => {
  const REDIRECT = 'https://pve1.example.com:8006';
  const ALICE = 'alice@contoso.com@login';
  let provider: IdentityProvider;
  let nobody: Client;

  beforeAll(async () => {
    provider = await startIdentityProvider({ authority, flavour: 'entra', redirectUris: [REDIRECT] });
  });

  beforeEach(() => {
    nobody = createClient({ url: node.url, ca: authority.cert });
  });

  afterAll(() => provider.close());

  /** A realm of the provider, and what the browser comes back to the login page with. */
  async function comeBack(settings: Readonly<Record<string, string | number>>) {
    const { issuer, clientId, clientSecret } = provider;
    const own = { 'issuer-url': issuer, 'client-id': clientId, 'client-key': clientSecret, scopes: 'email profile' };
    node.addRealm('login', { settings: { ...own, 'username-claim': 'preferred_username', ...settings } });
    const asked = { realm: 'login', 'redirect-url': REDIRECT };
    const { data } = await nobody('POST', '/access/openid/auth-url', { json: asked });
    const { searchParams } = await browse(String(data), authority.cert);
    return { code: searchParams.get('code'), state: searchParams.get('state'), 'redirect-url': REDIRECT };
  }

  const finish = (json: object) => nobody('POST', '/access/openid/login', { json });
  const logIn = async (settings: Readonly<Record<string, string | number>>) => finish(await comeBack(settings));

  it('gives a ticket to a user that is there, by the name that the claim says', async () => {
    node.addUser({ userid: ALICE });

    const { status, data } = await logIn({});
    const { ticket, CSRFPreventionToken: csrf } = data as Record<string, string>;
    const session = { cookie: `PVEAuthCookie=${encodeURIComponent(String(ticket))}`, csrf: String(csrf) };
    const alice = createClient({ url: node.url, ca: authority.cert, session });

    expect([status, data]).toMatchObject([200, { username: ALICE }]);
    expect((await alice('GET', '/access/permissions')).status).toBe(200);
  });

  it('is refused without a user, for a disabled one, without the claim, and with another client key', async () => {
    const without = await logIn({});
    node.addUser({ userid: ALICE, enabled: false });
    const disabled = await logIn({});
    node.setUser(ALICE, { enabled: true });
    const noClaim = await logIn({ 'username-claim': 'upn' });
    const wrongKey = await logIn({ 'client-key': 'another' });
    const fine = await logIn({});

    expect([without, disabled, noClaim, wrongKey, fine].map(({ status }) => status)).toEqual([401, 401, 401, 401, 200]);
  });

  it('makes users and groups where the realm says so, and undoes a deletion', async () => {
    const settings = { autocreate: 1, 'groups-claim': 'roles', 'groups-autocreate': 1 };
    await logIn(settings);
    node.removeUser(ALICE);

    await logIn(settings);

    expect(node.user(ALICE)).toMatchObject({ enabled: true, groups: ['pve-admins-login'] });
  });

  it('takes people out of other groups with groups-overwrite alone, and never where the claim is missing', async () => {
    node.addGroup('ours');
    node.addGroup('pve-admins-login');
    node.addUser({ userid: ALICE, groups: ['ours'] });
    const seen: unknown[] = [];
    const steps: Readonly<Record<string, string | number>>[] = [
      { 'groups-claim': 'roles' },
      { 'groups-claim': 'groups', 'groups-overwrite': 1 },
      { 'groups-claim': 'roles', 'groups-overwrite': 1 },
    ];

    for (const settings of steps) {
      await logIn(settings);
      seen.push(node.user(ALICE)?.groups);
    }

    expect(seen).toEqual([['ours', 'pve-admins-login'], ['ours', 'pve-admins-login'], ['pve-admins-login']]);
  });

  it('counts once, and for the address that it began with', async () => {
    node.addUser({ userid: ALICE });
    const back = await comeBack({});
    const other = await comeBack({});

    const elsewhere = await finish({ ...other, 'redirect-url': 'https://pve2.example.com:8006' });
    const first = await finish(back);
    const second = await finish(back);

    expect([first.status, second.status, elsewhere.status]).toEqual([200, 401, 401]);
    expect(second.message).toBe('authentication failure\n');
  });
});
