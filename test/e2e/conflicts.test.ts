import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uidOf } from '../../src/accounts/uid.js';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost, LAB_UID_RANGE } from '../lab/linux-host.js';
import { auditOf, queueAtRest, standingOf, statusOf, sweepNow, waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';

const unavailable = sandboxUnavailable();
const ACCOUNT_FILES = ['passwd', 'shadow', 'group', 'gshadow', 'subuid', 'subgid', 'sudoers'];

describe.skipIf(unavailable)(`conflicts${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await openLab({
      host: await createPrivateHost({ deleteAfterSeconds: 1 }),
      settings: { CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '300ms', DELETE_AFTER: '1s', GUARD_MAX_DELETES: '1000' },
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
    await queueAtRest(lab);
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
    const written = auditOf(lab).filter((line) => line.oid === oid && line.target === 'linux' && line.kind === 'step');
    expect(written).toEqual([]);
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

  const realm = '@example.com@entra';
  const rename = (oid: string, name: string) =>
    lab.entra.directory.updateUser(oid, { userPrincipalName: `${name}@example.com` });
  const inside = async (line: string) => {
    const done = await lab.host?.sandbox?.exec(['/bin/sh', '-c', line]);
    if (done?.code !== 0) throw new Error(`${line}: ${done?.stderr}`);
  };

  /** Somebody who came, left, and was deleted. */
  async function buried(name: string): Promise<void> {
    const oid = addPerson(`${name}@old.example.com`);
    await waitForStanding(lab, name, { linux: 'open' }, { upn: `${name}@old.example.com` });
    lab.entra.notifications.silently(() => lab.entra.directory.softDeleteUser(oid));
    await sweepNow(lab);
    await waitFor('the tombstone', async () => {
      await sweepNow(lab);
      return standingOf(lab, name).linux === 'none';
    });
  }

  interface Kind {
    target: 'linux' | 'proxmox';
    what: RegExp;
    remedy: RegExp;
    /** Puts it in the way. */
    cause: (name: string) => void | Promise<void>;
    /** Takes it away, without a word to Entramox. */
    clear: (name: string, oid: string) => void | Promise<void>;
    /** The Unix name afterwards, where it is another one. */
    after?: string;
  }

  const KINDS: [string, Kind][] = [
    [
      'a foreign account of that name',
      {
        target: 'linux',
        what: /uid 30010\) exists that entramox did not make/,
        remedy: /entramox adopt .*else remove it or change the user name/,
        cause: (name) => inside(`useradd -M -u 30010 ${name}`),
        clear: (name) => inside(`userdel ${name}`),
      },
    ],
    [
      'a foreign group of that name',
      {
        target: 'linux',
        what: /a group \w+ \(gid 30011\) exists/,
        remedy: /groupdel/,
        cause: (name) => inside(`groupadd -g 30011 ${name}`),
        clear: (name) => inside(`groupdel ${name}`),
      },
    ],
    [
      'a membership of sudo that waits for that name',
      {
        target: 'linux',
        what: /still named as a member of sudo/,
        remedy: /grpck/,
        cause: (name) => inside(`sed -i 's/^sudo:.*/&${name}/' /etc/group`),
        clear: (name) => inside(`sed -i 's/^\\(sudo:.*\\)${name}$/\\1/' /etc/group`),
      },
    ],
    [
      'somebody else with that Unix name',
      {
        target: 'linux',
        what: /belongs to another identity/,
        remedy: /another user principal name/,
        cause: async (name) => {
          addPerson(`${name}@first.example.com`);
          await waitForStanding(lab, name, { linux: 'open' }, { upn: `${name}@first.example.com` });
        },
        clear: (name, oid) => rename(oid, `${name}second`),
        after: 'second',
      },
    ],
    [
      'a reserved name',
      {
        target: 'linux',
        what: /is reserved/,
        remedy: /change the user name in Entra/,
        cause: () => undefined,
        clear: (name, oid) => rename(oid, `${name}free`),
        after: 'free',
      },
    ],
    [
      'the name of somebody who was deleted',
      {
        target: 'linux',
        what: /belongs to another identity|was the name of/,
        remedy: /user (principal )?name/,
        cause: buried,
        clear: (name, oid) => rename(oid, `${name}second`),
        after: 'second',
      },
    ],
    [
      'a Proxmox user of that name whom nobody marked',
      {
        target: 'proxmox',
        what: /exists and is not managed/,
        remedy: /entramox adopt/,
        cause: (name) => lab.proxmox.addUser({ userid: `${name}${realm}`, groups: ['entramox-entra'] }),
        clear: (name) => lab.proxmox.removeUser(`${name}${realm}`),
      },
    ],
    [
      'a Proxmox user of somebody else',
      {
        target: 'proxmox',
        what: /belongs to another identity/,
        remedy: /pveum user delete/,
        cause: async (name) => {
          const owner = addPerson(`${name}owner@example.com`);
          await waitForStanding(lab, `${name}owner`, { linux: 'open', pve: 'enabled' });
          lab.proxmox.addUser({ userid: `${name}${realm}`, comment: `Entramox: active; entra:${owner}` });
        },
        clear: (name) => lab.proxmox.removeUser(`${name}${realm}`),
      },
    ],
    [
      'a Proxmox user whose name differs in case alone',
      {
        target: 'proxmox',
        what: /differs from .* only in case/,
        remedy: /keep one of the two spellings/,
        cause: (name) => lab.proxmox.addUser({ userid: `${name.toUpperCase()}${realm}` }),
        clear: (name) => lab.proxmox.removeUser(`${name.toUpperCase()}${realm}`),
      },
    ],
    [
      'a ghost in a Proxmox group, whose rights a user of that name would have at once',
      {
        target: 'proxmox',
        what: /there is no Proxmox VE user .* yet the group stale-\w+ names it/,
        remedy: /pveum user add .* --enable 0 && pveum user delete/,
        cause: (name) => lab.proxmox.addGroup(`stale-${name}`, { members: [`${name}${realm}`] }),
        // Exactly what the remedy says.
        clear: (name) => {
          lab.proxmox.addUser({ userid: `${name}${realm}`, enabled: false });
          lab.proxmox.removeUser(`${name}${realm}`);
        },
      },
    ],
  ];
  describe('of every kind, all at once', () => {
    interface Seen {
      oid: string;
      name: string;
      found: ConflictView[];
      /** How the person stands on the target that is not in the way. */
      other: string | boolean | undefined;
      later: ConflictView[];
    }
    type ConflictView = NonNullable<Awaited<ReturnType<typeof statusOf>>['reconciler']>['conflicts'][number];
    const seen = new Map<string, Seen>();
    let bystander: ReturnType<typeof standingOf>;
    let screen: string;

    beforeAll(async () => {
      const names = KINDS.map(([kind], n) => (kind === 'a reserved name' ? 'backup' : `kind${n}x`));
      for (const [n, [, { cause }]] of KINDS.entries()) await cause(names[n] ?? '');
      const oids = lab.entra.notifications.silently(() => {
        addPerson('bystander@example.com');
        return names.map((name) => addPerson(`${name}@example.com`));
      });
      const conflictsNow = async () => (await statusOf(lab)).reconciler?.conflicts ?? [];

      await sweepNow(lab);
      const first = await conflictsNow();
      screen = (await lab.entramox('status')).stdout;
      bystander = standingOf(lab, 'bystander');
      const others = KINDS.map(([, { target }], n) =>
        target === 'linux' ? lab.proxmox.user(`${names[n]}${realm}`)?.enabled : standingOf(lab, names[n] ?? '').linux,
      );
      for (const [n, [, { clear }]] of KINDS.entries()) {
        await lab.entra.notifications.silently(() => clear(names[n] ?? '', oids[n] ?? ''));
      }
      await sweepNow(lab);
      const second = await conflictsNow();
      for (const [n, [kind]] of KINDS.entries()) {
        const [oid = '', name = ''] = [oids[n], names[n]];
        const of = (list: ConflictView[]) => list.filter((item) => item.oid === oid);
        seen.set(kind, { oid, name, found: of(first), other: others[n], later: of(second) });
      }
    });

    it.each(KINDS)(
      'lists %s with its remedy, goes on with everybody else and on the other target, and clears by itself',
      (kind, { target, what, remedy, after = '' }) => {
        const { name, found, other, later } = seen.get(kind) as Seen;

        expect(found).toMatchObject([
          { target, what: expect.stringMatching(what), remedy: expect.stringMatching(remedy) },
        ]);
        expect(screen).toContain(`! conflict ${name}@example.com on ${target}: ${found[0]?.what}. ${found[0]?.remedy}`);
        expect(bystander).toMatchObject({ linux: 'open', pve: 'enabled' });
        expect(other).toBe(target === 'linux' ? true : 'open');
        expect(later).toEqual([]);
        expect(standingOf(lab, `${name}${after}`)).toMatchObject({ linux: 'open', pve: 'enabled' });
        if (target === 'proxmox') {
          expect(lab.proxmox.user(`${name}${realm}`)?.groups.toSorted()).toEqual([
            'PVEAuditor-entra',
            'entramox-entra',
          ]);
        }
      },
    );
  });

  it('gives one uid to neither of two who arrive together, says what to pin, and to both once it is pinned', async () => {
    const [one, two] = collidingOids();
    const policyFile = join(lab.host?.sandbox?.root ?? '', 'etc/entramox/accounts.policy.json');
    const join2 = (id: string, name: string) => {
      lab.entra.directory.addUser({ id, userPrincipalName: `${name}@example.com` });
      lab.entra.directory.addMember(lab.groups.everybody, id);
    };
    lab.entra.notifications.silently(() => {
      join2(one, 'uidone');
      join2(two, 'uidtwo');
    });

    await sweepNow(lab);
    const alone = await lab.entramox('resync', one);
    const conflicts = (await statusOf(lab)).reconciler?.conflicts.filter((item) => [one, two].includes(item.oid));
    const between = [standingOf(lab, 'uidone'), standingOf(lab, 'uidtwo')];
    const pin = JSON.parse(`{${/"uids": \{.*\}/.exec(conflicts?.[0]?.remedy ?? '')?.[0]}}`);
    writeFileSync(policyFile, JSON.stringify({ ...JSON.parse(readFileSync(policyFile, 'utf8')), ...pin }));
    await sweepNow(lab);

    expect(conflicts).toMatchObject([{ target: 'linux' }, { target: 'linux' }]);
    expect(new Set(conflicts?.map((item) => item.remedy)).size).toBe(1);
    expect(alone.code).toBe(1);
    expect(between).toMatchObject([
      { linux: 'none', pve: 'enabled' },
      { linux: 'none', pve: 'enabled' },
    ]);
    const uids = ['uidone', 'uidtwo'].map((name) => lab.host?.account(name)?.uid);
    expect(uids).toContain(uidOf(one, { uidRange: LAB_UID_RANGE, uids: {} }));
    expect(uids).toContain(Object.values(pin.uids)[0]);
    expect((await statusOf(lab)).reconciler?.conflicts.filter((item) => [one, two].includes(item.oid))).toEqual([]);
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

/** Two object ids with one uid; by the birthday paradox among some twenty thousand. */
function collidingOids(): [string, string] {
  const seen = new Map<number, string>();
  for (;;) {
    const oid = randomUUID();
    const uid = uidOf(oid, { uidRange: LAB_UID_RANGE, uids: {} });
    const other = seen.get(uid);
    if (other !== undefined) return [oid, other];
    seen.set(uid, oid);
  }
}
