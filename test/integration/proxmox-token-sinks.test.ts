import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createProxmoxClient, type ProxmoxClient } from '../../src/targets/proxmox/client.js';
import { createRights } from '../../src/targets/proxmox/rights.js';
import { readDeclarations, type TokenDeclaration } from '../../src/targets/proxmox/tokens/declaration.js';
import type { RotationWish } from '../../src/targets/proxmox/tokens/rotation.js';
import { lookAtRotations, rotateTokens } from '../../src/targets/proxmox/tokens/rotations.js';
import { bringTokensAbout, lookAtTokens, type SetupPorts } from '../../src/targets/proxmox/tokens/setup.js';
import { openSinks } from '../../src/targets/proxmox/tokens/sinks/open-sinks.js';
import { unrecorded } from '../../src/telemetry/bootstrap-audit.js';
import { systemClock as clock } from '../../src/telemetry/system-clock.js';
import { addAdministrator } from '../simulators/proxmox/administrator.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';
import { startVaultSimulator, type VaultSimulator } from '../simulators/vault/index.js';
import { createPlace, readSecret } from './sinks/place.js';
import { missing } from './sinks/tool.js';

const OWNER = 'terraform-prov@pve';
const noCreds = missing('/usr/bin/systemd-creds', 'systemd') ?? (process.getuid?.() === 0 ? undefined : 'needs root');

let authority: TestAuthority;
let simulator: ProxmoxSimulator;
let vault: VaultSimulator;
let place: ReturnType<typeof createPlace>;
let admin: string;
let open: ProxmoxClient[];
let keys: { identity: string; recipient: string };

beforeAll(async () => {
  authority = await createTestAuthority();
  const identity = await generateX25519Identity();
  keys = { identity, recipient: await identityToRecipient(identity) };
});

beforeEach(async () => {
  simulator = await startProxmoxSimulator({ authority, lockDeadlineMs: 100 });
  admin = addAdministrator(simulator);
  vault = await startVaultSimulator({ authority });
  place = createPlace();
  open = [];
  mkdirSync(place.in('room'), { mode: 0o700 });
  writeFileSync(place.in('identity'), keys.identity, { mode: 0o600 });
  writeFileSync(place.in('ca.pem'), authority.cert);
  const token = vault.logins.addToken({ 'secret/*': ['create', 'read', 'update', 'delete'] });
  writeFileSync(place.in('vault-token'), token, { mode: 0o600 });
  const keeper = `#!/bin/sh\ncase "$1" in in) cat > "${place.in('kept')}" ;; out) cat "${place.in('kept')}" 2>/dev/null ;; esac; exit 0\n`;
  writeFileSync(place.in('keeper'), keeper, { mode: 0o700 });
});

afterEach(async () => {
  await Promise.all(open.map((client) => client.close()));
  await Promise.all([simulator.close(), vault.close()]);
  place.remove();
});

const file = () => ({ type: 'file', path: place.in('room/token') });
const creds = () => ({ type: 'systemd-creds', path: place.in('room/token.cred'), with_key: 'host' });
const sealedAge = () => ({ type: 'age', path: place.in('room/token.age'), recipients: [keys.recipient] });
const age = () => ({ ...sealedAge(), identity_file: place.in('identity') });
const blindCommand = () => ({ type: 'command', command: [place.in('keeper'), 'in'], timeout: '2s' });
const command = () => ({ ...blindCommand(), read: [place.in('keeper'), 'out'] });
const inVault = () => ({
  type: 'vault',
  address: vault.url,
  ca_file: place.in('ca.pem'),
  token_file: place.in('vault-token'),
});

function declare(sink: unknown): TokenDeclaration[] {
  const entry = {
    name: 'terraform',
    ugid: OWNER,
    role: 'TerraformProv',
    comment: 'Terraform token',
    expire: 0,
    privsep: 0,
    paths: ['/pool/lab'],
    privileges: ['VM.Audit', 'VM.Clone'],
    sink,
  };
  const read = readDeclarations(JSON.stringify({ token_setup: [entry] }), clock.now());
  if (!read.ok) throw new Error(read.problems.join('\n'));
  return read.tokens;
}

function connect(token: string): ProxmoxClient {
  const log = () => undefined;
  const options = { baseUrl: simulator.url, token, ca: authority.cert, timeoutMs: 5000, log, clock };
  const client = createProxmoxClient(options);
  open.push(client);
  return client;
}

/** Does something right after Proxmox has made the token. */
function interfering(work: () => void): ProxmoxClient {
  const client = connect(admin);
  return {
    ...client,
    async write<T>(...args: Parameters<ProxmoxClient['write']>): Promise<T> {
      const answer = await (client.write as (...all: typeof args) => Promise<T>)(...args);
      if (args[0].method === 'POST' && args[0].route.includes('/token/')) work();
      return answer;
    },
  };
}

