import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { DEFAULT_POLICY } from '../../../src/accounts/policy.js';
import { uidOf } from '../../../src/accounts/uid.js';
import { type AccountsClient, createAccountsClient } from '../../../src/targets/linux/accounts-client.js';
import type { Log } from '../../../src/telemetry/log.js';
import { createSandbox, REPOSITORY, type Sandbox } from '../sandbox/index.js';

export const POLICY_FILE = '/etc/entramox/accounts.policy.json';
export const LEDGER_FILE = '/var/lib/entramox-accounts/accounts.json';
const AGENT = '/opt/entramox/accounts.js';

/** A private root with the freshly built account agent and a policy in it. */
export interface Lab {
  sandbox: Sandbox;
  /** Runs a shell line inside and returns its trimmed output; throws for any exit code but 0. */
  shell(line: string): Promise<string>;
  /** The text of a file inside. */
  read(path: string): string;
  /** Writes a file inside, as root, 0644 unless told otherwise. */
  write(path: string, text: string, mode?: number): void;
  policy(changes: Record<string, unknown>): void;
  /** The argument array that starts the agent inside, from outside. */
  agent(...options: string[]): string[];
  /** A client with an agent of its own as child. */
  client(): AccountsClient;
  /** The lines of the four account files that carry this name, and its group memberships. */
  linesOf(name: string): string;
  destroy(): Promise<void>;
}

/** Says nothing; what a test wants to know it asks for. */
export const silent: Log = () => undefined;

export const anySignal = new AbortController().signal;

const givenUids = new Set<number>();

/** An identity of its own for each test, so that tests do not lean on each other; no two of them have one uid. */
export function newOid(): string {
  for (;;) {
    const oid = randomUUID();
    const uid = uidOf(oid, DEFAULT_POLICY);
    if (givenUids.has(uid)) continue;
    givenUids.add(uid);
    return oid;
  }
}

/** Makes the lab. The waiting time before a deletion is nothing unless a test asks for more. */
export async function createLab(): Promise<Lab> {
  const sandbox = await createSandbox();
  const clients: AccountsClient[] = [];
  const inside = (path: string): string => join(sandbox.root, path);
  const lab: Lab = {
    sandbox,
    async shell(line) {
      const { code, stdout, stderr } = await sandbox.exec(['/bin/bash', '-c', line]);
      if (code !== 0) throw new Error(`${line}: ended with ${code}: ${stderr || stdout}`);
      return stdout.trim();
    },
    read: (path) => readFileSync(inside(path), 'utf8'),
    write(path, text, mode = 0o644) {
      writeFileSync(inside(path), text);
      chmodSync(inside(path), mode);
    },
    policy(changes) {
      const policy = {
        version: 1,
        allowedGroups: ['adm', 'games', 'sudo'],
        sudo: { enabled: true, nopasswd: true },
        deleteAfterSeconds: 0,
      };
      lab.write(POLICY_FILE, JSON.stringify({ ...policy, ...changes }), 0o600);
    },
    agent: (...options) => sandbox.command([process.execPath, AGENT, ...(options.length > 0 ? options : ['--stdio'])]),
    client() {
      const client = createAccountsClient({ connect: { command: lab.agent() }, log: silent, deadlineMs: 30_000 });
      clients.push(client);
      return client;
    },
    linesOf(name) {
      return ['passwd', 'shadow', 'group', 'gshadow']
        .flatMap((file) =>
          lab
            .read(`/etc/${file}`)
            .split('\n')
            .filter((line) => new RegExp(`(^|[:,])${name}([:,]|$)`).test(line)),
        )
        .join('\n');
    },
    async destroy() {
      await Promise.all(clients.map((client) => client.close()));
      await sandbox.destroy();
    },
  };
  const bundle = await build({
    entryPoints: [join(REPOSITORY, 'src/accounts/main.ts')],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  });
  mkdirSync(inside('/opt/entramox'), { recursive: true });
  mkdirSync(inside('/etc/entramox'), { recursive: true });
  lab.write('/opt/entramox/package.json', '{"type":"module"}');
  lab.write(AGENT, bundle.outputFiles[0]?.text ?? '');
  lab.policy({});
  return lab;
}
