import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { auditOf, queueAtRest, standingOf, statusOf, sweepNow, waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';

const unavailable = sandboxUnavailable();
const OPEN = { linux: 'open', pve: 'enabled' } as const;
/** Everything below a path with modes and owners, without what is around it. */
const tree = (path: string) => `find ${path} -printf '%M %U:%G %s %p\\n' | sort`;
const LOCKED = { linux: 'locked', sudo: false, pve: 'disabled' } as const;

describe.skipIf(unavailable)(`identity over time${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await openLab({
      host: await createPrivateHost({ deleteAfterSeconds: 1, allowedGroups: ['games'] }),
      settings: {
        CONFIRM_BEFORE_LOCK: '300ms',
        CONFIRM_AFTER: '400ms',
        DELETE_AFTER: '2s',
        GUARD_MAX_LOCKS: '1000',
        GUARD_MAX_DELETES: '1000',
      },
    });
    lab.start();
    await lab.ready();
  });
  afterAll(() => lab?.close());

  const silently = <T>(work: () => T): T => lab.entra.notifications.silently(work);
  const userid = (name: string) => `${name}@example.com@entra`;
  const stepsOf = (oid: string) => auditOf(lab).filter((line) => line.oid === oid && line.kind === 'step');

  async function inside(line: string): Promise<string> {
    const done = await lab.host?.sandbox?.exec(['/bin/sh', '-c', line]);
    if (done?.code !== 0) throw new Error(`${line}: ${done?.stderr}`);
    return done.stdout.trim();
  }

  /** An administrator, wholly provisioned, with nothing left to do. */
  async function joined(name: string): Promise<string> {
    const oid = silently(() => {
      const id = lab.join(name);
      lab.entra.directory.addMember(lab.groups.admins, id);
      return id;
    });
    await sweepNow(lab);
    await waitForStanding(lab, name, { ...OPEN, sudo: true, pveGroups: ['Administrator', 'entramox'] });
    await queueAtRest(lab);
    return oid;
  }

  /** Everything that a name or a uid could hand on. */
  async function belongings(name: string): Promise<number> {
    const uid = lab.host?.account(name)?.uid ?? 0;
    await inside(`mkdir -p /var/spool/cron/crontabs /var/spool/cron/atjobs /var/mail /var/lib/systemd/linger /run/sudo/ts
      echo '* * * * * touch /tmp/evil' > /var/spool/cron/crontabs/${name}; chown ${uid} /var/spool/cron/crontabs/${name}
      echo 'touch /tmp/evil' > /var/spool/cron/atjobs/a0000${uid}; chown ${uid} /var/spool/cron/atjobs/a0000${uid}
      echo secret > /var/mail/${name}; chown ${uid} /var/mail/${name}; touch /var/lib/systemd/linger/${name} /run/sudo/ts/${name}
      mkdir -p /home/${name}/.ssh; echo 'ssh-ed25519 AAAA old' > /home/${name}/.ssh/authorized_keys; chown -R ${uid}:${uid} /home/${name}
      usermod -aG audio ${name}; echo left > /srv/${name}-${uid}; chown ${uid} /srv/${name}-${uid}`);
    lab.proxmox.createToken(userid(name), 'automation');
    return uid;
  }

  /** Where the name or the uid is still found in the places that a new owner would inherit. */
  async function traces(name: string, uid: number): Promise<string[]> {
    const found =
      await inside(`for f in /var/spool/cron/crontabs/${name} /var/spool/cron/atjobs/a0000${uid} /var/mail/${name} \\
      /var/lib/systemd/linger/${name} /run/sudo/ts/${name} /etc/sudoers.d/entramox-${uid} /home/${name}; do test -e $f && echo $f; done
      grep -lE "(^|[:,])${name}([:,]|$)" /etc/passwd /etc/shadow /etc/group /etc/gshadow || true`);
    return found === '' ? [] : found.split('\n');
  }

  async function untilDeleted(name: string): Promise<void> {
    await waitFor(`the end of ${name}`, async () => {
      await sweepNow(lab);
      return standingOf(lab, name).linux === 'none';
    });
  }

  /** What PVE answers to a request with this token. */
  function statusWith(token: string): Promise<number> {
    const ca = readFileSync(join(lab.dir, 'ca.pem'));
    return new Promise((resolve, reject) => {
      const headers = { authorization: `PVEAPIToken=${token}` };
      const call = request(`${lab.proxmox.url}/api2/json/version`, { ca, headers, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      call.on('error', reject);
      call.end();
    });
  }

  describe('a new user principal name', () => {
    it('keeps account and uid, moves the roles to a new userid and closes the old one, in one reconcile', async () => {
      const oid = await joined('maiden');
      const uid = await belongings('maiden');
      const token = lab.proxmox.createToken(userid('maiden'), 'old');
      const before = [stepsOf(oid).length, await statusWith(token)];

      silently(() =>
        lab.entra.directory.updateUser(oid, { userPrincipalName: 'married@example.com', displayName: 'Married Name' }),
      );
      const resync = await lab.entramox('resync', oid);
      const after = standingOf(lab, 'maiden', 'married@example.com');
      const steps = stepsOf(oid).slice(before[0]);
      const old = lab.proxmox.user(userid('maiden'));
      const [tokenNow, again] = [await statusWith(token), await lab.entramox('resync', oid)];

      expect([before[1], resync.code, again.code]).toEqual([200, 0, 0]);
      expect(after).toMatchObject({ ...OPEN, sudo: true, pveGroups: ['Administrator', 'entramox'] });
      expect(lab.host?.account('maiden')).toMatchObject({ uid, gecos: 'Married Name' });
      expect(lab.host?.account('married')).toBeUndefined();
      expect(await inside('cat /var/mail/maiden /home/maiden/.ssh/authorized_keys')).toBe(
        'secret\nssh-ed25519 AAAA old',
      );
      expect(old).toMatchObject({ enabled: false, groups: ['entramox-entra'] });
      expect(old?.comment).toBe(`Entramox: renamed to ${userid('married')}; kept disabled; entra:${oid}`);
      expect([lab.proxmox.tokens(userid('married')), tokenNow]).toEqual([[], 401]);
      expect(new Set(steps.map((line) => (line as { correlation?: string }).correlation)).size).toBe(1);
      expect(steps.map(({ target, action, name }) => `${target} ${action} ${name}`).sort()).toEqual([
        'linux create maiden',
        `proxmox create ${userid('married')}`,
        `proxmox update ${userid('maiden')}`,
      ]);
      expect(again.stdout).toContain('nothing to do');
    });

    it('leaves nothing to whoever gets the old one', async () => {
      const oid = await joined('movedon');
      const uid = await belongings('movedon');
      silently(() => lab.entra.directory.updateUser(oid, { userPrincipalName: 'movedon.new@example.com' }));
      await sweepNow(lab);
      const own = `${tree('/home/movedon')}; cat /var/spool/cron/crontabs/movedon; grep movedon: /etc/passwd /etc/shadow`;
      const before = await inside(own);

      const heir = silently(() => lab.join('movedon'));
      await sweepNow(lab);
      const { reconciler } = await statusOf(lab);
      const held = lab.proxmox.user(userid('movedon'));
      silently(() => lab.entra.directory.updateUser(heir, { userPrincipalName: 'movedon.heir@example.com' }));
      await sweepNow(lab);

      const conflicts = reconciler?.conflicts.filter((item) => item.oid === heir);
      expect(conflicts?.map(({ target }) => target).sort()).toEqual(['linux', 'proxmox']);
      expect(held).toMatchObject({ enabled: false, comment: expect.stringContaining(oid) });
      expect(await inside(own)).toBe(before);
      const account = lab.host?.account('movedon_heir');
      expect(account).toMatchObject({ groups: [], sudo: false });
      expect(account?.uid).not.toBe(uid);
      expect(lab.proxmox.tokens(userid('movedon.heir'))).toEqual([]);
      expect(standingOf(lab, 'movedon_heir', 'movedon.heir@example.com')).toMatchObject({
        ...OPEN,
        pveGroups: ['PVEAuditor', 'entramox'],
      });
    });
  });

  describe('the user principal name of somebody who left, given to a new person', () => {
    it('hands on neither home, uid, crontab, jobs, mail, sudo, groups nor tokens, in grace and after the deletion', async () => {
      const oid = await joined('reused');
      const uid = await belongings('reused');
      silently(() => lab.entra.directory.softDeleteUser(oid));
      await sweepNow(lab);
      await waitForStanding(lab, 'reused', LOCKED);
      const inGrace = await inside(
        `${tree('/home/reused')}; cat /var/spool/cron/crontabs/reused; grep reused: /etc/passwd /etc/shadow`,
      );

      const heir = silently(() => lab.join('reused'));
      await lab.entramox('resync', heir);
      const graceConflicts = (await statusOf(lab)).reconciler?.conflicts.filter((item) => item.oid === heir);
      const stillInGrace = await inside(
        `${tree('/home/reused')}; cat /var/spool/cron/crontabs/reused; grep reused: /etc/passwd /etc/shadow`,
      );
      await untilDeleted('reused');
      await sweepNow(lab);
      const left = await traces('reused', uid);
      const conflicts = (await statusOf(lab)).reconciler?.conflicts.filter((item) => item.oid === heir);
      // What the remedy says an administrator may do once nobody needs the old user.
      lab.proxmox.removeUser(userid('reused'));
      await sweepNow(lab);
      const fresh = lab.proxmox.user(userid('reused'));
      silently(() => lab.entra.directory.updateUser(heir, { userPrincipalName: 'reused.two@example.com' }));
      await sweepNow(lab);

      expect(graceConflicts?.map(({ target }) => target).sort()).toEqual(['linux', 'proxmox']);
      expect(stillInGrace).toBe(inGrace);
      expect(left).toEqual([]);
      expect(conflicts?.map(({ target }) => target).sort()).toEqual(['linux', 'proxmox']);
      expect(fresh).toMatchObject({ enabled: true, comment: expect.stringContaining(heir) });
      expect(fresh?.groups.toSorted()).toEqual(['PVEAuditor-entra', 'entramox-entra']);
      expect(lab.proxmox.tokens(userid('reused'))).toEqual([]);
      const account = lab.host?.account('reused_two');
      expect(account).toMatchObject({ groups: [], sudo: false, locked: false });
      expect(account?.uid).not.toBe(uid);
      expect(await inside('ls -A /home/reused_two; ls -A /etc/skel')).toBe(
        await inside('ls -A /etc/skel; ls -A /etc/skel'),
      );
      expect(
        await inside(
          `stat -c %u /srv/reused-${uid}; find / -xdev -uid ${account?.uid} -not -path '/home/reused_two*' 2>/dev/null`,
        ),
      ).toBe(String(uid));
      expect(await traces('reused_two', account?.uid ?? 0)).toEqual([
        '/home/reused_two',
        '/etc/passwd',
        '/etc/shadow',
        '/etc/group',
        '/etc/gshadow',
      ]);
    });
  });

  describe('somebody who comes back', () => {
    it('within grace has everything as before, exactly once', async () => {
      const oid = await joined('returner');
      const uid = await belongings('returner');
      const own = `${tree('/home/returner')}; cat /var/spool/cron/crontabs/returner; grep returner: /etc/passwd /etc/shadow`;
      const before = [await inside(own), standingOf(lab, 'returner'), stepsOf(oid).length];

      silently(() => lab.entra.directory.softDeleteUser(oid));
      await lab.entramox('resync', oid);
      const between = standingOf(lab, 'returner');
      silently(() => lab.entra.directory.restoreUser(oid));
      await lab.entramox('resync', oid);
      await sweepNow(lab);
      await sweepNow(lab);

      expect(between).toMatchObject(LOCKED);
      expect(await inside(own)).toBe(before[0]);
      // A group that gives no power and that we do not manage is left as it is by the lock.
      expect(standingOf(lab, 'returner')).toEqual(before[1]);
      expect(lab.host?.account('returner')?.uid).toBe(uid);
      expect(
        stepsOf(oid)
          .slice(before[2] as number)
          .map(({ target, action, outcome }) => [target, action, outcome].join(' '))
          .sort(),
      ).toEqual([
        'linux lock done',
        'linux sudo done',
        'linux unlock done',
        'proxmox update done',
        'proxmox update done',
      ]);
      const { reconciler } = await statusOf(lab);
      expect(reconciler?.grace.map((item) => item.oid)).not.toContain(oid);
    });

    it('after the deletion gets the same uid, and the archived home by "restore"', async () => {
      const oid = await joined('phoenix');
      const uid = lab.host?.account('phoenix')?.uid;
      await inside('echo thesis > /home/phoenix/thesis.txt; chown phoenix: /home/phoenix/thesis.txt');
      silently(() => lab.entra.directory.softDeleteUser(oid));
      await sweepNow(lab);
      await untilDeleted('phoenix');
      const tooEarly = await lab.entramox('restore', 'phoenix@example.com', '--yes');
      silently(() => lab.entra.directory.restoreUser(oid));
      await sweepNow(lab);
      const again = await lab.entramox('resync', oid);

      const shown = await lab.entramox('restore', 'phoenix@example.com');
      const empty = await inside('ls /home/phoenix');
      const restored = await lab.entramox('restore', 'phoenix@example.com', '--yes', '--json');

      expect([tooEarly.code, shown.code, empty, restored.code]).toEqual([1, 0, '', 0]);
      expect(tooEarly.stderr).toContain('is deleted');
      expect(again.stdout).toContain('nothing to do');
      expect(lab.host?.account('phoenix')?.uid).toBe(uid);
      expect(JSON.parse(restored.stdout)).toMatchObject({ oid, restored: true });
      expect(await inside('cat /home/phoenix/thesis.txt; stat -c %U /home/phoenix/thesis.txt')).toBe('thesis\nphoenix');
      expect(auditOf(lab).filter((line) => line.oid === oid && line.action === 'restore')).toHaveLength(1);
      expect(standingOf(lab, 'phoenix')).toMatchObject({ ...OPEN, sudo: true });
    });
  });

  it('ends like a leaver when it is deleted for good in Entra', async () => {
    const oid = await joined('shredded');
    const uid = await belongings('shredded');

    silently(() => lab.entra.directory.hardDeleteUser(oid));
    await sweepNow(lab);
    const locked = standingOf(lab, 'shredded');
    const grace = (await statusOf(lab)).reconciler?.grace.find((item) => item.oid === oid);
    await untilDeleted('shredded');

    expect(locked).toMatchObject(LOCKED);
    expect(grace?.reason).toContain('not found');
    expect(await traces('shredded', uid)).toEqual([]);
    expect(lab.proxmox.user(userid('shredded'))).toMatchObject({ enabled: false });
    expect(await inside(`ls /var/lib/entramox-accounts/archive | grep -c shredded-${uid}`)).toBe('1');
    expect((await statusOf(lab)).reconciler?.identities.deleted).toBeGreaterThan(0);
  });
});
