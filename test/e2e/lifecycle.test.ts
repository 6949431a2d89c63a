import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { addManagedGroup, auditOf, queueAtRest, standingOf, statusOf, sweepNow, waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';

const unavailable = sandboxUnavailable();
const OPEN = { linux: 'open', pve: 'enabled' } as const;
const LOCKED = { linux: 'locked', sudo: false, pve: 'disabled' } as const;

describe.skipIf(unavailable)(`the life of an identity${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  let listed: string;
  let builders: string;

  beforeAll(async () => {
    const host = await createPrivateHost({ deleteAfterSeconds: 1, allowedGroups: ['games'] });
    lab = await openLab({
      host,
      settings: {
        CONFIRM_BEFORE_LOCK: '300ms',
        CONFIRM_AFTER: '400ms',
        DELETE_AFTER: '2s',
        GUARD_MAX_LOCKS: '1000',
        GUARD_MAX_DELETES: '1000',
      },
    });
    builders = lab.entra.directory.addGroup({ displayName: 'builders' });
    listed = lab.entra.directory.addUser({ userPrincipalName: 'listed@example.com' });
    addManagedGroup(lab, 'PVEVMAdmin.pool.lab', 'PVEVMAdmin', '/pool/lab');
    const map = [{ group: builders, pve_role: 'PVEVMAdmin', path: '/pool/lab', linux_groups: ['games'] }];
    lab.setSettings({ ENTRA_USER_IDS: listed, ENTRA_ROLE_MAP: JSON.stringify(map) });
    lab.start();
    await lab.ready();
  });
  afterAll(() => lab?.close());

  async function joined(name: string): Promise<string> {
    const oid = lab.join(name);
    await waitFor(`the account of ${name}`, () =>
      auditOf(lab).some((line) => line.oid === oid && line.target === 'linux' && line.action === 'create'),
    );
    await waitForStanding(lab, name, OPEN);
    return oid;
  }

  /** Waits until the countdown of this person has run out; nothing is deleted without a sweep. */
  async function graceOver(oid: string): Promise<void> {
    const status = await statusOf(lab);
    const deleteAt = status.reconciler?.grace.find((item) => item.oid === oid)?.deleteAt;
    if (!deleteAt) throw new Error(`${oid} is not in grace`);
    await waitFor('the end of the countdown', () => Date.now() > Date.parse(deleteAt) && deleteAt);
  }

  it('gives a joiner an account of its own and a Proxmox user with the role of all users', async () => {
    const oid = await joined('joiner');

    const user = lab.proxmox.user('joiner@example.com@entra');
    const mode = await lab.host?.sandbox?.exec(['stat', '-c', '%a %U', '/home/joiner']);
    expect(standingOf(lab, 'joiner')).toEqual({
      ...OPEN,
      sudo: false,
      linuxGroups: [],
      pveGroups: ['PVEAuditor', 'entramox'],
    });
    expect(user).toMatchObject({ firstname: 'joiner', lastname: 'Example', email: 'joiner@example.com' });
    expect(user?.comment).toContain(`entra:${oid}`);
    expect(lab.host?.account('joiner')?.gecos).toBe('joiner Example');
    expect(mode?.stdout).toBe('700 joiner\n');
  });

  it('gives a super-admin sudo and the role in place of the usual one, and takes both away again', async () => {
    const oid = await joined('riser');

    lab.entra.directory.addMember(lab.groups.admins, oid);
    await waitForStanding(lab, 'riser', { sudo: true, pveGroups: ['Administrator', 'entramox'] });
    const may = await lab.host?.mayUseSudo('riser');
    lab.entra.directory.removeMember(lab.groups.admins, oid);
    await waitForStanding(lab, 'riser', { ...OPEN, sudo: false, pveGroups: ['PVEAuditor', 'entramox'] });
    const mayStill = await lab.host?.mayUseSudo('riser');

    expect([may, mayStill]).toEqual([true, false]);
  });

  it('gives what the role map says: a role on a path and Linux groups', async () => {
    const oid = await joined('builder');

    lab.entra.directory.addMember(builders, oid);
    await waitForStanding(lab, 'builder', {
      linuxGroups: ['games'],
      pveGroups: ['PVEVMAdmin.pool.lab', 'entramox'],
    });
    lab.entra.directory.removeMember(builders, oid);

    await waitForStanding(lab, 'builder', { ...OPEN, linuxGroups: [], pveGroups: ['PVEAuditor', 'entramox'] });
  });

  it('counts members of nested groups, as soon as the group itself is nested', async () => {
    const { directory } = lab.entra;
    const team = directory.addGroup({ displayName: 'team' });
    const oid = directory.addUser({ userPrincipalName: 'nested@example.com' });
    directory.addMember(team, oid);

    directory.addMember(lab.groups.everybody, team);

    await waitForStanding(lab, 'nested', OPEN);
    directory.removeMember(team, oid);
    await sweepNow(lab);

    expect(standingOf(lab, 'nested')).toMatchObject(LOCKED);
  });

  it('has a person of ENTRA_USER_IDS without any group, and suspends rather than deletes a disabled one', async () => {
    await waitForStanding(lab, 'listed', OPEN);

    lab.entra.directory.updateUser(listed, { accountEnabled: false });
    await waitForStanding(lab, 'listed', LOCKED);
    const { reconciler } = await statusOf(lab);
    lab.entra.directory.updateUser(listed, { accountEnabled: true });

    await waitForStanding(lab, 'listed', OPEN);
    expect(reconciler?.suspended.map(({ oid }) => oid)).toEqual([listed]);
    expect(reconciler?.grace.map(({ oid }) => oid)).not.toContain(listed);
  });

  it.each([
    ['removal from the group', 'ousted', (oid: string) => lab.entra.directory.removeMember(lab.groups.everybody, oid)],
    ['a soft delete', 'binned', (oid: string) => lab.entra.directory.softDeleteUser(oid)],
    ['a hard delete', 'shredded', (oid: string) => lab.entra.directory.hardDeleteUser(oid)],
  ])('locks a leaver after %s, and counts down', async (_, name, leave) => {
    const oid = await joined(name);
    lab.entra.directory.addMember(lab.groups.admins, oid);
    await waitForStanding(lab, name, { sudo: true });

    lab.entra.directory.removeMember(lab.groups.admins, oid);
    leave(oid);
    await waitForStanding(lab, name, LOCKED);

    const { reconciler } = await statusOf(lab);
    expect(reconciler?.grace.map((item) => item.oid)).toContain(oid);
    expect(lab.proxmox.user(`${name}@example.com@entra`)?.comment).toMatch(/left .*deletes \d{4}-.* UTC/);
    expect(auditOf(lab).filter((line) => line.oid === oid && line.action === 'lock')).toEqual([
      expect.objectContaining({ target: 'linux', name, outcome: 'done', before: { locked: false } }),
    ]);
  });

  it('does not delete who came back within grace, however many sweeps follow', async () => {
    const oid = await joined('returner');
    const uid = lab.host?.account('returner')?.uid;

    lab.entra.directory.softDeleteUser(oid);
    await waitForStanding(lab, 'returner', LOCKED);
    lab.entra.directory.restoreUser(oid);
    await waitForStanding(lab, 'returner', OPEN);
    await sweepNow(lab);

    const { reconciler } = await statusOf(lab);
    expect(standingOf(lab, 'returner')).toMatchObject({ ...OPEN, pveGroups: ['PVEAuditor', 'entramox'] });
    expect(lab.host?.account('returner')?.uid).toBe(uid);
    expect(reconciler?.grace.map((item) => item.oid)).not.toContain(oid);
  });

  it('deletes on the first sweep after grace, archives the home, and gives the same uid to who comes back', async () => {
    const oid = await joined('phoenix');
    const uid = lab.host?.account('phoenix')?.uid;
    await lab.host?.sandbox?.exec(['/bin/sh', '-c', 'echo work > /home/phoenix/thesis.txt']);

    lab.entra.directory.removeMember(lab.groups.everybody, oid);
    await waitForStanding(lab, 'phoenix', LOCKED);
    await graceOver(oid);
    const beforeSweep = standingOf(lab, 'phoenix').linux;
    await sweepNow(lab);
    const afterSweep = standingOf(lab, 'phoenix');
    const archive = await lab.host?.sandbox?.exec([
      '/bin/sh',
      '-c',
      'cd /var/lib/entramox-accounts/archive && for f in *phoenix*; do tar -tf "$f"; done',
    ]);
    const kept = lab.proxmox.user('phoenix@example.com@entra')?.comment;
    lab.entra.directory.addMember(lab.groups.everybody, oid);
    await waitForStanding(lab, 'phoenix', OPEN);

    expect(beforeSweep).toBe('locked');
    expect(afterSweep).toMatchObject({ linux: 'none', pve: 'disabled' });
    expect(archive?.stdout).toContain('thesis.txt');
    expect(kept).toContain('kept disabled');
    expect(lab.host?.account('phoenix')?.uid).toBe(uid);
  });

  it('keeps the Unix account of a renamed person, with a new Proxmox user and the old one disabled', async () => {
    const oid = await joined('maiden');
    const uid = lab.host?.account('maiden')?.uid;

    lab.entra.directory.updateUser(oid, { userPrincipalName: 'married@example.com', displayName: 'Married Example' });
    await waitForStanding(lab, 'maiden', OPEN, { upn: 'married@example.com' });
    await waitForStanding(lab, 'maiden', { linux: 'open', pve: 'disabled' });

    await waitFor('the new full name', () => lab.host?.account('maiden')?.gecos === 'Married Example');
    expect(lab.host?.account('maiden')?.uid).toBe(uid);
    expect(lab.host?.account('married')).toBeUndefined();
    expect(lab.proxmox.user('maiden@example.com@entra')?.comment).toContain('renamed to married@example.com@entra');
    lab.entra.directory.softDeleteUser(oid);
    await waitForStanding(lab, 'maiden', LOCKED, { upn: 'married@example.com' });
  });

  it('finds on a sweep what no notification told', async () => {
    const leaver = await joined('silentleaver');
    await waitFor('no re-check to come', async () => (await statusOf(lab)).reconciler?.queue.pending === 0);
    await queueAtRest(lab);

    lab.entra.notifications.silently(() => {
      lab.join('silentjoiner');
      lab.entra.directory.removeMember(lab.groups.everybody, leaver);
    });
    const before = [standingOf(lab, 'silentjoiner').linux, standingOf(lab, 'silentleaver').linux];
    await sweepNow(lab);

    expect(before).toEqual(['none', 'open']);
    expect(standingOf(lab, 'silentjoiner')).toMatchObject(OPEN);
    expect(standingOf(lab, 'silentleaver')).toMatchObject(LOCKED);
  });
});
