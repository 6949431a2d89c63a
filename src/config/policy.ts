import type { Settings } from './settings.js';

/** What the account agent may do, as its root-owned policy file says it. */
export interface AccountsPolicy {
  version: 1;
  uidRange: [first: number, last: number];
  shell: string;
  homeBase: string;
  allowedGroups: string[];
  endSessionsOnLossOf: string[];
  sudo: { enabled: boolean; nopasswd: boolean };
  deleteAfterSeconds: number;
  locksPerHour: number;
  deletesPerHour: number;
  archiveDir: string;
  archiveHomes: boolean;
  reservedNames: string[];
}

/** Groups that give power over a host: who loses one is logged out, because running processes keep it. */
const ENDS_SESSIONS = [
  ...['root', 'sudo', 'wheel', 'admin', 'adm', 'systemd-journal', 'shadow', 'staff', 'operator', 'backup', 'src'],
  ...['disk', 'kmem', 'tty', 'input', 'crontab', 'www-data'],
  ...['docker', 'lxd', 'incus', 'incus-admin', 'kvm', 'libvirt', 'libvirt-qemu'],
];

/** The policy that allows exactly what these settings can ask for; ceilings are those of a small company. */
export function accountsPolicy({ linux, roles, lifecycle }: Settings): AccountsPolicy {
  const groups = [...linux.extraGroups, ...roles.map.flatMap((entry) => entry.linuxGroups)];
  return {
    version: 1,
    uidRange: [linux.uidRange[0], linux.uidRange[1]],
    shell: linux.shell,
    homeBase: '/home',
    allowedGroups: [...new Set(groups)].sort(),
    endSessionsOnLossOf: [...ENDS_SESSIONS],
    sudo: { enabled: linux.grantSudo, nopasswd: linux.sudoNopasswd },
    deleteAfterSeconds: Math.ceil(lifecycle.deleteAfterMs / 1000),
    locksPerHour: 200,
    deletesPerHour: 50,
    archiveDir: linux.homeArchiveDir,
    archiveHomes: true,
    reservedNames: [],
  };
}
