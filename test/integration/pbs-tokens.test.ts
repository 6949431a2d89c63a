import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClientOver, type ProxmoxClient } from '../../src/targets/proxmox/client.js';
import { pbsRights } from '../../src/targets/proxmox/pbs/rights.js';
import { pbsTransport } from '../../src/targets/proxmox/pbs/transport.js';
import { createRights } from '../../src/targets/proxmox/rights.js';
import { readDeclarations, type TokenDeclaration } from '../../src/targets/proxmox/tokens/declaration.js';
import { lookAtRotations, rotateTokens } from '../../src/targets/proxmox/tokens/rotations.js';
import { bringTokensAbout, lookAtTokens, type SetupPorts } from '../../src/targets/proxmox/tokens/setup.js';
import { openSinks } from '../../src/targets/proxmox/tokens/sinks/open-sinks.js';
import { unrecorded } from '../../src/telemetry/bootstrap-audit.js';
import { systemClock as clock } from '../../src/telemetry/system-clock.js';
import { type PbsSimulator, startPbsSimulator } from '../simulators/pbs/index.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';

const OWNER = 'backup@pbs';
const ID = `${OWNER}!nightly`;

let authority: TestAuthority;
let simulator: PbsSimulator;
let admin: string;
let dir: string;
let open: ProxmoxClient[];

beforeAll(async () => {
  authority = await createTestAuthority();
});

async function start(generation: 3 | 4): Promise<void> {
  simulator = await startPbsSimulator({ authority, generation });
  simulator.state.users.set('admin@pbs', {});
  admin = simulator.createToken('admin@pbs', 'setup');
  for (const authId of ['admin@pbs', 'admin@pbs!setup']) {
    // Enough for all of it.
    simulator.grant({ path: '/access', authId, role: 'Admin', propagate: true });
  }
}

beforeEach(async () => {
  await start(3);
  dir = mkdtempSync(join(tmpdir(), 'entramox-pbs-'));
  open = [];
});

afterEach(async () => {
  await Promise.all(open.map((client) => client.close()));
  await simulator.close();
  rmSync(dir, { recursive: true, force: true });
});

const place = () => join(dir, '.nightly_token');
const signal = () => AbortSignal.timeout(60_000);

function connect(token: string): ProxmoxClient {
  const options = { baseUrl: simulator.url, ca: authority.cert, timeoutMs: 5000, log: () => undefined, clock };
  const client = createClientOver(pbsTransport({ ...options, token, tokenFrom: 'the test' }), options);
  open.push(client);
  return client;
}

function read(change: object = {}) {
  const entry = {
    name: 'nightly',
    ugid: OWNER,
    role: 'DatastoreBackup',
    comment: 'Nightly backups',
    paths: ['/datastore/main'],
    sink: { type: 'file', path: place() },
    ...change,
  };
  return readDeclarations(JSON.stringify({ token_setup: [entry] }), clock.now(), 'pbs');
}

function declare(change: object = {}): TokenDeclaration[] {
  const declared = read(change);
  if (!declared.ok) throw new Error(declared.problems.join('\n'));
  return declared.tokens;
}

function portsOf(
  declared: readonly TokenDeclaration[],
  { adopt = false, prune = false, token = admin } = {},
): SetupPorts {
  const client = connect(token);
  return {
    client,
    clock,
    rights: pbsRights(createRights({ client, clock })),
    declared,
    adopt,
    prune,
    openSink: openSinks({ readSecret: () => '', clock }).open,
    connectAs: (id, secret) => connect(`${id}=${secret}`),
  };
}

async function apply(declared: readonly TokenDeclaration[], wish: { adopt?: boolean; prune?: boolean } = {}) {
  const ports = portsOf(declared, wish);
  const looked = await lookAtTokens(ports, signal());
  return { ...looked.plan, ...(await bringTokensAbout(ports, looked, signal(), unrecorded)) };
}

