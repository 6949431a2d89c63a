import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { proxmoxNameOf } from '../../src/domain/proxmox-name.js';
import {
  createClientOver,
  createProxmoxClient,
  type ProxmoxClient,
  type ProxmoxWrite,
} from '../../src/targets/proxmox/client.js';
import {
  declareRealm,
  type RealmDeclaration,
  type RealmWish,
  withNothingUnsaid,
} from '../../src/targets/proxmox/realm/declaration.js';
import { bringRealmAbout, lookAtRealm, type RealmPorts } from '../../src/targets/proxmox/realm/setup.js';
import { createRights } from '../../src/targets/proxmox/rights.js';
import { pveshTransport } from '../../src/targets/proxmox/transport/pvesh.js';
import { restTransport } from '../../src/targets/proxmox/transport/rest.js';
import { ticketCredential } from '../../src/targets/proxmox/transport/ticket-credential.js';
import type { BootstrapRecord } from '../../src/telemetry/bootstrap-audit.js';
import { systemClock as clock } from '../../src/telemetry/system-clock.js';
import { browse } from '../simulators/oidc/browser.js';
import { startIdentityProvider } from '../simulators/oidc/index.js';
import {
  type Exchange,
  type ProxmoxSimulator,
  type ProxmoxSimulatorOptions,
  startProxmoxSimulator,
} from '../simulators/proxmox/index.js';
import { installPvesh } from '../simulators/proxmox/pvesh.js';
import { createClient } from '../simulators/proxmox/test-client.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';

const TENANT = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
const CLIENT = '77777777-8888-4999-8aaa-bbbbbbbbbbbb';
const KEY = 'client-key-of-the-realm~1';

const WISH: RealmWish = {
  idp: 'entra',
  realm: 'entra',
  tenantId: TENANT,
  clientId: CLIENT,
  clientKey: KEY,
};

const AS_WISHED = {
  'issuer-url': `https://login.microsoftonline.com/${TENANT}/v2.0`,
  'client-id': CLIENT,
  'client-key': KEY,
  'username-claim': 'preferred_username',
  scopes: 'email profile',
  autocreate: 0,
  'query-userinfo': 0,
};

let authority: TestAuthority;
let simulator: ProxmoxSimulator;
let admin: string;
let open: ProxmoxClient[];
let logged: unknown[];
let records: BootstrapRecord[];
let exchanges: Exchange[];

beforeAll(async () => {
  authority = await createTestAuthority();
});

beforeEach(() => start());

afterEach(() => stop());

const onExchange = (exchange: Exchange) => void exchanges.push(exchange);

async function start(options: Omit<ProxmoxSimulatorOptions, 'authority'> = {}): Promise<void> {
  simulator = await startProxmoxSimulator({ authority, lockDeadlineMs: 100, onExchange, ...options });
  admin = adminOf(['Realm.Allocate', 'Sys.Audit'], '/access');
  [open, logged, records, exchanges] = [[], [], [], []];
}

async function stop(): Promise<void> {
  await Promise.all(open.map((client) => client.close()));
  await simulator.close();
}

/** A user with these privileges there, and its token. */
function adminOf(privileges: readonly string[], path: string, userid = 'admin@pve'): string {
  const role = `Role-${userid.replace(/\W/g, '-')}`;
  simulator.addUser({ userid });
  simulator.addRole(role, privileges);
  simulator.setAcl({ path, type: 'user', ugid: userid, roleid: role });
  return simulator.createToken(userid, 'setup', { privsep: false });
}

function declare(change: Partial<RealmWish> = {}): RealmDeclaration {
  const read = declareRealm({ ...WISH, ...change });
  if (!read.ok) throw new Error(read.problems.join('\n'));
  return read.realm;
}

function connect(token = admin): ProxmoxClient {
  const log = (...line: unknown[]) => void logged.push(line);
  const client = createProxmoxClient({
    baseUrl: simulator.url,
    token,
    ca: authority.cert,
    timeoutMs: 20_000,
    log,
    clock,
  });
  open.push(client);
  return client;
}

const signal = () => AbortSignal.timeout(60_000);

