import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { liveExpiries } from '../../src/commands/parts/live-expiries.js';
import { keepEnds } from '../../src/commands/token/keep-ends.js';
import type { Settings } from '../../src/config/settings.js';
import { Rejected } from '../../src/domain/errors.js';
import { createProxmoxClient, type ProxmoxClient } from '../../src/targets/proxmox/client.js';
import { type Connections, openConnections } from '../../src/targets/proxmox/connections.js';
import { createRights } from '../../src/targets/proxmox/rights.js';
import { permissionTree } from '../../src/targets/proxmox/schema.js';
import { readDeclarations, type TokenDeclaration } from '../../src/targets/proxmox/tokens/declaration.js';
import type { DeclaredSink } from '../../src/targets/proxmox/tokens/declared-sink.js';
import { fullId } from '../../src/targets/proxmox/tokens/entries.js';
import { planRevocation } from '../../src/targets/proxmox/tokens/revocation.js';
import { forgetDead, revokeToken } from '../../src/targets/proxmox/tokens/revoke.js';
import type { RotationWish } from '../../src/targets/proxmox/tokens/rotation.js';
import { lookAtRotations, rotateTokens } from '../../src/targets/proxmox/tokens/rotations.js';
import {
  bringTokensAbout,
  lookAtStandings,
  lookAtTokens,
  type SetupPorts,
} from '../../src/targets/proxmox/tokens/setup.js';
import { createFileSink } from '../../src/targets/proxmox/tokens/sinks/file-sink.js';
import { openSinks } from '../../src/targets/proxmox/tokens/sinks/open-sinks.js';
import { createSeveralSinks } from '../../src/targets/proxmox/tokens/sinks/several-sinks.js';
import type { Sink } from '../../src/targets/proxmox/tokens/sinks/sink.js';
import type { StoredToken } from '../../src/targets/proxmox/tokens/stored-token.js';
import { type BootstrapRecord, unrecorded } from '../../src/telemetry/bootstrap-audit.js';
import type { Log } from '../../src/telemetry/log.js';
import { systemClock } from '../../src/telemetry/system-clock.js';
import { addAdministrator } from '../simulators/proxmox/administrator.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';
import { deaths, dyingClient } from './dying-client.js';

const OWNER = 'terraform-prov@pve';
const ID = `${OWNER}!terraform`;
const START = Date.parse('2026-11-22T09:00:00Z');
const DAY_MS = 86_400_000;

let authority: TestAuthority;
let simulator: ProxmoxSimulator;
let admin: string;
let dir: string;
let place: string;
/** All clients of a test share them: a handshake for each would be most of its time. */
let connections: Connections;
let now: number;
let records: BootstrapRecord[];
/** Every secret that lay in the sink at some time. */
let secrets: Set<string>;

const clock = { now: () => now, sleep: async () => undefined };
const signal = () => AbortSignal.timeout(60_000);

beforeAll(async () => {
  authority = await createTestAuthority();
});

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entramox-rotation-'));
  place = join(dir, '.terraform_token');
  now = START;
  records = [];
  secrets = new Set();
});

afterEach(async () => {
  await connections.close();
  await simulator.close();
  rmSync(dir, { recursive: true, force: true });
});

async function startNode(version: '8.3' | '9.1'): Promise<void> {
  simulator = await startProxmoxSimulator({ authority, version, lockDeadlineMs: 100, now: () => now });
  connections = openConnections({ origin: simulator.url, ca: authority.cert, timeoutMs: 30_000 });
  admin = addAdministrator(simulator);
}

function declare(...changes: object[]): TokenDeclaration[] {
  const entries = (changes.length > 0 ? changes : [{}]).map((change) => ({
    name: 'terraform',
    ugid: OWNER,
    role: 'TerraformProv',
    comment: 'Terraform token',
    privsep: 1,
    privileges: ['VM.Audit', 'VM.Clone'],
    paths: ['/pool/lab'],
    sink: { type: 'file', path: 'name' in change ? join(dir, String(change.name)) : place },
    ...change,
  }));
  const read = readDeclarations(JSON.stringify({ token_setup: entries }), now);
  if (!read.ok) throw new Error(read.problems.join('\n'));
  return read.tokens;
}

