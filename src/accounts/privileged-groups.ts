/**
 * Groups that give power over the host or over what others do on it, in Debian and in Proxmox VE. Left at every lock,
 * whoever granted them; the default of those whose loss ends the sessions that still have them.
 */
export const PRIVILEGED_GROUPS: readonly string[] = [
  ...['root', 'sudo', 'wheel', 'admin', 'adm', 'systemd-journal', 'shadow', 'staff', 'operator', 'backup', 'src'],
  ...['disk', 'kmem', 'tty', 'input', 'crontab', 'www-data'],
  ...['docker', 'lxd', 'incus', 'incus-admin', 'kvm', 'libvirt', 'libvirt-qemu'],
];

/** Left at a lock too, although a demotion need not end anybody's work for their sake. */
export const DESKTOP_GROUPS: readonly string[] = ['video', 'render'];

/** What runs for a member of these belongs to another process, which nothing of ours ends. */
const HOSTS_OF_OTHERS = new Set(['docker', 'lxd', 'incus', 'incus-admin', 'kvm', 'libvirt', 'libvirt-qemu']);

/** What a person who was in these groups may have left running, in words. */
export function beyondReach(name: string, groups: readonly string[]): string[] {
  const hosts = groups.filter((group) => HOSTS_OF_OTHERS.has(group));
  return hosts.length === 0
    ? []
    : [`containers and machines that ${name} started as a member of ${hosts.join(', ')} run on`];
}
