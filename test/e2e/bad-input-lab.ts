import { readdirSync, readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import type { ReconcilerStatus } from '../../src/operator/status.js';
import type { EventCode } from '../../src/telemetry/events/index.js';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, type LabOptions, openLab, REALM } from '../lab/lab.js';
import { createPrivateHost, type HostPolicy, type LinuxHost } from '../lab/linux-host.js';
import type { Daemon } from '../lab/program.js';
import { waitFor } from '../lab/wait.js';

/** Why the Linux side of these tests is left out here; for the titles, so that it is never left out silently. */
export const withoutLinux = sandboxUnavailable();

/** To be put behind the title of a group of tests that go on without the Linux target where they have to. */
export const sides = withoutLinux ? ` (Proxmox alone, the Linux target ${withoutLinux})` : '';

export interface LogLine {
  event: EventCode;
  time: string;
  [field: string]: unknown;
}

/** Everything that the targets hold of people, except for newcomers: what must be the same after a bad input. */
export interface World {
  linux: Record<string, string[]>;
  proxmox: unknown[];
}

export interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

export interface WardOptions extends Omit<LabOptions, 'host'> {
  /** People of everybody's group who are there before anything bad happens. Default: alice. */
  residents?: readonly string[];
  /** Those of the residents who are administrators as well. */
  admins?: readonly string[];
  policy?: HostPolicy;
  /** false: Proxmox alone, whatever this machine could do. */
  linux?: boolean;
}

/** A running Entramox with people in it, and the eyes that see whether somebody was harmed. */
export interface Ward {
  lab: Lab;
  host: LinuxHost | undefined;
  /** Object ids by name. */
  people: Record<string, string>;
  /** Object ids of the newcomers by name. */
  newcomers: Record<string, string>;
  daemon(): Daemon;
  /**
   * Stops the daemon, changes settings, starts it again, with `mounts` (a line of shell) done before in mounts of its
   * own that end with it. Does not wait until it is ready.
   */
  restart(settings?: Record<string, string>, mounts?: string): Promise<Daemon>;
  /** Whether this person has what somebody in everybody's group has, in every target. */
  provisioned(name: string): boolean;
  /** Whether this person can get in nowhere. */
  lockedOut(name: string): boolean;
  world(): World;
  /** Sends somebody new and waits until every target has them: the proof that work goes on. */
  welcomesNewcomer(): Promise<string>;
  events(code: EventCode, fits?: (line: LogLine) => boolean): LogLine[];
  /** Waits for an event that was not there when `after` of them were. */
  heard(code: EventCode, fits?: (line: LogLine) => boolean, after?: number): Promise<LogLine>;
  status(): Promise<ReconcilerStatus>;
  /** Waits until the status fits. */
  shows(what: string, fits: (status: ReconcilerStatus) => boolean): Promise<ReconcilerStatus>;
  /** Waits until nothing is in work or due. */
  rests(): Promise<void>;
  readyz(): Promise<{ status: number; unready: { condition: string; detail: string }[] }>;
  /** Sum of the samples of this metric whose labels contain `label`. */
  metric(name: string, label?: string): Promise<number>;
  /** A request to the listener with the bytes as they are. */
  post(path: string, body?: Buffer | string, headers?: Record<string, string>): Promise<Reply>;
  ca(): string;
  close(): Promise<void>;
}

const PATIENCE_MS = 30_000;
/** Entra puts the object id before the name of somebody who was deleted. */
const NEWCOMER = /^(?:[0-9a-f]{32})?newcomer\d+\b/;
const QUICK = { CONFIRM_BEFORE_LOCK: '300ms', CONFIRM_AFTER: '2s', DELETE_AFTER: '1h', LOG_LEVEL: 'debug' };