function connect(token: string): ProxmoxClient {
  const common = { baseUrl: simulator.url, timeoutMs: 30_000, log: () => undefined, clock: systemClock };
  const shared = { ...connections, close: async () => undefined };
  return createProxmoxClient({ ...common, token, connections: shared });
}

interface Wish {
  client?: ProxmoxClient;
  openSink?: SetupPorts['openSink'] | undefined;
}

function setUp(declared: readonly TokenDeclaration[], { client, openSink }: Wish = {}): SetupPorts {
  const used = client ?? connect(admin);
  return {
    client: used,
    clock,
    rights: createRights({ client: used, clock: systemClock }),
    declared,
    adopt: false,
    prune: false,
    openSink: openSink ?? ((sink) => createFileSink(sink.place)),
    connectAs: (id, secret) => connect(`${id}=${secret}`),
  };
}

async function apply(declared: readonly TokenDeclaration[], prune = false, openSink?: SetupPorts['openSink']) {
  const ports = { ...setUp(declared, { openSink }), prune };
  const looked = await lookAtTokens(ports, signal());
  const applied = await bringTokensAbout(ports, looked, signal(), unrecorded);
  remember();
  return { ...looked.plan, ...applied };
}

async function rotate(declared: readonly TokenDeclaration[], wish: RotationWish, change: Wish = {}) {
  const ports = setUp(declared, change);
  const looked = await lookAtRotations(ports, wish, () => true, signal());
  const done = await rotateTokens(ports, looked, signal(), (record) => void records.push(structuredClone(record)));
  remember();
  return done.map(({ rotation, rotated }) => ({
    ...rotated,
    problem: rotation.problem,
    why: rotation.why,
    steps: rotated.steps.map(({ step, ...outcome }) => ({ ...outcome, what: `${step.do} ${step.name}` })),
  }));
}

const whatOf = (done: Awaited<ReturnType<typeof rotate>>) =>
  done.flatMap(({ steps }) => steps.map(({ what, result }) => `${what} ${result}`));

const stored = () => JSON.parse(readFileSync(place, 'utf8')) as { 'full-tokenid': string; value: string };

function remember(): void {
  if (existsSync(place)) secrets.add(stored().value);
}

/** Throws unless the secret that everybody gets is one that Proxmox takes, for what is declared. */
async function requireSinkWorks(): Promise<void> {
  const token = stored();
  const held = await connect(`${token['full-tokenid']}=${token.value}`).get(
    { route: '/access/permissions' },
    permissionTree,
    signal(),
  );
  expect(Object.keys(held['/pool/lab'] ?? {}).sort()).toEqual(['VM.Audit', 'VM.Clone']);
}

const tokens = () =>
  simulator.tokens(OWNER).map(({ tokenid, comment }) => `${tokenid}: ${comment?.replace('Terraform token ', '')}`);
const tokenRights = () =>
  simulator
    .acl()
    .filter(({ type }) => type === 'token')
    .map(({ ugid, path }) => `${ugid} ${path}`);

/** The administrator's client of a process that dies after so many writes. */
function dyingAfter(writes: number, answerLost: boolean, between?: () => Promise<void>): ProxmoxClient {
  return dyingClient(connect(admin), { writes, answerLost, ...(between ? { between } : {}) });
}

const SINCE = '2026-11-22T10:00:00Z';
const UNTIL = '2026-11-29T10:00:00Z';

