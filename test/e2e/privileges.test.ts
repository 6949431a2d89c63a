import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect } from '../integration/sandbox/collect.js';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type AgentService, startAgentService } from '../lab/agent-service.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';

const unavailable = sandboxUnavailable();
/** Numbers that no account has: what the two unprivileged users of the installation are there. */
const LISTENER = 64_201;
const RECONCILER = 64_202;
/** Somebody who just has a login. */
const STRANGER = 64_203;

/** Runs a command as systemd would: this user, its group, no other group, its umask. */
const as = (id: number, umask: string) => [
  '/bin/sh',
  '-c',
  `umask ${umask}; exec setpriv --reuid ${id} --regid ${id} --clear-groups --no-new-privs --inh-caps=-all "$@"`,
  'sh',
];

describe.skipIf(unavailable)(`three processes of three users${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  let agent: AgentService;

  beforeAll(async () => {
    const host = await createPrivateHost();
    lab = await openLab({
      host,
      settings: { CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '300ms', ACCOUNTS_COMMAND: '' },
    });
    if (!host.sandbox) throw new Error('no private root');
    layOut();
    agent = await startAgentService(host.sandbox, {
      socketPath: join(lab.dir, 'accounts/accounts.sock'),
      lingerMs: 60_000,
      groupId: RECONCILER,
    });
    lab.setSettings({
      ACCOUNTS_SOCKET: agent.socketPath,
      LISTENER_SOCKET: join(lab.dir, 'run-listener/listener.sock'),
    });
    lab.start('listen', {
      wrapper: as(LISTENER, '0007'),
      envFile: envFor('listener', LISTENER, /^(PVE_API|ACCOUNTS_)/),
    });
    lab.start('reconcile', { wrapper: as(RECONCILER, '0027'), envFile: envFor('reconciler', RECONCILER, /^LISTEN_/) });
    await lab.ready();
  });
  afterAll(async () => {
    await lab?.close();
    await agent?.stop();
  });

  /** Directories as the tmpfiles of the installation make them. */
  function layOut(): void {
    const make = (name: string, mode: number, owner: number, group: number) => {
      mkdirSync(join(lab.dir, name), { recursive: true });
      chownSync(join(lab.dir, name), owner, group);
      chmodSync(join(lab.dir, name), mode);
    };
    chmodSync(lab.dir, 0o755);
    make('state', 0o750, RECONCILER, RECONCILER);
    make('listener', 0o700, LISTENER, LISTENER);
    make('log', 0o2750, RECONCILER, RECONCILER);
    make('run', 0o2750, RECONCILER, RECONCILER);
    make('run-listener', 0o2750, LISTENER, LISTENER);
    make('accounts', 0o755, 0, 0);
    for (const room of ['', 'tmp', 'pending', 'processing', 'parked']) {
      make(join('spool', room), 0o2770, LISTENER, RECONCILER);
    }
    for (const name of ['ca.pem', 'tls.crt']) chmodSync(join(lab.dir, name), 0o644);
    chownSync(join(lab.dir, 'tls.key'), LISTENER, LISTENER);
  }

  /** The settings without what this process has no business to know, for its user alone. */
  function envFor(name: string, owner: number, without: RegExp): string {
    const file = join(lab.dir, `${name}.env`);
    copyFileSync(lab.envFile, file);
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, lines.filter((line) => !without.test(line)).join('\n'));
    chownSync(file, owner, owner);
    return file;
  }

  async function attempt(id: number, ...command: string[]): Promise<number> {
    return (await collect([...as(id, '0077'), ...command], {})).code;
  }

  it('carry a joiner and a leaver through a spool that both may use', async () => {
    const oid = lab.join('alice');
    await waitForStanding(lab, 'alice', { linux: 'open', pve: 'enabled' });

    lab.entra.directory.removeMember(lab.groups.everybody, oid);
    await waitForStanding(lab, 'alice', { linux: 'locked', pve: 'disabled' });
    await waitFor('an empty spool', () =>
      ['pending', 'processing'].every((room) =>
        readdirSync(join(lab.dir, 'spool', room)).every((name) => name.endsWith('.later')),
      ),
    );

    expect(lab.log()).not.toMatch(/EACCES|EPERM/);
    expect(statSync(join(lab.dir, 'listener/subscriptions.json')).mode & 0o777).toBe(0o600);
    expect(statSync(join(lab.dir, 'state/ledger.json')).mode & 0o007).toBe(0);
    expect(statSync(join(lab.dir, 'log/audit.ndjson')).mode & 0o007).toBe(0);
  });

  it('keep every other local user from the sockets, the ledger, the audit log, the client states and the spool', async () => {
    const connect =
      'const s = require("net").connect(process.argv[1]); s.on("connect", () => process.exit(0)); s.on("error", () => process.exit(7))';
    const sockets = [agent.socketPath, join(lab.dir, 'run/operator.sock'), join(lab.dir, 'run-listener/listener.sock')];
    const files = ['state/ledger.json', 'state/audit.head', 'log/audit.ndjson', 'listener/subscriptions.json'];

    const connections = await Promise.all(
      sockets.map((path) => attempt(STRANGER, process.execPath, '-e', connect, path)),
    );
    const readings = await Promise.all(files.map((name) => attempt(STRANGER, 'cat', join(lab.dir, name))));
    const hint = await attempt(STRANGER, 'touch', join(lab.dir, 'spool/pending/sweep'));

    expect(connections).toEqual([7, 7, 7]);
    expect(readings).toEqual([1, 1, 1, 1]);
    expect(hint).toBe(1);
    for (const name of files) expect(statSync(join(lab.dir, name)).isFile()).toBe(true);
  });

  it('keep the listener from the agent, the ledger and the operators’ socket, and the reconciler from client states', async () => {
    const connect =
      'const s = require("net").connect(process.argv[1]); s.on("connect", () => process.exit(0)); s.on("error", () => process.exit(7))';
    const canConnect = (id: number, path: string) => attempt(id, process.execPath, '-e', connect, path);
    const operator = join(lab.dir, 'run/operator.sock');

    const listener = [
      await canConnect(LISTENER, agent.socketPath),
      await canConnect(LISTENER, operator),
      await attempt(LISTENER, 'cat', join(lab.dir, 'state/ledger.json')),
    ];
    const reconciler = [
      await canConnect(RECONCILER, agent.socketPath),
      await attempt(RECONCILER, 'cat', join(lab.dir, 'listener/subscriptions.json')),
    ];

    expect(listener).toEqual([7, 7, 1]);
    expect(reconciler).toEqual([0, 1]);
  });
});
