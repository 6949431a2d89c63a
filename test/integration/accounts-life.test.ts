import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccountSight, DeleteResult, ObserveResult } from '../../src/accounts/protocol.js';
import { Busy, Conflict, Rejected } from '../../src/domain/errors.js';
import type { AccountsClient, Ask } from '../../src/targets/linux/accounts-client.js';
import { anySignal, createLab, type Lab, LEDGER_FILE, newOid } from './accounts/lab.js';
import { sandboxUnavailable } from './sandbox/index.js';

const unavailable = sandboxUnavailable();

describe.skipIf(unavailable)(
  `account agent with real shadow-utils${unavailable ? ` (skipped: ${unavailable})` : ''}`,
  () => {
    let lab: Lab;
    let client: AccountsClient;
    const ask = (request: Ask) => client.request(request, anySignal);
    const make = async (name: string, gecos = 'Test Person') => {
      const oid = newOid();
      const { uid } = (await ask({ verb: 'create', oid, name, gecos })) as { uid: number };
      return { oid, name, uid };
    };
    const see = async (oid: string) => ((await ask({ verb: 'observe', oids: [oid] })) as ObserveResult).accounts[0];
    const shadowOf = (name: string) =>
      lab
        .read('/etc/shadow')
        .split('\n')
        .find((line) => line.startsWith(`${name}:`));
    const sudoAllows = async (name: string) =>
      (await lab.sandbox.exec(['sudo', '-l', '-U', name, '/bin/true'])).code === 0;

    beforeAll(async () => {
      lab = await createLab();
      client = lab.client();
    });
    afterAll(() => lab?.destroy());

    describe('create', () => {
      it('makes lines in all four files, a private home with the skeleton, and an expired password', async () => {
        const { oid, uid } = await make('anna', 'Anna Äpfel');

        const passwd = lab.read('/etc/passwd');
        expect(passwd).toContain(`anna:x:${uid}:${uid}:Anna Äpfel:/home/anna:/bin/bash\n`);
        expect(uid).toBeGreaterThanOrEqual(20000);
        expect(shadowOf('anna')).toMatch(/^anna:\$[^:]+:0:/);
        expect(await lab.shell('stat -c "%a %U %G" /home/anna /home/anna/.bashrc')).toBe(
          '700 anna anna\n644 anna anna',
        );
        expect(lab.read('/etc/subuid')).not.toContain('anna');
        expect(await see(oid)).toMatchObject({
          name: 'anna',
          uid,
          state: 'whole',
          locked: false,
          sudo: false,
          groups: [],
        });
      });

      it('changes nothing when asked again', async () => {
        const { oid, uid } = await make('again');
        const before = lab.linesOf('again');

        const answer = await ask({ verb: 'create', oid, name: 'again', gecos: 'Test Person' });

        expect(answer).toEqual({ name: 'again', uid });
        expect(lab.linesOf('again')).toBe(before);
      });

      it('takes over a new full name and keeps the password', async () => {
        const { oid } = await make('renamed');
        const password = shadowOf('renamed');

        await ask({ verb: 'create', oid, name: 'renamed', gecos: 'New Name' });

        expect((await see(oid))?.gecos).toBe('New Name');
        expect(shadowOf('renamed')).toBe(password);
      });

      it('refuses a second name for one identity', async () => {
        const { oid } = await make('firstname');

        const second = ask({ verb: 'create', oid, name: 'secondname', gecos: '' });

        await expect(second).rejects.toThrow(Conflict);
        expect(lab.linesOf('secondname')).toBe('');
      });

      it('completes an account that lost its line in any one file', async () => {
        for (const file of ['passwd', 'shadow', 'group', 'gshadow']) {
          const name = `lost-${file}`;
          const { oid, uid } = await make(name);
          await lab.shell(`sed -i '/^${name}:/d' /etc/${file}`);
          expect((await see(oid))?.state).toBe('partial');

          await ask({ verb: 'create', oid, name, gecos: 'Test Person' });

          expect(await see(oid)).toMatchObject({ state: 'whole', uid, locked: false });
          expect(lab.linesOf(name).split('\n')).toHaveLength(4);
          expect(shadowOf(name)).toMatch(/:\$[^:]+:0:/);
        }
      });

      it('makes a lost home again, and leaves one alone that root took over', async () => {
        const { oid, name } = await make('homeless');
        const other = await make('chrooted');
        await lab.shell(`rm -r /home/${name}; chown root: /home/chrooted`);
        const password = shadowOf(name);
        const partial = (await see(oid))?.state;

        await ask({ verb: 'create', oid, name, gecos: 'New Name' });
        await ask({ verb: 'create', oid: other.oid, name: 'chrooted', gecos: 'New Name' });

        expect([partial, (await see(oid))?.state, (await see(other.oid))?.state]).toEqual([
          'partial',
          'whole',
          'whole',
        ]);
        expect(await lab.shell(`stat -c '%a %U' /home/${name} /home/${name}/.profile /home/chrooted`)).toBe(
          `700 ${name}\n644 ${name}\n700 root`,
        );
        expect(shadowOf(name)).toBe(password);
      });

      it('does not let a forgotten membership in sudo come to life', async () => {
        const { oid, name } = await make('forgotten');
        await lab.shell(`gpasswd -a ${name} sudo && sed -i '/^${name}:/d' /etc/passwd`);

        await ask({ verb: 'create', oid, name, gecos: '' });

        expect(await see(oid)).toMatchObject({ state: 'whole', groups: [] });
        expect(await sudoAllows(name)).toBe(false);
      });
    });

    describe('accounts of others', () => {
      it('are never touched, whatever is asked', async () => {
        await lab.shell('useradd -m -G sudo -c "Old Hand" oldhand && echo oldhand:secret99 | chpasswd');
        const before = [lab.linesOf('oldhand'), lab.linesOf('root'), await lab.shell('find /home/oldhand | sort')];
        const oid = newOid();

        const names = ((await ask({ verb: 'observe', names: [{ oid, name: 'oldhand' }] })) as ObserveResult).names;
        await expect(ask({ verb: 'create', oid, name: 'oldhand', gecos: 'Thief' })).rejects.toThrow(Conflict);
        await expect(ask({ verb: 'create', oid, name: 'root', gecos: 'Thief' })).rejects.toThrow(Conflict);
        await expect(ask({ verb: 'create', oid, name: 'www-data', gecos: 'Thief' })).rejects.toThrow(Conflict);
        for (const verb of ['lock', 'unlock', 'delete'] as const)
          await expect(ask({ verb, oid })).rejects.toThrow(Rejected);
        await expect(ask({ verb: 'sudo', oid, granted: true })).rejects.toThrow(Rejected);
        await expect(ask({ verb: 'groups', oid, groups: [] })).rejects.toThrow(Rejected);

        expect(names[oid]).toMatchObject({ state: 'foreign', why: expect.stringContaining('did not make') });
        expect([lab.linesOf('oldhand'), lab.linesOf('root'), await lab.shell('find /home/oldhand | sort')]).toEqual(
          before,
        );
      });

      it('are left alone when one takes over the name of ours', async () => {
        const { oid, name } = await make('swapped');
        await lab.shell(`userdel ${name} && useradd -u 4711 -M ${name}`);
        const before = lab.linesOf(name);

        const seen = (await ask({ verb: 'observe', oids: [oid], names: [{ oid, name }] })) as ObserveResult;
        await expect(ask({ verb: 'lock', oid })).rejects.toThrow(Conflict);
        await expect(ask({ verb: 'create', oid, name, gecos: 'x' })).rejects.toThrow(Conflict);

        expect(seen.accounts).toEqual([]);
        expect(seen.names[oid]?.state).toBe('foreign');
        expect(lab.linesOf(name)).toBe(before);
      });

      it('keep their home directories', async () => {
        await lab.shell('mkdir /home/squatted && touch /home/squatted/precious');

        const creation = ask({ verb: 'create', oid: newOid(), name: 'squatted', gecos: '' });

        await expect(creation).rejects.toThrow(/home\/squatted exists/);
        expect(await lab.shell('stat -c %U /home/squatted/precious')).toBe('root');
        expect(lab.linesOf('squatted')).toBe('');
      });
    });

    describe('grants', () => {
      it('sets exactly the asked groups of the policy and leaves others as they are', async () => {
        const { oid, name } = await make('grouped');
        await lab.shell(`gpasswd -a ${name} audio`);

        await ask({ verb: 'groups', oid, groups: ['adm', 'games'] });
        await ask({ verb: 'groups', oid, groups: ['games'] });

        expect((await see(oid))?.groups).toEqual(['games']);
        expect((await lab.shell(`id -nG ${name}`)).split(' ').sort()).toEqual(['audio', 'games', 'grouped']);
      });

      it('refuses a group that the policy does not name', async () => {
        const { oid, name } = await make('greedy');
        const before = lab.linesOf(name);

        const grant = ask({ verb: 'groups', oid, groups: ['games', 'shadow'] });

        await expect(grant).rejects.toThrow(/policy does not allow the group shadow/);
        expect(lab.linesOf(name)).toBe(before);
      });

      it('lets sudo work while it is granted and not a moment longer', async () => {
        const { oid, name, uid } = await make('admin1');
        expect(await sudoAllows(name)).toBe(false);

        await ask({ verb: 'sudo', oid, granted: true });
        const granted = await sudoAllows(name);
        const mode = await lab.shell(`stat -c '%a %U' /etc/sudoers.d/entramox-${uid}`);
        const check = await lab.sandbox.exec(['visudo', '-c']);
        await ask({ verb: 'sudo', oid, granted: false });

        expect([granted, mode, check.code]).toEqual([true, '440 root', 0]);
        expect(await sudoAllows(name)).toBe(false);
        expect(await lab.shell('ls -A /etc/sudoers.d')).not.toContain('entramox');
      });

      it('refuses sudo when the policy does not allow it', async () => {
        const { oid, name } = await make('noadmin');
        lab.policy({ sudo: { enabled: false, nopasswd: false } });

        const grant = ask({ verb: 'sudo', oid, granted: true });

        await expect(grant).rejects.toThrow(/policy does not allow sudo/);
        lab.policy({});
        expect(await sudoAllows(name)).toBe(false);
      });
    });

    describe('lock', () => {
      it('ends running processes, sudo, privileged groups, linger and every way in', async () => {
        const { oid, name, uid } = await make('leaver');
        await ask({ verb: 'sudo', oid, granted: true });
        await lab.shell(
          `gpasswd -a ${name} docker 2>/dev/null || gpasswd -a ${name} disk; mkdir -p /var/lib/systemd/linger; touch /var/lib/systemd/linger/${name}`,
        );
        const as = `setsid setpriv --reuid=${uid} --regid=${uid} --init-groups`;
        await lab.shell(
          `for i in 1 2 3; do ${as} bash -c "trap '' TERM HUP; sleep 1000" </dev/null >/dev/null 2>&1 & done; while [ $(pgrep -cu ${name} sleep) != 3 ]; do :; done`,
        );

        await ask({ verb: 'lock', oid });

        expect((await lab.sandbox.exec(['pgrep', '-l', '-u', String(uid)])).stdout).toBe('');
        expect(shadowOf(name)).toMatch(/^leaver:!\$[^:]*:0:0:99999:7::1:$/);
        expect(await sudoAllows(name)).toBe(false);
        expect(await lab.shell(`id -nG ${name}`)).toBe(name);
        expect((await lab.sandbox.exec(['su', '-', name, '-c', 'true'])).code).not.toBe(0);
        expect((await lab.sandbox.exec(['test', '-e', `/var/lib/systemd/linger/${name}`])).code).toBe(1);
        expect(await see(oid)).toMatchObject({
          state: 'whole',
          locked: true,
          lockedSince: expect.any(Number),
          sudo: false,
        });
      });

      it('changes nothing when asked again, and remembers since when', async () => {
        const { oid, name } = await make('twice');
        await ask({ verb: 'lock', oid });
        const before = [lab.linesOf(name), (await see(oid))?.lockedSince];

        await ask({ verb: 'lock', oid });

        expect([lab.linesOf(name), (await see(oid))?.lockedSince]).toEqual(before);
      });

      it('begins anew when somebody opened the account by hand', async () => {
        const { oid, name } = await make('reopened');
        await ask({ verb: 'lock', oid });
        await lab.shell(`usermod -U -e '' ${name}`);
        expect((await see(oid))?.locked).toBe(false);

        await ask({ verb: 'lock', oid });

        expect((await see(oid))?.locked).toBe(true);
        await ask({ verb: 'unlock', oid });
        expect(shadowOf(name)).toMatch(/^reopened:\$.*:::$/);
      });

      it('refuses grants while it holds', async () => {
        const { oid } = await make('bolted');
        await ask({ verb: 'lock', oid });

        await expect(ask({ verb: 'sudo', oid, granted: true })).rejects.toThrow(/locked/);
        await expect(ask({ verb: 'groups', oid, groups: ['games'] })).rejects.toThrow(/locked/);
      });

      it('works on an account without a line in shadow', async () => {
        const { oid, name } = await make('shadowless');
        await lab.shell(`sed -i '/^${name}:/d' /etc/shadow`);

        await ask({ verb: 'lock', oid });

        expect(shadowOf(name)).toMatch(/^shadowless:!.*:1:$/);
      });

      it('takes sudo, password and processes away even when its disk is full, and counts from when there is room', async () => {
        const { oid, name, uid } = await make('fulldisk');
        await ask({ verb: 'sudo', oid, granted: true });
        await lab.shell(
          `setsid setpriv --reuid=${uid} --regid=${uid} --init-groups sleep 1000 </dev/null >/dev/null 2>&1 &`,
        );
        const state = '/var/lib/entramox-accounts';
        await lab.shell(
          `cp -a ${state} /t && mount -t tmpfs -o size=64k tmpfs ${state} && cp -a /t/. ${state}/ && (cat /dev/zero > ${state}/fill || true) 2>/dev/null`,
        );

        const locking = ask({ verb: 'lock', oid });

        await expect(locking).rejects.toThrow(/not locked completely: ledger: .*ENOSPC/);
        expect([await sudoAllows(name), (await lab.sandbox.exec(['pgrep', '-u', String(uid)])).stdout]).toEqual([
          false,
          '',
        ]);
        expect((await see(oid))?.locked).toBe(false);
        await lab.shell(`rm ${state}/fill`);
        await ask({ verb: 'lock', oid });
        expect((await see(oid))?.locked).toBe(true);
        await lab.shell(`cp -a ${state}/accounts.json* /t/ && umount ${state} && cp -a /t/. ${state}/`);
      });

      it('still reaches an account whose uid the policy has left outside its range', async () => {
        const { oid, name } = await make('outranged');
        lab.policy({ uidRange: [1000, 1001] });

        await ask({ verb: 'lock', oid });

        const unlocking = ask({ verb: 'unlock', oid });
        await expect(unlocking).rejects.toThrow(/outside uidRange/);
        lab.policy({});
        expect(shadowOf(name)).toMatch(/:1:$/);
      });

      it('stops at the ceiling of the policy before it changes anything', async () => {
        const { oid, name } = await make('toomany');
        const before = lab.linesOf(name);
        lab.policy({ locksPerHour: 1 });

        const locking = ask({ verb: 'lock', oid });

        await expect(locking).rejects.toThrow(/ceiling of 1 locks/);
        lab.policy({});
        expect(lab.linesOf(name)).toBe(before);
      });
    });

    describe('unlock', () => {
      it('gives the shadow line back byte for byte, with the expiry that an administrator had set', async () => {
        const { oid, name } = await make('returner');
        await lab.shell(`chage -E 25000 ${name}`);
        const before = lab.linesOf(name);
        await ask({ verb: 'lock', oid });

        await ask({ verb: 'unlock', oid });

        expect(lab.linesOf(name)).toBe(before);
        expect(await see(oid)).toMatchObject({ state: 'whole', locked: false });
      });

      it('leaves a password locked that was locked before us', async () => {
        const { oid, name } = await make('nopass');
        await lab.shell(`usermod -L ${name}`);
        const before = shadowOf(name);
        await ask({ verb: 'lock', oid });

        await ask({ verb: 'unlock', oid });

        expect(shadowOf(name)).toBe(before);
      });

      it('leaves the lock of an administrator alone', async () => {
        const { oid, name } = await make('banned');
        await lab.shell(`usermod -L -e 1 ${name}`);

        await ask({ verb: 'unlock', oid });

        expect(shadowOf(name)).toMatch(/^banned:!.*:1:$/);
      });
    });

    describe('delete', () => {
      const leave = async (name: string) => {
        const person = await make(name);
        await ask({ verb: 'lock', oid: person.oid });
        return person;
      };

      it('is refused for an account that is not locked', async () => {
        const { oid, name } = await make('present');

        await expect(ask({ verb: 'delete', oid })).rejects.toThrow(/present is not locked/);

        expect(lab.linesOf(name).split('\n')).toHaveLength(4);
      });

      it('is refused before the waiting time of the policy is over', async () => {
        const { oid, name } = await leave('hasty');
        lab.policy({ deleteAfterSeconds: 3600 });

        const deletion = ask({ verb: 'delete', oid });

        await expect(deletion).rejects.toThrow(Busy);
        await expect(ask({ verb: 'delete', oid })).rejects.toThrow(/seen locked for \d+ s of 3600 s/);
        lab.policy({});
        expect(lab.linesOf(name).split('\n')).toHaveLength(4);
      });

      it('archives the home, removes every trace by name, reports leftovers, and never gives the name away', async () => {
        const { oid, name, uid } = await leave('goner');
        await lab.shell(`echo secret > /home/${name}/diary; chown ${name}: /home/${name}/diary; touch /tmp/left; chown ${name} /tmp/left;
        mkdir -p /var/spool/cron/crontabs /var/spool/cron/atjobs /run/sudo/ts;
        touch /var/spool/cron/crontabs/${name} /run/sudo/ts/${name} /var/spool/cron/atjobs/a1 /var/spool/cron/atjobs/a2; chown ${name} /var/spool/cron/atjobs/a1`);

        const result = (await ask({ verb: 'delete', oid })) as DeleteResult;

        expect(lab.linesOf(name)).toBe('');
        expect(result.leftovers).toEqual(['/tmp/left']);
        expect(await lab.shell(`tar -xOf ${result.archive} ${name}/diary`)).toBe('secret');
        expect(await lab.shell(`stat -c '%a %U' ${result.archive} $(dirname ${result.archive})`)).toBe(
          '600 root\n700 root',
        );
        expect(await lab.shell('ls /home /run/sudo/ts /var/spool/cron/crontabs')).not.toContain(name);
        expect(await lab.shell('ls /var/spool/cron/atjobs')).toBe('a2');
        const other = newOid();
        await expect(ask({ verb: 'create', oid: other, name, gecos: '' })).rejects.toThrow(Conflict);
        const names = ((await ask({ verb: 'observe', names: [{ oid: other, name }] })) as ObserveResult).names;
        expect(names[other]?.state).toBe('tombstoned');
        expect(JSON.parse(lab.read(LEDGER_FILE)).accounts).toContainEqual(
          expect.objectContaining({ oid, uid, state: 'deleted' }),
        );
      });

      it('is done once, however often it is asked for', async () => {
        const { oid } = await leave('gonetwice');

        const both = await Promise.all([ask({ verb: 'delete', oid }), ask({ verb: 'delete', oid })]);
        const later = await ask({ verb: 'delete', oid });

        expect(both[0]).toEqual(both[1]);
        expect(later).toEqual({ archive: null, leftovers: [] });
      });

      it('gives a person who comes back the same uid, and a new name if wanted', async () => {
        const { oid, uid } = await leave('boomerang');
        await ask({ verb: 'delete', oid });

        const answer = await ask({ verb: 'create', oid, name: 'boomerang2', gecos: 'Back Again' });

        expect(answer).toEqual({ name: 'boomerang2', uid });
        expect((await see(oid)) as AccountSight).toMatchObject({ state: 'whole', locked: false, uid });
        await expect(ask({ verb: 'create', oid: newOid(), name: 'boomerang', gecos: '' })).rejects.toThrow(Conflict);
      });

      it('is refused while the home of somebody else lies in the home', async () => {
        const { oid, name } = await leave('landlord');
        await lab.shell(`useradd -m -d /home/${name}/tenant tenant`);

        const deletion = ask({ verb: 'delete', oid });

        await expect(deletion).rejects.toThrow(/home of tenant lies in/);
        expect(await lab.shell(`ls /home/${name}`)).toBe('tenant');
      });

      it('is refused while something is mounted in the home', async () => {
        const { oid, name } = await leave('mounter');
        await lab.shell(
          `mkdir /home/${name}/mnt && mount -t tmpfs tmpfs /home/${name}/mnt && touch /home/${name}/mnt/precious`,
        );

        const deletion = ask({ verb: 'delete', oid });

        await expect(deletion).rejects.toThrow(/is a mount in the home/);
        expect(await lab.shell(`ls /home/${name}/mnt; umount /home/${name}/mnt`)).toBe('precious');
      });
    });
  },
);