describe('a rotation with an overlap', () => {
  beforeEach(async () => {
    await startNode('8.3');
    await apply(declare());
    now = START + 3_600_000;
  });

  it('makes a token beside the old one, proves and stores it, and says on the old one until when it may be used', async () => {
    const done = await rotate(declare(), 'asked');

    expect(whatOf(done)).toEqual(['succeed terraform-2 done', 'supersede terraform done']);
    expect(done).toMatchObject([{ current: `${ID}-2`, remarks: [] }]);
    expect(tokens()).toEqual([
      `terraform: (entramox, since 2026-11-22T09:00:00Z, revoke after ${UNTIL})`,
      `terraform-2: (entramox for terraform, since ${SINCE})`,
    ]);
    expect(stored()).toMatchObject({ 'full-tokenid': `${ID}-2`, info: { comment: 'Terraform token', expire: 0 } });
    expect(tokenRights().sort()).toEqual([`${ID} /pool/lab`, `${ID}-2 /pool/lab`]);
    await requireSinkWorks();
  });

  it('leaves the old secret working until the overlap is over, and then takes away token and rights', async () => {
    const former = stored();
    await rotate(declare(), 'asked');
    now += 7 * DAY_MS - 1000;
    const early = await rotate(declare(), 'due');
    await connect(`${ID}=${former.value}`).get({ route: '/access/permissions' }, permissionTree, signal());
    now += 1000;

    const late = await rotate(declare(), 'due');

    expect(whatOf(early)).toEqual([]);
    expect(early[0]?.why).toMatch(/is rotated already: .*!terraform is revoked after 2026-11-29T10:00:00Z/);
    expect(whatOf(late)).toEqual(['revoke terraform done']);
    expect(tokens()).toEqual([`terraform-2: (entramox for terraform, since ${SINCE})`]);
    expect(tokenRights()).toEqual([`${ID}-2 /pool/lab`]);
    await requireSinkWorks();
  });

  it.each(deaths(4))(
    'that dies after %i writes (answer lost: %s) is ended by the next one, and the sink works at every moment',
    async (writes, lost) => {
      const dying = dyingAfter(writes, lost, requireSinkWorks);
      await rotate(declare(), 'asked', { client: dying });
      await requireSinkWorks();

      const done = await rotate(declare(), 'asked', { client: dyingAfter(99, false, requireSinkWorks) });

      expect(done.flatMap(({ steps }) => steps.filter(({ result }) => result !== 'done'))).toEqual([]);
      expect(tokens()).toEqual([
        `terraform: (entramox, since 2026-11-22T09:00:00Z, revoke after ${UNTIL})`,
        `terraform-2: (entramox for terraform, since ${SINCE})`,
      ]);
      expect(tokenRights().sort()).toEqual([`${ID} /pool/lab`, `${ID}-2 /pool/lab`]);
      expect(stored()['full-tokenid']).toBe(`${ID}-2`);
      await requireSinkWorks();
    },
  );

  it.each(deaths(2))(
    'whose end dies after %i writes (answer lost: %s) is ended by the next run',
    async (writes, lost) => {
      await rotate(declare(), 'asked');
      now += 8 * DAY_MS;

      await rotate(declare(), 'due', { client: dyingAfter(writes, lost, requireSinkWorks) });
      await rotate(declare(), 'due', { client: dyingAfter(99, false, requireSinkWorks) });

      expect(tokens()).toEqual([`terraform-2: (entramox for terraform, since ${SINCE})`]);
      expect(tokenRights()).toEqual([`${ID}-2 /pool/lab`]);
      expect(await rotate(declare(), 'due')).toMatchObject([{ steps: [] }]);
    },
  );

  it('revokes nothing, however late it is, while the present token does not work', async () => {
    await rotate(declare(), 'asked');
    writeFileSync(place, JSON.stringify({ ...stored(), value: '00000000-0000-4000-8000-000000000000' }));
    now += 4000 * DAY_MS;

    const done = await rotate(declare(), 'due');

    expect(done).toMatchObject([
      { steps: [{ what: 'revoke terraform', result: 'failed', error: expect.stringMatching(/nothing is revoked/) }] },
    ]);
    expect(simulator.tokens(OWNER)).toHaveLength(2);
  });

  it("touches no token of somebody else that has the next one's name", async () => {
    simulator.createToken(OWNER, 'terraform-2', { comment: 'by hand' });
    const before = simulator.tokens(OWNER);

    const done = await rotate(declare(), 'asked');

    expect(done).toMatchObject([
      { steps: [], problem: { why: expect.stringMatching(/terraform-2.*not marked as ours/) } },
    ]);
    expect(simulator.tokens(OWNER)).toEqual(before);
    await requireSinkWorks();
  });

  it('leaves neither token nor rights behind where the secret cannot be stored, and the old one in its place', async () => {
    const before = readFileSync(place, 'utf8');
    const full: SetupPorts['openSink'] = (sink) => ({
      ...createFileSink(sink.place),
      store: async () => {
        throw new Error('ENOSPC: no space left on device, write');
      },
    });

    const done = await rotate(declare(), 'asked', { openSink: full });

    expect(done[0]?.steps).toMatchObject([
      { result: 'failed', error: expect.stringMatching(/ENOSPC.*terraform-2 was deleted again/) },
      { what: 'supersede terraform', result: 'skipped' },
    ]);
    expect(simulator.tokens(OWNER)).toHaveLength(1);
    expect(tokenRights()).toEqual([`${ID} /pool/lab`]);
    expect(readFileSync(place, 'utf8')).toBe(before);
    await requireSinkWorks();
  });

  it('makes no token that could do less than declared, and says what mends it', async () => {
    simulator.addRole('TerraformProv', ['VM.Audit']);

    const done = await rotate(declare(), 'asked');

    expect(done[0]?.steps[0]).toMatchObject({ error: expect.stringMatching(/lacks VM\.Clone.*token apply/) });
    expect(simulator.tokens(OWNER)).toHaveLength(1);
  });

  it('gives a token whose secret was lost a new one, without cutting off whoever still has the old one', async () => {
    const former = stored();
    rmSync(place);

    await rotate(declare(), 'asked');

    await requireSinkWorks();
    await connect(`${ID}=${former.value}`).get({ route: '/access/permissions' }, permissionTree, signal());
  });

  it('is what apply finds to be declared, during the overlap and after it', async () => {
    await rotate(declare(), 'asked');

    const during = await apply(declare(), true);
    now += 8 * DAY_MS;
    await rotate(declare(), 'due');
    const after = await apply(declare(), true);

    for (const { steps, conflicts, wrongRights } of [during, after]) {
      expect([...steps, ...conflicts, ...wrongRights]).toEqual([]);
    }
  });

  it('is taken away with --prune, with all its tokens, once nothing of it is declared', async () => {
    await rotate(declare(), 'asked');

    await apply([], true);

    expect(simulator.user(OWNER)).toBeUndefined();
    expect(tokenRights()).toEqual([]);
  });

  it('is recorded write by write, before and after, without a secret', async () => {
    await rotate(declare(), 'asked');
    now += 8 * DAY_MS;
    await rotate(declare(), 'due');

    expect(records.filter(({ outcome }) => outcome === 'done').map(({ action, name }) => `${action} ${name}`)).toEqual([
      `token.create ${ID}-2`,
      `acl.grant ${ID}-2`,
      `secret.store ${ID}-2`,
      `token.confirm ${ID}-2`,
      `token.supersede ${ID}`,
      `acl.revoke ${ID}`,
      `token.delete ${ID}`,
      `secret.forget ${ID}`,
    ]);
    expect(records.filter(({ outcome }) => outcome === 'begun')).toHaveLength(8);
    expect(secrets.size).toBe(2);
    for (const secret of secrets) expect(JSON.stringify(records)).not.toContain(secret);
  });
});

