import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { auditOf, standingOf, statusOf, sweepNow, waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';

const unavailable = sandboxUnavailable();
const ACCOUNT_FILES = ['passwd', 'shadow', 'group', 'gshadow', 'subuid', 'subgid', 'sudoers'];

describe.skipIf(unavailable)(`conflicts${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await openLab({
      host: await createPrivateHost(),
      settings: { CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '300ms' },
    });
    lab.start();
    await lab.ready();
  });
  afterAll(() => lab?.close());

  /** Every byte that says who may log in. */
  function accountFiles(): Record<string, string> {
    const root = lab.host?.sandbox?.root ?? '';
    return Object.fromEntries(ACCOUNT_FILES.map((file) => [file, readFileSync(join(root, 'etc', file), 'latin1')]));
  }

  function addPerson(userPrincipalName: string): string {
    const oid = lab.entra.directory.addUser({ userPrincipalName });
    lab.entra.directory.addMember(lab.groups.everybody, oid);
    return oid;
  }

  async function conflictOf(oid: string, target: 'linux' | 'proxmox') {
    const { value } = await waitFor(`a conflict of ${oid} on ${target}`, async () => {
      const { reconciler } = await statusOf(lab);
      return reconciler?.conflicts.find((item) => item.oid === oid && item.target === target);
    });
    return value;
  }

  it('never lets two people share a Unix name: the later one is told, the earlier one untouched', async () => {
    addPerson('sam@example.com');
    await waitForStanding(lab, 'sam', { linux: 'open', pve: 'enabled' });
    const before = accountFiles();

    const later = addPerson('sam@branch.example.com');
    const conflict = await conflictOf(later, 'linux');
    const { code, stdout } = await lab.entramox('status');
    const resync = await lab.entramox('resync', later);

    expect(conflict.what).toContain('"sam" belongs to another identity');
    expect(accountFiles()).toEqual(before);
    expect([code, resync.code]).toEqual([0, 1]);
    expect(stdout).toMatch(/^! conflict sam@branch\.example\.com on linux: /m);
    expect(resync.stdout).toMatch(/match +no +linux: conflict/);
    expect(standingOf(lab, 'sam', 'sam@branch.example.com').pve).toBe('enabled');
  });

  it('gives a name to neither of two people who arrive with it together', async () => {
    const before = accountFiles();

    const oids = lab.entra.notifications.silently(() => [
      addPerson('kim@example.com'),
      addPerson('kim@branch.example.com'),
    ]);
    await sweepNow(lab);

    const { reconciler } = await statusOf(lab);
    const told = reconciler?.conflicts.filter((item) => oids.includes(item.oid)).map(({ oid }) => oid);
    expect(told?.sort()).toEqual([...oids].sort());
    expect(accountFiles()).toEqual(before);
  });

  it('leaves an account that it did not make as it is, byte for byte, whatever becomes of the person', async () => {
    await lab.host?.sandbox?.exec(['useradd', '-m', '-u', '30001', '-c', 'An old hand', 'oldhand']);
    await lab.host?.sandbox?.exec(['/bin/sh', '-c', 'echo mine > /home/oldhand/file']);
    const before = accountFiles();

    const oid = addPerson('oldhand@example.com');
    const conflict = await conflictOf(oid, 'linux');
    lab.entra.directory.softDeleteUser(oid);
    await waitForStanding(lab, 'oldhand', { pve: 'disabled' });
    await sweepNow(lab);

    const home = await lab.host?.sandbox?.exec(['cat', '/home/oldhand/file']);
    expect(conflict.remedy).not.toBe('');
    expect(accountFiles()).toEqual(before);
    expect(home?.stdout).toBe('mine\n');
    expect(auditOf(lab).filter((line) => line.oid === oid && line.target === 'linux')).toEqual([]);
  });

  it.each([
    ['of the same name', 'stranger@example.com', 'stranger@example.com@entra'],
    ['whose name differs in case alone', 'twin@example.com', 'Twin@example.com@entra'],
  ])('leaves a Proxmox user %s as it is', async (_, upn, userid) => {
    lab.proxmox.addUser({ userid, comment: 'made by hand', groups: ['PVEAuditor-entra'], email: 'old@example.com' });
    const before = lab.proxmox.user(userid);
    const writes = () => lab.proxmox.calls({ path: /stranger|twin/i }).filter(({ method }) => method !== 'GET');

    const oid = addPerson(upn);
    const conflict = await conflictOf(oid, 'proxmox');
    lab.entra.directory.updateUser(oid, { accountEnabled: false });
    await waitForStanding(lab, upn.split('@')[0] ?? '', { linux: 'locked' });

    expect(conflict.what).toContain(userid.split('@')[0]);
    expect(lab.proxmox.user(userid)).toEqual(before);
    expect(lab.proxmox.users().filter((user) => user.userid.toLowerCase() === userid.toLowerCase())).toHaveLength(1);
    expect(writes()).toEqual([]);
  });

  it.each(['root', 'www-data', 'all', 'entramox'])('never makes or touches an account named %s', async (name) => {
    const before = accountFiles();

    const oid = addPerson(`${name}@example.com`);
    const conflict = await conflictOf(oid, 'linux');

    expect(conflict.what).toContain(name);
    expect(accountFiles()).toEqual(before);
  });

  it('settles a conflict once a person has cleared the way', async () => {
    lab.proxmox.addUser({ userid: 'later@example.com@entra', comment: 'made by hand' });
    const oid = addPerson('later@example.com');
    await conflictOf(oid, 'proxmox');

    lab.proxmox.removeUser('later@example.com@entra');
    const { code } = await lab.entramox('resync', 'later@example.com');

    const { reconciler } = await statusOf(lab);
    expect(code).toBe(0);
    expect(standingOf(lab, 'later').pve).toBe('enabled');
    expect(reconciler?.conflicts.filter((item) => item.oid === oid)).toEqual([]);
  });
});
