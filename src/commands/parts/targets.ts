import { readFileSync } from 'node:fs';
import type { Settings } from '../../config/settings.js';
import { managedPveGroups } from '../../domain/entitlement.js';
import { Rejected } from '../../domain/errors.js';
import { createAccountsClient } from '../../targets/linux/accounts-client.js';
import { createLinuxTarget, type LinuxTarget } from '../../targets/linux/target.js';
import { createProxmoxClient, type ProxmoxClient } from '../../targets/proxmox/client.js';
import { createProxmoxTarget, type ProxmoxTarget } from '../../targets/proxmox/target.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { type Outside, theRealOutside } from './outside.js';
import { policyOf } from './policy.js';

/** The targets in use. */
export interface ConnectedTargets {
  linux?: LinuxTarget | undefined;
  proxmox?: ProxmoxTarget | undefined;
  close(): Promise<void>;
}

/** Connects what TARGETS names; nothing is asked yet. */
export function connectTargets(
  settings: Settings,
  log: Log,
  metrics: Metrics,
  outside: Outside = theRealOutside,
  problems = new Map<string, string>(),
): ConnectedTargets {
  const linux = settings.targets.includes('linux') ? connectLinux(settings, log, outside) : undefined;
  const proxmox = settings.targets.includes('proxmox')
    ? connectProxmox(settings, log, metrics, outside, problems)
    : undefined;
  return {
    linux,
    proxmox,
    async close() {
      await Promise.all([linux?.close(), proxmox?.close()]);
    },
  };
}

function connectLinux(settings: Settings, log: Log, { accounts }: Outside): LinuxTarget {
  const { accountsCommand, accountsSocket } = settings.linux;
  if (!accountsCommand && !accountsSocket)
    throw new Rejected('the linux target needs ACCOUNTS_SOCKET or ACCOUNTS_COMMAND');
  const client = createAccountsClient({
    connect: accounts ?? (accountsCommand ? { command: accountsCommand } : { socketPath: accountsSocket ?? '' }),
    log,
  });
  return createLinuxTarget({ client, log });
}

function connectProxmox(
  settings: Settings,
  log: Log,
  metrics: Metrics,
  outside: Outside,
  problems: Map<string, string>,
): ProxmoxTarget {
  const policy = policyOf(settings);
  return createProxmoxTarget({
    client: proxmoxClient(settings, log, metrics, outside),
    realm: policy.realm,
    managedGroups: managedPveGroups(policy),
    adoptExisting: policy.provision === 'existing',
    creates: policy.provision === 'create',
    stopsConsoles: settings.proxmox.stopTasks,
    problems,
    log,
    clock: outside.clock,
  });
}

/** The client of PVE_API_URL. Throws Rejected without a token. */
export function proxmoxClient(
  settings: Settings,
  log: Log,
  metrics: Metrics,
  { clock, proxmox }: Outside = theRealOutside,
): ProxmoxClient {
  const { apiUrl, apiToken, caFile, timeoutMs } = settings.proxmox;
  if (!apiToken) throw new Rejected('Proxmox needs PVE_API_TOKEN');
  return createProxmoxClient({
    baseUrl: apiUrl,
    token: apiToken,
    ca: caFile ? readFileSync(caFile, 'utf8') : undefined,
    timeoutMs,
    log,
    clock,
    connections: proxmox,
    onCall: ({ method, status }) => metrics.proxmoxCalls.inc({ method, status: String(status ?? 'none') }),
  });
}