function portsOf(declared: RealmDeclaration, client = connect(), more: Partial<RealmPorts> = {}): RealmPorts {
  const rights = createRights({ client, clock });
  return { client, rights, declared, upkeep: undefined, allowGroupsOverwrite: false, ...more };
}

const look = (ports: RealmPorts) => lookAtRealm(ports, signal());

async function apply(ports: RealmPorts) {
  const looked = await look(ports);
  return bringRealmAbout(ports, looked, (record) => void records.push(record), signal());
}

/** What happens to a write besides, or instead of, being done. */
function withWrites(write: (call: ProxmoxWrite, done: () => Promise<unknown>) => Promise<unknown>): ProxmoxClient {
  const client = connect();
  return { ...client, write: (call, abort, schema) => write(call, () => client.write(call, abort, schema)) as never };
}

const sentBy = (method: string) => exchanges.filter((one) => one.method === method).map((one) => one.requestBody);

describe('a realm that is not there', () => {
  it('is planned without a write, made exactly as declared, and needs nothing the second time', async () => {
    const ports = portsOf(declare());

    const { plan } = await look(ports);
    const before = simulator.realm('entra');
    const made = await apply(ports);
    const again = await apply(ports);

    expect([plan.step?.do, before]).toEqual(['realm.create', undefined]);
    expect(made).toMatchObject({ result: 'done' });
    expect(simulator.realm('entra')).toMatchObject({ type: 'openid', settings: AS_WISHED });
    expect(Object.keys(simulator.realm('entra')?.settings ?? {}).sort()).toEqual(Object.keys(AS_WISHED).sort());
    expect(again).toBeUndefined();
  });

  it('leaves pam, pve and what the login page proposes as they are', async () => {
    simulator.addRealm('other', { settings: { default: 1, 'issuer-url': 'https://x.example', 'client-id': 'x' } });
    const others = ['pam', 'pve', 'other'].map((name) => simulator.realm(name));

    await apply(portsOf(declare({ prompt: 'select_account', groupsClaim: 'roles' })));

    expect(['pam', 'pve', 'other'].map((name) => simulator.realm(name))).toEqual(others);
    expect(simulator.realm('entra')?.settings).not.toHaveProperty('default');
  });

  it('is left to whoever made it in between', async () => {
    const client = withWrites(async (_, done) => {
      simulator.addRealm('entra', { settings: { 'issuer-url': 'https://theirs.example', 'client-id': 'theirs' } });
      return done();
    });

    const outcome = await apply(portsOf(declare(), client));

    expect(outcome).toMatchObject({ result: 'failed', error: expect.stringContaining('somebody made a realm entra') });
    expect(simulator.realm('entra')?.settings['client-id']).toBe('theirs');
  });
});