const done = ({ steps }: Awaited<ReturnType<typeof apply>>) => steps.map(({ step, result }) => `${step.do} ${result}`);
const rightsOf = (...authIds: string[]) =>
  simulator.state.acl.filter(({ authId }) => authIds.includes(authId)).map(({ path, role }) => `${role} on ${path}`);
const stored = () => JSON.parse(readFileSync(place(), 'utf8'));

describe('token apply on a Proxmox Backup Server', () => {
  it.each([3, 4] as const)(
    'makes user, rights and token, stores the secret, and proves it (generation %s)',
    async (generation) => {
      await simulator.close();
      await start(generation);

      const applied = await apply(declare());

      expect(done(applied)).toEqual([
        'owner.create done',
        'acl.grant done',
        'token.create done',
        'acl.grant done',
        'token.confirm done',
      ]);
      expect(applied.wrongRights).toEqual([]);
      expect(rightsOf(OWNER)).toEqual(['DatastoreBackup on /datastore/main']);
      expect(rightsOf(ID)).toEqual(['DatastoreBackup on /datastore/main']);
      expect(stored()).toMatchObject({ 'full-tokenid': ID, value: simulator.state.tokens.get(ID)?.secret });
      expect(simulator.calls.filter(({ body }) => 'password' in body)).toEqual([]);
    },
  );

  it('does nothing the second time', async () => {
    await apply(declare());
    const { writes } = simulator.state;

    const again = await apply(declare());

    expect(again.steps).toEqual([]);
    expect(again.wrongRights).toEqual([]);
    expect(simulator.state.writes).toBe(writes);
  });

  it('mends expiry, comment and rights, and tells of rights that are too many', async () => {
    await apply(declare());
    simulator.state.acl = simulator.state.acl.filter(({ authId }) => authId !== ID);
    for (const authId of [OWNER, ID]) {
      simulator.grant({ path: '/remote', authId, role: 'RemoteAdmin', propagate: true });
    }

    const mended = await apply(declare({ expire: 1_900_000_000, comment: 'Every night' }));

    expect(done(mended)).toEqual(['acl.grant done', 'token.change done']);
    expect(simulator.state.tokens.get(ID)).toMatchObject({ expire: 1_900_000_000 });
    expect(simulator.state.tokens.get(ID)?.comment).toMatch(/^Every night \(entramox/);
    expect(mended.wrongRights[0]).toMatch(/on \/remote it has Remote\.Audit, Remote\.Modify, Remote\.Read too much/);
    expect(
      (await apply(declare({ expire: 1_900_000_000, comment: 'Every night' }), { prune: true })).wrongRights,
    ).toEqual([]);
  });

  it('leaves no rights behind for the next one of that name, which older servers do by themselves', async () => {
    await apply(declare());

    await apply([], { prune: true });

    expect([...simulator.state.users.keys()]).toEqual(['root@pam', 'admin@pbs']);
    expect([...simulator.state.tokens.keys()]).toEqual(['admin@pbs!setup']);
    expect(rightsOf(OWNER, ID)).toEqual([]);
  });

  it('deletes nobody whose rights it could not revoke', async () => {
    await apply(declare());
    simulator.state.acl = simulator.state.acl.filter(({ authId }) => !authId.startsWith('admin@pbs'));
    for (const authId of ['admin@pbs', 'admin@pbs!setup']) {
      simulator.grant({ path: '/access/users', authId, role: 'Admin', propagate: true });
      simulator.grant({ path: '/access/acl', authId, role: 'Audit', propagate: true });
    }
    const params = { userid: OWNER };

    const deleting = connect(admin).write({ method: 'DELETE', route: '/access/users/{userid}', params }, signal());

    await expect(deleting).rejects.toThrow(/taking its rights away before, PUT \/access\/acl: .*can't set ACL items/);
    expect(simulator.state.users.has(OWNER)).toBe(true);
    expect(simulator.state.tokens.has(ID)).toBe(true);
  });

  it('deletes nobody where it cannot tell which rights there are', async () => {
    await apply(declare());
    const strange = { ...simulator.state.acl[0], authId: 'other@pbs', role: 7 as never };
    simulator.state.acl.push(strange as (typeof simulator.state.acl)[number]);
    const params = { userid: OWNER };

    const deleting = connect(admin).write({ method: 'DELETE', route: '/access/users/{userid}', params }, signal());

    await expect(deleting).rejects.toThrow(/DELETE .*has no list of rights, so nothing was deleted/);
    expect(simulator.state.users.has(OWNER)).toBe(true);
  });

  it('rotates with an overlap: the next token has the same rights before it stands in the place of the first', async () => {
    const declared = declare();
    await apply(declared);
    const first = stored();
    const ports = portsOf(declared);

    const looked = await lookAtRotations(ports, 'asked', () => true, signal());
    await rotateTokens(ports, looked, signal(), unrecorded);

    expect(looked.canRegenerate).toBe(false);
    expect(stored()['full-tokenid']).toBe(`${ID}-2`);
    expect(rightsOf(`${ID}-2`)).toEqual(['DatastoreBackup on /datastore/main']);
    expect(simulator.state.tokens.get(ID)?.secret).toBe(first.value);
    expect((await apply(declared)).steps).toEqual([]);
  });

  it("touches nothing where the user is somebody else's, and takes it over with --adopt", async () => {
    simulator.state.users.set(OWNER, { comment: 'by hand' });

    const refused = await apply(declare());
    const untouched = simulator.state.users.get(OWNER);
    const adopted = await apply(declare(), { adopt: true });

    expect(refused.steps).toEqual([]);
    expect(refused.conflicts[0]?.why).toMatch(/user backup@pbs is there/);
    expect(untouched).toEqual({ comment: 'by hand' });
    expect(adopted.conflicts).toEqual([]);
    expect(simulator.state.users.get(OWNER)?.comment).toMatch(/^by hand; entramox-tokens:/);
  });

  it('names a role that there is not, and does nothing of that declaration', async () => {
    const { conflicts, steps } = await apply(declare({ role: 'DatastoreWizard' }));

    expect(conflicts[0]?.why).toMatch(/no built-in role DatastoreWizard/);
    expect(steps).toEqual([]);
  });

  it('says in the words of this server which privileges the administrator lacks', async () => {
    simulator.state.users.set('clerk@pbs', {});
    const clerk = simulator.createToken('clerk@pbs', 'desk');

    const looking = lookAtTokens(portsOf(declare(), { token: clerk }), signal());

    await expect(looking).rejects.toThrow(/lacks Sys\.Audit on \/access\/users, Sys\.Audit on \/access\/acl/);
  });

  it('tells of a token that is refused, by the name of this server, and shows no secret', async () => {
    const secret = 'a-secret-that-nobody-has';

    const asking = lookAtTokens(portsOf(declare(), { token: `admin@pbs!setup:${secret}` }), signal());

    await expect(asking).rejects.toThrow(/Proxmox Backup Server at .* answered .*401.*proxmox-backup-manager/);
    await expect(asking).rejects.not.toThrow(secret);
  });
});

describe('a declaration for a Proxmox Backup Server', () => {
  it.each<[string, object, RegExp]>([
    [
      'privileges, since roles are fixed',
      { privileges: ['Datastore.Backup'] },
      /privileges: DatastoreBackup is a role/,
    ],
    ['a token without rights of its own', { privsep: 0 }, /privsep: tokens of Proxmox Backup Server always/],
    ['a path of Proxmox VE', { paths: ['/vms/100'] }, /paths\[0\]: expected a path of Proxmox Backup Server/],
    ['root@pam', { ugid: 'root@pam' }, /ugid: root@pam may do everything/],
  ])('must not have %s', (_what, change, why) => {
    const declared = read(change);

    expect(declared.ok ? '' : declared.problems.join('\n')).toMatch(why);
  });

  it('is none for Proxmox VE', () => {
    const text = JSON.stringify({ token_setup: [{ name: 'nightly', ugid: OWNER, role: 'DatastoreBackup' }] });

    const declared = readDeclarations(text, clock.now());

    expect(declared.ok ? '' : declared.problems.join('\n')).toMatch(/privileges: missing/);
  });
});
