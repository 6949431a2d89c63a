import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AccountSight, ObserveResult, Reply } from '../../src/accounts/protocol.js';
import type { Ask } from '../../src/targets/linux/accounts-client.js';
import { createKillingLab, type KillingLab, killingUnavailable } from './accounts/killing.js';
import { LEDGER_FILE, newOid } from './accounts/lab.js';

const unavailable = killingUnavailable();
const STATE = '/var/lib/entramox-accounts';
const ARCHIVE = `${STATE}/archive`;

describe.skipIf(unavailable)(`account agent on a sick disk${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: KillingLab;
  const oid = newOid();
  const name = 'anna';
  const create: Ask = { verb: 'create', oid, name, gecos: 'Anna' };
  const groups: Ask = { verb: 'groups', oid, groups: ['games'] };
  const sudo: Ask = { verb: 'sudo', oid, granted: true };
  const lock: Ask = { verb: 'lock', oid };
  const unlock: Ask = { verb: 'unlock', oid };
  const remove: Ask = { verb: 'delete', oid };
  const verbs = [
    { verb: 'create', prepare: [], request: create },
    { verb: 'groups', prepare: [create], request: groups },
    { verb: 'sudo', prepare: [create], request: sudo },
    { verb: 'lock', prepare: [create, groups, sudo], request: lock },
    { verb: 'unlock', prepare: [create, lock], request: unlock },
    { verb: 'delete', prepare: [create, groups, lock], request: remove },
  ];

  beforeAll(async () => {
    lab = await createKillingLab();
    // /etc on a small disk of its own from the beginning; the others when a test asks for it.
    await lab.shell('cp -a /etc /run/etc && mount -t tmpfs -o size=6m,mode=755 small /etc && cp -a /run/etc/. /etc/');
    await lab.do({ verb: 'observe' });
    await lab.save('nobody');
  });
  afterAll(() => lab?.destroy());
  afterEach(async () => {
    await lab.shell(`mount -o remount,rw /etc; rm -f /etc/fill
      for place in ${ARCHIVE} ${STATE} /home /etc/sudoers.d; do mountpoint -q $place && umount $place; done; true`);
  });

  /** The state before a request, saved as `before`, and the one that the request leads to. */
  async function stage(prepare: Ask[], request: Ask): Promise<{ before: string; after: string }> {
    await lab.restore('nobody');
    for (const step of prepare) await lab.do(step);
    await lab.save('before');
    const before = await lab.show();
    await lab.do(request);
    const after = await lab.show();
    await lab.restore('before');
    return { before, after };
  }

  const see = async (): Promise<AccountSight | undefined> => {
    const reply = (await lab.request({ verb: 'observe', oids: [oid] })) as { result: ObserveResult };
    return reply.result.accounts[0];
  };
  const shadow = () =>
    lab
      .read('/etc/shadow')
      .split('\n')
      .find((line) => line.startsWith(`${name}:`));

  /** A file system of this size over a directory, with what is in it. */
  const small = (place: string, options: string) =>
    lab.shell(
      `mkdir -p ${place}; rm -rf /run/copy; cp -a ${place} /run/copy; mode=$(stat -c %a ${place})
      mount -t tmpfs -o ${options},mode=$mode small ${place} && cp -a /run/copy/. ${place}/`,
    );
  /** Leaves so many KiB there. */
  const fill = (place: string, leftKiB: number) =>
    lab.shell(
      `head -c $(( ($(stat -fc '%f * %S' ${place}) ) - ${leftKiB} * 1024 )) /dev/zero > ${place}/fill; stat -fc %f ${place}`,
    );

  /** What is there now and belongs neither to the state before nor to the one after. */
  function foreign(seen: string, ...known: string[]): string[] {
    const lines = new Set(known.flatMap((text) => text.split('\n')));
    // The agent's own record may say that something was begun.
    const isBegun = (line: string) => /^(\{"version"|\.\/accounts\.json |fill$|\.\/fill )/.test(line);
    return seen.split('\n').filter((line) => !lines.has(line) && !isBegun(line));
  }

  const failure = (reply: Reply) => (reply.ok ? undefined : reply.error);

  describe.each(verbs)('asked to $verb', ({ verb, prepare, request }) => {
    let before: string;
    let after: string;
    beforeAll(async () => {
      ({ before, after } = await stage(prepare, request));
    });

    it('does it wholly or not at all where /etc is full, says why, and does it once there is room', async () => {
      const wrong: string[] = [];
      let failed = 0;
      for (const leftKiB of [0, 32]) {
        await lab.restore('before');
        await fill('/etc', leftKiB);
        const error = failure(await lab.request(request));
        const seen = await lab.show();
        const lines = lab.linesOf(name).split('\n').filter(Boolean).length;
        await lab.shell('rm /etc/fill');
        const second = failure(await lab.request(request));
        const healed = await lab.show();
        const at = `${leftKiB} KiB`;
        if (error) failed += 1;
        if (error && !/make room on the file system of \/etc/.test(error.remedy ?? '')) {
          wrong.push(`${at}: ${error.message}; ${error.remedy}`);
        }
        wrong.push(...foreign(seen, before, after).map((line) => `${at}: left half done: ${line}`));
        if (verb === 'create' && error && lines > 0) wrong.push(`${at}: ${lines} lines of a half account`);
        if (second) wrong.push(`${at}, then room: ${second.message}`);
        wrong.push(...foreign(healed, after).map((line) => `${at}, then room: ${line}`));
      }

      expect(wrong).toEqual([]);
      expect(failed, 'failures').toBeGreaterThan(0);
    });

    it('changes nothing where /etc is read-only, says so, and does it once it can be written again', async () => {
      await lab.restore('before');
      await lab.shell('mount -o remount,ro /etc');

      const error = failure(await lab.request(request));
      const seen = await lab.show();
      const observed = (await lab.request({ verb: 'observe', oids: [] })) as { result: ObserveResult };
      await lab.shell('mount -o remount,rw /etc');
      const second = await lab.request(request);

      expect(error).toMatchObject({ code: 'busy', message: expect.stringMatching(/read-only/i) });
      expect(observed.result.troubles).toEqual([expect.stringContaining('/etc is read-only: make')]);
      expect(error?.remedy).toMatch(/make the file system of \/etc(\/sudoers\.d)? writable/);
      // A deletion archives first, which is no change of the account.
      expect(foreign(seen, before, verb === 'delete' ? after : before)).toEqual([]);
      expect(second.ok).toBe(true);
      expect(foreign(await lab.show(), after)).toEqual([]);
    });

    // What it is about to do is written down first; the other verbs need no record, or do without.
    if (verb !== 'create' && verb !== 'delete') return;

    it('changes nothing where its own record cannot be written, and names the file', async () => {
      await lab.restore('before');
      await small(STATE, 'size=64k');
      await fill(STATE, 0);

      const error = failure(await lab.request(request));
      const seen = foreign(await lab.show(), before);
      await lab.shell(`rm ${STATE}/fill`);
      const second = await lab.request(request);

      expect(error).toMatchObject({
        code: 'busy',
        message: expect.stringMatching(new RegExp(`^${STATE}/\\S*accounts\\.json\\S* cannot be written: .*ENOSPC`)),
        remedy: expect.stringContaining(`make room on the file system of ${STATE}`),
      });
      expect(seen).toEqual([]);
      expect(second.ok).toBe(true);
      expect(foreign(await lab.show(), after)).toEqual([]);
    });
  });

  it('expires an account by chage where usermod finds no room, and still calls the lock incomplete', async () => {
    await stage([create, sudo], lock);
    // A large passwd, which usermod copies and chage does not.
    await lab.shell(
      `for i in $(seq 3000); do echo "filler$i:x:$((700000 + i)):65534:none:/nonexistent:/usr/sbin/nologin"; done >> /etc/passwd`,
    );
    await fill('/etc', 120);

    const error = failure(await lab.request(lock));
    const expired = shadow();
    const login = (await lab.sandbox.exec(['su', '-', name, '-c', 'true'])).code;
    await lab.shell('rm /etc/fill');
    const second = await lab.request(lock);

    expect(error?.message).toMatch(/anna is not locked completely: .*shadow does not show the lock/);
    expect(expired).toMatch(/^anna:\$.*:0:$/);
    expect([login === 0, second.ok]).toEqual([false, true]);
    expect(shadow()).toMatch(/^anna:!\$.*:1:$/);
    await lab.request(unlock);
    expect(shadow()).toMatch(/^anna:\$.*:::$/);
  });

  it('with a read-only sudoers.d grants nothing, locks all but the rule, and the rule is of no use', async () => {
    await stage([create, sudo], lock);
    await lab.shell('mount --bind /etc/sudoers.d /etc/sudoers.d && mount -o remount,bind,ro /etc/sudoers.d');

    const locking = failure(await lab.request(lock));
    const locked = shadow();
    const rules = await lab.shell('ls -A /etc/sudoers.d | grep entramox');
    await lab.shell('umount /etc/sudoers.d');
    const second = await lab.request(lock);

    expect(locking).toMatchObject({
      message: expect.stringMatching(/sudo rule: \/etc\/sudoers\.d\/entramox-\d+ cannot be written: EROFS/),
      remedy: expect.stringContaining('make the file system of /etc/sudoers.d writable'),
    });
    expect([locked, rules]).toEqual([expect.stringMatching(/^anna:!.*:1:$/), expect.stringMatching(/^entramox-\d+$/)]);
    expect([second.ok, await lab.shell('ls -A /etc/sudoers.d | grep -c entramox || true')]).toEqual([true, '0']);
  });

  describe('full below its own record', () => {
    const fullState = async () => {
      await small(STATE, 'size=64k');
      await fill(STATE, 0);
    };
    const room = () => lab.shell(`rm ${STATE}/fill`);

    it('locks all the same, keeps what was there before for the next agent, and the time begins with the record', async () => {
      await stage([create, sudo], lock);
      await lab.shell(`chage -E 25000 ${name}`);
      const open = shadow();
      await fullState();

      const error = failure(await lab.request(lock));
      const locked = [shadow(), (await lab.sandbox.exec(['sudo', '-l', '-U', name, '/bin/true'])).code];
      const between = await see();
      const again = failure(await lab.request(lock));
      await room();
      const earliest = Date.now();
      const second = (await lab.request(lock)) as { result: { lockedSince: number } };
      const recorded = JSON.parse(lab.read(LEDGER_FILE));
      await lab.do(unlock);

      expect(error?.message).toMatch(
        /^anna is not locked completely: ledger: \S*accounts\.json\S* cannot be written: ENOSPC/,
      );
      expect([error?.remedy, again?.message]).toEqual([
        expect.stringContaining(`make room on the file system of ${STATE}`),
        error?.message,
      ]);
      expect(locked).toEqual([expect.stringMatching(/^anna:!\$.*:1:$/), 1]);
      expect(between).toMatchObject({ locked: false, halfLocked: true });
      expect(between).not.toHaveProperty('lockedSince');
      expect(second.result.lockedSince).toBeGreaterThanOrEqual(earliest);
      expect(recorded.locks).toHaveLength(1);
      expect(shadow()).toBe(open);
      expect((await lab.sandbox.exec(['ls', '/run/entramox-accounts.unwritten'])).code).toBe(0);
      expect(await lab.shell('cat /run/entramox-accounts.unwritten')).toBe('{}');
    });

    it('counts such locks against the ceiling', async () => {
      await stage([create], lock);
      const other = newOid();
      await lab.do({ verb: 'create', oid: other, name: 'otto', gecos: '' });
      await fullState();
      lab.policy({ locksPerHour: 1 });

      const first = failure(await lab.request(lock));
      const second = failure(await lab.request({ verb: 'lock', oid: other }));
      lab.policy({});

      expect([first?.code, second?.code]).toEqual(['busy', 'ceiling']);
    });

    it('undoes such a lock once there is room', async () => {
      await stage([create], lock);
      const open = shadow();
      await fullState();
      await lab.request(lock);
      await room();

      const reply = await lab.request(unlock);

      expect(reply).toMatchObject({ ok: true, result: { changed: true } });
      expect([shadow(), (await see())?.locked]).toEqual([open, false]);
    });
  });

  it('full below the archive deletes nothing, leaves no part of an archive, and deletes once there is room', async () => {
    const { before, after } = await stage([create, lock], remove);
    await lab.shell(`head -c 200000 /dev/urandom > /home/${name}/big; chown ${name} /home/${name}/big`);
    await small(ARCHIVE, 'size=64k');

    const error = failure(await lab.request(remove));
    const seen = await lab.show();
    await lab.shell(`mount -o remount,size=4m ${ARCHIVE}; rm /home/${name}/big`);
    const second = await lab.request(remove);

    expect(error).toMatchObject({
      code: 'busy',
      message: expect.stringMatching(/the home of anna is not archived: the file system of \S*archive has 0 KiB left/),
      remedy: expect.stringContaining(`make room on the file system of ${ARCHIVE}`),
    });
    expect(foreign(seen, before, after).filter((line) => !/\/big|archive d/.test(line))).toEqual([]);
    expect(seen).not.toContain('partial');
    expect(second.ok).toBe(true);
    expect(foreign(await lab.show(), after)).toEqual([]);
  });

  it('full below the homes makes no account, and makes it once there is room', async () => {
    const { after } = await stage([], create);
    await lab.shell('mount -t tmpfs -o size=4k,nr_inodes=3,mode=755 small /home');

    const error = failure(await lab.request(create));
    const seen = [lab.linesOf(name), await lab.shell('ls -A /home | grep -c anna || true')];
    await lab.shell('umount /home');
    const second = await lab.request(create);

    expect(error).toMatchObject({
      code: 'busy',
      message: expect.stringMatching(/^\/home\/anna cannot be written: .*ENOSPC/),
      remedy: expect.stringContaining('make room on the file system of /home'),
    });
    expect([seen, second.ok]).toEqual([['', '0'], true]);
    expect(foreign(await lab.show(), after)).toEqual([]);
  });

  it('that takes long for every fsync only makes the agent slow', async () => {
    await lab.restore('nobody');
    const slowly = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'signal=none', '-e', 'trace=fsync,fdatasync'];
    slowly.push('-e', 'inject=fsync,fdatasync:delay_exit=20000');

    const replies: Reply[] = [];
    for (const request of [create, groups, sudo, lock, unlock, lock, remove]) {
      replies.push(await lab.request(request, ...slowly));
    }

    expect(replies.map((reply) => failure(reply)?.message)).toEqual(replies.map(() => undefined));
    expect(lab.linesOf(name)).toBe('');
  });
});
