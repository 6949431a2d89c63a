import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AccountsClient } from '../../../src/targets/linux/accounts-client.js';
import { createAccountsClient } from '../../../src/targets/linux/accounts-client.js';
import { REPOSITORY } from '../sandbox/index.js';
import type { Machine } from './index.js';

/** Says nothing; what a test wants to know it asks for. */
const silent = (): void => undefined;

/**
 * Installs the built account agent with our own units, users and folders, as docs/operations.md has it, and starts its
 * socket. The client talks to it as the reconciler does; the first request starts the agent. Close it in the end.
 */
export async function installAgent(
  machine: Machine,
  policy: Readonly<Record<string, unknown>>,
): Promise<AccountsClient> {
  const programs = machine.outside('/usr/lib/entramox');
  mkdirSync(programs, { recursive: true });
  for (const file of ['accounts.js', 'package.json']) copy(join(REPOSITORY, 'dist', file), join(programs, file));
  const units = join(REPOSITORY, 'systemd');
  copy(join(units, 'entramox-integrity'), join(programs, 'entramox-integrity'), 0o755);
  for (const unit of ['entramox-accounts.service', 'entramox-accounts.socket', 'entramox.target']) {
    copy(join(units, unit), machine.outside(`/usr/lib/systemd/system/${unit}`));
  }
  copy(join(units, 'entramox-integrity'), join(programs, 'entramox-integrity'));
  chmodSync(join(programs, 'entramox-integrity'), 0o755);
  copy(join(units, 'entramox.sysusers.conf'), machine.outside('/usr/lib/sysusers.d/entramox.conf'));
  copy(join(units, 'entramox.tmpfiles.conf'), machine.outside('/usr/lib/tmpfiles.d/entramox.conf'));
  await machine.shell('systemd-sysusers && systemd-tmpfiles --create entramox.conf && systemctl daemon-reload');
  writePolicy(machine, policy);
  await machine.shell('systemctl enable --now --quiet entramox-accounts.socket');
  return createAccountsClient({
    connect: { socketPath: machine.outside('/run/entramox-accounts/accounts.sock') },
    log: silent,
    deadlineMs: 40_000,
  });
}

/** What root allows from now on; the agent reads it for every request. */
export function writePolicy(machine: Machine, policy: Readonly<Record<string, unknown>>): void {
  const file = machine.outside('/etc/entramox/accounts.policy.json');
  writeFileSync(file, JSON.stringify({ version: 1, ...policy }));
  chmodSync(file, 0o600);
}

function copy(from: string, to: string, mode = 0o644): void {
  copyFileSync(from, to);
  chmodSync(to, mode);
}