describe('rotate --due', () => {
  beforeEach(() => startNode('9.1'));

  it('rotates by rotate_every, leaves what is not due, and ends what is over in the same run', async () => {
    const declared = declare(
      { rotate_every: '30d', rotate_overlap: '2d' },
      { name: 'ansible', role: 'AnsibleProv', rotate_every: '90d' },
      { name: 'backup', role: 'BackupProv' },
    );
    await apply(declared);
    const rounds: string[][] = [];

    for (const day of [0, 29, 30, 31, 32, 59, 60, 62]) {
      now = START + day * DAY_MS;
      const done = await rotate(declared, 'due');
      if (whatOf(done).length > 0) rounds.push([`day ${day}`, ...whatOf(done)]);
    }

    expect(rounds).toEqual([
      ['day 30', 'succeed terraform-2 done', 'supersede terraform done'],
      ['day 32', 'revoke terraform done'],
      ['day 60', 'succeed terraform-3 done', 'supersede terraform-2 done'],
      ['day 62', 'revoke terraform-2 done'],
    ]);
    expect(
      simulator
        .tokens(OWNER)
        .map(({ tokenid }) => tokenid)
        .sort(),
    ).toEqual(['ansible', 'backup', 'terraform-3']);
  });

  it('gives each token its own time to live, and makes the next one early enough for the overlap', async () => {
    const declared = declare({ expire: '30d', rotate_overlap: '5d' });
    await apply(declared);
    const first = simulator.tokens(OWNER)[0]?.expire;
    now = START + 23 * DAY_MS;
    const early = await rotate(declared, 'due');
    now = START + 24 * DAY_MS;

    const done = await rotate(declared, 'due');

    expect(first).toBe((START + 30 * DAY_MS) / 1000);
    expect(whatOf(early)).toEqual([]);
    expect(whatOf(done)).toEqual(['succeed terraform-2 done', 'supersede terraform done']);
    expect(simulator.tokens(OWNER).map(({ expire }) => expire)).toEqual([first, (now + 30 * DAY_MS) / 1000]);
    expect((await apply(declared)).steps).toEqual([]);
  });

  it('never moves a declared end', async () => {
    const declared = declare({ expire: '2026-12-24', rotate_every: '10d' });
    await apply(declared);
    now = START + 10 * DAY_MS;

    await rotate(declared, 'due');

    expect(new Set(simulator.tokens(OWNER).map(({ expire }) => expire))).toEqual(
      new Set([Date.parse('2026-12-24T23:59:59Z') / 1000]),
    );
  });
});

