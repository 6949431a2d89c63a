import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClientOver, createProxmoxClient, type ProxmoxClient } from '../../src/targets/proxmox/client.js';
import { createRights } from '../../src/targets/proxmox/rights.js';
import { readDeclarations, type TokenDeclaration } from '../../src/targets/proxmox/tokens/declaration.js';
import { bringTokensAbout, lookAtTokens, type SetupPorts } from '../../src/targets/proxmox/tokens/setup.js';
import { createFileSink } from '../../src/targets/proxmox/tokens/sinks/file-sink.js';
import { pveshTransport } from '../../src/targets/proxmox/transport/pvesh.js';
import { restTransport } from '../../src/targets/proxmox/transport/rest.js';
import { ticketCredential } from '../../src/targets/proxmox/transport/ticket-credential.js';
import { unrecorded } from '../../src/telemetry/bootstrap-audit.js';
import { systemClock as clock } from '../../src/telemetry/system-clock.js';
import { addAdministrator } from '../simulators/proxmox/administrator.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { installPvesh, type Pvesh } from '../simulators/proxmox/pvesh.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';
import { deaths, dyingClient } from './dying-client.js';

const OWNER = 'terraform-prov@pve';
const ID = `${OWNER}!terraform`;
const PRIVILEGES = ['VM.Allocate', 'VM.Audit', 'VM.Clone'];

let authority: TestAuthority;
let simulator: ProxmoxSimulator;
let admin: string;
let dir: string;
let open: ProxmoxClient[];
/** How the administrator reaches Proxmox. */
let way: Way;
let pvesh: Pvesh | undefined;

const WAYS = ['an API token', 'a password', 'pvesh'] as const;
type Way = (typeof WAYS)[number];
const PASSWORD = 'correct; horse';

beforeAll(async () => {
  authority = await createTestAuthority();
});

/** A node with an administrator. */
async function startNode(version?: string): Promise<void> {
  simulator = await startProxmoxSimulator({ authority, lockDeadlineMs: 100, ...(version ? { version } : {}) });
  admin = addAdministrator(simulator, { password: PASSWORD });
}

beforeEach(async () => {
  await startNode();
  dir = mkdtempSync(join(tmpdir(), 'entramox-tokens-'));
  open = [];
  way = 'an API token';
});

afterEach(async () => {
  await Promise.all(open.map((client) => client.close()));
  await pvesh?.close();
  pvesh = undefined;
  await simulator.close();
  rmSync(dir, { recursive: true, force: true });
});

const placeOf = (name: string) => join(dir, `.${name}_token`);

function declare(...changes: object[]): TokenDeclaration[] {
  const entries = changes.map((change) => {
    const name = 'name' in change ? String(change.name) : 'terraform';
    return {
      name,
      ugid: OWNER,
      role: 'TerraformProv',
      comment: 'Terraform token',
      expire: 0,
      privsep: 0,
      privileges: PRIVILEGES,
      sink: { type: 'file', path: placeOf(name) },
      ...change,
    };
  });
  const read = readDeclarations(JSON.stringify({ token_setup: entries }), clock.now());
  if (!read.ok) throw new Error(read.problems.join('\n'));
  return read.tokens;
}

function connect(token: string): ProxmoxClient {
  const log = () => undefined;
  const client = createProxmoxClient({
    baseUrl: simulator.url,
    token,
    ca: authority.cert,
    timeoutMs: 5000,
    log,
    clock,
  });
  open.push(client);
  return client;
}

/** The administrator, by the way that is being tested. */
function connectAsAdministrator(): ProxmoxClient {
  if (way === 'an API token') return connect(admin);
  const timeoutMs = 30_000;
  const credential = ticketCredential({ userid: 'admin@pve', password: () => PASSWORD, from: 'a test', clock });
  const transport = pvesh
    ? pveshTransport({ command: pvesh.command, uid: 0 })
    : restTransport({ baseUrl: simulator.url, ca: authority.cert, timeoutMs, credential });
  const client = createClientOver(transport, { timeoutMs, log: () => undefined, clock });
  open.push(client);
  return client;
}

