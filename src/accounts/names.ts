const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Stricter than useradd, which accepts `ALL`, `#1000` and `%grp` on Debian: names that mean something else in
 * sudoers, in paths or on a command line. 2 to 32 characters.
 */
const NAME = /^[a-z][a-z0-9_-]{0,30}[a-z0-9]$/;

/** Users and groups of a Debian base system and of Proxmox VE, present on this host or not. */
const RESERVED = new Set(
  `root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats ircd nobody nogroup
  adm tty disk kmem dialout fax voice cdrom floppy tape sudo audio dip operator src shadow utmp video sasl plugdev
  staff users wheel admin input sgx kvm render crontab netdev docker lxd libvirt libvirt-qemu bluetooth lpadmin
  systemd-journal systemd-network systemd-resolve systemd-timesync systemd-coredump systemd-oom messagebus sshd
  polkitd uuidd tcpdump avahi statd rpc postfix postdrop postmaster ssh ssl-cert ntp chrony ceph gluster backup
  _apt _chrony _ssh _rpc www pve pam local halt shutdown reboot toor all any entramox entramox-listener
  entramox-operators entramox-accounts`.split(/\s+/),
);

/** Whether the text is a GUID in lower case. */
export function isGuid(text: string): boolean {
  return GUID.test(text);
}

/** Why the text cannot be the name of an account of ours; undefined where it can. */
export function nameProblem(name: string): string | undefined {
  if (NAME.test(name)) return undefined;
  return `${JSON.stringify(name.slice(0, 40))} is no Unix name we make: 2 to 32 of a-z, 0-9, _ and -, beginning with a letter, ending with a letter or digit`;
}

/**
 * Whether the name belongs to the system, or root reserved it by policy. A group that the policy names is reserved
 * too, there or not: the own group of an account of that name would carry whatever rights await the group.
 */
export function isReserved(
  name: string,
  { reservedNames, allowedGroups }: { reservedNames: readonly string[]; allowedGroups: readonly string[] },
): boolean {
  return (
    RESERVED.has(name) || name.startsWith('systemd-') || reservedNames.includes(name) || allowedGroups.includes(name)
  );
}

/** Why the text cannot stand in the GECOS field; undefined where it can. At most 1,000 bytes of UTF-8. */
export function gecosProblem(gecos: string): string | undefined {
  if (Buffer.byteLength(gecos) > 1000) return 'the full name is longer than 1000 bytes';
  if (gecos.includes(':')) return 'the full name contains a colon, which ends the field in /etc/passwd';
  if (/[\p{Cc}\p{Cs}]/u.test(gecos)) return 'the full name contains a control character or half of a letter';
  if (/(^|,)(pri|umask|ulimit)=/i.test(gecos)) return 'the full name contains a setting that pam_umask would apply';
  return undefined;
}