describe('rotate --immediate', () => {
  it.each(deaths(2))(
    'where Proxmox can make a new secret for the same token: after a death at %i writes (answer lost: %s) the next run has it stored',
    async (writes, lost) => {
      await startNode('9.1');
      await apply(declare());
      const former = stored();
      now += 3_600_000;
      await rotate(declare(), 'immediate', { client: dyingAfter(writes, lost) });

      const done = await rotate(declare(), 'immediate');

      const isFinished = writes === 1 && !lost;
      expect(whatOf(done)).toEqual([isFinished ? 'confirm terraform done' : 'regenerate terraform done']);
      expect(tokens()).toEqual([`terraform: (entramox, since ${SINCE})`]);
      expect(tokenRights()).toEqual([`${ID} /pool/lab`]);
      expect(stored().value).not.toBe(former.value);
      await requireSinkWorks();
      await expect(
        connect(`${ID}=${former.value}`).get({ route: '/access/permissions' }, permissionTree, signal()),
      ).rejects.toThrow(/401/);
      expect((await apply(declare())).steps).toEqual([]);
    },
  );

  it.each(deaths(4).filter(([writes, lost]) => writes > 1 && !lost))(
    'where it cannot: another id, and the former one is revoked at once, also after a death at %i writes (answer lost: %s)',
    async (writes, lost) => {
      await startNode('8.3');
      await apply(declare());
      now += 3_600_000;
      await rotate(declare(), 'immediate', { client: dyingAfter(writes, lost, requireSinkWorks) });

      await rotate(declare(), 'immediate', { client: dyingAfter(99, false, requireSinkWorks) });

      expect(tokens()).toEqual([`terraform-2: (entramox for terraform, since ${SINCE})`]);
      expect(tokenRights()).toEqual([`${ID}-2 /pool/lab`]);
      await requireSinkWorks();
    },
  );

  it('says what to do instead where a 9.1 does not know it yet, and has changed nothing', async () => {
    await startNode('9.1');
    await apply(declare());
    const text = 'Parameter verification failed. (regenerate: property is not defined in schema)';
    simulator.faults.failNext({ method: 'PUT', path: /\/token\/terraform$/ }, { status: 400, text });

    const done = await rotate(declare(), 'immediate');

    expect(done[0]?.steps[0]).toMatchObject({ error: expect.stringMatching(/cannot make a new secret.*9\.1\.0/) });
    await requireSinkWorks();
  });

  it('ends overlaps that are still running', async () => {
    await startNode('9.1');
    await apply(declare());
    now += 3_600_000;
    await rotate(declare(), 'asked');

    const done = await rotate(declare(), 'immediate');

    expect(whatOf(done)).toEqual(['regenerate terraform-2 done', 'revoke terraform done']);
    expect(simulator.tokens(OWNER).map(({ tokenid }) => tokenid)).toEqual(['terraform-2']);
    await requireSinkWorks();
  });
});

