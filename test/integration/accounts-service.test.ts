import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObserveResult } from '../../src/accounts/protocol.js';
import type { LinuxStep } from '../../src/domain/step.js';
import { createAccountsClient } from '../../src/targets/linux/accounts-client.js';
import { createLinuxTarget } from '../../src/targets/linux/target.js';
import { anySignal, createLab, type Lab, LEDGER_FILE, newOid, silent } from './accounts/lab.js';
import { startRaw } from './accounts/raw.js';
import { sandboxUnavailable } from './sandbox/index.js';

const unavailable = sandboxUnavailable();

/** What systemd does for a socket with Accept=no: holds the socket, starts the program when somebody connects. */
const ACTIVATOR = `
use Socket; use POSIX; $^F = 9; $| = 1;
my $path = shift; unlink $path;
socket(my $s, PF_UNIX, SOCK_STREAM, 0); bind($s, pack_sockaddr_un($path)) or die; listen($s, 16); print "ready\\n";
for (my $runs = 1; ; $runs++) {
  my $set = ''; vec($set, fileno($s), 1) = 1; select($set, undef, undef, undef);
  print "start\\n"; my $pid = fork;
  if (!$pid) { POSIX::dup2(fileno($s), 3) if fileno($s) != 3; $ENV{LISTEN_FDS} = 1; $ENV{LISTEN_PID} = $$; exec @ARGV; }
  waitpid($pid, 0); print "end ", $? >> 8, "\\n";
}`;

