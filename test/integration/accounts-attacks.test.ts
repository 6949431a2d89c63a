import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DeleteResult, LockResult, ObserveResult } from '../../src/accounts/protocol.js';
import { Conflict } from '../../src/domain/errors.js';
import type { AccountsClient, Ask } from '../../src/targets/linux/accounts-client.js';
import { anySignal, createLab, type Lab, LEDGER_FILE, newOid } from './accounts/lab.js';
import { startRaw } from './accounts/raw.js';
import { sandboxUnavailable } from './sandbox/index.js';

const unavailable = sandboxUnavailable();

describe.skipIf(unavailable)(
  `account agent against hostile people${unavailable ? ` (skipped: ${unavailable})` : ''}`,
  () => {
    let lab: Lab;
    let client: AccountsClient;
    const undo: string[] = [];
    const ask = (request: Ask) => client.request(request, anySignal);
    const make = async (name: string) => {
      const oid = newOid();
      const { uid } = (await ask({ verb: 'create', oid, name, gecos: '' })) as { uid: number };
      return { oid, name, uid };
    };
    const see = async (oid: string) => ((await ask({ verb: 'observe', oids: [oid] })) as ObserveResult).accounts[0];
    const leave = async (name: string, before = 'true') => {
      const person = await make(name);
      await lab.shell(before);
      await ask({ verb: 'lock', oid: person.oid });
      return person;
    };
    const exists = async (path: string) => (await lab.sandbox.exec(['test', '-e', path])).code === 0;
    /** One answer of an agent of its own, started as the shell line says; `"$@"` is the agent. */
    async function answerOf(request: object, line = 'exec "$@"') {
      await client.close();
      client = lab.client();
      const own = lab.agent().slice(lab.sandbox.command([]).length);
      const agent = startRaw(lab.sandbox.command(['sh', '-c', line, 'sh', ...own]));
      agent.write(`${JSON.stringify({ id: 1, ...request })}\n`);
      const reply = await agent.next();
      await agent.end();
      return reply;
    }

    beforeAll(async () => {
      lab = await createLab();
      client = lab.client();
    });
    afterEach(async () => {
      for (const line of undo.splice(0)) await lab.shell(line);
    });
    afterAll(() => lab?.destroy());

    describe('homes', () => {
      it('are archived without the emptiness of a file that claims to be larger than the disk', async () => {
        const { oid, name } = await leave('balloon', 'truncate -s 40G /home/balloon/big');

        const { archive } = (await ask({ verb: 'delete', oid })) as DeleteResult;

        expect(Number(await lab.shell(`stat -c %s ${archive}`))).toBeLessThan(1_000_000);
        expect(await lab.shell(`tar -tvf ${archive} ${name}/big`)).toContain(String(40 * 2 ** 30));
      });

      it('are removed however deep the directories in them go, and wherever links in them lead', async () => {
        const dig = 'cd /home/miner; perl -e \'for (1 .. 3000) { mkdir "deep" and chdir "deep" or die }\'';
        const { oid, name } = await leave(
          'miner',
          `mkdir /srv/others; touch /srv/others/file; ${dig}; ln -s /srv/others link`,
        );
        // Whoever may write below the home can make userdel give up on it.
        await lab.shell('mv /usr/sbin/userdel /usr/sbin/userdel.real');
        const giveUp = 'if [ "$1" = -r ]; then /usr/sbin/userdel.real "$2" && exit 12; fi';
        lab.write('/usr/sbin/userdel', `#!/bin/sh\n${giveUp}\nexec /usr/sbin/userdel.real "$@"\n`, 0o755);
        undo.push('mv /usr/sbin/userdel.real /usr/sbin/userdel');

        await ask({ verb: 'delete', oid });

        expect(await lab.shell('ls /srv/others')).toBe('file');

        expect(await exists(`/home/${name}`)).toBe(false);
        expect(lab.linesOf(name)).toBe('');
      });

      it('are left with everything else while they are a mount themselves', async () => {
        const { oid, name } = await leave('mounted');
        await lab.shell(`mount -t tmpfs -o uid=${name},mode=700 tmpfs /home/${name}; touch /home/${name}/precious`);
        undo.push(`umount /home/${name}`);

        const deletion = ask({ verb: 'delete', oid });

        await expect(deletion).rejects.toThrow(/is a mount/);
        expect(await lab.shell(`ls /home/${name}`)).toBe('precious');
        expect(lab.linesOf(name).split('\n')).toHaveLength(4);
      });

      it('are archived anew when somebody opened the account in the middle of its deletion', async () => {
        const { oid, name } = await leave('interrupted');
        await lab.shell('mv /usr/sbin/userdel /usr/sbin/userdel.away; ln -s /bin/false /usr/sbin/userdel');
        undo.push('rm -rf /usr/sbin/userdel.away');
        await expect(ask({ verb: 'delete', oid })).rejects.toThrow(/userdel ended with 1/);
        await lab.shell('mv /usr/sbin/userdel.away /usr/sbin/userdel');
        await lab.shell(
          `usermod -U -e '' ${name}; mkdir -p /home/${name}; chown ${name}: /home/${name}; echo new > /home/${name}/work`,
        );
        await ask({ verb: 'lock', oid });

        const { archive } = (await ask({ verb: 'delete', oid })) as DeleteResult;

        expect(await lab.shell(`tar -xOf ${archive} ${name}/work`)).toBe('new');
      });

      it('do not hold up the lock of another leaver, however long they take to be removed', async () => {
        const { oid, name } = await leave('hoarder');
        const other = await make('urgent');
        await lab.shell('mv /usr/bin/rm /usr/bin/rm.real');
        const slow =
          'if [ "$4" = /home/.entramox-$(cat /run/uid) ] && [ -e "$4" ]; then : > /run/slow; while [ ! -e /run/go ]; do sleep 0.05; done; fi';
        lab.write('/usr/bin/rm', `#!/bin/sh\n${slow}\nexec /usr/bin/rm.real "$@"\n`, 0o755);
        lab.write('/run/uid', String((await see(oid))?.uid));
        undo.push('mv /usr/bin/rm.real /usr/bin/rm; rm -f /run/go /run/slow /run/uid');

        const deletion = ask({ verb: 'delete', oid });
        await lab.shell('for i in $(seq 200); do [ -e /run/slow ] && exit; sleep 0.05; done; exit 1');
        await ask({ verb: 'lock', oid: other.oid });
        const locked = (await see(other.oid))?.locked;
        const between = (await see(oid))?.state;
        await lab.shell('touch /run/go');
        await deletion;

        expect([locked, between, (await see(oid))?.state]).toEqual([true, 'partial', 'deleted']);
        expect(await lab.shell('ls -A /home')).not.toContain('entramox');
        expect(lab.linesOf(name)).toBe('');
      });

      it('do not keep a deletion from ending by what lies among the at jobs and the mail', async () => {
        const { oid, name } = await leave('litterer');
        await lab.shell(
          `mkdir -p /var/spool/cron/atjobs /var/mail; ln -sfn /nowhere /var/spool/cron/atjobs/dangling;
           touch /var/mail/${name}; chown ${name} /var/mail/${name}`,
        );
        undo.push('rm /var/spool/cron/atjobs/dangling');

        await ask({ verb: 'delete', oid });

        expect(await exists(`/var/mail/${name}`)).toBe(false);
      });
    });

    describe('what root or an administrator closed', () => {
      it('is not opened by completing a damaged account', async () => {
        const { oid, name } = await make('barred');
        await lab.shell(`usermod -L -e 1 ${name}; sed -i '/^${name}:/d' /etc/gshadow`);
        const before = lab.linesOf(name);

        const completion = ask({ verb: 'create', oid, name, gecos: '' });

        await expect(completion).rejects.toThrow(/locked it by hand/);
        expect(lab.linesOf(name)).toBe(before);
      });

      it('is not opened by locking and completing it either', async () => {
        const { oid, name } = await make('barred2');
        await lab.shell(`usermod -L ${name}`);
        await ask({ verb: 'lock', oid });
        await lab.shell(`sed -i '/^${name}:/d' /etc/gshadow`);
        const before = lab.linesOf(name);

        const completion = ask({ verb: 'create', oid, name, gecos: '' });

        await expect(completion).rejects.toThrow(/locked it by hand/);
        expect(lab.linesOf(name)).toBe(before);
      });

      it('does not break the ledger by an expiry that only a person would write', async () => {
        const { oid, name } = await make('freehand');
        await lab.shell(`sed -i 's/^\\(${name}:[^:]*:0:0:99999:7::\\)[^:]*:/\\1-1:/' /etc/shadow`);
        // No tool of the system can read such a line, so the lock fails, and says so.
        await expect(ask({ verb: 'lock', oid })).rejects.toThrow(/not locked completely/);

        const reply = await answerOf({ verb: 'observe', oids: [oid] });

        expect(reply).toMatchObject({ ok: true, result: { accounts: [{ name, locked: false }] } });
      });
    });

    describe('names, numbers and groups of others', () => {
      it.each(['passwd', 'group'])(
        'are seen where only %s of another source than the files has them',
        async (source) => {
          const oid = newOid();
          const name = `ldap-${source}`;
          await lab.shell('mv /usr/bin/getent /usr/bin/getent.real');
          lab.write('/usr/bin/getent', `#!/bin/sh\n[ $1 != ${source} ] || echo ${name}:x:34567:\nexit 2\n`, 0o755);
          undo.push('mv /usr/bin/getent.real /usr/bin/getent');

          const creation = ask({ verb: 'create', oid, name, gecos: '' });

          await expect(creation).rejects.toThrow(Conflict);
          expect(lab.linesOf(name)).toBe('');
          expect(lab.read(LEDGER_FILE)).not.toContain(oid);
        },
      );

      it('are no reason to give an account another number than on the next host', async () => {
        const oid = newOid();
        await lab.shell('mv /usr/bin/getent /usr/bin/getent.real');
        lab.write('/usr/bin/getent', '#!/bin/sh\n[ "$3" = sidestep ] || echo "ldapuser:x:$3:$3:::"\nexit 2\n', 0o755);
        undo.push('mv /usr/bin/getent.real /usr/bin/getent');

        const creation = ask({ verb: 'create', oid, name: 'sidestep', gecos: '' });

        await expect(creation).rejects.toMatchObject({
          name: 'Conflict',
          message: expect.stringMatching(/uid \d+ exists in another source/),
          remedy: expect.stringContaining(`"uids": {"${oid}": `),
        });
        expect(lab.linesOf('sidestep')).toBe('');
        expect(await lab.shell(`grep -l ${oid} ${LEDGER_FILE} 2> /dev/null || true`)).toBe('');
      });

      it('stay when an adopted account is deleted that only shares its name with a group', async () => {
        await lab.shell('groupadd -g 31999 shared; useradd -m -u 31001 -g users shared; gpasswd -a games shared');
        const oid = newOid();
        const adopt = lab.agent('adopt', '--oid', oid, '--name', 'shared', '--yes');
        await client.close();
        client = lab.client();
        expect((await lab.sandbox.exec(adopt.slice(lab.sandbox.command([]).length))).code).toBe(0);
        await ask({ verb: 'lock', oid });

        await ask({ verb: 'delete', oid });

        expect(await lab.shell('getent group shared')).toBe('shared:x:31999:games');
        expect((await see(oid))?.state).toBe('deleted');
      });

      it('are not adopted where two names have one number', async () => {
        await lab.shell('useradd -M -u 31002 twin1; useradd -M -o -u 31002 twin2');
        const adopt = lab.agent('adopt', '--oid', newOid(), '--name', 'twin1', '--yes');
        await client.close();
        client = lab.client();

        const { code, stderr } = await lab.sandbox.exec(adopt.slice(lab.sandbox.command([]).length));

        expect([code, stderr]).toEqual([1, expect.stringContaining('twin2')]);
      });

      it('get no sudo from a rule whose account is gone', async () => {
        const { oid, name, uid } = await make('admin-gone');
        await ask({ verb: 'sudo', oid, granted: true });
        await lab.shell(`userdel ${name}; useradd -M -u ${uid} heir`);

        await answerOf({ verb: 'observe', oids: [] });

        expect(await exists(`/etc/sudoers.d/entramox-${uid}`)).toBe(false);
        expect((await lab.sandbox.exec(['sudo', '-l', '-U', 'heir', '/bin/true'])).code).toBe(1);
      });
    });

    describe('processes', () => {
      it('are not taken for ended where /proc hides them', async () => {
        const { oid, uid } = await make('hidden');
        await lab.shell(
          `setsid setpriv --reuid=${uid} --regid=${uid} --clear-groups sleep 1000 </dev/null >/dev/null 2>&1 & mount -o remount,hidepid=2,gid=1 /proc`,
        );
        undo.push('mount -o remount,hidepid=0 /proc');

        const reply = await answerOf({ verb: 'lock', oid }, 'exec setpriv --bounding-set=-sys_ptrace "$@"');

        expect(reply).toMatchObject({ ok: false, error: { message: expect.stringContaining('hidepid') } });
        expect((await see(oid))?.locked).toBe(false);
      });

      it('cannot stop the agent by holding on to its helper', async () => {
        const { oid, uid } = await make('clinger');
        await lab.shell('mv /usr/bin/kill /usr/bin/kill.real');
        lab.write('/usr/bin/kill', '#!/bin/sh\nexec sleep 999\n', 0o755);
        undo.push('mv /usr/bin/kill.real /usr/bin/kill');
        await lab.shell(
          `for i in 1 2; do setsid setpriv --reuid=${uid} --regid=${uid} --clear-groups bash -c 'trap "" TERM; sleep 1000' </dev/null >/dev/null 2>&1 & done; while [ $(pgrep -cu ${uid} sleep) != 2 ]; do :; done`,
        );
        // An accomplice who opens the pipes of the helper as soon as it is there, and keeps them.
        const [program = '', ...args] = lab.sandbox.command([
          'bash',
          '-c',
          `until p=$(pgrep -f "^sleep 999"); do :; done; exec perl -e '
            my $fd = syscall(434, $ARGV[0] + 0, 0); syscall(438, $fd, $_, 0) < 0 and die "$!" for 1, 2;
            print "held\\n"; close STDOUT; sleep 20' "$p"`,
        ]);
        const accomplice = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        const gone = once(accomplice, 'close');

        const held = once(accomplice.stdout, 'data');

        await ask({ verb: 'lock', oid });

        expect(String(await held)).toBe('held\n');
        expect((await see(oid))?.locked).toBe(true);
        await lab.shell('pkill -x perl; true');
        await gone;
      });

      it('lose linger even where logind does not answer', async () => {
        const { oid, name } = await make('lingerer');
        await lab.shell(`mkdir -p /run/systemd/system /var/lib/systemd/linger; touch /var/lib/systemd/linger/${name}
          [ ! -e /usr/bin/loginctl ] || mv /usr/bin/loginctl /usr/bin/loginctl.real`);
        lab.write('/usr/bin/loginctl', '#!/bin/sh\nkill -KILL $$\n', 0o755);
        undo.push(
          'rm -r /run/systemd/system /usr/bin/loginctl; [ ! -e /usr/bin/loginctl.real ] || mv /usr/bin/loginctl.real /usr/bin/loginctl',
        );

        const { notes } = (await ask({ verb: 'lock', oid })) as LockResult;

        expect(notes).toEqual([expect.stringMatching(/loginctl was ended by SIGKILL.*ended one by one/)]);
        expect(await exists(`/var/lib/systemd/linger/${name}`)).toBe(false);
        expect((await see(oid))?.locked).toBe(true);
      });
    });
  },
);