describe('a rotation of a secret that lies in two places', () => {
  /** Both are files; `broken` cannot be looked into, or takes nothing. */
  const twoPlaces = (broken: { read?: boolean; store?: boolean } = {}): SetupPorts['openSink'] => {
    const fail = async () => {
      throw new Rejected('the vault gave no answer');
    };
    return (sink) => {
      const first = createFileSink(`${sink.place}.first`);
      const faults = { ...(broken.read && { read: fail, has: fail }), ...(broken.store && { store: fail }) };
      const bad: Sink = { ...first, ...faults, parts: [] };
      return createSeveralSinks([{ ...bad, parts: [bad] }, createFileSink(sink.place)]);
    };
  };
  const idsThere = () => simulator.tokens(OWNER).map(({ tokenid }) => tokenid);

  beforeEach(async () => {
    await startNode('9.1');
    await apply(declare(), false, twoPlaces());
    now += 3_600_000;
  });

  it('takes no token away whose secret only one place has, while that cannot be looked into', async () => {
    const killed: SetupPorts['openSink'] = (sink) => {
      const both = twoPlaces()(sink);
      return { ...both, store: (token) => createFileSink(`${sink.place}.first`).store(token) };
    };
    await rotate(declare(), 'asked', { openSink: killed, client: dyingAfter(2, false) });
    const before = idsThere();

    const done = await rotate(declare(), 'due', { openSink: twoPlaces({ read: true }) });

    expect(done[0]?.steps.map(({ result }) => result)).toEqual(['failed', 'skipped', 'skipped']);
    expect(before).toEqual(['terraform', 'terraform-2']);
    expect(idsThere()).toEqual(before);
    await rotate(declare(), 'due', { openSink: twoPlaces() });
    expect(idsThere()).toEqual(before);
    expect(stored()['full-tokenid']).toBe(`${ID}-2`);
  });

  it('revokes nothing while a place gives the former one', async () => {
    const former = readFileSync(place);
    await rotate(declare(), 'asked', { openSink: twoPlaces() });
    writeFileSync(place, former, { mode: 0o600 });
    now += 8 * DAY_MS;

    const done = await rotate(declare(), 'due', { openSink: twoPlaces() });

    expect(done[0]?.steps).toMatchObject([
      {
        what: 'revoke terraform',
        result: 'failed',
        error: expect.stringMatching(/_token lacks the secret.*token apply/),
      },
    ]);
    await apply(declare(), false, twoPlaces());
    expect(whatOf(await rotate(declare(), 'due', { openSink: twoPlaces() }))).toEqual(['revoke terraform done']);
  });

  it('keeps a secret that was made anew in place where it could be stored, since the former one is dead', async () => {
    const done = await rotate(declare(), 'immediate', { openSink: twoPlaces({ store: true }) });

    expect(done[0]?.steps).toMatchObject([{ result: 'failed', error: expect.stringMatching(/could not be stored/) }]);
    await requireSinkWorks();
  });
});