interface Wish {
  adopt?: boolean;
  prune?: boolean;
  client?: ProxmoxClient;
  openSink?: SetupPorts['openSink'];
  elsewhere?: ReadonlyMap<string, string>;
}

function setUp(
  declared: readonly TokenDeclaration[],
  { adopt = false, prune = false, client, openSink, elsewhere }: Wish = {},
): SetupPorts {
  const used = client ?? connectAsAdministrator();
  return {
    client: used,
    clock,
    rights: createRights({ client: used, clock }),
    declared,
    adopt,
    prune,
    elsewhere,
    openSink: openSink ?? (({ place }) => createFileSink(place)),
    connectAs: (id, secret) => connect(`${id}=${secret}`),
  };
}

const signal = () => AbortSignal.timeout(30_000);

async function look(declared: readonly TokenDeclaration[], wish?: Wish) {
  const ports = setUp(declared, wish);
  return lookAtTokens(ports, signal());
}

async function apply(declared: readonly TokenDeclaration[], wish?: Wish) {
  const ports = setUp(declared, wish);
  const looked = await lookAtTokens(ports, signal());
  return { ...looked.plan, ...(await bringTokensAbout(ports, looked, signal(), unrecorded)) };
}

function world() {
  const { roles, acl, users, tokens } = simulator;
  return { roles: roles(), acl: acl(), users: users(), tokens: users().map(({ userid }) => tokens(userid)) };
}

