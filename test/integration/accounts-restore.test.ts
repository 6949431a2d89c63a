import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeleteResult } from '../../src/accounts/protocol.js';
import type { AccountsClient, Ask } from '../../src/targets/linux/accounts-client.js';
import { waitFor } from '../lab/wait.js';
import { anySignal, createLab, type Lab, LEDGER_FILE, newOid } from './accounts/lab.js';
import { sandboxUnavailable } from './sandbox/index.js';

const unavailable = sandboxUnavailable();

/** Everything that a tree holds, without times: type, mode, owner, size, where links lead, name. */
const listing = (path: string) =>
  `cd ${path} && find . -mindepth 1 -not -path './.bash*' -not -name .profile -printf '%y %m %U:%G %l %p\\n' | sort`;

describe.skipIf(unavailable)(`an archived home${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  let client: AccountsClient;
  const ask = (request: Ask) => client.request(request, anySignal);

  beforeAll(async () => {
    lab = await createLab();
    client = lab.client();
  });
  afterAll(() => lab?.destroy());

  function restore(oid: string, ...more: string[]) {
    const command = lab.agent('restore', '--oid', oid, ...more);
    return lab.sandbox.exec(command.slice(lab.sandbox.command([]).length));
  }

  async function make(name: string) {
    const oid = newOid();
    const { uid } = (await ask({ verb: 'create', oid, name, gecos: '' })) as { uid: number };
    return { oid, name, uid, home: `/home/${name}` };
  }

  /** Locked, deleted, and made anew. */
  async function leaveAndReturn({ oid, name }: { oid: string; name: string }, asName = name) {
    await ask({ verb: 'lock', oid });
    const { archive } = (await ask({ verb: 'delete', oid })) as DeleteResult;
    const { uid } = (await ask({ verb: 'create', oid, name: asName, gecos: '' })) as { uid: number };
    return { archive: archive ?? '', uid };
  }

  it('comes back to a home that is as it was made, with owners, modes and links, under the same uid', async () => {
    const person = await make('phoenix');
    await lab.shell(`cd ${person.home} && mkdir -p deep/er && echo thesis > deep/er/thesis.txt && ln -s /etc/passwd outside
      ln -s ../../../etc escape && echo linked > one && ln one two && mkfifo pipe && chmod 640 one && chmod 4755 deep/er/thesis.txt
      chown -R phoenix:phoenix . && chown -h phoenix: outside escape && chmod 4755 deep/er/thesis.txt && chmod 710 .`);
    const before = await lab.shell(listing(person.home));
    const passwd = lab.read('/etc/passwd');
    const { archive, uid } = await leaveAndReturn(person);

    const shown = await restore(person.oid);
    const untouched = await lab.shell(`ls ${person.home}`);
    const done = await restore(person.oid, '--yes');

    expect([uid, shown.code, untouched, done.code]).toEqual([person.uid, 0, '', 0]);
    expect(shown.stdout).toContain(archive);
    expect(await lab.shell(listing(person.home))).toBe(before);
    expect(await lab.shell(`stat -c '%h' ${person.home}/one; stat -c '%a %U' ${person.home}`)).toBe('2\n710 phoenix');
    expect(lab.read('/etc/passwd')).toBe(passwd);
    expect(await lab.shell('ls -A /home | grep entramox || true')).toBe('');
    expect(await lab.shell(`test -f ${archive} && echo kept`)).toBe('kept');
  });

  it('brings no tool of root’s back, no device, and no right of a group that the person is not in any more', async () => {
    const person = await make('rooted');
    const { home, uid } = person;
    await lab.shell(`cd ${home} && cp /bin/true own && chown rooted: own && chmod 6755 own
      cp /bin/true rootshell && chmod 4755 rootshell && cp /bin/true viagroup && chown rooted:sudo viagroup && chmod 2755 viagroup
      mkdir grouped && chown rooted:sudo grouped && chmod 2770 grouped
      echo secret > secret && chmod 600 secret && mknod disk b 7 0 && mknod zero c 1 5`);
    await leaveAndReturn(person);

    const done = await restore(person.oid, '--yes');

    expect(done.code).toBe(0);
    expect(await lab.shell(listing(home))).toBe(
      [
        `d 770 ${uid}:27  ./grouped`,
        `f 600 0:0  ./secret`,
        `f 6755 ${uid}:${uid}  ./own`,
        `f 755 0:0  ./rootshell`,
        `f 755 ${uid}:27  ./viagroup`,
      ].join('\n'),
    );
  });

  it('goes into a home that holds anything of its own, beside what is there', async () => {
    const person = await make('twolives');
    await lab.shell(`echo former > ${person.home}/notes && chown twolives: ${person.home}/notes`);
    await leaveAndReturn(person);
    await lab.shell(`echo present > ${person.home}/notes && chown twolives: ${person.home}/notes`);

    const shown = await restore(person.oid);
    const done = await restore(person.oid, '--yes');

    expect(shown.stdout).toContain('no file that is there is changed');
    expect(done).toMatchObject({ code: 0, stdout: expect.stringMatching(/\/home\/twolives\/restored-\d{8}T\d{6}Z/) });
    expect(await lab.shell(`cat ${person.home}/notes ${person.home}/restored-*/notes`)).toBe('present\nformer');
    expect(await lab.shell(`stat -c %U ${person.home}/restored-*`)).toBe('twolives');
  });

  it('goes into a home that is in use right now, though nothing was changed in it', async () => {
    const person = await make('loggedin');
    await lab.shell(`echo former > ${person.home}/notes && chown loggedin: ${person.home}/notes`);
    await leaveAndReturn(person);
    await lab.shell(
      `setpriv --reuid=${person.uid} --regid=${person.uid} --clear-groups sleep 60 > /dev/null 2>&1 & echo $! > /run/login`,
    );

    const done = await restore(person.oid, '--yes');
    await lab.shell('kill $(cat /run/login)');

    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('/home/loggedin/restored-') });
  });

  it('of a former name comes back to the home of the present one', async () => {
    const person = await make('maiden');
    await lab.shell(`echo former > ${person.home}/notes && chown maiden: ${person.home}/notes`);
    await leaveAndReturn(person, 'married');

    const done = await restore(person.oid, '--yes');

    expect(done.code).toBe(0);
    expect(await lab.shell('cat /home/married/notes && stat -c "%U %a" /home/married')).toBe('former\nmarried 700');
  });

  it('is found too where an older release did not write it down', async () => {
    const person = await make('oldrecord');
    await lab.shell(`echo former > ${person.home}/notes && chown oldrecord: ${person.home}/notes`);
    const { archive } = await leaveAndReturn(person);
    await client.close();
    client = lab.client();
    const record = JSON.parse(lab.read(LEDGER_FILE));
    const recorded = record.accounts.find((entry: { oid: string }) => entry.oid === person.oid);
    const { archives } = recorded;
    delete recorded.archives;
    lab.write(LEDGER_FILE, JSON.stringify(record), 0o600);

    const done = await restore(person.oid, '--yes');

    expect(archives).toEqual([archive]);
    expect([done.code, await lab.shell(`cat ${person.home}/notes`)]).toEqual([0, 'former']);
  });

  it('is refused where it is not one that the agent made of this very uid and nobody else could change', async () => {
    const other = await make('somebodyelse');
    const person = await make('victim');
    const { archive: foreign } = await leaveAndReturn(other);
    const { archive } = await leaveAndReturn(person);
    const dir = '/var/lib/entramox-accounts/archive';
    await lab.shell(`cp ${archive} /tmp/$(basename ${archive}) && ln -s ${foreign} ${dir}/victim-${person.uid}-20300101T000000Z.tar
      cp ${archive} ${dir}/victim-${person.uid}-20300101T000001Z.tar && chmod 644 ${dir}/victim-${person.uid}-20300101T000001Z.tar
      ln ${archive} ${dir}/victim-${person.uid}-20300101T000002Z.tar`);
    const before = await lab.shell(`ls -la ${person.home}`);

    const attempts = [
      await restore(person.oid, '--archive', foreign, '--yes'),
      await restore(person.oid, '--archive', archive.replace(dir, '/tmp'), '--yes'),
      await restore(person.oid, '--archive', `${dir}/../archive/${archive.slice(dir.length + 1)}`, '--yes'),
      ...(await Promise.all(
        [0, 1, 2].map((n) => restore(person.oid, '--archive', `${dir}/victim-${person.uid}-20300101T00000${n}Z.tar`)),
      )),
      await restore(newOid(), '--yes'),
    ];
    const unreturned = await make('unreturned');
    await ask({ verb: 'lock', oid: unreturned.oid });
    await ask({ verb: 'delete', oid: unreturned.oid });
    attempts.push(await restore(unreturned.oid, '--yes'));

    expect(attempts.map(({ code }) => code)).toEqual(attempts.map(() => 1));
    expect(attempts.at(-1)?.stderr).toContain('is deleted');
    expect(await lab.shell(`ls -la ${person.home}`)).toBe(before);
  });

  it('leaves nothing half behind where there is no room for it', async () => {
    const person = await make('toolarge');
    await lab.shell(`head -c 3M /dev/urandom > ${person.home}/data && chown toolarge: ${person.home}/data`);
    await leaveAndReturn(person);
    await lab.shell(
      'mkdir /run/homes && cp -a /home/. /run/homes/ && mount -t tmpfs -o size=2m,mode=755 tmpfs /home && cp -a /run/homes/toolarge /home/',
    );

    const full = await restore(person.oid, '--yes');
    const left = await lab.shell('ls -A /home; ls /home/toolarge');
    await lab.shell('umount /home');
    const again = await restore(person.oid, '--yes');

    expect(full).toMatchObject({ code: 1, stderr: expect.stringMatching(/No space left/) });
    expect(left).toBe('toolarge');
    expect([again.code, await lab.shell(`stat -c %s ${person.home}/data`)]).toEqual([0, String(3 * 1024 * 1024)]);
  });

  it('leaves the present home where it is when the former one cannot take its place', async () => {
    const person = await make('stuck');
    await lab.shell(`echo former > ${person.home}/notes && chown stuck: ${person.home}/notes`);
    await leaveAndReturn(person);
    const draft = `/home/.entramox-restore.${person.uid}`;
    // A mount cannot be renamed.
    await lab.shell(`mv /usr/bin/tar /usr/bin/tar.real && printf '#!/bin/sh
      /usr/bin/tar.real "$@" && mount -t tmpfs -o uid=${person.uid} tmpfs ${draft}/stuck' > /usr/bin/tar && chmod 755 /usr/bin/tar`);
    const before = await lab.shell(`stat -c '%i %U' ${person.home}`);

    const failed = await restore(person.oid, '--yes');
    const after = await lab.shell(`stat -c '%i %U' ${person.home}`);
    await lab.shell(`mv /usr/bin/tar.real /usr/bin/tar; umount ${draft}/stuck`);
    const again = await restore(person.oid, '--yes');

    expect([failed.code, after]).toEqual([1, before]);
    expect([again.code, await lab.shell(`cat ${person.home}/notes`)]).toEqual([0, 'former']);
  });

  it('is restored by asking again after a kill, at whatever moment, with leavers locked meanwhile', async () => {
    const person = await make('killed');
    const leaver = await make('meanwhile');
    await lab.shell(`echo former > ${person.home}/notes && chown killed: ${person.home}/notes`);
    await leaveAndReturn(person);
    await lab.shell(`mv /usr/bin/tar /usr/bin/tar.real && printf '#!/bin/sh
      /usr/bin/tar.real "$@"; code=$?; while [ ! -e /run/unpacked ]; do sleep 0.05; done; exit $code' > /usr/bin/tar && chmod 755 /usr/bin/tar`);
    const [program = '', ...args] = lab.agent('restore', '--oid', person.oid, '--yes');
    const ended = once(spawn(program, args, { stdio: 'ignore' }), 'exit');
    await waitFor(
      'an unpacked draft',
      async () =>
        (await lab.sandbox.exec(['test', '-e', `/home/.entramox-restore.${person.uid}/killed/notes`])).code === 0,
    );
    const second = await restore(person.oid, '--yes');
    const locked = await ask({ verb: 'lock', oid: leaver.oid });
    // A name that anybody could have in Entra.
    await make(`restore-${person.uid}`);
    const isSpared = await lab.shell(`cat /home/.entramox-restore.${person.uid}/killed/notes`);
    await lab.shell(`kill -KILL $(pgrep -f '[a]ccounts.js restore') $(pgrep -f '[u]sr/bin/tar --extract'); true`);
    await ended;
    await lab.shell('mv /usr/bin/tar.real /usr/bin/tar');
    // As a kill between the two renames would leave it.
    await lab.shell(`mv ${person.home} /home/.entramox-restore.${person.uid}/.former-home`);

    const done = await restore(person.oid, '--yes');

    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('another restore is under way') });
    expect([locked, isSpared]).toMatchObject([{ name: 'meanwhile' }, 'former']);
    expect([done.code, await lab.shell(`cat ${person.home}/notes`)]).toEqual([0, 'former']);
    expect(await lab.shell('ls -A /home | grep entramox || true')).toBe('');
  });
});