describe('a rotation of a secret that a command keeps which gives nothing back', () => {
  const program = () => join(dir, 'keeps');
  const aside = (text: string) => writeFileSync(program(), `#!/bin/sh\n${text}\n`, { mode: 0o700 });
  const kept = () => JSON.parse(readFileSync(join(dir, 'kept'), 'utf8')) as StoredToken;
  const declaredCommand = () => declare({ sink: { type: 'command', command: [program()] } });
  const openSink = () => {
    const sinks = openSinks({ readSecret: String, clock });
    return { openSink: (sink: DeclaredSink) => sinks.open(sink) };
  };

  beforeEach(async () => {
    await startNode('9.1');
    aside(`cat > '${join(dir, 'kept')}'`);
    await apply(declaredCommand(), false, openSink().openSink);
    now += 3_600_000;
  });

  it('lets a token live whose secret the command may have stored before it was killed', async () => {
    aside(`cat > '${join(dir, 'kept')}'; kill -9 $$`);

    const done = await rotate(declaredCommand(), 'asked', openSink());

    expect(done[0]?.steps[0]).toMatchObject({
      result: 'failed',
      error: expect.stringMatching(/ended by SIGKILL.*stays beside/),
    });
    const { 'full-tokenid': id, value } = kept();
    expect(id).toBe(`${ID}-2`);
    await connect(`${id}=${value}`).get({ route: '/access/permissions' }, permissionTree, signal());
  });

  it('lets none live that the command says not to have stored', async () => {
    aside('exit 1');

    await rotate(declaredCommand(), 'asked', openSink());

    expect(simulator.tokens(OWNER).map(({ tokenid }) => tokenid)).toEqual(['terraform']);
  });
});

describe('a secret that can be read elsewhere alone', () => {
  /** As a file that is encrypted for somebody else: another run cannot read what an earlier one stored. */
  function sealing(): SetupPorts['openSink'] {
    let own: StoredToken | undefined;
    return (sink) => ({
      ...createFileSink(sink.place),
      sealed: 'it is encrypted for a key that is not here',
      read: async () => own,
      store: async (token) => {
        const putBack = await createFileSink(sink.place).store(token);
        own = token;
        return putBack;
      },
    });
  }

  beforeEach(async () => {
    await startNode('9.1');
    await apply(declare(), false, sealing());
    now += 3_600_000;
  });

  it('is rotated all the same, and the former one is revoked by the mark of the new one', async () => {
    await rotate(declare(), 'asked', { openSink: sealing() });
    await requireSinkWorks();
    now += 8 * DAY_MS;

    const done = await rotate(declare(), 'due', { openSink: sealing() });

    expect(whatOf(done)).toEqual(['revoke terraform done']);
    await requireSinkWorks();
  });

  it.each(deaths(4))(
    'works at every moment, also where a run dies after %i writes (answer lost: %s)',
    async (writes, lost) => {
      const dying = dyingAfter(writes, lost, requireSinkWorks);
      await rotate(declare(), 'asked', { client: dying, openSink: sealing() });
      await requireSinkWorks();

      const next = dyingAfter(99, false, requireSinkWorks);
      await rotate(declare(), 'asked', { client: next, openSink: sealing() });

      const left = simulator.tokens(OWNER).map(({ comment }) => comment ?? '');
      expect(left.filter((comment) => comment.includes('not stored yet'))).toEqual([]);
      expect(left.filter((comment) => comment.includes('revoke after'))).toHaveLength(left.length - 1);
      await requireSinkWorks();
    },
  );
});