function setUp(sink: unknown, client: ProxmoxClient, lateMs = 0): SetupPorts {
  return {
    client,
    clock: { ...clock, now: () => clock.now() + lateMs },
    rights: createRights({ client, clock }),
    declared: declare(sink),
    adopt: false,
    prune: false,
    openSink: openSinks({ readSecret, clock, hostKeyFile: place.in('host-key') }).open,
    connectAs: (id, secret) => connect(`${id}=${secret}`),
  };
}

async function apply(sink: unknown, client = connect(admin)) {
  const ports = setUp(sink, client);
  const signal = AbortSignal.timeout(60_000);
  const looked = await lookAtTokens(ports, signal);
  const done = await bringTokensAbout(ports, looked, signal, unrecorded);
  return { ...looked.plan, ...done };
}

async function rotate(sink: unknown, wish: RotationWish, lateMs = 0) {
  const ports = setUp(sink, connect(admin), lateMs);
  const signal = AbortSignal.timeout(60_000);
  const looked = await lookAtRotations(ports, wish, () => true, signal);
  const done = await rotateTokens(ports, looked, signal, unrecorded);
  return done.flatMap(({ rotated }) => [
    ...rotated.steps.map(({ step, result }) => `${step.do} ${step.name} ${result}`),
    ...rotated.remarks,
  ]);
}

const everySink: [string, () => unknown, string?][] = [
  ['a file', file],
  ['systemd-creds', creds, noCreds],
  ['age, with an identity', age],
  ['age alone', sealedAge],
  ['a Vault', inVault],
  ['a command', command],
  ['a command that nothing reads back', blindCommand],
  ['several of them', () => [file(), inVault(), sealedAge(), command()]],
];

describe('token apply with its secret in', () => {
  for (const [what, sink, unavailable] of everySink) {
    it.skipIf(unavailable)(
      `${what}: proves the new token, and has nothing left to do${unavailable ? ` (${unavailable})` : ''}`,
      async () => {
        const first = await apply(sink());
        const second = await apply(sink());

        expect(first.steps.map(({ step, result }) => `${step.do} ${result}`)).toContain('token.confirm done');
        expect([...first.wrongRights, ...second.wrongRights, ...second.conflicts]).toEqual([]);
        expect(second.steps).toEqual([]);
        expect(simulator.tokens(OWNER)).toHaveLength(1);
      },
    );
  }
});

const matching = (pattern: RegExp) => expect.stringMatching(pattern);

const isWrite = ({ method, path }: { method: string; path: string }) => method === 'POST' && path.includes('/data/');

const everyFailure: [string, () => unknown, () => void, RegExp, string?][] = [
  ['its directory goes away', file, () => rmSync(place.in('room'), { recursive: true }), /room cannot be used/],
  [
    'the key of the host breaks',
    creds,
    () => writeFileSync(place.in('host-key'), 'broken', { mode: 0o400 }),
    /systemd-creds could not encrypt/,
    noCreds,
  ],
  ['the directory of the age file goes away', sealedAge, () => rmSync(place.in('room'), { recursive: true }), /room/],
  [
    'the identity changes',
    age,
    () => writeFileSync(place.in('identity'), 'AGE-SECRET-KEY-1NONE'),
    /is no identity of age/,
  ],
  ['the Vault is sealed', inVault, () => vault.seal(true), /is sealed or in maintenance/],
  [
    'the Vault refuses the write',
    inVault,
    () => vault.failNext(isWrite, { status: 403, body: { errors: ['permission denied'] } }),
    /refuses: writing/,
  ],
  [
    'somebody else writes the secret in between',
    inVault,
    () => vault.beforeNextWrite(() => vault.put('secret', 'entramox/terraform', { value: 'theirs' })),
    /somebody else has written/,
  ],
  [
    'the command exits 1',
    command,
    () => writeFileSync(place.in('keeper'), '#!/bin/sh\necho locked >&2; exit 1\n'),
    /could not .*: it ended with 1 \(locked\)/,
  ],
  [
    'the command hangs',
    blindCommand,
    () => writeFileSync(place.in('keeper'), '#!/bin/sh\nexec sleep 300\n'),
    /did not end within 2 s/,
  ],
  [
    'the last of several fails',
    () => [file(), age(), inVault()],
    () => vault.failNext(isWrite, { status: 500 }),
    /answers with 500/,
  ],
];

