import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSandbox, REPOSITORY, type Sandbox } from '../integration/sandbox/index.js';

/** What the host's own files say of an account; undefined: it is not there. */
export interface HostAccount {
  uid: number;
  gecos: string;
  locked: boolean;
  expired: boolean;
  sudo: boolean;
  groups: string[];
}

/** The machine whose accounts are kept: a private root with real tools, or a labelled simulation. */
export interface LinuxHost {
  kind: 'private root' | 'SIMULATED agent';
  /** For ACCOUNTS_COMMAND. */
  agentCommand: string[];
  account(name: string): HostAccount | undefined;
  /** Whether sudo itself would let this user run a command; undefined where there is no real sudo. */
  mayUseSudo(name: string): Promise<boolean | undefined>;
  sandbox: Sandbox | undefined;
  /** SIGKILL for the agent that was started last by `agentCommand`; false where none runs. Only in a private root. */
  killAgent?(): Promise<boolean>;
  destroy(): Promise<void>;
}

export interface HostPolicy {
  deleteAfterSeconds?: number;
  allowedGroups?: string[];
  locksPerHour?: number;
  /** Uids that are pinned, by object id. */
  uids?: Record<string, number>;
}

/** So wide that two people whose object ids are random never get one uid in a test that is not about that. */
export const LAB_UID_RANGE: [number, number] = [1_900_000_000, 2_099_999_999];

const PID_FILE = '/run/entramox-agent.pid';
const NOTE_PID = `echo $$ > ${PID_FILE}; exec "$@"`;

/** A private root with the account agent's policy in it. Needs root and the tools; see `sandboxUnavailable`. */
export async function createPrivateHost(policy: HostPolicy = {}): Promise<LinuxHost> {
  const sandbox = await createSandbox();
  const text = JSON.stringify({
    version: 1,
    uidRange: LAB_UID_RANGE,
    ...(policy.uids ? { uids: policy.uids } : {}),
    sudo: { enabled: true, nopasswd: false },
    deleteAfterSeconds: policy.deleteAfterSeconds ?? 86_400,
    allowedGroups: policy.allowedGroups ?? [],
    locksPerHour: policy.locksPerHour ?? 10_000,
    deletesPerHour: 10_000,
  });
  const script =
    'umask 077; mkdir -p /etc/entramox /var/lib/entramox-accounts; cat > /etc/entramox/accounts.policy.json';
  const written = await sandbox.exec(['/bin/sh', '-c', script], { input: text });
  if (written.code !== 0) throw new Error(`the policy could not be written: ${written.stderr}`);
  return {
    kind: 'private root',
    sandbox,
    agentCommand: absolute(
      sandbox.command([
        '/bin/sh',
        '-c',
        NOTE_PID,
        'sh',
        process.execPath,
        join(REPOSITORY, 'dist/accounts.js'),
        '--stdio',
      ]),
    ),
    async killAgent() {
      const kill = await sandbox.exec(['/bin/sh', '-c', `kill -KILL "$(cat ${PID_FILE})"`]);
      return kill.code === 0;
    },
    account: (name) => readAccount(sandbox.root, name),
    async mayUseSudo(name) {
      return (await sandbox.exec(['sudo', '-l', '-U', name, '/bin/true'])).code === 0;
    },
    destroy: () => sandbox.destroy(),
  };
}

function absolute(argv: string[]): string[] {
  const [program = '', ...rest] = argv;
  return program.startsWith('/') ? argv : [`/usr/bin/${program}`, ...rest];
}

/** Read from the files, not asked of the agent: an independent witness. */
function readAccount(root: string, name: string): HostAccount | undefined {
  const line = (file: string) =>
    readFileSync(join(root, 'etc', file), 'utf8')
      .split('\n')
      .map((text) => text.split(':'))
      .find((fields) => fields[0] === name);
  const passwd = line('passwd');
  if (!passwd) return undefined;
  const shadow = line('shadow') ?? [];
  const uid = Number(passwd[2]);
  const groups = readFileSync(join(root, 'etc/group'), 'utf8')
    .split('\n')
    .map((text) => text.split(':'))
    .filter((fields) => fields[3]?.split(',').includes(name))
    .map((fields) => fields[0] ?? '');
  return {
    uid,
    gecos: passwd[4] ?? '',
    locked: (shadow[1] ?? '').startsWith('!'),
    expired: shadow[7] === '1',
    sudo: exists(join(root, `etc/sudoers.d/entramox-${uid}`)),
    groups: groups.sort(),
  };
}

function exists(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
