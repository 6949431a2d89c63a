import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { collect, type ExecOptions, type ExecResult } from '../sandbox/collect.js';
import { bootableTree, nodeOfRoot } from './tree.js';

/** A booted Debian in namespaces of its own: real systemd, logind, sshd, cron and at. */
export interface Machine {
  /** Runs one command inside as root, in an environment of its own. Never rejects for an exit code. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Runs a shell line inside as root and returns its trimmed output; throws for any exit code but 0. */
  shell(line: string, options?: ExecOptions): Promise<string>;
  /** The argument array that runs this command inside when started from outside, with stdin and stdout passed on. */
  command(argv: readonly string[], env?: Readonly<Record<string, string>>): string[];
  /** The place outside where a path of the machine can be read, written and connected to while it lives. */
  outside(path: string): string;
  /** Ends everything inside and forgets every file. Safe to repeat. */
  destroy(): Promise<void>;
}

const SCRIPT = fileURLToPath(new URL('./booted.sh', import.meta.url));
const NEEDED = ['systemd-nspawn', 'mmdebstrap', 'unshare', 'nsenter', 'apt-get', 'apt-config'];
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const BOOT_LIMIT_MS = 30_000;
const NODE = '/usr/bin/node';

/** Why no machine can be booted here, for whoever has to skip; the first look may take minutes. */
export async function machineUnavailable(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'needs root for namespaces and mounts';
  const missing = NEEDED.filter((tool) => !PATH.split(delimiter).some((place) => isExecutable(join(place, tool))));
  if (missing.length > 0) return `needs ${missing.join(', ')} (Debian: systemd-container, mmdebstrap, util-linux, apt)`;
  try {
    // Nothing of ours is in it yet: whatever keeps it from booting is the kernel, the container around us or the mirror.
    await (await bootMachine()).destroy();
    return undefined;
  } catch (error) {
    return `no systemd can be booted here: ${error instanceof Error ? error.message : error}`;
  }
}

/**
 * Boots a machine in about a second. The node that runs the tests is `/usr/bin/node` inside, read-only; there is no
 * network but its loopback. It ends with `destroy`, and by itself when this process ends in any way. Throws with the
 * last words of its console when it does not come up in time.
 */
export async function bootMachine(): Promise<Machine> {
  const name = `entramox-${randomUUID().slice(0, 8)}`;
  const tree = await bootableTree();
  const options = [`--bind-ro=${nodeOfRoot()}:${NODE}`];
  // In a process group of its own, so that Ctrl-C reaches only us and nothing is left behind.
  const script = spawn('/bin/bash', [SCRIPT, tree, name, ...options], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { PATH },
  });
  const ended = once(script, 'close');
  let console = '';
  script.stderr.setEncoding('utf8').on('data', (text: string) => {
    console = `${console}${text}`.slice(-2000);
  });
  // The script may be gone already; then there is nothing left to end, and nothing more to hear.
  for (const pipe of [script.stdin, script.stdout, script.stderr]) {
    pipe.on('error', (error) => {
      console = `${console}${error.message}`.slice(-2000);
    });
  }
  async function destroy(): Promise<void> {
    script.stdin.end();
    await ended;
  }
  try {
    const machine = { ...entered(await leaderOf(script.stdout, ended)), destroy };
    await untilUp(machine);
    await machine.shell('ip link set lo up; echo "127.0.0.1 localhost $(hostname)" >> /etc/hosts');
    return machine;
  } catch (error) {
    await destroy();
    throw new Error(`${error instanceof Error ? error.message : error}; its console: ${lastLines(console)}`);
  }
}

function entered(leader: string): Omit<Machine, 'destroy'> {
  const enter = ['nsenter', '-t', leader, '-m', '-u', '-i', '-n', '-p', '-C'];
  const command: Machine['command'] = (argv, env = {}) => {
    const variables = { PATH, HOME: '/root', LANG: 'C.UTF-8', TERM: 'dumb', ...env };
    return [...enter, 'env', '-i', '-C', '/', ...Object.entries(variables).map((pair) => pair.join('=')), ...argv];
  };
  const exec: Machine['exec'] = (argv, options = {}) => collect(command(argv, options.env), options);
  return {
    command,
    exec,
    async shell(line, options) {
      const { code, stdout, stderr } = await exec(['/bin/bash', '-c', line], options);
      if (code !== 0) throw new Error(`${line}: ended with ${code}: ${stderr || stdout}`);
      return stdout.trim();
    },
    outside: (path) => join(`/proc/${leader}/root`, path),
  };
}

async function leaderOf(output: NodeJS.ReadableStream, ended: Promise<unknown>): Promise<string> {
  const said = once(createInterface({ input: output }), 'line').then(([line]) => /^leader (\d+)$/.exec(line)?.[1]);
  const leader = await Promise.race([said, ended.then(() => undefined)]);
  if (leader === undefined) throw new Error('systemd-nspawn started nothing');
  return leader;
}

/** Every unit that was to be started is; a `degraded` machine is as good, since one unit may not suit a container. */
async function untilUp(machine: Omit<Machine, 'destroy'>): Promise<void> {
  const end = performance.now() + BOOT_LIMIT_MS;
  for (;;) {
    const { stdout, stderr } = await machine.exec(['systemctl', 'is-system-running'], { timeoutMs: BOOT_LIMIT_MS });
    const state = stdout.trim();
    if (state === 'running' || state === 'degraded') return;
    if (performance.now() > end) throw new Error(`it does not come up: ${state || stderr.trim()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-5).join(' / ') || 'empty';
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}
