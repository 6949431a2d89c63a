import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Policy } from '../../src/domain/policy.js';
import type { ProxmoxFields, ProxmoxStep } from '../../src/domain/step.js';
import { createClientOver, createProxmoxClient, type ProxmoxClient } from '../../src/targets/proxmox/client.js';
import { ProxmoxError } from '../../src/targets/proxmox/proxmox-error.js';
import { createRights } from '../../src/targets/proxmox/rights.js';
import { permissionTree } from '../../src/targets/proxmox/schema.js';
import { createProxmoxTarget, type ProxmoxTarget } from '../../src/targets/proxmox/target.js';
import { readDeclarations } from '../../src/targets/proxmox/tokens/declaration.js';
import { declareCredential } from '../../src/targets/proxmox/tokens/declared-sinks/credential.js';
import { observeAccess } from '../../src/targets/proxmox/tokens/observed.js';
import { lookAtRotations, rotateTokens } from '../../src/targets/proxmox/tokens/rotations.js';
import { seeGroups } from '../../src/targets/proxmox/tokens/self/groups.js';
import { proveRights } from '../../src/targets/proxmox/tokens/self/proof.js';
import { bringOwnAbout, lookAtOwn, type OwnPorts } from '../../src/targets/proxmox/tokens/self/set-up.js';
import { OWN_TOKEN, OWN_USER, wantedOf } from '../../src/targets/proxmox/tokens/self/wanted.js';
import { bringTokensAbout, lookAtTokens } from '../../src/targets/proxmox/tokens/setup.js';
import { openSinks } from '../../src/targets/proxmox/tokens/sinks/open-sinks.js';
import { pveshTransport } from '../../src/targets/proxmox/transport/pvesh.js';
import { unrecorded } from '../../src/telemetry/bootstrap-audit.js';
import { systemClock as clock } from '../../src/telemetry/system-clock.js';
import { addAdministrator } from '../simulators/proxmox/administrator.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { installPvesh } from '../simulators/proxmox/pvesh.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';
import { policy } from '../unit/domain/builders.js';
import { dyingClient } from './dying-client.js';

const REALM = 'entra';
const BASE = 'entramox-entra';
const ADMINS = 'Administrator-entra';
const LAB = 'PVEVMAdmin.pool.lab-entra';
const AUDITORS = 'PVEAuditor-entra';
const ID = `${OWN_USER}!${OWN_TOKEN}`;
const OID = '11111111-2222-4333-8444-555555555555';
const ALICE = 'alice@example.com@entra';

let authority: TestAuthority;
let simulator: ProxmoxSimulator;
let admin: string;
let dir: string;
let open: ProxmoxClient[];

beforeAll(async () => {
  authority = await createTestAuthority();
});

async function start(version: '8.3' | '9.1' = '9.1'): Promise<void> {
  simulator = await startProxmoxSimulator({ authority, lockDeadlineMs: 100, version });
  simulator.addRealm(REALM);
  admin = addAdministrator(simulator, { comment: 'the administrator' });
}

beforeEach(async () => {
  await start();
  dir = mkdtempSync(join(tmpdir(), 'entramox-own-token-'));
  open = [];
});

afterEach(async () => {
  await Promise.all(open.map((client) => client.close()));
  await simulator.close();
  rmSync(dir, { recursive: true, force: true });
});

const place = () => join(dir, 'pve-api-token');
const signal = () => AbortSignal.timeout(60_000);

function connect(token: string, baseUrl = simulator.url): ProxmoxClient {
  const log = () => undefined;
  const client = createProxmoxClient({
    baseUrl,
    token,
    ca: authority.cert,
    timeoutMs: 5000,
    log,
    clock,
  });
  open.push(client);
  return client;
}

interface Wish {
  adopt?: boolean;
  prune?: boolean;
  policy?: Partial<Policy>;
  stopsConsoles?: boolean;
  client?: ProxmoxClient;
  name?: string;
  /** Of the secret. */
  out?: string;
}