/** Opens a lab with residents who are provisioned already. */
export async function openWard(options: WardOptions = {}): Promise<Ward> {
  const { residents = ['alice'], admins = [], policy, linux = true, ...labOptions } = options;
  const host = linux && !withoutLinux ? await createPrivateHost(policy) : undefined;
  const lab = await openLab({ ...labOptions, host, settings: { ...QUICK, ...labOptions.settings } });
  const socketPath = join(lab.dir, 'run/operator.sock');
  const people: Record<string, string> = {};
  let daemon = lab.start();
  const newcomers: Record<string, string> = {};
  let welcomed = 0;

  const userid = (name: string) => `${name}@example.com@${REALM}`;

  function provisioned(name: string): boolean {
    const user = lab.proxmox.user(userid(name));
    if (!user?.enabled || !user.groups.some((group) => group !== `entramox-${REALM}`)) return false;
    if (!host) return true;
    const account = host.account(name);
    return account !== undefined && !account.locked && !account.expired;
  }

  function lockedOut(name: string): boolean {
    if (lab.proxmox.user(userid(name))?.enabled) return false;
    const account = host?.account(name);
    return account === undefined || (account.locked && account.expired && !account.sudo);
  }

  function linuxWorld(): Record<string, string[]> {
    const root = host?.sandbox?.root;
    if (root === undefined) return {};
    const files = ['passwd', 'shadow', 'group', 'gshadow'];
    const rules = readdirSync(join(root, 'etc/sudoers.d')).map((name) => `sudoers.d/${name}`);
    const lines = (file: string) =>
      readFileSync(join(root, 'etc', file), 'utf8')
        .split('\n')
        .filter((line) => !NEWCOMER.test(line));
    return Object.fromEntries([...files, ...rules.sort()].map((file) => [file, lines(file)]));
  }

  function events(code: EventCode, fits: (line: LogLine) => boolean = () => true): LogLine[] {
    return lab
      .log()
      .split('\n')
      .flatMap((text): LogLine[] => {
        if (!text.startsWith('{') || !text.endsWith('}')) return [];
        const line = JSON.parse(text) as LogLine;
        return line.event === code && fits(line) ? [line] : [];
      });
  }

  async function ask(path: string): Promise<Reply> {
    return send(httpRequest({ socketPath, path, timeout: 10_000 }));
  }

  async function status(): Promise<ReconcilerStatus> {
    return JSON.parse((await ask('/status')).text) as ReconcilerStatus;
  }

  const ca = () => readFileSync(join(lab.dir, 'ca.pem'), 'utf8');

  const ward: Ward = {
    lab,
    host,
    people,
    newcomers,
    daemon: () => daemon,
    async restart(settings, mounts) {
      if (daemon.child.exitCode === null && daemon.child.signalCode === null) await daemon.stop();
      if (settings) lab.setSettings(settings);
      const apart = ['unshare', '--mount', '--propagation', 'private', '/bin/sh', '-c', `${mounts} && exec "$@"`, 'sh'];
      daemon = lab.start('run', { wrapper: mounts === undefined ? [] : apart });
      return daemon;
    },
    provisioned,
    lockedOut,
    world: () => ({
      linux: linuxWorld(),
      proxmox: lab.proxmox.users().filter(({ userid: id }) => !NEWCOMER.test(id)),
    }),
    async welcomesNewcomer() {
      welcomed += 1;
      const name = `newcomer${welcomed}`;
      newcomers[name] = lab.join(name);
      await waitFor(`${name} in every target`, () => provisioned(name), PATIENCE_MS);
      return name;
    },
    events,
    async heard(code, fits, after = 0) {
      const found = await waitFor(`the event ${code}`, () => events(code, fits)[after], PATIENCE_MS, 50);
      return found.value;
    },
    status,
    async shows(what, fits) {
      const seen = async () => {
        const now = await status();
        return fits(now) && now;
      };
      return (await waitFor(what, seen, PATIENCE_MS, 100)).value as ReconcilerStatus;
    },
    async rests() {
      await ward.shows(
        'nothing in work',
        ({ queue, busy }) => queue.processing === 0 && queue.pending === queue.deferred && !busy.sweep,
      );
    },
    async readyz() {
      const { status: code, text } = await ask('/readyz');
      return { status: code, unready: JSON.parse(text).unready };
    },
    async metric(name, label = '') {
      const { text } = await ask('/metrics');
      const samples = text.split('\n').filter((line) => line.startsWith(`${name}{`) && line.includes(label));
      return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    },
    post(path, body, headers = { 'content-type': 'application/json' }) {
      const call = httpsRequest(`${lab.publicUrl}${path}`, { method: 'POST', ca: ca(), headers, agent: false });
      return send(call, body);
    },
    ca,
    close: () => lab.close(),
  };
  try {
    await lab.ready();
    for (const name of residents) people[name] = lab.join(name);
    for (const name of admins) lab.entra.directory.addMember(lab.groups.admins, people[name] ?? '');
    await waitFor(`${residents.join(', ')} in every target`, () => residents.every(provisioned), PATIENCE_MS);
    const isAdmin = (name: string) => lab.proxmox.user(userid(name))?.groups.includes(`Administrator-${REALM}`);
    await waitFor('administrators', () => admins.every(isAdmin), PATIENCE_MS);
    await ward.rests();
  } catch (error) {
    const log = lab.log().split('\n').slice(-30).join('\n');
    await lab.close();
    throw new Error(`${error instanceof Error ? error.message : error}\n${log}`);
  }
  return ward;
}

/** Sends the request and reads the whole answer. Rejects when the connection ends without one. */
export function send(call: ReturnType<typeof httpRequest>, body?: Buffer | string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    call.once('error', reject);
    call.once('timeout', () => call.destroy(new Error('no answer in time')));
    call.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    call.end(body);
  });
}