describe('the end of a declared token', () => {
  it('is logged once for each of 30, 7 and 1 days, however often somebody looks, and left for the status', async () => {
    await startNode('9.1');
    const declared = declare({ expire: '2026-12-31' });
    await apply(declared);
    const file = join(dir, 'token_setup.json');
    writeFileSync(file, '{}');
    const paths = { stateDir: join(dir, 'state'), logDir: join(dir, 'log') } as Settings['paths'];
    const settings = { paths, expiries: [] };
    const lines: string[] = [];
    const log: Log = (event, fields) => void lines.push(`${event} ${fields?.token} ${fields?.daysLeft}`);
    const io = { out: () => undefined, err: (text: string) => void lines.push(text), terminal: false };

    for (const daysLeft of [40, 29, 28, 6, 6, 0, 0, -2]) {
      now = Date.parse('2026-12-31T23:59:59Z') - (daysLeft + 0.5) * DAY_MS;
      await keepEnds({ settings, file, ports: setUp(declared), log, io }, signal());
    }

    expect(lines).toEqual([
      `proxmox.token.expiring ${ID} 29`,
      `proxmox.token.expiring ${ID} 6`,
      `proxmox.token.expiring ${ID} 0`,
      `proxmox.token.expired ${ID} -2`,
    ]);
    expect(liveExpiries(settings, log, () => now).all()).toEqual([
      { credential: 'proxmox-token', name: ID, expiresAt: Date.parse('2026-12-31T23:59:59Z') },
    ]);
  });
});

describe('the end of the same token id on another server', () => {
  it('is told by its own file of declarations, not by what was told of the other', async () => {
    await startNode('9.1');
    const declared = declare({ expire: '2026-12-31' });
    await apply(declared);
    const files = ['a.json', 'b.json'].map((name) => join(dir, name));
    const paths = { stateDir: join(dir, 'state'), logDir: join(dir, 'log') } as Settings['paths'];
    const told: string[] = [];
    const log: Log = (event) => void told.push(event);
    const io = { out: () => undefined, err: () => undefined, terminal: false };
    now = Date.parse('2026-12-10T00:00:00Z');

    for (const file of files) {
      writeFileSync(file, '{}');
      await keepEnds({ settings: { paths }, file, ports: setUp(declared), log, io }, signal());
    }

    expect(told).toEqual(['proxmox.token.expiring', 'proxmox.token.expiring']);
  });
});

describe('token revoke', () => {
  beforeEach(async () => {
    await startNode('9.1');
    await apply(declare());
    now += 3_600_000;
    await rotate(declare(), 'asked');
  });

  async function revokeAll(which: string, client = connect(admin)) {
    const ports = setUp(declare(), { client });
    const { observed } = await lookAtStandings(ports, signal());
    const plan = planRevocation(which, ports.declared, observed);
    if (!plan.ok) return plan;
    const record = unrecorded;
    const revoking = { ...ports, observed, record };
    for (const token of plan.doomed) await revokeToken(token, 'revoked', revoking, signal());
    if (plan.whole) await forgetDead(plan.whole, new Set(plan.doomed.map(fullId)), revoking);
    return plan;
  }

  it('ends the very token whose full id is given, rights first', async () => {
    await revokeAll(ID);

    expect(simulator.tokens(OWNER).map(({ tokenid }) => tokenid)).toEqual(['terraform-2']);
    expect(tokenRights()).toEqual([`${ID}-2 /pool/lab`]);
    await requireSinkWorks();
  });

  it.each(deaths(4).filter(([writes, lost]) => writes > 0 && lost))(
    'ends all that stand for a declaration, and after a death at %i writes (answer lost: %s) the next run does the rest',
    async (writes, lost) => {
      await revokeAll('terraform', dyingAfter(writes, lost)).catch(() => undefined);

      await revokeAll('terraform');

      expect(simulator.tokens(OWNER)).toEqual([]);
      expect(tokenRights()).toEqual([]);
      expect(existsSync(place)).toBe(false);
    },
  );

  it("refuses Entramox's own token by its name as well", async () => {
    const declared = declare().map((token) => ({ ...token, besides: [] }));
    const { observed } = await lookAtStandings(setUp(declared), signal());

    const plan = planRevocation('terraform', declared, observed);

    expect(plan).toMatchObject({ ok: false, why: expect.stringMatching(/Entramox's own.*token self/) });
  });

  it("refuses what is somebody else's", async () => {
    simulator.createToken(OWNER, 'own', { comment: 'by hand' });

    expect(await revokeAll(`${OWNER}!own`)).toMatchObject({
      ok: false,
      why: expect.stringMatching(/not marked as ours/),
    });
    expect(simulator.tokens(OWNER)).toHaveLength(3);
  });
});