describe('a realm that is there', () => {
  const before = {
    'issuer-url': `${AS_WISHED['issuer-url']}/`,
    'client-id': 'old',
    'client-key': 'the-old-client-key',
    'username-claim': 'username',
    autocreate: 1,
    'groups-claim': 'groups',
    'groups-overwrite': 1,
    prompt: 'login',
    tfa: 'type=oath',
    default: 1,
  };

  beforeEach(() => simulator.addRealm('entra', { comment: 'ours', settings: before }));

  it('gets what differs in one change that names its digest, and loses what is not declared where that was asked for', async () => {
    const outcome = await apply(portsOf(withNothingUnsaid(declare())));

    const { 'username-claim': _, ...rest } = AS_WISHED;
    expect(outcome).toMatchObject({ result: 'done' });
    expect(simulator.realm('entra')).toEqual({
      realm: 'entra',
      type: 'openid',
      comment: 'ours',
      settings: { ...rest, 'username-claim': 'username', tfa: 'type=oath', default: 1, scopes: undefined },
    });
    expect(sentBy('PUT')).toMatchObject([{ digest: expect.stringMatching(/^[0-9a-f]{40}$/) }]);
    expect(await apply(portsOf(declare()))).toBeUndefined();
  });

  it.each([
    ['the same realm', () => simulator.addRealm('entra', { settings: { ...before, comment: 'theirs' } })],
    ['another realm', () => simulator.addRealm('ldap', { type: 'ldap' })],
    ['the realm away', () => simulator.removeRealm('entra')],
  ])('is not written when somebody changes %s in between', async (_, change) => {
    const client = withWrites(async (_, done) => {
      change();
      return done();
    });

    const outcome = await apply(portsOf(declare(), client));
    const left = simulator.realm('entra')?.settings['client-id'];
    const second = await apply(portsOf(declare()));

    expect(outcome).toMatchObject({ result: 'failed', error: expect.stringMatching(/nothing was written/) });
    expect(left).not.toBe(CLIENT);
    expect(second).toMatchObject({ result: 'done' });
    expect(simulator.realm('entra')?.settings).toMatchObject({ 'client-id': CLIENT, 'client-key': KEY });
  });

  it('ends the same when the run died right before its write, right after it, or without an answer', async () => {
    const ends: unknown[] = [];
    for (const death of ['before', 'after', 'lost'] as const) {
      simulator.addRealm('entra', { comment: 'ours', settings: before });
      const client = withWrites(async (_, done) => {
        if (death === 'before') throw new Error('died');
        if (death === 'lost') simulator.faults.dropNext({ method: 'PUT' }, 1, 'after');
        await done();
        throw new Error('died');
      });
      const first = await apply(portsOf(declare(), client));
      const second = await apply(portsOf(declare()));
      const third = await apply(portsOf(declare()));
      ends.push([first?.result, second?.result, third, simulator.realm('entra')]);
    }

    const after = simulator.realm('entra');
    expect(ends).toEqual([
      ['failed', 'done', undefined, after],
      ['failed', undefined, undefined, after],
      ['failed', undefined, undefined, after],
    ]);
    expect(after?.settings).toMatchObject({ 'client-id': CLIENT, 'client-key': KEY, autocreate: 0 });
  });

  it('is told as failed where Proxmox shows something else than it was told', async () => {
    const client = withWrites(async (_, done) => {
      const answer = await done();
      simulator.addRealm('entra', { settings: { ...AS_WISHED, 'client-key': 'another-client-key' } });
      return answer;
    });

    const outcome = await apply(portsOf(declare(), client));

    expect(outcome).toMatchObject({ result: 'failed', error: expect.stringMatching(/shows client-key differently/) });
    expect(records.map(({ outcome: told }) => told)).toEqual(['begun', 'failed']);
  });

  it('is left alone where its username-claim or its type is another, with what it would take', async () => {
    const claim = await look(portsOf(declare({ usernameClaim: 'upn' })));
    simulator.addRealm('entra', { type: 'ldap', settings: {} });
    const type = await look(portsOf(declare()));

    expect([claim.plan.step, type.plan.step]).toEqual([undefined, undefined]);
    expect(claim.plan.refusals).toMatchObject([{ why: expect.stringContaining('cannot change it') }]);
    expect(type.plan.refusals).toMatchObject([{ why: expect.stringContaining('of the type ldap') }]);
  });

  it('is changed once by two runs at the same time, and neither undoes the other', async () => {
    const outcomes = await Promise.all([apply(portsOf(declare())), apply(portsOf(declare()))]);

    expect(outcomes.map((outcome) => outcome?.result)).toContain('done');
    expect(simulator.realm('entra')?.settings).toMatchObject({ 'client-id': CLIENT, 'client-key': KEY });
    expect(await apply(portsOf(declare()))).toBeUndefined();
  });
});

