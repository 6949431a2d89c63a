import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EntraSimulator, type EntraSimulatorOptions, startEntraSimulator } from '../simulators/entra/index.js';
import {
  type ProxmoxSimulator,
  type ProxmoxSimulatorOptions,
  startProxmoxSimulator,
} from '../simulators/proxmox/index.js';
import { createTestAuthority } from '../simulators/tls.js';
import type { LinuxHost } from './linux-host.js';
import { type Daemon, type Finished, runProgram, startDaemon } from './program.js';
import { waitFor } from './wait.js';

export const REALM = 'entra';

export interface LabOptions {
  /** The machine whose accounts are kept; without it the proxmox target alone is in use. */
  host?: LinuxHost | undefined;
  /** Added to, or put in place of, the settings of the lab. */
  settings?: Record<string, string>;
  entra?: Partial<EntraSimulatorOptions>;
  proxmox?: Partial<ProxmoxSimulatorOptions>;
}

export interface StartOptions {
  /** Put before the command, such as `['setpriv', …]`. */
  wrapper?: readonly string[];
  /** Another environment file than the lab's own. */
  envFile?: string;
}

/** Simulators, directories and settings for one Entramox, and the built program to run against them. */
export interface Lab {
  entra: EntraSimulator;
  proxmox: ProxmoxSimulator;
  host: LinuxHost | undefined;
  dir: string;
  groups: { everybody: string; admins: string };
  envFile: string;
  publicUrl: string;
  /** Adds a person to Entra and to everybody's group; the object id. */
  join(name: string, group?: string): string;
  start(command?: 'run' | 'listen' | 'reconcile', options?: StartOptions): Daemon;
  /** Ends every daemon that was started and still runs, in an orderly way; gives their exit codes. */
  stopAll(): Promise<(number | null)[]>;
  /** Waits until the subscriptions are live and a sweep has finished. */
  ready(deadlineMs?: number): Promise<void>;
  entramox(...args: string[]): Promise<Finished>;
  setSettings(change: Record<string, string>): void;
  log(): string;
  close(): Promise<void>;
}

/** Everything on loopback, in a directory of its own. */
export async function openLab(options: LabOptions = {}): Promise<Lab> {
  const dir = mkdtempSync(join(tmpdir(), 'entramox-lab-'));
  const authority = await createTestAuthority();
  const [entra, proxmox, listenerTls, port] = await Promise.all([
    startEntraSimulator({ authority, timeScale: 60, minimumHealthSamples: 1_000_000, ...options.entra }),
    startProxmoxSimulator({ authority, ...options.proxmox }),
    authority.issue(['localhost', '127.0.0.1']),
    freePort(),
  ]);
  const { host } = options;
  const everybody = entra.directory.addGroup({ displayName: 'entramox-everybody' });
  const admins = entra.directory.addGroup({ displayName: 'entramox-admins' });
  const prepared = proxmox.prepareFor({
    realm: REALM,
    groups: ['entramox', 'PVEAuditor', 'Administrator'],
    roles: { PVEAuditor: 'PVEAuditor', Administrator: 'Administrator' },
  });
  for (const name of ['state', 'listener', 'spool', 'log', 'run']) mkdirSync(join(dir, name), { mode: 0o755 });
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), text, { mode: 0o600 });
    return join(dir, name);
  };
  const publicUrl = `https://localhost:${port}`;
  const settings: Record<string, string> = {
    ENTRA_TENANT_ID: entra.tenantId,
    ENTRA_CLIENT_ID: entra.clientId,
    ENTRA_CLIENT_SECRET: entra.clientSecret,
    ENTRA_AUTHORITY: entra.loginUrl,
    GRAPH_BASE_URL: entra.graphUrl.replace(/\/v1\.0$/, ''),
    CA_FILE: file('ca.pem', authority.cert),
    ENTRA_ALLUSERS_GROUP_ID: everybody,
    ENTRA_ALLUSERS_PVE_ROLE: 'PVEAuditor',
    ENTRA_SUPERADMIN_GROUP_ID: admins,
    ENTRA_SUPERADMIN_PVE_ROLE: 'Administrator',
    GRANT_SUDO: 'true',
    // A first run that waits for somebody has tests of its own.
    FIRST_RUN: 'apply',
    REALM,
    PVE_API_URL: proxmox.url,
    PVE_API_TOKEN: prepared.token,
    PVE_CA_FILE: join(dir, 'ca.pem'),
    PUBLIC_URL: publicUrl,
    LISTEN_PORT: String(port),
    LISTEN_TLS_CERT_FILE: file('tls.crt', listenerTls.cert),
    LISTEN_TLS_KEY_FILE: file('tls.key', listenerTls.key),
    STATE_DIR: join(dir, 'state'),
    LISTENER_STATE_DIR: join(dir, 'listener'),
    SPOOL_DIR: join(dir, 'spool'),
    LOG_DIR: join(dir, 'log'),
    RUN_DIR: join(dir, 'run'),
    LISTENER_SOCKET: join(dir, 'run/listener.sock'),
    TARGETS: host ? 'linux,proxmox' : 'proxmox',
    ...(host ? { ACCOUNTS_COMMAND: JSON.stringify(host.agentCommand) } : {}),
    ...options.settings,
  };
  const envFile = join(dir, 'entramox.env');
  const setSettings = (change: Record<string, string>) => {
    Object.assign(settings, change);
    const lines = Object.entries(settings).map(([name, value]) => `${name}='${value}'`);
    writeFileSync(envFile, `${lines.join('\n')}\n`, { mode: 0o600 });
  };
  setSettings({});
  const env = { PATH: process.env.PATH, HOME: dir };
  const logFile = join(dir, 'daemon.log');
  const daemons: Daemon[] = [];
  const isRunning = ({ child }: Daemon) => child.exitCode === null && child.signalCode === null;
  const stopAll = () => Promise.all(daemons.filter(isRunning).map((daemon) => daemon.stop()));
  const entramox = (...args: string[]) => runProgram([...args, '--config', envFile], env);
  return {
    entra,
    proxmox,
    host,
    dir,
    groups: { everybody, admins },
    envFile,
    publicUrl,
    join(name, group = everybody) {
      const oid = entra.directory.addUser({
        userPrincipalName: `${name}@example.com`,
        displayName: `${name} Example`,
        givenName: name,
        surname: 'Example',
      });
      entra.directory.addMember(group, oid);
      return oid;
    },
    start(command = 'run', { wrapper, envFile: file = envFile } = {}) {
      const daemon = startDaemon([command, '--config', file], env, logFile, wrapper);
      daemons.push(daemon);
      return daemon;
    },
    stopAll,
    async ready(deadlineMs = 30_000) {
      await waitFor(
        'live subscriptions and a finished sweep',
        async () => {
          const { code, stdout } = await entramox('status', '--json');
          if (code === null || stdout === '') return false;
          const { reconciler, subscriptions } = JSON.parse(stdout);
          const live =
            subscriptions?.length > 0 && subscriptions.every((item: { state: string }) => item.state === 'live');
          return live && reconciler?.lastSweep !== undefined;
        },
        deadlineMs,
        200,
      );
    },
    entramox,
    setSettings,
    log: () => readFileSync(logFile, 'utf8'),
    async close() {
      await stopAll();
      await Promise.all([entra.close(), proxmox.close(), host?.destroy()]);
      // A child that was just stopped may still write its last file.
      rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no free port');
  return address.port;
}
