import { describe, expect, it } from 'vitest';
import { beyondReach, DESKTOP_GROUPS, PRIVILEGED_GROUPS } from '../../../src/accounts/privileged-groups.js';

describe('groups that give power over the host', () => {
  it('are those of administrators, of devices and of the hosts of containers and machines', () => {
    expect([...PRIVILEGED_GROUPS].sort()).toEqual([
      ...['adm', 'admin', 'backup', 'crontab', 'disk', 'docker', 'incus', 'incus-admin', 'input', 'kmem', 'kvm'],
      ...['libvirt', 'libvirt-qemu', 'lxd', 'operator', 'root', 'shadow', 'src', 'staff', 'sudo', 'systemd-journal'],
      ...['tty', 'wheel', 'www-data'],
    ]);
    expect(DESKTOP_GROUPS).toEqual(['video', 'render']);
  });
});

describe('what a member of a group may have left running', () => {
  it.each(['docker', 'lxd', 'incus', 'incus-admin', 'kvm', 'libvirt', 'libvirt-qemu'])('is told for %s', (group) => {
    expect(beyondReach('alice', ['adm', group])).toEqual([
      `containers and machines that alice started as a member of ${group} run on`,
    ]);
  });

  it('is told once for all of them, and is nothing for others', () => {
    expect(beyondReach('alice', ['kvm', 'docker'])).toEqual([
      'containers and machines that alice started as a member of kvm, docker run on',
    ]);
    expect(beyondReach('alice', ['sudo', 'adm', 'games'])).toEqual([]);
  });
});