describe('secrets', () => {
  it('stand in no step, record, log line or error', async () => {
    simulator.addRealm('entra', { settings: { ...AS_WISHED, 'client-key': 'the-old-client-key', autocreate: 1 } });
    simulator.faults.failNext({ method: 'PUT' }, { status: 500, text: `cannot store '${KEY}'` });

    const failed = await apply(portsOf(declare()));
    const done = await apply(portsOf(declare()));

    const told = JSON.stringify([failed, done, records, logged], (_, value: unknown) =>
      value instanceof Map ? [...value] : value,
    );
    expect([failed?.result, done?.result]).toEqual(['failed', 'done']);
    expect(records.at(-1)).toMatchObject({ action: 'realm.change', after: { 'client-key': 'as declared' } });
    expect(told).not.toContain(KEY);
    expect(told).not.toContain('the-old-client-key');
  });

  it('that are wrong in Proxmox are found, and put right', async () => {
    simulator.addRealm('entra', { settings: { ...AS_WISHED, 'client-key': 'the-old-client-key' } });

    const { plan } = await look(portsOf(declare()));
    await apply(portsOf(declare()));

    expect(plan.step).toMatchObject({ changes: [{ field: 'client-key' }], remove: [] });
    expect(simulator.realm('entra')?.settings).toEqual(AS_WISHED);
  });

  it('that are not declared stay as they are', async () => {
    simulator.addRealm('entra', { settings: { ...AS_WISHED, 'client-key': 'theirs', autocreate: 1 } });
    const declared = declare({
      idp: 'generic',
      issuerUrl: AS_WISHED['issuer-url'],
      clientKey: undefined,
      usernameClaim: 'preferred_username',
      queryUserinfo: false,
    });

    await apply(portsOf(declared));

    expect(simulator.realm('entra')?.settings).toEqual({ ...AS_WISHED, 'client-key': 'theirs', autocreate: 0 });
  });
});

describe('rights', () => {
  it('that are missing are named, and nothing is written', async () => {
    const blind = adminOf(['Realm.AllocateUser'], '/access/realm', 'blind@pve');
    const reader = adminOf(['Sys.Audit'], '/access', 'reader@pve');

    const looking = look(portsOf(declare(), connect(blind)));
    await expect(looking).rejects.toThrow(/blind@pve!setup.* lacks Sys\.Audit or Realm\.Allocate on \/access\/realm/);
    const writing = apply(portsOf(declare(), connect(reader)));
    await expect(writing).rejects.toThrow(/reader@pve!setup.* lacks Realm\.Allocate on \/access\/realm/);

    expect(simulator.realm('entra')).toBeUndefined();
    expect(sentBy('POST')).toEqual([]);
  });

  it('to see realms alone are enough to plan, and who reads the secret is then not known', async () => {
    const keeper = adminOf(['Realm.Allocate'], '/access/realm', 'keeper@pve');

    const { plan, observed } = await look(portsOf(declare(), connect(keeper)));

    expect(plan.step?.do).toBe('realm.create');
    expect(observed.keyReaders).toBeUndefined();
  });

  it('of others to the client key are told by name', async () => {
    simulator.addGroup('auditors');
    simulator.setAcl({ path: '/', type: 'group', ugid: 'auditors', roleid: 'PVEAuditor' });
    simulator.setAcl({ path: '/vms', type: 'group', ugid: 'auditors', roleid: 'PVEAuditor' });
    simulator.setAcl({ path: '/', type: 'group', ugid: 'auditors', roleid: 'PVEVMUser' });

    const { observed, plan } = await look(portsOf(declare()));

    expect(observed.keyReaders).toEqual([
      { type: 'group', ugid: 'auditors', role: 'PVEAuditor', path: '/' },
      { type: 'user', ugid: 'admin@pve', role: 'Role-admin-pve', path: '/access' },
    ]);
    expect(plan.remarks.join('\n')).toContain('the group auditors (PVEAuditor on /)');
  });
});

describe('versions', () => {
  it('before 8.4 get a realm without what they do not know, and are told so', async () => {
    await stop();
    await start({ version: '8.3' });

    const outcome = await apply(portsOf(declare()));
    const again = await apply(portsOf(declare()));
    const { plan } = await look(portsOf(declare({ groupsClaim: 'roles', audiences: ['x'] })));

    const { 'query-userinfo': _, ...known } = AS_WISHED;
    expect([outcome?.result, again]).toEqual(['done', undefined]);
    expect(simulator.realm('entra')?.settings).toEqual(known);
    expect(plan.refusals.map(({ why }) => why)).toEqual([
      expect.stringMatching(/^Proxmox VE 8\.3\.\d+ has no groups-claim; 8\.4 is the first/),
      expect.stringMatching(/^Proxmox VE 8\.3\.\d+ has no audiences; 9\.1 is the first/),
    ]);
  });

  it('of 8.4 take groups, and those of 9.1 audiences as well', async () => {
    await stop();
    await start({ version: '8.4' });
    const groups = { groupsClaim: 'pve.roles-1', groupsAutocreate: true };

    const older = await apply(portsOf(declare(groups)));
    const settings = simulator.realm('entra')?.settings;
    await stop();
    await start();
    const newer = await apply(portsOf(declare({ ...groups, audiences: ['https://pve.example.com', 'second'] })));

    expect([older?.result, newer?.result]).toEqual(['done', 'done']);
    expect(settings).toMatchObject({ 'groups-claim': 'pve.roles-1', 'groups-autocreate': 1, 'groups-overwrite': 0 });
    expect(simulator.realm('entra')?.settings.audiences).toBe('https://pve.example.com,second');
  });
});