describe('token apply takes the token away again where', () => {
  for (const [what, sink, sabotage, why, unavailable] of everyFailure) {
    it.skipIf(unavailable)(`${what}${unavailable ? ` (${unavailable})` : ''}`, async () => {
      const { steps } = await apply(sink(), interfering(sabotage));

      const failed = steps.find(({ result }) => result === 'failed');
      expect(failed).toMatchObject({ step: { do: 'token.create' }, error: expect.stringMatching(why) });
      expect(failed).toMatchObject({ error: expect.stringMatching(/the token was deleted again/) });
      expect(simulator.tokens(OWNER)).toEqual([]);
      const text = JSON.stringify(steps);
      for (const { text: sent } of vault.requests) {
        const value = /"value":"([0-9a-f-]{36})"/.exec(sent)?.[1];
        if (value) expect(text).not.toContain(value);
      }
    });
  }

  it('the last of several fails, and leaves nothing in those before it', async () => {
    await apply(
      [file(), inVault()],
      interfering(() => vault.failNext(isWrite, { status: 500 })),
    );

    expect(() => readFileSync(place.in('room/token'))).toThrow(/ENOENT/);
    const again = await apply([file(), inVault()]);
    expect(again.wrongRights).toEqual([]);
    expect(simulator.tokens(OWNER)).toHaveLength(1);
  });
});

describe('token apply with several places', () => {
  it('gives the secret to a place that was declared later', async () => {
    await apply(file());
    const both = [file(), inVault(), sealedAge()];

    const { steps, wrongRights } = await apply(both);

    expect(steps).toMatchObject([
      { step: { do: 'secret.copy', places: [/at https/, /\(age\)/].map(matching) }, result: 'done' },
    ]);
    expect(wrongRights).toEqual([]);
    expect(vault.history('secret', 'entramox/terraform')?.view()?.data).toEqual(
      JSON.parse(readFileSync(place.in('room/token'), 'utf8')),
    );
    expect((await apply(both)).steps).toEqual([]);
  });

  it('gives it to no place that holds the secret of another', async () => {
    await apply(file());
    const other = { 'full-tokenid': 'old@pve!terraform', info: {}, value: '00000000-0000-4000-8000-000000000000' };
    writeFileSync(place.in('kept'), JSON.stringify(other));

    const { steps } = await apply([file(), command()]);

    expect(steps).toMatchObject([
      { result: 'failed', error: expect.stringMatching(/holds the secret of old@pve!terraform/) },
    ]);
    expect(JSON.parse(readFileSync(place.in('kept'), 'utf8'))).toEqual(other);
  });

  it('goes on with the others where one cannot be looked into, and says so', async () => {
    await apply([file(), inVault()]);
    vault.seal(true);

    const { steps, conflicts, remarks, wrongRights } = await apply([file(), inVault()]);

    expect([...steps, ...conflicts, ...wrongRights]).toEqual([]);
    expect(remarks.join('\n')).toMatch(/whether secret\/entramox\/terraform .* is not known: .*is sealed/);
  });
});

describe('a rotation of a token whose secret is in a Vault', () => {
  const isDestroyed = (version: number) =>
    vault.history('secret', 'entramox/terraform')?.view(version)?.metadata.destroyed;

  it('keeps the former version while its token lives, and destroys it afterwards where that is asked for', async () => {
    const sink = { ...inVault(), destroy_old: true };
    await apply(sink);

    const during = await rotate(sink, 'asked');

    expect(during).toEqual(['succeed terraform-2 done', 'supersede terraform done']);
    expect([isDestroyed(1), isDestroyed(2)]).toEqual([false, false]);

    const afterwards = await rotate(sink, 'due', 400 * 86_400_000);

    expect(afterwards).toEqual(['revoke terraform done']);
    expect([isDestroyed(1), isDestroyed(2)]).toEqual([true, false]);
    expect(simulator.tokens(OWNER)).toMatchObject([{ tokenid: 'terraform-2' }]);
  });

  it('destroys what a secret was before it was made anew in place', async () => {
    const sink = [{ ...inVault(), destroy_old: true }, sealedAge(), blindCommand()];
    await apply(sink);

    const done = await rotate(sink, 'immediate');

    expect(done).toEqual(['regenerate terraform done']);
    expect([isDestroyed(1), isDestroyed(2)]).toEqual([true, false]);
    expect((await apply(sink)).wrongRights).toEqual([]);
  });
});

describe('token apply makes no token where', () => {
  it('one of several places holds the secret of another', async () => {
    const other = { 'full-tokenid': 'old@pve!terraform', info: {}, value: '00000000-0000-4000-8000-000000000000' };
    writeFileSync(place.in('kept'), JSON.stringify(other));

    const { steps } = await apply([file(), command()]);

    expect(steps.find(({ result }) => result === 'failed')).toMatchObject({
      step: { do: 'token.create' },
      error: expect.stringMatching(/what .*keeper in keeps holds the secret of old@pve!terraform/),
    });
    expect(simulator.calls().filter(({ method, path }) => method === 'POST' && path.includes('/token/'))).toEqual([]);
    expect(JSON.parse(readFileSync(place.in('kept'), 'utf8'))).toEqual(other);
  });

  it('a sealed secret was taken away, unless somebody asks for a new one', async () => {
    await apply(sealedAge());
    rmSync(place.in('room/token.age'));

    const { steps, conflicts } = await apply(sealedAge());

    expect(steps).toEqual([]);
    expect(conflicts).toMatchObject([{ why: expect.stringMatching(/no secret of it lies in .*token\.age/) }]);
  });
});
