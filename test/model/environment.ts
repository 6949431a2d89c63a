import { join } from 'node:path';
import type { EntraSimulator } from '../simulators/entra/index.js';
import type { ProxmoxSimulator } from '../simulators/proxmox/index.js';
import { type GroupName, REALM } from './settings.js';

export interface EnvironmentOptions {
  entra: EntraSimulator;
  proxmox: ProxmoxSimulator;
  /** Of the Proxmox API. */
  token: string;
  groupIds: Readonly<Record<GroupName, string>>;
  listed: string | undefined;
  limits: { locks: number; deletes: number };
  dir: string;
}

/** The configuration of a world, as an operator would write it. */
export function environmentOf(options: EnvironmentOptions): Record<string, string> {
  const { entra, proxmox, token, groupIds, listed, limits, dir } = options;
  return {
    ENTRA_TENANT_ID: entra.tenantId,
    ENTRA_CLIENT_ID: entra.clientId,
    ENTRA_CLIENT_SECRET: entra.clientSecret,
    ENTRA_AUTHORITY: entra.loginUrl,
    GRAPH_BASE_URL: entra.graphUrl.replace(/\/v1\.0$/, ''),
    ENTRA_ALLUSERS_GROUP_ID: groupIds.everybody,
    ENTRA_ALLUSERS_PVE_ROLE: 'PVEAuditor',
    ENTRA_SUPERADMIN_GROUP_ID: groupIds.admins,
    ENTRA_SUPERADMIN_PVE_ROLE: 'Administrator',
    ENTRA_ROLE_MAP: JSON.stringify([
      { group: groupIds.lab, pve_role: 'PVEVMUser', path: '/vms', sudo: false, linux_groups: ['lab'] },
    ]),
    ...(listed ? { ENTRA_USER_IDS: listed } : {}),
    EXTRA_GROUPS: 'users',
    GRANT_SUDO: 'true',
    REALM,
    PVE_API_URL: proxmox.url,
    PVE_API_TOKEN: token,
    ACCOUNTS_SOCKET: join(dir, 'no-such-socket'),
    TARGETS: 'linux,proxmox',
    SWEEP_CRON: '0 0 29 2 *',
    FIRST_RUN: 'apply',
    GUARD_MAX_LOCKS: String(limits.locks),
    GUARD_MAX_LOCKS_PERCENT: '0',
    GUARD_MAX_DELETES: String(limits.deletes),
    GUARD_MAX_DELETES_PERCENT: '0',
  };
}
