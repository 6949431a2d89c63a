import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gecosProblem, isGuid, isReserved, nameProblem } from '../../../src/accounts/names.js';

describe('names of accounts', () => {
  it.each(['al', 'alice', 'alice_smith', 'a1-b2', `a${'b'.repeat(31)}`])('takes %s', (name) => {
    expect(nameProblem(name)).toBeUndefined();
  });

  it.each([
    '',
    'a',
    'ALL',
    'Alice',
    '1st',
    '-rf',
    '_x',
    'al.ice',
    'end_',
    'end-',
    '#1000',
    '%adm',
    'a/b',
    'a b',
    'a\n',
    `a${'b'.repeat(32)}`,
  ])('refuses %j', (name) => {
    expect(nameProblem(name)).toContain('is no Unix name we make');
  });

  it('takes nothing that sudoers, a path or a command line would read differently', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (name) => {
        const isPlain = /^[a-z0-9_-]+$/.test(name) && !name.startsWith('-') && !/^\d/.test(name);
        return nameProblem(name) !== undefined || isPlain;
      }),
    );
  });

  it('reserves the names of the system, those of the policy, and the groups that the policy names', () => {
    const policy = { reservedNames: ['boss'], allowedGroups: ['domain-admins'] };
    const reserved = ['root', 'www-data', 'sudo', 'systemd-oom', 'boss', 'domain-admins', 'alice'].map((name) =>
      isReserved(name, policy),
    );

    expect(reserved).toEqual([true, true, true, true, true, true, false]);
  });
});

describe('names that belong to others', () => {
  const nothing = { reservedNames: [], allowedGroups: [] };

  it.each(
    `root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats ircd nobody nogroup adm tty
    disk kmem dialout fax voice cdrom floppy tape sudo audio dip operator src shadow utmp video sasl plugdev staff users
    wheel admin input sgx kvm render crontab netdev docker lxd libvirt libvirt-qemu bluetooth lpadmin systemd-journal
    systemd-whatever messagebus sshd polkitd uuidd tcpdump avahi statd rpc postfix postdrop postmaster ssh ssl-cert ntp
    chrony ceph gluster _apt www pve pam local halt shutdown reboot toor all any entramox entramox-listener
    entramox-operators entramox-accounts`.split(/\s+/),
  )('keep %s from everybody', (name) => {
    expect(isReserved(name, nothing)).toBe(true);
  });

  it.each(['', ' ', 'alice', 'asystemd-x', 'systemd'])('leave %j to people', (name) => {
    expect(isReserved(name, nothing)).toBe(false);
  });

  it('are shown in a refusal without repeating a flood', () => {
    expect(nameProblem('"A"')).toBe(
      '"\\"A\\"" is no Unix name we make: 2 to 32 of a-z, 0-9, _ and -, beginning with a letter, ending with a letter or digit',
    );
    expect(nameProblem('X'.repeat(41))).toMatch(/^"X{40}" is no/);
  });

  it.each([
    '11111111-1111-4111-8111-11111111111',
    '11111111-1111-4111-8111-1111111111111',
    'x11111111-1111-4111-8111-111111111111',
    '11111111-1111-4111-8111-111111111111\n',
    '11111111-1111-4111-8111-11111111111G',
    '11111111-1111-4111-8111-11111111111A',
    '11111111111141118111111111111111',
  ])('are keyed by a GUID in lower case, not by %j', (text) => {
    expect(isGuid(text)).toBe(false);
    expect(isGuid('0123abcd-1111-4111-8111-abcdef012345')).toBe(true);
  });
});

describe('full names', () => {
  it.each([
    ['x'.repeat(1000), undefined],
    ['x'.repeat(1001), 'the full name is longer than 1000 bytes'],
    ['ä'.repeat(501), 'the full name is longer than 1000 bytes'],
    ['a:b', 'the full name contains a colon, which ends the field in /etc/passwd'],
    ['a\tb', 'the full name contains a control character or half of a letter'],
    ['\udc00', 'the full name contains a control character or half of a letter'],
    ['pri=5', 'the full name contains a setting that pam_umask would apply'],
    ['Bob,ulimit=1', 'the full name contains a setting that pam_umask would apply'],
    ['Bob Umask=0', undefined],
    ['Bob, pri=5', undefined],
    ['Bob,prix=5', undefined],
  ])('of %j', (gecos, problem) => {
    expect(gecosProblem(gecos)).toBe(problem);
  });

  it.each(['', 'Anna Äpfel', '山田 太郎', 'O’Neil, Jr. "Bo"', '😀'])('takes %j', (gecos) => {
    expect(gecosProblem(gecos)).toBeUndefined();
  });

  it.each(['a:b', 'a\nb', 'a\0b', '\u007f', '\ud83d', 'x'.repeat(1001), 'Bob,pri=-20', 'UMASK=0'])(
    'refuses %j',
    (gecos) => {
      expect(gecosProblem(gecos)).toBeTypeOf('string');
    },
  );
});