function portsOf({
  adopt = false,
  prune = false,
  policy: change,
  stopsConsoles = false,
  client,
  name = OWN_TOKEN,
  out = place(),
}: Wish = {}): OwnPorts {
  const used = client ?? connect(admin);
  const sink = declareCredential(out);
  const wanted = wantedOf({ policy: policy(change), stopsConsoles, owner: OWN_USER, name, sink, expire: 0 });
  return {
    wanted,
    record: unrecorded,
    setup: {
      client: used,
      clock,
      rights: createRights({ client: used, clock }),
      declared: [wanted.declaration],
      adopt,
      prune,
      openSink: openSinks({ readSecret: () => '', clock }).open,
      connectAs: (id, secret) => connect(`${id}=${secret}`),
    },
  };
}

const look = (wish?: Wish) => lookAtOwn(portsOf(wish), signal());

async function setUp(wish?: Wish) {
  const ports = portsOf(wish);
  const plan = await lookAtOwn(ports, signal());
  if (plan.conflicts.length > 0) return { conflicts: plan.conflicts, remarks: plan.remarks, outcome: undefined };
  return { conflicts: [], remarks: plan.remarks, outcome: await bringOwnAbout(ports, plan, signal()) };
}

function faultsOf({ outcome, conflicts }: Awaited<ReturnType<typeof setUp>>): unknown[] {
  const steps = outcome?.steps.filter(({ result }) => result !== 'done') ?? [];
  const proofs = outcome?.proofs.filter(({ fault }) => fault !== undefined) ?? [];
  return [...conflicts, ...steps, ...proofs, ...(outcome?.wrongRights ?? [])];
}

const ownToken = () => readFileSync(place(), 'utf8').trim();

function world() {
  const { roles, acl, users, groups, group, tokens } = simulator;
  const sorted = acl()
    .map((entry) => JSON.stringify(entry))
    .sort();
  return {
    roles: roles(),
    acl: sorted,
    users: users(),
    groups: groups().map(group),
    tokens: users().map(({ userid }) => tokens(userid).map(({ comment, ...rest }) => rest)),
  };
}

