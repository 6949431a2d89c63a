import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { REPOSITORY } from '../integration/sandbox/index.js';
import { emptyState, readState, writeState } from '../simulators/accounts/state.js';
import type { HostAccount, HostPolicy, LinuxHost } from './linux-host.js';

/** A machine that exists in a state file alone, for where nobody may make real accounts. */
export interface SimulatedHost extends LinuxHost {
  kind: 'SIMULATED agent';
  /** Holds `state.json`, `homes` and `archive`. */
  dir: string;
}

/** A simulated machine, in a temporary directory of its own. Needs no rights at all. */
export async function createSimulatedHost(
  policy: Pick<HostPolicy, 'deleteAfterSeconds' | 'allowedGroups'> = {},
): Promise<SimulatedHost> {
  const { deleteAfterSeconds = 86_400, allowedGroups = [] } = policy;
  const dir = mkdtempSync(join(tmpdir(), 'entramox-simulated-'));
  const file = join(dir, 'state.json');
  writeState(file, emptyState({ deleteAfterSeconds, allowedGroups }));
  const loader = pathToFileURL(createRequire(join(REPOSITORY, 'package.json')).resolve('tsx')).href;
  return {
    kind: 'SIMULATED agent',
    dir,
    sandbox: undefined,
    agentCommand: [process.execPath, '--import', loader, join(REPOSITORY, 'test/simulators/accounts/main.ts'), file],
    account: (name) => accountIn(file, name),
    mayUseSudo: () => Promise.resolve(undefined),
    // An agent that was just stopped may still write its last file.
    destroy: async () => rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }),
  };
}

function accountIn(file: string, name: string): HostAccount | undefined {
  const found = readState(file).accounts.find((account) => account.name === name && account.state === 'whole');
  if (!found) return undefined;
  const { uid, gecos, locked, sudo, groups } = found;
  return { uid, gecos, locked, expired: locked, sudo, groups };
}
