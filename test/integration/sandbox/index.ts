import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { collect, type ExecOptions, type ExecResult } from './collect.js';

export type { ExecOptions, ExecResult } from './collect.js';

/** A private root: real tools on a copy-on-write view of this machine, of which nothing ever gets out. */
export interface Sandbox {
  /** Runs one command inside as root, in an environment of its own. Never rejects for an exit code. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** The argument array that runs this command inside when started from outside, with stdin and stdout passed on. */
  command(argv: readonly string[], env?: Readonly<Record<string, string>>): string[];
  /** Where the files of the sandbox can be read from outside while it lives. */
  root: string;
  /** Ends every process inside and forgets every file. Safe to repeat. */
  destroy(): Promise<void>;
}

/** The top of this repository, which every sandbox shows read-only at the same path. */
export const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

const SCRIPT = fileURLToPath(new URL('./private-root.sh', import.meta.url));
const NEEDED = ['unshare', 'nsenter', 'chroot', 'mount', 'useradd', 'usermod', 'userdel', 'visudo', 'sudo', 'flock'];
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const START_DEADLINE_MS = 15_000;

/** Why no sandbox can be made here, for the title of a skipped test; undefined where one can. */
export function sandboxUnavailable(): string | undefined {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'needs root for namespaces and mounts';
  const missing = NEEDED.filter((tool) => !PATH.split(delimiter).some((place) => isExecutable(join(place, tool))));
  if (missing.length > 0) return `needs ${missing.join(', ')} (Debian: passwd, sudo, util-linux)`;
  const probe = spawnSync('unshare', ['--mount', '--pid', '--fork', '--net', '--ipc', '--uts', 'true'], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  return probe.status === 0 ? undefined : `needs namespaces: ${(probe.stderr || 'unshare failed').trim()}`;
}

/**
 * Makes a private root in about 50 ms. The repository and the directory of node are visible inside, further
 * directories by `binds`, all read-only. It ends with `destroy`, and by itself when this process ends in any way.
 * Throws with the words of the tool that failed.
 */
export async function createSandbox({ binds = [] }: { binds?: readonly string[] } = {}): Promise<Sandbox> {
  const directory = mkdtempSync(join(tmpdir(), 'entramox-sandbox-'));
  const shown = [...new Set([REPOSITORY, dirname(process.execPath), ...binds])].filter((path) => path !== '/usr/bin');
  // In a process group of its own, so that Ctrl-C reaches only us and the directory is still put away.
  const script = spawn('/bin/bash', [SCRIPT, directory, ...shown], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const ended = once(script, 'close');
  let words = '';
  script.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = `${words}${text}`.slice(-2000);
  });
  // Writing to a sandbox that is gone is no event of its own: what it was written for fails by itself.
  script.stdin.on('error', (error) => {
    words = `${words}${error.message}`.slice(-2000);
  });
  async function destroy(): Promise<void> {
    script.stdin.end();
    await ended;
  }
  const keeper = await firstLine();
  if (keeper === undefined) {
    await destroy();
    throw new Error(`no sandbox could be made: ${words.trim() || 'it ended without a word'}`);
  }
  const enter = ['nsenter', '-t', keeper, '-m', '-p', '-n', '-i', '-u', '-r', '-w'];

  function command(argv: readonly string[], env: Readonly<Record<string, string>> = {}): string[] {
    const variables = Object.entries({ PATH, HOME: '/root', LC_ALL: 'C', ...env }).map(
      ([key, value]) => `${key}=${value}`,
    );
    return [...enter, 'env', '-i', '-C', '/', ...variables, ...argv];
  }

  async function firstLine(): Promise<string | undefined> {
    const lines = createInterface({ input: script.stdout });
    const timer = setTimeout(() => script.stdin.end(), START_DEADLINE_MS);
    try {
      for await (const line of lines) {
        const pid = /^ready (\d+)$/.exec(line)?.[1];
        if (pid) return pid;
      }
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    command,
    destroy,
    root: `/proc/${keeper}/root`,
    exec: (argv, options = {}) => collect(command(argv, options.env), options),
  };
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