describe('other ways to be an administrator', () => {
  const DIFFERING = { ...AS_WISHED, autocreate: 1, prompt: 'login' };

  it('such as a password make a realm, its secret included', async () => {
    simulator.setUser('admin@pve', { password: 'correct horse' });
    const credential = ticketCredential({
      userid: 'admin@pve',
      password: () => 'correct horse',
      from: 'a test',
      clock,
    });
    const transport = restTransport({ baseUrl: simulator.url, ca: authority.cert, timeoutMs: 20_000, credential });
    const client = createClientOver(transport, { timeoutMs: 20_000, log: () => undefined, clock });
    open.push(client);

    const outcome = await apply(portsOf(declare(), client));

    expect(outcome?.result).toBe('done');
    expect(simulator.realm('entra')?.settings).toEqual(AS_WISHED);
  });

  it('such as pvesh change a realm, but never get the client secret onto a command line', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'entramox-realm-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const pvesh = await installPvesh({ node: simulator, authority, dir });
    onTestFinished(() => pvesh.close());
    const transport = pveshTransport({ command: pvesh.command, uid: 0 });
    const client = createClientOver(transport, { timeoutMs: 30_000, log: () => undefined, clock });
    open.push(client);

    const { plan } = await look(portsOf(declare(), client));
    const making = await apply(portsOf(declare(), client));
    simulator.addRealm('entra', { settings: DIFFERING });
    const changing = await apply(portsOf(declare(), client));

    expect(plan.remarks[0]).toMatch(/pvesh takes on its command line alone/);
    expect(making).toMatchObject({ result: 'failed', error: expect.stringMatching(/client-key.*--admin-user/) });
    expect(changing?.result).toBe('done');
    expect(simulator.realm('entra')?.settings).toEqual({ ...AS_WISHED, prompt: 'login' });
    expect(JSON.stringify(pvesh.runs())).not.toContain(KEY);
  });
});

describe('somebody who logs in with a realm that was made', () => {
  const REDIRECT = 'https://pve1.example.com:8006';

  it.each([
    { flavour: 'entra', wish: {} },
    { flavour: 'kanidm', wish: { idp: 'kanidm', realm: 'kanidm' } },
  ] as const)('at a provider in the shape of $flavour is the user that Entramox writes, or nobody', async (shape) => {
    const provider = await startIdentityProvider({ authority, flavour: shape.flavour, redirectUris: [REDIRECT] });
    onTestFinished(() => provider.close());
    const { issuer, tenantId, clientId, clientSecret } = provider;
    const declared = declare({ tenantId, issuerUrl: issuer, clientId, clientKey: clientSecret, ...shape.wish });
    const name = proxmoxNameOf('alice@contoso.com', declared.realm);
    const nobody = createClient({ url: simulator.url, ca: authority.cert });
    const logIn = async () => {
      const asked = { realm: declared.realm, 'redirect-url': REDIRECT };
      const { data } = await nobody('POST', '/access/openid/auth-url', { json: asked });
      const back = Object.fromEntries((await browse(String(data), authority.cert)).searchParams);
      const json = { code: back.code, state: back.state, 'redirect-url': REDIRECT };
      return nobody('POST', '/access/openid/login', { json });
    };

    const made = await apply(portsOf(declared));
    const stranger = await logIn();
    simulator.addUser({ userid: name.ok ? name.userid : '' });
    const known = await logIn();

    expect([made?.result, stranger.status, known.status]).toEqual(['done', 401, 200]);
    expect(known.data).toMatchObject({ username: `alice@contoso.com@${declared.realm}` });
  });
});
