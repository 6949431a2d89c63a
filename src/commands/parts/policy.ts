import type { Settings } from '../../config/settings.js';
import type { Policy } from '../../domain/policy.js';

/** What the planner needs of the configuration. */
export function policyOf(settings: Settings): Policy {
  const { entra, roles, linux, proxmox, lifecycle } = settings;
  return {
    enforce: entra.enforce,
    groupIds: entra.groupIds,
    userIds: entra.userIds,
    roleMap: roles.map,
    allUsers: roles.allUsers,
    superAdmin: roles.superAdmin,
    allowedDomains: entra.allowedUpnDomains,
    grantSudo: linux.grantSudo,
    extraGroups: linux.extraGroups,
    username: linux.usernames,
    // Without the proxmox target the realm is used for nothing but the names of groups that nobody asks for.
    realm: proxmox.realm ?? 'entra',
    provision: proxmox.provision,
    targets: settings.targets,
    deleteAfterMs: lifecycle.deleteAfterMs,
    confirmBeforeLockMs: lifecycle.confirmBeforeLockMs,
    guard: settings.guard,
    firstRun: settings.firstRun,
  };
}
