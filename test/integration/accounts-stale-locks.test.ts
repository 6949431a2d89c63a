import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ObserveResult, Reply } from '../../src/accounts/protocol.js';
import type { Ask } from '../../src/targets/linux/accounts-client.js';
import { createLab, type Lab, newOid } from './accounts/lab.js';
import { type RawAgent, startRaw } from './accounts/raw.js';
import { sandboxUnavailable } from './sandbox/index.js';

const unavailable = sandboxUnavailable();
const FILES = ['passwd', 'shadow', 'group', 'gshadow', 'subuid', 'subgid'];

describe.skipIf(unavailable)(`lock files of the passwd tools${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  let agent: RawAgent;
  let ended: Promise<string> | undefined;

  beforeAll(async () => {
    lab = await createLab();
  });
  afterAll(() => lab?.destroy());
  beforeEach(() => {
    agent = startRaw(lab.agent());
    ended = undefined;
  });
  afterEach(async () => {
    await words();
    await lab.shell('rm -rf /etc/*.lock /etc/*.edit');
  });

  async function ask(request: Ask): Promise<Reply> {
    agent.write(`${JSON.stringify({ id: 1, ...request })}\n`);
    return agent.next();
  }

  /** What the agent said for the journal, once it has ended. */
  function words(): Promise<string> {
    ended ??= agent.end().then(({ stderr }) => stderr);
    return ended;
  }

  async function make(name: string): Promise<{ oid: string; name: string }> {
    const oid = newOid();
    expect(await ask({ verb: 'create', oid, name, gecos: '' })).toMatchObject({ ok: true });
    return { oid, name };
  }

  const shadowOf = (name: string) =>
    lab
      .read('/etc/shadow')
      .split('\n')
      .find((line) => line.startsWith(`${name}:`));
  const lockFiles = () => lab.shell('cd /etc; ls | grep "[.]lock$" || true');

  describe('that nobody holds', () => {
    const contents: [string, string, RegExp][] = [
      ['are empty, as after a power cut', "printf ''", /was empty/],
      ['hold zeros, as after a power cut', "printf '\\0\\0\\0\\0\\0'", /was empty/],
      ['hold garbage', "printf 'abc'", /held no process number/],
      ['hold the number of process 1', "printf '1'", /belongs to another program now/],
      ['hold the number of a process that has ended', "printf '4194300\\0'", /its process had ended/],
    ];

    it.each(contents)('are removed and told when they %s, and the work is done', async (what, print, why) => {
      await lab.shell(`for file in ${FILES.join(' ')}; do ${print} > /etc/$file.lock; done`);

      const { oid, name } = await make(`stale${contents.findIndex(([one]) => one === what)}`);

      expect(lab.linesOf(name).split('\n')).toHaveLength(4);
      // What the tools take over by themselves they leave where they did not need it.
      if (!what.includes('has ended')) {
        expect(await lockFiles()).toBe('');
        const said = await words();
        for (const file of FILES) expect(said).toContain(`the stale lock file /etc/${file}.lock was removed`);
        expect(said).toMatch(why);
      }
      expect(oid).toBeDefined();
    });

    it.each(FILES)('are removed when only the one of %s is there', async (file) => {
      const { oid, name } = await make(`only-${file}`);
      await lab.shell(`mkdir -p /var/lib/entramox-accounts; printf x > /etc/${file}.lock`);

      expect(await ask({ verb: 'groups', oid, groups: ['games'] })).toMatchObject({ ok: true });
      expect(await ask({ verb: 'lock', oid })).toMatchObject({ ok: true });
      expect(await ask({ verb: 'delete', oid })).toMatchObject({ ok: true });

      expect([lab.linesOf(name), await lockFiles()]).toEqual(['', '']);
    });

    it('are left alone as long as they are in nobody’s way', async () => {
      const { oid } = await make('unhindered');
      await lab.shell('printf abc > /etc/subuid.lock');

      const seen = (await ask({ verb: 'observe', oids: [oid] })) as { result: ObserveResult };
      await ask({ verb: 'groups', oid, groups: ['games'] });

      expect(seen.result.troubles).toEqual([]);
      expect(await lockFiles()).toBe('subuid.lock');
    });

    it('that hold the number of a program which began later are removed while that program runs on', async () => {
      const { oid, name } = await make('recycled');
      const pid = await lab.shell('sleep 300 </dev/null >/dev/null 2>&1 & echo $!');
      await lab.shell(`printf '${pid}\\0' > /etc/shadow.lock`);

      const reply = await ask({ verb: 'lock', oid });

      expect(reply).toMatchObject({ ok: true });
      expect(shadowOf(name)).toMatch(/^recycled:!.*:1:$/);
      expect(await lab.shell(`cat /proc/${pid}/comm; kill ${pid}`)).toBe('sleep');
    });
  });

  describe('that somebody holds', () => {
    it('make every change busy that names the running vipw, which is left alone, and sudo goes all the same', async () => {
      const { oid, name } = await make('edited');
      await ask({ verb: 'sudo', oid, granted: true });
      const create: Ask = { verb: 'create', oid: newOid(), name: 'patient', gecos: '' };
      const held = () => lab.shell('ls -i /etc/passwd.lock; cat /etc/passwd.lock; pgrep -x vipw');
      await lab.shell(
        `printf '#!/bin/sh\nwhile [ ! -e /run/done ]; do sleep 0.02; done\n' > /run/editor; chmod 755 /run/editor
          EDITOR=/run/editor setsid vipw </dev/null >/dev/null 2>&1 &
          while [ ! -s /etc/passwd.lock ] || ! pgrep -x editor; do sleep 0.02; done >/dev/null`,
      );
      // It edits in a child of the same name.
      const pid = await lab.shell('pgrep -ox vipw');
      const before = await held();

      const locking = await ask({ verb: 'lock', oid });
      const creating = await ask(create);
      const after = [await held(), shadowOf(name), lab.linesOf('patient')];
      const sudo = (await lab.sandbox.exec(['sudo', '-l', '-U', name, '/bin/true'])).code;
      await lab.shell('touch /run/done; while pgrep -x vipw > /dev/null; do sleep 0.02; done');
      const later = [await ask({ verb: 'lock', oid }), await ask(create)];

      for (const reply of [locking, creating]) {
        expect(reply).toMatchObject({
          ok: false,
          error: {
            code: 'busy',
            message: expect.stringContaining(`process ${pid} (vipw) holds the account files`),
            remedy: expect.stringContaining('wait until it has ended'),
          },
        });
      }
      expect(after).toEqual([before, expect.stringMatching(/^edited:\$.*:::$/), '']);
      expect(sudo).toBe(1);
      expect(later.map(({ ok }) => ok)).toEqual([true, true]);
      expect(shadowOf(name)).toMatch(/^edited:!.*:1:$/);
      expect(await words()).not.toContain('was removed');
    });

    it('are left alone when a passwd tool holds them in a way of its own', async () => {
      const { oid, name } = await make('oldfashioned');
      const pid = await lab.shell('cp /bin/sleep /run/vipw; /run/vipw 300 </dev/null >/dev/null 2>&1 & echo $!');
      await lab.shell(`printf ${pid} > /etc/shadow.lock`);

      const reply = await ask({ verb: 'lock', oid });
      const { result } = (await ask({ verb: 'observe', oids: [] })) as { result: ObserveResult };

      const what = `/etc/shadow.lock is held by process ${pid} (vipw)`;
      expect(reply).toMatchObject({ ok: false, error: { code: 'busy', message: expect.stringContaining(what) } });
      expect(result.troubles).toEqual([expect.stringContaining(what)]);
      expect([await lab.shell('cat /etc/shadow.lock'), shadowOf(name)]).toEqual([
        pid,
        expect.stringMatching(/^oldfashioned:\$/),
      ]);
      await lab.shell(`kill ${pid}`);
      expect(await ask({ verb: 'lock', oid })).toMatchObject({ ok: true });
    });
  });

  it('are not followed when somebody made links of them', async () => {
    const { oid } = await make('linked');
    await lab.shell('echo precious > /root/precious; ln -s /root/precious /etc/shadow.lock');

    const reply = await ask({ verb: 'lock', oid });

    expect(reply).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('/etc/shadow.lock is no plain file') },
    });
    expect(await lab.shell('cat /root/precious; readlink /etc/shadow.lock')).toBe('precious\n/root/precious');
  });

  it('stay where perl is missing, and the operator is told what to do', async () => {
    const { oid } = await make('perlless');
    const place = await lab.shell('readlink -f /usr/bin/perl');
    await lab.shell(`mv ${place} /run/perl; printf abc > /etc/shadow.lock`);

    const reply = await ask({ verb: 'lock', oid });
    await lab.shell(`mv /run/perl ${place}`);

    expect(reply).toMatchObject({
      ok: false,
      error: { code: 'busy', remedy: expect.stringContaining('make sure that no passwd tool runs, then rm /etc/') },
    });
    expect(await lockFiles()).toBe('shadow.lock');
  });

  it('and what looks like litter of a killed tool stays where we did not start that tool', async () => {
    await make('bystander');
    await words();
    const files = ['passwd.2023', 'passwd.bak', 'shadow+', 'group.4194301', 'nshadow', 'gshadow.4194302'];
    await lab.shell(
      `cd /etc; for file in ${files.join(' ')}; do cp passwd $file; done; printf 4194302 > gshadow.4194302`,
    );

    agent = startRaw(lab.agent());
    ended = undefined;
    await ask({ verb: 'observe' });

    const there = await lab.shell(`cd /etc; ls -d ${files.join(' ')}; rm ${files.join(' ')}`);
    expect(there.split('\n').sort()).toEqual([...files].sort());
  });
});