describe.each(WAYS)('token apply by way of %s', (chosen) => {
  beforeEach(async () => {
    way = chosen;
    if (chosen === 'pvesh') pvesh = await installPvesh({ node: simulator, authority, dir });
  });

  it('makes role, user, rights and token, stores the secret as the old workflow did, and proves it', async () => {
    const { steps, conflicts, wrongRights } = await apply(declare({ paths: ['/pool/lab'] }));

    expect(steps.map(({ step, result }) => `${step.do} ${result}`)).toEqual([
      'owner.create done',
      'role.create done',
      'acl.grant done',
      'token.create done',
      'token.confirm done',
    ]);
    expect([...conflicts, ...wrongRights]).toEqual([]);
    const stored = JSON.parse(readFileSync(placeOf('terraform'), 'utf8'));
    expect(stored).toEqual({
      'full-tokenid': ID,
      info: { comment: 'Terraform token', expire: 0, privsep: 0 },
      value: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(statSync(placeOf('terraform')).mode & 0o777).toBe(0o600);
    expect(simulator.roles().TerraformProv).toEqual(PRIVILEGES);
    expect(simulator.acl().filter(({ ugid }) => ugid === OWNER)).toMatchObject([
      { path: '/pool/lab', roleid: 'TerraformProv' },
    ]);
    expect(JSON.stringify(pvesh?.runs() ?? [])).not.toContain(stored.value);
    expect(pvesh === undefined).toBe(chosen !== 'pvesh');
    expect(simulator.calls({ path: '/access/ticket' })).toHaveLength(chosen === 'a password' ? 1 : 0);
    expect(JSON.stringify(simulator.calls())).not.toContain('password');
  });

  it('does nothing the second time', async () => {
    await apply(declare({}));
    const before = world();
    simulator.resetCounters();

    const { steps, wrongRights } = await apply(declare({}));

    expect(steps).toEqual([]);
    expect(wrongRights).toEqual([]);
    expect(simulator.writes).toBe(0);
    expect(world()).toEqual(before);
  });

  it('gives a token with privilege separation rights of its own, without which it would have none', async () => {
    const { wrongRights } = await apply(declare({ privsep: 1, paths: ['/vms/100'] }));

    expect(wrongRights).toEqual([]);
    expect(simulator.acl().map(({ type, ugid, path }) => `${type} ${ugid} ${path}`)).toEqual(
      expect.arrayContaining([`user ${OWNER} /vms/100`, `token ${ID} /vms/100`]),
    );
  });

  it('mends a role that has drifted in either direction, and shows how', async () => {
    await apply(declare({}));
    simulator.addRole('TerraformProv', ['VM.Audit', 'VM.PowerMgmt']);

    const { plan } = await look(declare({}));
    const { wrongRights } = await apply(declare({}));

    expect(plan.steps).toMatchObject([
      { do: 'role.change', added: ['VM.Allocate', 'VM.Clone'], removed: ['VM.PowerMgmt'] },
    ]);
    expect(simulator.roles().TerraformProv?.toSorted()).toEqual(PRIVILEGES);
    expect(wrongRights).toEqual([]);
  });

  it('keeps a comment that a shell or a command line would take for something else', async () => {
    const comment = `--expire=1 ; $(id) \`id\` 'x' "y" #%20 Größe`;

    const { wrongRights } = await apply(declare({ comment }));

    expect(wrongRights).toEqual([]);
    expect(simulator.tokens(OWNER)).toMatchObject([{ expire: 0 }]);
    expect(simulator.tokens(OWNER)[0]?.comment?.startsWith(`${comment} (entramox`)).toBe(true);
  });
});

describe('token apply with a ticket', () => {
  it('goes on where the ticket is refused in the middle', async () => {
    way = 'a password';
    const token = '/access/users/{userid}/token/{tokenid}';
    const refusal = { status: 401, text: 'Authentication failed!', bodiless: true };
    simulator.faults.failNext({ method: 'POST', path: '/access/roles' }, refusal);
    simulator.faults.failNext({ method: 'POST', path: token }, refusal);

    const { steps, wrongRights } = await apply(declare({}));

    expect(steps.filter(({ result }) => result !== 'done')).toEqual([]);
    expect(wrongRights).toEqual([]);
    expect(simulator.tokens(OWNER)).toHaveLength(1);
    expect(simulator.calls({ path: '/access/ticket' })).toHaveLength(3);
  });
});

describe('token apply through a pvesh that is killed', () => {
  it.each([
    ['role', '/access/roles'],
    ['token', '/access/users/{userid}/token/{tokenid}'],
  ])('once it had made the %s is ended by the next run, with one token and its secret', async (_what, path) => {
    way = 'pvesh';
    pvesh = await installPvesh({ node: simulator, authority, dir });
    simulator.faults.dropNext({ method: 'POST', path }, 1, 'after');

    const first = await apply(declare({}));
    const second = await apply(declare({}));

    expect(first.steps.find(({ result }) => result === 'failed')).toMatchObject({
      error: expect.stringMatching(/ended by SIGKILL/),
    });
    expect([...second.conflicts, ...second.wrongRights]).toEqual([]);
    expect(second.steps.filter(({ result }) => result !== 'done')).toEqual([]);
    const { value } = JSON.parse(readFileSync(placeOf('terraform'), 'utf8'));
    expect(simulator.tokens(OWNER)).toHaveLength(1);
    await expect(look(declare({}), { client: connect(`${ID}=${value}`) })).rejects.toThrow(/lacks Sys\.Audit/);
  });
});

describe('token apply', () => {
  it('mends expiry, comment and privilege separation of a token', async () => {
    await apply(declare({}));

    const { steps, wrongRights } = await apply(declare({ expire: 1_900_000_000, comment: 'For IaC', privsep: 1 }));

    // The other way round it would have no rights at all in between.
    expect(steps.map(({ step, result }) => `${step.do} ${result}`)).toEqual(['acl.grant done', 'token.change done']);
    expect(wrongRights).toEqual([]);
    expect(simulator.tokens(OWNER)).toMatchObject([
      { expire: 1_900_000_000, comment: expect.stringMatching(/^For IaC \(entramox, since 2.*Z\)$/), privsep: true },
    ]);
  });

  it('tells of rights that a token has too much, and of those that it lacks', async () => {
    await apply(declare({ paths: ['/pool/lab'] }));
    simulator.setAcl({ path: '/storage/local', type: 'user', ugid: OWNER, roleid: 'PVEAuditor' });
    simulator.setAcl({ path: '/pool/lab', type: 'user', ugid: OWNER, roleid: 'NoAccess' });

    const { wrongRights, remarks } = await apply(declare({ paths: ['/pool/lab'] }));

    expect(wrongRights).toHaveLength(1);
    expect(wrongRights[0]).toMatch(/on \/pool\/lab it lacks VM\.Allocate, VM\.Audit, VM\.Clone/);
    expect(wrongRights[0]).toMatch(/on \/storage\/local it has .* too much/);
    expect(remarks.join('\n')).toMatch(/has PVEAuditor on \/storage\/local, which is not declared; --prune revokes it/);
    const pruned = await apply(declare({ paths: ['/pool/lab'] }), { prune: true });
    expect(pruned.wrongRights).toEqual([]);
  });

  it.each<[string, () => void, RegExp]>([
    ['user', () => simulator.addUser({ userid: OWNER, comment: 'by hand' }), /user terraform-prov@pve is there/],
    ['role', () => simulator.addRole('TerraformProv', ['Sys.Audit']), /role TerraformProv is there with other/],
    [
      'token',
      () => {
        simulator.addUser({ userid: OWNER });
        simulator.createToken(OWNER, 'terraform');
      },
      /token terraform-prov@pve!terraform is there/,
    ],
  ])("touches nothing where a %s of that name is somebody else's", async (_what, prepare, why) => {
    prepare();
    const before = world();

    const { steps, conflicts } = await apply(declare({}));

    expect(steps).toEqual([]);
    expect(conflicts.map((conflict) => conflict.why).join('\n')).toMatch(why);
    expect(world()).toEqual(before);
  });

  it('uses a fitting role of somebody else and never takes it for its own', async () => {
    simulator.addRole('TerraformProv', PRIVILEGES);
    await apply(declare({}));
    simulator.addRole('TerraformProv', ['VM.Audit']);

    const { conflicts } = await apply(declare({}));

    expect(conflicts[0]?.why).toMatch(/role TerraformProv is there with other privileges/);
    expect(simulator.roles().TerraformProv).toEqual(['VM.Audit']);
  });

  it('takes over with --adopt what the old workflow made, secret included', async () => {
    simulator.addRole('TerraformProv', ['VM.Audit']);
    simulator.addUser({ userid: OWNER });
    simulator.setAcl({ path: '/', type: 'user', ugid: OWNER, roleid: 'TerraformProv' });
    const token = simulator.createToken(OWNER, 'terraform', { privsep: false, comment: 'Terraform token' });
    const value = token.slice(token.indexOf('=') + 1);
    const file = { 'full-tokenid': ID, info: { comment: 'Terraform token', expire: '0', privsep: '0' }, value };
    writeFileSync(placeOf('terraform'), JSON.stringify(file), { mode: 0o600 });

    const { conflicts, wrongRights } = await apply(declare({}), { adopt: true });

    expect([...conflicts, ...wrongRights]).toEqual([]);
    expect(simulator.tokens(OWNER)).toMatchObject([{ tokenid: 'terraform', comment: 'Terraform token (entramox)' }]);
    expect(JSON.parse(readFileSync(placeOf('terraform'), 'utf8')).value).toBe(value);
    expect((await apply(declare({}))).steps).toEqual([]);
  });

  it.each<[string, () => void, RegExp]>([
    ['lies nowhere', () => rmSync(placeOf('terraform')), /no secret of it lies in/],
    [
      'is one that Proxmox refuses',
      () => {
        const file = JSON.parse(readFileSync(placeOf('terraform'), 'utf8'));
        writeFileSync(placeOf('terraform'), JSON.stringify({ ...file, value: '00000000-0000-4000-8000-000000000000' }));
      },
      /Proxmox refuses the secret in/,
    ],
    ['can be read by others', () => chmodSync(placeOf('terraform'), 0o644), /can be read by others/],
    ['is torn', () => writeFileSync(placeOf('terraform'), '{"full-tok'), /is not JSON/],
  ])("never makes a token anew behind its users' backs: where its secret %s", async (_what, spoil, why) => {
    await apply(declare({}));
    spoil();
    const before = world();

    const { steps, conflicts } = await apply(declare({}));

    expect(steps).toEqual([]);
    expect(conflicts[0]?.why).toMatch(why);
    expect(world()).toEqual(before);
  });

  it('names privileges that this Proxmox does not know, and what to write instead', async () => {
    const { steps, conflicts } = await apply(declare({ privileges: ['VM.Monitor', 'vM.Audit'.replace('v', 'V')] }));

    expect(steps).toEqual([]);
    expect(conflicts).toMatchObject([{ remedy: expect.stringContaining('VM.GuestAgent') }]);
  });

  it.each([
    ['8.3', 'VM.Monitor', 'VM.GuestAgent.Audit', /write VM\.Monitor instead/],
    ['8.4', 'VM.Monitor', 'VM.GuestAgent.FileRead', /write VM\.Monitor instead/],
    ['9.1', 'VM.GuestAgent.Audit', 'VM.Monitor', /write VM\.GuestAgent\.Audit and Sys\.Audit instead/],
  ])('on Proxmox %s grants %s, and names %s with what it is there', async (version, there, gone, remedy) => {
    await simulator.close();
    await startNode(version);

    const refused = await apply(declare({ privileges: ['VM.Audit', gone] }));
    const granted = await apply(declare({ privileges: ['VM.Audit', there] }));

    expect(refused.conflicts).toMatchObject([
      { why: expect.stringContaining(gone), remedy: expect.stringMatching(remedy) },
    ]);
    expect([...granted.conflicts, ...granted.wrongRights]).toEqual([]);
    expect(simulator.roles().TerraformProv).toEqual(expect.arrayContaining([there]));
  });

  it('goes on with the others where one declaration cannot be done', async () => {
    simulator.addUser({ userid: 'taken@pve' });
    const two = declare({ ugid: 'taken@pve', role: 'Other' }, { name: 'ansible', ugid: 'ansible-prov@pve' });

    const { conflicts } = await apply(two);

    expect(conflicts).toHaveLength(1);
    expect(existsSync(placeOf('ansible'))).toBe(true);
  });

  it('removes with --prune what is marked and no longer declared, and nothing else', async () => {
    simulator.addRole('ByHand', ['VM.Audit']);
    simulator.addUser({ userid: 'hand@pve' });
    simulator.createToken('hand@pve', 'own');
    const before = world();
    await apply(declare({ privsep: 1 }, { name: 'ansible', ugid: 'ansible-prov@pve', role: 'AnsibleProv' }));

    const { plan } = await look([]);
    await apply([], { prune: true });

    expect(plan.steps).toEqual([]);
    expect(plan.remarks.join('\n')).toMatch(/terraform is ours and no longer declared/);
    expect(world()).toEqual(before);
  });

  it('gives a token no rights of its own to need where these could not be granted', async () => {
    await apply(declare({}));
    simulator.faults.failNext({ method: 'PUT', path: /\/access\/acl$/ }, { status: 500, text: 'no' });

    const { steps } = await apply(declare({ privsep: 1 }));

    expect(steps.map(({ step, result }) => `${step.do} ${result}`)).toEqual([
      'acl.grant failed',
      'token.change skipped',
    ]);
    expect(simulator.tokens(OWNER)).toMatchObject([{ privsep: false }]);
  });

  it('removes with --prune nothing of an owner that another file speaks of', async () => {
    await apply(declare({ privsep: 1 }));
    const before = world();

    const { remarks } = await apply([], { prune: true, elsewhere: new Map([[OWNER, '/etc/ci.json']]) });

    expect(remarks.join()).toMatch(/of terraform-prov@pve nothing is removed, since \/etc\/ci\.json declares/);
    expect(world()).toEqual(before);
  });

  it('takes with --prune no right from a token whose declaration stands and is in conflict', async () => {
    await apply(declare({ privsep: 1, paths: ['/pool/lab'] }));
    chmodSync(placeOf('terraform'), 0o644);
    const before = world();

    const { steps, conflicts } = await apply(declare({ privsep: 1, paths: ['/pool/lab'] }), { prune: true });

    expect(conflicts[0]?.why).toMatch(/can be read by others/);
    expect(steps).toEqual([]);
    expect(world()).toEqual(before);
  });

  it('forgets a role that it has removed, so that a later one of that name is nobody else than its maker', async () => {
    const kept = { name: 'ansible', role: 'AnsibleProv' };
    await apply(declare({}, kept));
    await apply(declare(kept), { prune: true });
    simulator.addRole('TerraformProv', ['VM.Audit']);

    const { plan } = await look(declare(kept), { prune: true });
    const { conflicts } = await apply(declare({ name: 'other', ugid: 'other-prov@pve' }));

    expect(plan.steps).toEqual([]);
    expect(conflicts[0]?.why).toMatch(/role TerraformProv is there with other privileges/);
    expect(simulator.roles().TerraformProv).toEqual(['VM.Audit']);
  });

  it('gives back with --prune a user that was there before, with its comment and its other rights', async () => {
    simulator.addUser({ userid: OWNER, comment: 'Backup operator; ask Bob' });
    simulator.setAcl({ path: '/storage/local', type: 'user', ugid: OWNER, roleid: 'PVEDatastoreAdmin' });
    const before = world();
    await apply(declare({ privsep: 1, paths: ['/pool/lab'] }), { adopt: true });
    const adopted = simulator.user(OWNER)?.comment;

    await apply([], { prune: true });

    expect(adopted).toBe('Backup operator; ask Bob; entramox-tokens:TerraformProv');
    expect(world()).toEqual(before);
  });

  it('deletes with --prune no user that somebody has put into a group', async () => {
    simulator.addGroup('operators');
    await apply(declare({}));
    const params = { userid: OWNER };
    const body = { groups: 'operators' };
    await connect(admin).write({ method: 'PUT', route: '/access/users/{userid}', params, body }, signal());

    await apply([], { prune: true });

    expect(simulator.user(OWNER)).toBeDefined();
    expect(simulator.user(OWNER)?.comment).not.toMatch(/entramox-tokens/);
    expect(simulator.tokens(OWNER)).toEqual([]);
  });

  it('never takes over a user that stands for a person', async () => {
    const comment = 'Entramox: active; entra:11111111-1111-4111-8111-111111111111';
    simulator.addUser({ userid: OWNER, comment });

    const { steps, conflicts } = await apply(declare({}), { adopt: true });

    expect(steps).toEqual([]);
    expect(conflicts[0]?.why).toMatch(/stands for a person/);
    expect(simulator.user(OWNER)?.comment).toBe(comment);
  });

  it('takes what lies in a declared pool for what was declared, and no right that comes from elsewhere', async () => {
    simulator.addPool('lab', ['/vms/100', '/storage/local']);
    const declared = declare({ privsep: 1, paths: ['/pool/lab'] });

    const { steps, wrongRights } = await apply(declared);
    simulator.setAcl({ path: '/vms/100', type: 'user', ugid: OWNER, roleid: 'PVEVMAdmin' });
    simulator.setAcl({ path: '/vms/100', type: 'token', ugid: ID, roleid: 'PVEVMAdmin' });
    const later = await apply(declared);

    expect(steps.filter(({ result }) => result !== 'done')).toEqual([]);
    expect(wrongRights).toEqual([]);
    expect(later.wrongRights).toEqual([expect.stringMatching(/on \/vms\/100 it has .*VM\.Config.* too much/)]);
  });

  it('lets a token that has ended live longer with its secret', async () => {
    await apply(declare({}));
    await connect(admin).write(
      {
        method: 'PUT',
        route: '/access/users/{userid}/token/{tokenid}',
        params: { userid: OWNER, tokenid: 'terraform' },
        body: { expire: 1_500_000_000 },
      },
      signal(),
    );
    const before = readFileSync(placeOf('terraform'), 'utf8');

    const { steps, conflicts, wrongRights } = await apply(declare({ expire: '2037-01-01' }));

    expect([...conflicts, ...wrongRights]).toEqual([]);
    expect(steps.map(({ step, result }) => `${step.do} ${result}`)).toEqual(['token.change done']);
    expect(readFileSync(placeOf('terraform'), 'utf8')).toBe(before);
  });

  it('makes no role whose mark could not be written', async () => {
    simulator.faults.failNext({ method: 'POST', path: '/access/users' }, { status: 500, text: 'no quorum!' }, 9);

    const { steps } = await apply(declare({}));

    expect(steps.map(({ step, result }) => `${step.do} ${result}`).slice(0, 2)).toEqual([
      'owner.create failed',
      'role.create skipped',
    ]);
    expect(simulator.roles().TerraformProv).toBeUndefined();
  });

  it('makes no pending token anew whose secret is there and cannot be read', async () => {
    const declared = declare({ paths: ['/pool/lab'] });
    await apply(declared);
    const [token] = simulator.tokens(OWNER);
    await connect(admin).write(
      {
        method: 'PUT',
        route: '/access/users/{userid}/token/{tokenid}',
        params: { userid: OWNER, tokenid: 'terraform' },
        body: { comment: 'Terraform token (entramox, not stored yet)' },
      },
      signal(),
    );
    chmodSync(placeOf('terraform'), 0o640);
    const before = readFileSync(placeOf('terraform'), 'utf8');

    const { steps, conflicts } = await apply(declared);

    expect(token).toBeDefined();
    expect(steps).toEqual([]);
    expect(conflicts[0]?.why).toMatch(/can be read by others/);
    expect(readFileSync(placeOf('terraform'), 'utf8')).toBe(before);
  });

  it('tells what was done where one token cannot be asked in the end', async () => {
    const two = declare({}, { name: 'ansible', ugid: 'ansible-prov@pve' });
    await apply(two);
    const ports = setUp(declare({ comment: 'other' }, { name: 'ansible', ugid: 'ansible-prov@pve' }));
    const looked = await lookAtTokens(ports, signal());
    rmSync(placeOf('ansible'));

    const { steps, wrongRights } = await bringTokensAbout(ports, looked, signal(), unrecorded);

    expect(steps.map(({ step, result }) => `${step.do} ${result}`)).toEqual(['token.change done']);
    expect(wrongRights).toEqual([expect.stringMatching(/ansible-prov@pve!ansible .*does not hold the secret/)]);
  });
});

describe('a secret that cannot be stored', () => {
  it.each<[string, () => void]>([
    ['the directory is missing', () => undefined],
    [
      'the place is a link',
      () => {
        mkdirSync(join(dir, 'room'));
        symlinkSync('/etc/passwd', join(dir, 'room', 'secret'));
      },
    ],
    [
      'others may write beside it',
      () => {
        mkdirSync(join(dir, 'room'));
        chmodSync(join(dir, 'room'), 0o777);
      },
    ],
  ])('leaves no token behind: %s', async (_what, prepare) => {
    prepare();
    const declared = declare({ sink: { type: 'file', path: join(dir, 'room', 'secret') } });

    const { steps } = await apply(declared);

    expect(steps.map(({ step, result }) => `${step.do} ${result}`)).toContain('token.create failed');
    expect(steps.at(-1)).toMatchObject({ step: { do: 'token.confirm' }, result: 'skipped' });
    expect(simulator.tokens(OWNER)).toEqual([]);
  });

  it.each<[string, () => void]>([
    [
      'another token',
      () => {
        const file = { 'full-tokenid': 'old@pve!terraform', info: {}, value: '00000000-0000-4000-8000-000000000000' };
        writeFileSync(placeOf('terraform'), JSON.stringify(file), { mode: 0o600 });
      },
    ],
    ['something else', () => writeFileSync(placeOf('terraform'), 'root:*:19000:0:99999:7:::\n', { mode: 0o600 })],
  ])('never takes the place of what is there of %s', async (_what, prepare) => {
    prepare();
    const before = readFileSync(placeOf('terraform'), 'utf8');

    const { steps } = await apply(declare({}));

    expect(readFileSync(placeOf('terraform'), 'utf8')).toBe(before);
    expect(steps.map(({ step, result }) => `${step.do} ${result}`)).toContain('token.create failed');
    expect(simulator.tokens(OWNER)).toEqual([]);
  });

  it.each<[string, () => void]>([
    ['a directory further up is open to others', () => chmodSync(join(dir, 'open'), 0o777)],
    [
      'a directory further up belongs to somebody else',
      () => {
        if (process.getuid?.() === 0) chownSync(join(dir, 'open'), 4242, 4242);
        else chmodSync(join(dir, 'open'), 0o777);
      },
    ],
    [
      'a link on the way is in such a directory',
      () => {
        mkdirSync(join(dir, 'safe', 'deep'), { recursive: true });
        rmSync(join(dir, 'open', 'room'), { recursive: true });
        symlinkSync(join(dir, 'safe'), join(dir, 'open', 'room'));
        chmodSync(join(dir, 'open'), 0o777);
      },
    ],
  ])('is stored nowhere where %s', async (_what, prepare) => {
    const deep = join(dir, 'open', 'room', 'deep');
    mkdirSync(deep, { recursive: true, mode: 0o700 });
    prepare();

    const { steps } = await apply(declare({ sink: { type: 'file', path: join(deep, 'secret') } }));

    expect(steps.find(({ result }) => result === 'failed')).toMatchObject({ step: { do: 'token.create' } });
    expect(existsSync(join(deep, 'secret'))).toBe(false);
  });

  it('takes the token away again where the disk fills up in between', async () => {
    const full: SetupPorts['openSink'] = ({ place }) => ({
      ...createFileSink(place),
      store: async () => {
        throw new Error('ENOSPC: no space left on device, write');
      },
    });

    const { steps } = await apply(declare({}), { openSink: full });

    const failed = steps.find(({ result }) => result === 'failed');
    expect(failed).toMatchObject({ error: expect.stringMatching(/ENOSPC.*the token was deleted again/) });
    expect(simulator.tokens(OWNER)).toEqual([]);
    expect((await apply(declare({}))).wrongRights).toEqual([]);
  });
});

describe('a run that dies', () => {
  it.each(deaths(5))(
    'after %i writes (answer lost: %s) is ended by the next one in the same state',
    async (writes, lost) => {
      const declared = declare({ privsep: 1, paths: ['/pool/lab'] });

      await apply(declared, { client: dyingClient(connect(admin), { writes, answerLost: lost }) }).catch(
        () => undefined,
      );
      const { conflicts, wrongRights } = await apply(declared);

      expect([...conflicts, ...wrongRights]).toEqual([]);
      const again = await apply(declared);
      expect(again.steps).toEqual([]);
      expect(again.wrongRights).toEqual([]);
      expect(simulator.tokens(OWNER)).toMatchObject([
        { tokenid: 'terraform', comment: expect.stringMatching(/^Terraform token \(entramox, since 2.*Z\)$/) },
      ]);
      expect(simulator.user(OWNER)?.comment).toMatch(/entramox-tokens:TerraformProv$/);
    },
  );
});

describe('an administrator who is none', () => {
  it('is told which rights are missing, instead of being shown lists that are short', async () => {
    simulator.addUser({ userid: 'weak@pve' });
    const weak = connect(simulator.createToken('weak@pve', 'setup', { privsep: false }));

    await expect(look(declare({}), { client: weak })).rejects.toThrow(/weak@pve!setup lacks Sys\.Audit on \/access/);
  });

  it('who may look and not write is stopped before the first write', async () => {
    simulator.addUser({ userid: 'auditor@pve' });
    simulator.setAcl({ path: '/', type: 'user', ugid: 'auditor@pve', roleid: 'PVEAuditor' });
    const auditor = connect(simulator.createToken('auditor@pve', 'setup', { privsep: false }));
    const before = world();

    await expect(apply(declare({}), { client: auditor })).rejects.toThrow(/lacks Sys\.Modify on \/access/);

    expect(world()).toEqual(before);
  });
});
