import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { auditOf, standingOf, statusOf, sweepNow, waitForStanding } from '../lab/look.js';

const unavailable = sandboxUnavailable();
const OPEN = { linux: 'open', pve: 'enabled' } as const;

describe.skipIf(unavailable)(`adopt and release${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await openLab({
      host: await createPrivateHost({ allowedGroups: ['games'] }),
      settings: { CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '300ms', GUARD_MAX_LOCKS: '1000' },
    });
    lab.start();
    await lab.ready();
  });
  afterAll(() => lab?.close());

  async function inside(line: string): Promise<string> {
    const done = await lab.host?.sandbox?.exec(['/bin/sh', '-c', line]);
    if (done?.code !== 0) throw new Error(`${line}: ${done?.stderr}`);
    return done.stdout;
  }

  /** Everything of an account that says what its owner has. */
  async function possessions(name: string): Promise<string> {
    const line = `grep -hE '(^|[:,])${name}([:,]|$)' /etc/passwd /etc/shadow /etc/group /etc/gshadow; find /home/${name} -printf '%M %U:%G %s %p\\n' | sort`;
    return inside(line);
  }

  const stepsOf = (oid: string) => auditOf(lab).filter((line) => line.oid === oid && line.kind === 'step');

  it('takes an account of another name and a Proxmox user under management, after showing what would change', async () => {
    await inside(
      'useradd -m -u 1900000100 -c "An old hand" -G games,audio oldhand; echo oldhand:pass99 | chpasswd; echo mine > /home/oldhand/file',
    );
    const userid = 'hilda@example.com@entra';
    lab.proxmox.addUser({ userid, comment: 'made by hand', groups: ['entramox-entra'] });
    const oid = lab.entra.notifications.silently(() => lab.join('hilda'));
    const before = [readFileSync(join(lab.host?.sandbox?.root ?? '', 'etc/passwd'), 'utf8'), lab.proxmox.user(userid)];

    const shown = await lab.entramox('adopt', 'hilda@example.com', '--name', 'oldhand');
    const after = [readFileSync(join(lab.host?.sandbox?.root ?? '', 'etc/passwd'), 'utf8'), lab.proxmox.user(userid)];
    const adopted = await lab.entramox('adopt', 'hilda@example.com', '--name', 'oldhand', '--yes');
    await sweepNow(lab);
    await waitForStanding(lab, 'oldhand', { ...OPEN, linuxGroups: ['audio'] }, { upn: 'hilda@example.com' });
    lab.entra.directory.updateUser(oid, { accountEnabled: false });
    await waitForStanding(lab, 'oldhand', { linux: 'locked', pve: 'disabled' }, { upn: 'hilda@example.com' });

    expect(shown.code).toBe(0);
    for (const line of [
      'is: uid 1900000100, name "An old hand"',
      'is: groups audio games',
      'would: linux hand over oldhand',
      'then: linux groups oldhand [games] -> []',
      'then: linux create oldhand',
      'is: enabled, comment "made by hand"',
      `would: proxmox update ${userid}`,
      `accounts.js adopt --oid ${oid} --name oldhand --yes`,
    ]) {
      expect(shown.stdout).toContain(line);
    }
    expect(after).toEqual(before);
    expect(adopted).toMatchObject({ code: 0, stderr: '' });
    expect(lab.host?.account('oldhand')).toMatchObject({ uid: 1_900_000_100, gecos: 'hilda Example' });
    expect(lab.host?.account('hilda')).toBeUndefined();
    expect(await inside('cat /home/oldhand/file')).toBe('mine\n');
    const decisions = auditOf(lab).filter((line) => line.oid === oid && line.action === 'adopt');
    expect(decisions.map(({ target, name }) => [target, name]).sort()).toEqual([
      ['linux', 'oldhand'],
      ['proxmox', userid],
    ]);
  });

  it('does one target alone where it is told to', async () => {
    await inside('useradd -m -u 1900000101 ingrid; echo ingrid:pass99 | chpasswd');
    lab.proxmox.addUser({ userid: 'ingrid@example.com@entra', groups: ['entramox-entra'] });
    lab.entra.notifications.silently(() => lab.join('ingrid'));

    const adopted = await lab.entramox('adopt', 'ingrid@example.com', '--target', 'linux', '--yes', '--json');
    await sweepNow(lab);

    const { reconciler } = await statusOf(lab);
    expect(JSON.parse(adopted.stdout)).toMatchObject({ applied: true, parts: [{ target: 'linux', done: true }] });
    expect(adopted.code).toBe(0);
    expect(reconciler?.conflicts.map(({ upn, target }) => [upn, target])).toEqual([['ingrid@example.com', 'proxmox']]);
    await lab.entramox('adopt', 'ingrid@example.com', '--yes');
    await waitForStanding(lab, 'ingrid', OPEN);
  });

  it.each([
    [
      'keeps a uid outside the range',
      'useradd -m -u 1007 outsider',
      'outsider',
      /keeps its uid 1007, which is outside/,
    ],
    ['shares its uid', 'useradd -u 1900000102 twin && useradd -o -u 1900000102 twain', 'twin', /belongs to twain too/],
    ['belongs to the system', 'true', 'www-data', /is reserved/],
  ])('refuses an account that %s, and says why', async (_, prepare, name, why) => {
    await inside(prepare);
    const upn = `${name.replace('-', '')}owner`;
    lab.entra.notifications.silently(() => lab.join(upn));
    const before = readFileSync(join(lab.host?.sandbox?.root ?? '', 'etc/shadow'), 'utf8');

    const refused = await lab.entramox('adopt', `${upn}@example.com`, '--name', name, '--yes');

    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(why);
    expect(readFileSync(join(lab.host?.sandbox?.root ?? '', 'etc/shadow'), 'utf8')).toBe(before);
  });

  it('gives back what a person has, untouched, for good, and takes it back when told so', async () => {
    const oid = lab.join('nora');
    lab.entra.directory.addMember(lab.groups.admins, oid);
    await waitForStanding(lab, 'nora', { ...OPEN, sudo: true });
    await sweepNow(lab);
    await inside('echo mine > /home/nora/file; chown nora: /home/nora/file');
    lab.proxmox.createToken('nora@example.com@entra', 'ci');
    const uid = lab.host?.account('nora')?.uid;
    const rule = join(lab.host?.sandbox?.root ?? '', `etc/sudoers.d/entramox-${uid}`);
    const look = async () => {
      const { comment, ...user } = lab.proxmox.user('nora@example.com@entra') ?? { comment: '' };
      return [
        await possessions('nora'),
        readFileSync(rule, 'utf8'),
        user,
        lab.proxmox.tokens('nora@example.com@entra'),
      ];
    };
    const before = await look();

    const shown = await lab.entramox('release', 'nora@example.com');
    const stillMarked = lab.proxmox.user('nora@example.com@entra')?.comment;
    const released = await lab.entramox('release', 'nora@example.com', '--yes');
    const steps = stepsOf(oid).length;
    lab.entra.directory.softDeleteUser(oid);
    await sweepNow(lab);
    await sweepNow(lab);
    const kept = await look();
    const screen = (await lab.entramox('status')).stdout;
    const heir = lab.join('noraheir');
    lab.entra.directory.updateUser(heir, { userPrincipalName: 'nora@branch.example.com' });
    await sweepNow(lab);
    const conflicts = (await statusOf(lab)).reconciler?.conflicts.filter((item) => item.oid === heir);
    lab.entra.directory.restoreUser(oid);
    const back = await lab.entramox('adopt', 'nora@example.com', '--yes');
    lab.entra.directory.updateUser(oid, { accountEnabled: false });
    await waitForStanding(lab, 'nora', { linux: 'locked', pve: 'disabled', sudo: false });

    expect(shown.stdout).toContain(`rm it to end that`);
    expect(shown.stdout).toContain('would: proxmox update nora@example.com@entra');
    expect(stillMarked).toContain(`entra:${oid}`);
    expect([released.code, released.stderr, back.code, back.stderr]).toEqual([0, '', 0, '']);
    expect(kept).toEqual(before);
    expect(
      stepsOf(oid).filter(
        ({ at }) => at < (auditOf(lab).find((line) => line.oid === oid && line.action === 'adopt')?.at ?? ''),
      ),
    ).toHaveLength(steps);
    expect(screen).toContain('nora@example.com on linux (nora)');
    expect(screen).not.toContain('conflict nora@');
    expect(conflicts).toMatchObject([{ target: 'linux', what: expect.stringContaining(oid) }]);
    expect(lab.host?.account('nora')?.uid).toBe(uid);
    expect(existsSync(rule)).toBe(false);
  });

  it('takes a release that root made on the host for what it is, without a word from an operator', async () => {
    const oid = lab.join('olaf');
    await waitForStanding(lab, 'olaf', OPEN);
    await sweepNow(lab);
    const agent = (lab.host?.agentCommand ?? []).filter((word) => word !== '--stdio');
    const rootVerb = (...args: string[]) =>
      inside(`exec ${[...agent.slice(agent.indexOf('sh') + 1), ...args].join(' ')}`);

    await rootVerb('release', '--oid', oid, '--yes');
    lab.entra.directory.updateUser(oid, { accountEnabled: false });
    await waitForStanding(lab, 'olaf', { pve: 'disabled' });
    await sweepNow(lab);
    const { reconciler } = await statusOf(lab);
    const alone = standingOf(lab, 'olaf').linux;
    await rootVerb('adopt', '--oid', oid, '--name', 'olaf', '--yes');
    await sweepNow(lab);

    expect(alone).toBe('open');
    expect(reconciler?.conflicts.filter((item) => item.oid === oid)).toEqual([]);
    expect(reconciler?.released.map(({ upn, target }) => [upn, target])).toContainEqual(['olaf@example.com', 'linux']);
    expect(standingOf(lab, 'olaf').linux).toBe('locked');
    expect((await statusOf(lab)).reconciler?.released.filter((item) => item.oid === oid)).toEqual([]);
  });
});