describe('token self', () => {
  it('makes groups, roles, user and token of the configuration at once, and proves them with the token', async () => {
    const { steps } = await look();
    expect(simulator.writes).toBe(0);

    const done = await setUp();

    expect(faultsOf(done)).toEqual([]);
    expect(done.outcome?.steps.map(({ step }) => step.do)).toEqual(steps.map(({ do: what }) => what));
    expect(simulator.groups()).toEqual([ADMINS, AUDITORS, LAB, BASE].toSorted());
    expect(simulator.acl().filter(({ type }) => type === 'group')).toEqual(
      expect.arrayContaining([
        { path: '/', type: 'group', ugid: ADMINS, roleid: 'Administrator', propagate: true },
        { path: '/', type: 'group', ugid: AUDITORS, roleid: 'PVEAuditor', propagate: true },
        { path: '/pool/lab', type: 'group', ugid: LAB, roleid: 'PVEVMAdmin', propagate: true },
      ]),
    );
    expect(ownToken()).toMatch(/^entramox@pve!entramox=[0-9a-f-]{36}$/);
    expect(statSync(place()).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(simulator.calls())).not.toContain('password');
  });

  it('does nothing the second time, and proves it again', async () => {
    await setUp();
    const before = world();
    simulator.resetCounters();

    const again = await setUp();

    expect(again.outcome?.steps).toEqual([]);
    expect(again.outcome?.proofs.length).toBeGreaterThan(10);
    expect(faultsOf(again)).toEqual([]);
    expect(simulator.writes).toBe(0);
    expect(world()).toEqual(before);
  });

  it('gives rights that are exact: on each managed group, on the realm, and to see the rest', async () => {
    await setUp();

    const rights = simulator.acl().filter(({ ugid }) => ugid === ID);

    expect(rights.map(({ path, roleid, propagate }) => `${roleid} on ${path} ${propagate}`).toSorted()).toEqual(
      [
        'Entramox-Sys.Audit on /access/groups true',
        ...[BASE, LAB, AUDITORS, ADMINS].map((group) => `Entramox-User.Modify on /access/groups/${group} false`),
        'Entramox-Realm.AllocateUser on /access/realm/entra false',
      ].toSorted(),
    );
  });

  it('needs no right to create where nobody is created, and two more where consoles are stopped', async () => {
    const done = await setUp({ policy: { provision: 'existing' }, stopsConsoles: true });

    expect(faultsOf(done)).toEqual([]);
    const roles = new Set(
      simulator
        .acl()
        .filter(({ ugid }) => ugid === ID)
        .map(({ roleid, path }) => `${roleid} ${path}`),
    );
    expect(roles).toContain('Entramox-Sys.Modify /nodes');
    expect(roles).toContain('Entramox-Sys.Audit /nodes');
    expect([...roles].join(' ')).not.toContain('Realm');
  });

  it.each<[string, () => void, RegExp]>([
    [
      'group',
      () => simulator.addGroup(ADMINS, { members: ['bob@entra'] }),
      /group Administrator-entra is there, with 1/,
    ],
    ['user', () => simulator.addUser({ userid: OWN_USER, comment: 'by hand' }), /user entramox@pve is there/],
    ['role', () => simulator.addRole('Entramox-User.Modify', ['Sys.Audit']), /role Entramox-User.Modify is there with/],
    [
      'role without a token of its own',
      () => simulator.addRole('Entramox-Sys.Audit', ['Sys.Modify']),
      /role Entramox-Sys.Audit is there with/,
    ],
  ])("touches nothing where a %s of that name is somebody else's, and takes it over with --adopt", async (...row) => {
    const [, prepare, why] = row;
    prepare();
    const before = world();

    const refused = await setUp();
    const untouched = world();
    const adopted = await setUp({ adopt: true });

    expect(refused.conflicts.map((conflict) => conflict.why).join('\n')).toMatch(why);
    expect(untouched).toEqual(before);
    expect(faultsOf(adopted)).toEqual([]);
    expect((await look()).steps).toEqual([]);
  });

  it.each(['root@pam', 'admin@pve', OWN_USER])(
    'takes no group over in which %s is: the token could act as them',
    async (who) => {
      if (who === OWN_USER) await setUp();
      else simulator.addGroup(ADMINS);
      simulator.setUser(who, { groups: [ADMINS] });
      const before = world();

      const { conflicts } = await setUp({ adopt: true });

      expect(conflicts[0]?.why).toMatch(new RegExp(`Administrator-entra has members of other realms: ${who}`));
      expect(world()).toEqual(before);
    },
  );

  it('does the same on an older Proxmox', async () => {
    await simulator.close();
    await start('8.3');

    expect(faultsOf(await setUp())).toEqual([]);
  });

  it("does the same as root on a node, through the node's own pvesh", async () => {
    const pvesh = await installPvesh({ node: simulator, authority, dir });
    const transport = pveshTransport({ command: pvesh.command, uid: 0 });
    const client = createClientOver(transport, { timeoutMs: 30_000, log: () => undefined, clock });
    open.push(client);
    const few = { policy: { roleMap: [], allUsers: undefined } };

    const done = await setUp({ ...few, client });
    await pvesh.close();

    expect(faultsOf(done)).toEqual([]);
    expect(done.outcome?.proofs.length).toBeGreaterThan(10);
    expect(ownToken()).toMatch(/^entramox@pve!entramox=/);
  });

  it('says that the realm is not there, and makes everything else', async () => {
    const done = await setUp({ policy: { realm: 'elsewhere' } });

    expect(done.remarks.join('\n')).toMatch(/realm elsewhere does not exist .*entramox realm apply/);
    expect(faultsOf(done)).toEqual([]);
  });

  it('takes over with --adopt what the set-up script made, with its token as it is', async () => {
    simulator.addUser({ userid: OWN_USER, comment: 'Entramox reconciler' });
    for (const group of [BASE, LAB, AUDITORS, ADMINS]) simulator.addGroup(group, { comment: 'managed by Entramox' });
    for (const name of ['Sys.Audit', 'User.Modify', 'Realm.AllocateUser'])
      simulator.addRole(`Entramox-${name}`, [name]);
    simulator.setAcl({ path: '/access/groups', type: 'user', ugid: OWN_USER, roleid: 'Entramox-Sys.Audit' });
    const token = simulator.createToken(OWN_USER, 'sync', { privsep: false, comment: 'Entramox' });
    writeFileSync(place(), `${token}\n`, { mode: 0o600 });

    const refused = await setUp();
    const adopted = await setUp({ adopt: true, name: 'sync' });

    expect(refused.conflicts.map(({ why }) => why).join('\n')).toMatch(/user entramox@pve is there/);
    expect(faultsOf(adopted)).toEqual([]);
    expect(ownToken()).toBe(token);
    expect(simulator.tokens(OWN_USER)).toMatchObject([{ tokenid: 'sync', privsep: true }]);
    expect((await look({ name: 'sync' })).steps).toEqual([]);
  });

  it('names a mapped role that this Proxmox does not have, and does nothing', async () => {
    const roleMap = [{ group: OID, pveRole: 'Operators', sudo: false, linuxGroups: [] }];
    const before = world();

    const { conflicts } = await setUp({ policy: { roleMap } });

    expect(conflicts).toEqual([expect.objectContaining({ why: expect.stringMatching(/no role Operators/) })]);
    expect(world()).toEqual(before);
  });

  it('mends what has drifted: roles, rights of groups and its own, and marks', async () => {
    await setUp();
    const before = world();
    simulator.addRole('Entramox-User.Modify', ['User.Modify', 'Permissions.Modify']);
    simulator.removeGroup(LAB);
    await connect(admin).write(
      { method: 'PUT', route: '/access/acl', body: { path: '/', roles: 'PVEAuditor', groups: AUDITORS, delete: 1 } },
      signal(),
    );
    await connect(admin).write(
      {
        method: 'PUT',
        route: '/access/acl',
        body: { path: '/access/groups', roles: 'Entramox-Sys.Audit', users: OWN_USER, delete: 1 },
      },
      signal(),
    );

    const mended = await setUp();

    expect(faultsOf(mended)).toEqual([]);
    expect(world()).toEqual(before);
  });

  it('tells of rights beyond what was asked for, and takes them away with --prune alone', async () => {
    await setUp();
    const before = world();
    simulator.addRole('Other', ['VM.Audit']);
    simulator.addUser({ userid: 'else@pve' });
    simulator.setAcl(
      { path: '/vms', type: 'group', ugid: AUDITORS, roleid: 'PVEVMAdmin' },
      { path: '/nodes', type: 'user', ugid: OWN_USER, roleid: 'PVESysAdmin' },
      { path: '/nodes', type: 'token', ugid: ID, roleid: 'PVESysAdmin' },
      { path: '/vms', type: 'group', ugid: BASE, roleid: 'NoAccess' },
      { path: '/vms', type: 'user', ugid: 'else@pve', roleid: 'Other' },
    );

    const told = await setUp();
    const pruned = await setUp({ prune: true });

    expect(told.remarks.join('\n')).toMatch(/PVEAuditor-entra has PVEVMAdmin on \/vms, .*--prune takes it away/);
    expect(told.outcome?.wrongRights.join('\n')).toMatch(/on \/nodes it has .*Sys\.Console.* too much/);
    expect(told.outcome?.proofs).toEqual([]);
    expect(faultsOf(pruned)).toEqual([]);
    expect(simulator.acl().filter(({ roleid }) => roleid === 'Other')).toHaveLength(1);
    expect(world().groups).toEqual(before.groups);
    expect(simulator.acl().filter(({ ugid }) => [OWN_USER, ID, AUDITORS, BASE].includes(ugid))).toHaveLength(13);
  });

  it('takes away with --prune the group and the role that the configuration does not ask for any more', async () => {
    await setUp();
    simulator.addGroup('by-hand-entra', { comment: 'not ours' });
    simulator.addGroup('other-x-entra', { comment: 'managed by Entramox for the realm x-entra' });
    const less = { policy: { roleMap: [], provision: 'existing' as const } };

    const told = await look(less);
    const pruned = await setUp({ ...less, prune: true });

    expect(told.steps).toEqual([]);
    expect(told.remarks.join('\n')).toMatch(/group PVEVMAdmin\.pool\.lab-entra is ours/);
    expect(faultsOf(pruned)).toEqual([]);
    expect(simulator.groups()).toEqual(['by-hand-entra', 'other-x-entra', ADMINS, AUDITORS, BASE].toSorted());
    expect(Object.keys(simulator.roles())).not.toContain('Entramox-Realm.AllocateUser');
    expect((await look({ ...less, prune: true })).steps).toEqual([]);
  });

  it('is left alone by the declarations of other tokens, --prune included', async () => {
    await setUp();
    const before = world();
    const { setup } = portsOf({ prune: true });
    const entry = { name: 'ansible', ugid: OWN_USER, role: 'AnsibleProv', privileges: ['VM.Audit'] };
    const read = readDeclarations(JSON.stringify({ token_setup: [entry] }), clock.now());
    if (!read.ok) throw new Error(read.problems.join('\n'));

    const none = await lookAtTokens({ ...setup, declared: [] }, signal());
    const same = await lookAtTokens({ ...setup, declared: read.tokens }, signal());
    await bringTokensAbout({ ...setup, declared: [] }, none, signal(), unrecorded);

    expect(none.plan.steps).toEqual([]);
    expect(same.plan.conflicts[0]?.why).toMatch(/user entramox@pve is Entramox's own/);
    expect(same.plan.steps).toEqual([]);
    expect(world()).toEqual(before);
  });

  it('makes no second token where the secret of the first is gone, and says what to do', async () => {
    await setUp();
    rmSync(place());
    const before = world();

    const { conflicts } = await setUp();

    expect(conflicts[0]?.why).toMatch(/entramox@pve!entramox exists, and no secret of it lies in/);
    expect(world()).toEqual(before);
  });

  it.each<[string, string]>([
    ['the token of somebody else', 'other@pve!sync=00000000-0000-4000-8000-000000000000\n'],
    ['something else', 'root:*:19000:0:99999:7:::\n'],
  ])('never takes the place of what lies there: %s', async (_what, text) => {
    writeFileSync(place(), text, { mode: 0o600 });

    const done = setUp();

    await expect(done).rejects.toThrow(/pve-api-token holds .*: move it away/);
    expect(readFileSync(place(), 'utf8')).toBe(text);
    expect(simulator.writes).toBe(0);
  });

  it('comes to the same end wherever it dies between two writes', async () => {
    const few = { policy: { roleMap: [], allUsers: undefined } };
    await setUp(few);
    const whole = world();
    const { writes } = simulator;
    for (let last = 1; last < writes; last += 1) {
      await restart();

      const died = await setUp({
        ...few,
        client: dyingClient(connect(admin), { writes: last, answerLost: true }),
      }).catch(() => undefined);
      const again = await setUp(few);

      expect(died?.outcome?.proofs ?? [], `after write ${last}`).toEqual([]);
      expect(faultsOf(again), `after write ${last}`).toEqual([]);
      expect(world(), `after write ${last}`).toEqual(whole);
      expect(simulator.tokens(OWN_USER)).toHaveLength(1);
    }
  });
});

describe("Entramox's own token", () => {
  it('does all of the main work: makes, promotes, demotes, locks, unlocks, and finds its users again', async () => {
    await setUp();
    const target = targetOf(ownToken());
    const groups = [BASE, AUDITORS];
    const before = { ...FIELDS, groups };

    await target.apply({ ...CREATE, fields: before }, signal());
    const made = simulator.user(ALICE);
    await target.apply(update({ groups: [BASE, ADMINS, LAB], before, effect: 'grant' }), signal());
    const promoted = simulator.user(ALICE);
    await target.apply(
      update({ groups, before: { ...FIELDS, groups: [BASE, ADMINS, LAB] }, effect: 'revoke' }),
      signal(),
    );
    const demoted = simulator.user(ALICE);
    await target.apply(update({ change: { enabled: false }, groups: [BASE], before, effect: 'lock' }), signal());
    const locked = simulator.user(ALICE);
    const marks = await target.marks(signal());
    await target.apply(
      update({ change: { enabled: true }, groups, before: { ...before, enabled: false }, effect: 'grant' }),
      signal(),
    );

    expect(made).toMatchObject({ enabled: true, groups: groups.toSorted(), comment: FIELDS.comment });
    expect(promoted?.groups).toEqual([BASE, ADMINS, LAB].toSorted());
    expect(demoted?.groups).toEqual(groups.toSorted());
    expect(locked).toMatchObject({ enabled: false, groups: [BASE] });
    expect(marks).toMatchObject([{ oid: OID }]);
    expect(simulator.user(ALICE)).toMatchObject({ enabled: true, groups: groups.toSorted() });
  });

  it('leaves the doctor nothing to say about token, rights, groups and realm', async () => {
    await setUp();

    const findings = await targetOf(ownToken()).check(signal());

    const unwell = findings.filter(({ state, about }) => state !== 'fine' && about !== 'realm-options');
    expect(unwell).toEqual([]);
    expect(findings.map(({ about }) => about)).toContain('beyond');
  });

  it.each([
    ['User.Modify', /lacks User\.Modify on \/access\/groups\/entramox-entra/],
    ['Realm.AllocateUser', /lacks Realm\.AllocateUser on \/access\/realm\/entra/],
    ['Sys.Audit', /lacks Sys\.Audit or User\.Modify on \/access\/groups/],
  ])('holds nothing that it could do without: %s', async (privilege, why) => {
    await setUp();
    const roles = simulator.roles()[`Entramox-${privilege}`];
    const findingsOf = async () =>
      (await targetOf(ownToken()).check(signal())).find(({ about }) => about === 'privileges');
    const whole = await findingsOf();
    simulator.addRole(`Entramox-${privilege}`, []);

    const lacking = await findingsOf();
    const work = async () => {
      const target = targetOf(ownToken());
      await target.marks(signal());
      await target.apply({ ...CREATE, fields: { ...FIELDS, groups: [BASE] } }, signal());
    };

    expect(roles).toEqual([privilege]);
    expect(whole?.state).toBe('fine');
    expect(lacking?.saw).toMatch(why);
    await expect(work()).rejects.toThrow();
  });

  it('sees the groups of others too, in which somebody may wait who does not exist yet', async () => {
    simulator.addGroup('by-hand', { members: ['nobody@entra'] });
    await setUp();
    const whole = await prove(connect(ownToken()));
    for (const [type, ugid] of [['user', OWN_USER] as const, ['token', ID] as const]) {
      simulator.setAcl({ path: '/access/groups', type, ugid, roleid: 'Entramox-Sys.Audit', propagate: false });
    }

    const less = await prove(connect(ownToken()));

    const ofSight = ({ what }: { what: string }) => what.startsWith('sees every group');
    expect(whole.find(ofSight)?.fault).toBeUndefined();
    expect(less.find(ofSight)?.fault).toBe('does not see by-hand');
  });

  it('shows what a token that may too much could do, and does none of it', async () => {
    await setUp();
    for (const [type, ugid] of [['user', OWN_USER] as const, ['token', ID] as const]) {
      simulator.setAcl({ path: '/', type, ugid, roleid: 'Administrator' });
      simulator.setAcl({ path: '/access/groups', type, ugid, roleid: 'Administrator' });
      simulator.setAcl({ path: '/access/realm/entra', type, ugid, roleid: 'Administrator' });
    }
    const before = world();

    const proofs = await prove(connect(ownToken()));

    const may = proofs.filter(({ fault }) => fault !== undefined).map(({ what }) => what);
    const forbidden = proofs.filter(({ what }) => what.startsWith('may not'));
    // On its own group it has its own entry, which counts instead of the one above.
    const stillRefused = [`may not change rights on its own group ${BASE}`];
    expect(may.toSorted()).toEqual(
      forbidden
        .map(({ what }) => what)
        .filter((what) => !stillRefused.includes(what))
        .toSorted(),
    );
    expect(may.join('\n')).toMatch(/change root@pam/);
    expect(may.join('\n')).toMatch(/make a token of admin@pve/);
    expect(world()).toEqual(before);
  });

  it('is refused what it must not do by Proxmox itself, not by the form of the call', async () => {
    await setUp();
    const before = world();
    simulator.resetCounters();

    const proofs = await prove(withoutProbe(connect(ownToken())));

    const refused = simulator.calls().filter(({ status }) => status === 403);
    expect(proofs.filter(({ what, fault }) => what.startsWith('may not') && fault !== undefined)).toEqual([]);
    expect(refused.length).toBe(proofs.filter(({ what }) => what.startsWith('may not')).length);
    expect(world()).toEqual(before);
  });

  it('has undone what a Proxmox takes that should have refused it', async () => {
    await setUp();
    const before = world();

    const proofs = await prove({ ...withoutProbe(connect(admin)), tokenId: ID });

    expect(proofs.find(({ what }) => what === 'may not change root@pam')?.fault).toMatch(/took the call/);
    expect(proofs.filter(({ fault }) => fault?.includes('it was undone')).length).toBeGreaterThan(4);
    expect(world()).toEqual(before);
  });

  it('is followed by the next one with the same rights, where it is rotated', async () => {
    await setUp();
    const first = ownToken();
    const { setup, wanted } = portsOf();

    const looked = await lookAtRotations(setup, 'asked', (token) => token === wanted.declaration, signal());
    const [done] = await rotateTokens(setup, looked, signal(), unrecorded);
    const proofs = await prove(connect(ownToken()));
    const again = await setUp();

    expect(done?.rotation.problem).toBeUndefined();
    expect(ownToken()).toMatch(/^entramox@pve!entramox-2=/);
    expect(ownToken()).not.toBe(first);
    expect(proofs.filter(({ fault }) => fault !== undefined)).toEqual([]);
    expect(faultsOf(again)).toEqual([]);
    expect(again.outcome?.steps).toEqual([]);
    expect(again.remarks).toEqual([]);
    expect(
      (await connect(first).get({ route: '/access/permissions' }, permissionTree, signal()))['/access/groups'],
    ).toBeDefined();
  });

  it('is due for nothing, and no fault, where nobody has made it', async () => {
    const { setup } = portsOf();

    const { rotations } = await lookAtRotations(setup, 'due', () => true, signal());

    expect(rotations).toMatchObject([{ steps: [], why: expect.stringContaining('entramox token self --yes') }]);
    expect(rotations[0]?.problem).toBeUndefined();
  });
});

describe('token self, before its first write', () => {
  it('stops where the directory of the secret is not there', async () => {
    const done = setUp({ out: join(dir, 'not-there', 'pve-api-token') });

    await expect(done).rejects.toThrow(/not-there cannot be used for .*: it is not there; install -d -m 700/);
    expect(simulator.writes).toBe(0);
  });

  it('stops where nobody answers at the address of the proof', async () => {
    const pvesh = await installPvesh({ node: simulator, authority, dir });
    const transport = pveshTransport({ command: pvesh.command, uid: 0 });
    const client = createClientOver(transport, { timeoutMs: 30_000, log: () => undefined, clock });
    open.push(client);
    const ports = portsOf({ client });
    const elsewhere = (id: string, secret: string) => connect(`${id}=${secret}`, 'https://127.0.0.1:1');
    const setup = { ...ports.setup, connectAs: elsewhere };

    const plan = await lookAtOwn({ ...ports, setup }, signal());
    const done = bringOwnAbout({ ...ports, setup }, plan, signal());

    await expect(done).rejects.toThrow(/127\.0\.0\.1:1 cannot be reached/);
    await pvesh.close();
    expect(plan.conflicts).toEqual([]);
    expect(simulator.writes).toBe(0);
  });
});

describe('the proof', () => {
  it('is not fooled by somebody on the way who refuses every write', async () => {
    await setUp({ policy: { provision: 'existing' } });
    const self = connect(ownToken());
    const stopped = async () => {
      throw new ProxmoxError('403 Forbidden', 403, 'Forbidden', 'permission');
    };

    const proofs = await prove({ ...self, write: stopped }, { policy: { provision: 'existing' } });

    const refused = proofs.filter(({ what }) => what.startsWith('may not'));
    expect(refused.length).toBeGreaterThan(5);
    expect(refused.filter(({ fault }) => fault === undefined)).toEqual([]);
  });
});

async function prove(self: ProxmoxClient, wish?: Wish) {
  const { wanted, setup } = portsOf(wish);
  const access = await observeAccess(setup.client, signal());
  const groups = await seeGroups(setup.client, signal());
  return proveRights({ wanted, self, admin: setup.client, access, groups, clock }, signal());
}

/** Calls as somebody would make them who means it. */
function withoutProbe(client: ProxmoxClient): ProxmoxClient {
  return {
    ...client,
    write: (call, until, schema) => {
      if (call.method === 'DELETE') return client.write(call, until, schema);
      const { 'entramox-proof': _, ...body } = call.body;
      return client.write({ ...call, body }, until, schema);
    },
  };
}

function targetOf(token: string): ProxmoxTarget {
  const wanted = portsOf().wanted;
  return createProxmoxTarget({
    client: connect(token),
    realm: REALM,
    managedGroups: wanted.groups,
    adoptExisting: false,
    log: () => undefined,
    clock,
  });
}

const FIELDS: Omit<ProxmoxFields, 'groups'> = {
  enabled: true,
  comment: `Entramox: active; entra:${OID}`,
  firstName: 'Alice',
  lastName: 'Example',
  email: 'alice@example.com',
};
const CREATE = { target: 'proxmox', action: 'create', effect: 'create', oid: OID, name: ALICE } as const;

function update(
  rest: Pick<Extract<ProxmoxStep, { action: 'update' }>, 'groups' | 'before' | 'effect'> & {
    change?: Partial<Omit<ProxmoxFields, 'groups'>>;
  },
): ProxmoxStep {
  return { target: 'proxmox', action: 'update', oid: OID, name: ALICE, change: {}, append: false, ...rest };
}

/** A fresh node, as before the first run. */
async function restart(): Promise<void> {
  for (const { userid } of simulator.users()) if (userid === OWN_USER) simulator.removeUser(userid);
  for (const group of simulator.groups()) simulator.removeGroup(group);
  for (const role of Object.keys(simulator.roles()).filter((name) => name.startsWith('Entramox-'))) {
    await connect(admin).write(
      { method: 'DELETE', route: '/access/roles/{roleid}', params: { roleid: role } },
      signal(),
    );
  }
  rmSync(place(), { force: true });
}