describe.skipIf(unavailable)(`account agent as a service${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab();
  });
  afterAll(() => lab?.destroy());

  /** The agent behind an activated socket, and what its activator said. */
  async function activate(lingerMs: number) {
    const [program = '', ...args] = lab.sandbox.command([
      'perl',
      '-e',
      ACTIVATOR,
      '/run/accounts.sock',
      ...inside(lab, lingerMs),
    ]);
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = once(child, 'close');
    const events = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<string> => (await events.next()).value ?? 'nothing more';
    expect(await next()).toBe('ready');
    return {
      next,
      path: join(lab.sandbox.root, 'run/accounts.sock'),
      async stop() {
        await lab.shell('kill -KILL $(pgrep -x perl) $(pgrep -x node) 2>/dev/null; true');
        await closed;
      },
    };
  }

  it('starts at the first connection, ends when idle, and starts again without the client noticing', async () => {
    const service = await activate(150);
    const client = createAccountsClient({ connect: { socketPath: service.path }, log: silent, deadlineMs: 20_000 });
    const look = () => client.request({ verb: 'observe' }, anySignal) as Promise<ObserveResult>;

    const first = await look();
    const story = [await service.next(), await service.next()];
    const second = await look();
    story.push(await service.next());
    await client.close();
    await service.stop();

    expect(story).toEqual(['start', 'end 0', 'start']);
    expect([first.accounts, second.accounts]).toEqual([[], []]);
  });

  it('answers every request although it ends as soon as it is idle', async () => {
    const service = await activate(20);
    const client = createAccountsClient({ connect: { socketPath: service.path }, log: silent, deadlineMs: 30_000 });

    const answers: unknown[] = [];
    for (let round = 0; round < 10; round += 1) answers.push(await client.request({ verb: 'observe' }, anySignal));
    await client.close();
    await service.stop();

    expect(answers).toHaveLength(10);
  });

  it('ends an idle connection that never asked anything', async () => {
    const service = await activate(150);
    const socket = connect(service.path);

    await once(socket.resume(), 'end');
    const story = [await service.next(), await service.next()];
    await service.stop();

    expect(story).toEqual(['start', 'end 0']);
  });

  it('finishes the running request and ends cleanly on SIGTERM', async () => {
    const agent = startRaw(
      lab.sandbox.command(['sh', '-c', 'echo $$ > /run/agent.pid; exec "$@"', 'sh', ...stdio(lab)]),
    );
    agent.write('{"id":0,"verb":"observe"}\n');
    await agent.next();
    agent.write(`${JSON.stringify({ id: 1, verb: 'create', oid: newOid(), name: 'lastone', gecos: '' })}\n`);
    agent.write('{"id":2,"verb":"observe"}\n');
    await lab.shell('while ! grep -q lastone /etc/group; do :; done; kill -TERM $(cat /run/agent.pid)');

    const reply = await agent.next();
    await agent.next();
    const { code } = await agent.end();

    expect(reply).toMatchObject({ id: 1, ok: true });
    expect(code).toBe(0);
    expect(lab.linesOf('lastone').split('\n')).toHaveLength(4);
  });

  it('lets only one agent at a time work on one state', async () => {
    const first = startRaw(lab.agent());
    first.write('{"id":1,"verb":"observe"}\n');
    await first.next();
    const second = startRaw(lab.agent());
    second.write('{"id":1,"verb":"observe"}\n');

    const reply = await second.next();
    await first.end();
    const { code } = await second.end();

    expect(reply).toMatchObject({
      ok: false,
      error: { code: 'busy', message: expect.stringContaining('another account agent') },
    });
    expect(code).toBe(1);
  });

  it('lets root adopt an account after showing it, and nothing that belongs to the system', async () => {
    await lab.shell('useradd -m -u 30123 -c "Old Hand" oldhand; useradd -M -u 1500 outsider');
    const oid = newOid();
    const adopt = (name: string, ...more: string[]) =>
      lab.sandbox.exec(
        inside(lab, 0)
          .slice(0, 2)
          .concat('adopt', '--oid', oid, '--name', name, ...more),
      );

    const outside = await adopt('outsider', '--yes');
    const system = await adopt('daemon', '--yes');
    const shown = await adopt('oldhand');
    const untouched = lab.read(LEDGER_FILE).includes(oid);
    const done = await adopt('oldhand', '--yes');
    const twice = await adopt('oldhand', '--yes');

    expect(outside).toMatchObject({ code: 1, stderr: expect.stringContaining('outside uidRange') });
    expect(system).toMatchObject({ code: 1, stderr: expect.stringContaining('reserved') });
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('uid 30123') });
    expect([untouched, done.code, twice.code]).toEqual([false, 0, 1]);
    expect(JSON.parse(lab.read(LEDGER_FILE)).accounts).toContainEqual(expect.objectContaining({ oid, adopted: true }));
  });

  it('is driven by the linux target through every kind of step', async () => {
    const client = lab.client();
    const target = createLinuxTarget({ client, log: silent });
    const oid = newOid();
    const step = { target: 'linux', oid, name: 'target1' } as const;
    const look = async () => (await target.observe([{ oid, name: 'target1' }], anySignal)).get(oid);
    const steps: LinuxStep[] = [
      { ...step, action: 'create', effect: 'create', gecos: 'Target One' },
      { ...step, action: 'groups', effect: 'grant', groups: ['adm'], before: [] },
      { ...step, action: 'sudo', effect: 'grant', granted: true },
      { ...step, action: 'lock', effect: 'lock' },
      { ...step, action: 'unlock', effect: 'grant' },
      { ...step, action: 'lock', effect: 'lock' },
      { ...step, action: 'delete', effect: 'delete' },
    ];

    const sights = [await look()];
    for (const item of steps) {
      await target.apply(item, anySignal);
      sights.push(await look());
    }
    const health = await target.check(anySignal);
    await target.close();

    const value = { name: 'target1', state: 'whole', locked: false, gecos: 'Target One', groups: [], sudo: false };
    expect(sights).toEqual([
      { certainty: 'absent' },
      { certainty: 'present', value: expect.objectContaining(value) },
      { certainty: 'present', value: expect.objectContaining({ ...value, groups: ['adm'] }) },
      { certainty: 'present', value: expect.objectContaining({ ...value, groups: ['adm'], sudo: true }) },
      { certainty: 'present', value: expect.objectContaining({ ...value, locked: true }) },
      { certainty: 'present', value: expect.objectContaining(value) },
      { certainty: 'present', value: expect.objectContaining({ ...value, locked: true }) },
      { certainty: 'present', value: expect.objectContaining({ state: 'deleted', locked: false }) },
    ]);
    expect(health).toEqual({ ok: true, saw: 'the account agent answers and can write' });
  });

  it('shows 5,000 accounts in one listing', async () => {
    const accounts = Array.from({ length: 5000 }, (_, n) => ({
      oid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
      name: `many${n}`,
      uid: 20000 + n,
    }));
    // The accounts of other tests here have numbers by chance, which could be among these.
    await lab.shell(`rm -f /var/lib/entramox-accounts/accounts.json*
      for name in $(awk -F: '$3 >= 20000 && $3 < 60000 { print $1 }' /etc/passwd); do userdel "$name"; done`);
    const kept = { state: 'made', adopted: false, formerNames: [] };
    lab.write(
      LEDGER_FILE,
      JSON.stringify({ version: 1, accounts: accounts.map((one) => ({ ...one, ...kept })), locks: [], deletes: [] }),
      0o600,
    );
    const append = (file: string, line: (one: { name: string; uid: number }) => string) =>
      lab.write(`/etc/${file}`, `${lab.read(`/etc/${file}`)}${accounts.map(line).join('\n')}\n`, 0o640);
    append('passwd', ({ name, uid }) => `${name}:x:${uid}:${uid}:Many:/home/${name}:/bin/bash`);
    append('shadow', ({ name }) => `${name}:*:0:0:99999:7:::`);
    append('group', ({ name, uid }) => `${name}:x:${uid}:`);
    append('gshadow', ({ name }) => `${name}:!::`);
    // In a range of 40,000 an eighth of the newcomers would meet a number that is taken.
    lab.policy({ uidRange: [1_900_000_000, 2_099_999_999] });
    const target = createLinuxTarget({ client: lab.client(), log: silent });
    const asks = accounts.map(({ oid, name }) => ({ oid, name }));
    const strangers = Array.from({ length: 700 }, (_, n) => ({ oid: newOid(), name: n === 0 ? 'root' : `new${n}` }));

    const sights = await target.observe([...asks, ...strangers], anySignal);
    await target.close();

    const kinds = [...sights.values()].map(({ certainty }) => certainty);
    expect(sights.size).toBe(5700);
    expect(kinds.filter((kind) => kind === 'present')).toHaveLength(5000);
    expect(kinds.filter((kind) => kind === 'absent')).toHaveLength(699);
    expect(sights.get(strangers[0]?.oid ?? '')).toMatchObject({
      certainty: 'foreign',
      what: expect.stringContaining('root'),
    });
  });
});

/** The agent's own part of the argument array, to be run inside. */
function stdio(lab: Lab): string[] {
  return lab.agent().slice(lab.sandbox.command([]).length);
}

function inside(lab: Lab, lingerMs: number): string[] {
  return lab.agent('--linger', `${lingerMs}ms`).slice(lab.sandbox.command([]).length);
}
