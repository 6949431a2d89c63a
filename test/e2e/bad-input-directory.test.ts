import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { REALM } from '../lab/lab.js';
import { waitFor } from '../lab/wait.js';
import { type LogLine, openWard, sides, type Ward, withoutLinux } from './bad-input-lab.js';

let ward: Ward;
beforeAll(async () => {
  // The guard has tests of its own; here many people come and go within minutes.
  const settings = { GUARD_MAX_LOCKS: '1000' };
  ward = await openWard({ residents: ['alice', 'bob', 'carol'], admins: ['carol'], settings });
});
afterAll(() => ward?.close());

const settledOf = (name: string, result?: string) => {
  const fits = (line: LogLine) => line.oid === ward.people[name] && (result === undefined || line.result === result);
  return ward.events('reconcile.identity.settled', fits).length;
};

/** Changes something about this person that nobody's access depends on, and waits until it was looked at. */
async function poke(name: string): Promise<unknown> {
  await ward.rests();
  const oid = ward.people[name] ?? '';
  const before = settledOf(name);
  ward.lab.entra.directory.updateUser(oid, { jobTitle: `poked ${before}` });
  const line = await ward.heard('reconcile.identity.settled', (seen) => seen.oid === oid, before);
  return line.result;
}

/** A sweep's exit code and record. */
async function sweep(): Promise<{ code: number | null; result: string; why?: string }> {
  const { code, stdout } = await ward.lab.entramox('sweep', '--json');
  return { code, ...JSON.parse(stdout) };
}

/** Ends a person for good, and clears the way for whoever is looked at next. */
async function leaves(oid: string, userid: string): Promise<void> {
  ward.lab.entra.directory.hardDeleteUser(oid);
  if (!ward.lab.proxmox.user(userid)) return;
  await waitFor(`${userid} disabled`, () => ward.lab.proxmox.user(userid)?.enabled === false);
  ward.lab.proxmox.removeUser(userid);
}

const admin = (name: string) =>
  ward.lab.proxmox.user(`${name}@example.com@${REALM}`)?.groups.includes(`Administrator-${REALM}`);

describe(`A user principal name that a target cannot carry${sides}`, () => {
  it.each<[string, string, 'linux' | 'both', RegExp]>([
    ['quotes', `o'brien"x@example.com`, 'linux', /characters that a Unix name cannot carry/],
    ['spaces', 'two words@example.com', 'both', /Proxmox cannot hold|characters that a Unix name cannot carry/],
    ['#EXT#', 'guest_other.org#EXT#@example.com', 'linux', /characters that a Unix name cannot carry/],
    [
      'letters beyond ASCII',
      'josé@example.com',
      'both',
      /Proxmox cannot hold|characters that a Unix name cannot carry/,
    ],
    ['a Cyrillic a that looks like alice', 'аlice@example.com', 'both', /Proxmox cannot hold|cannot carry/],
    ['200 characters', `_${'l'.repeat(187)}@example.com`, 'both', /longer than the 64 characters|not a safe Unix name/],
    ['a leading dash', '-rf@example.com', 'linux', /not a safe Unix name/],
    ['ALL', 'ALL@example.com', 'linux', /reserved/],
    ['root', 'root@example.com', 'linux', /reserved/],
    ['a shell in it', '$(reboot)@example.com', 'linux', /characters that a Unix name cannot carry/],
    ['a colon', 'a:b@example.com', 'both', /Proxmox cannot hold|characters that a Unix name cannot carry/],
  ])('is a conflict that status shows, and harms nobody: %s', async (_what, upn, where, why) => {
    const [before, accounts] = [ward.world(), ward.host ? ['linux', 'proxmox'] : ['proxmox']];
    const { directory } = ward.lab.entra;
    const oid = directory.addUser({ userPrincipalName: upn, displayName: 'Odd One' });
    directory.addMember(ward.lab.groups.everybody, oid);
    const targets = accounts.filter((target) => where === 'both' || where === target);

    const status = await ward.shows(`what became of ${upn}`, ({ conflicts }) => {
      const seen = conflicts.filter((item) => item.oid === oid).map(({ target }) => target);
      const settled = ward.events('reconcile.identity.settled', (line) => line.oid === oid).length > 0;
      return settled && targets.every((target) => seen.includes(target as 'linux'));
    });

    const conflicts = status.conflicts.filter((item) => item.oid === oid);
    expect(conflicts.map(({ target }) => target).sort()).toEqual(targets);
    for (const conflict of conflicts) {
      expect(conflict).toMatchObject({ what: expect.stringMatching(why), remedy: expect.stringMatching(/\w+ \w+/) });
    }
    const { linux, proxmox } = ward.world();
    expect(linux).toEqual(before.linux);
    const userid = `${upn}@${REALM}`;
    const others = (proxmox as { userid: string }[]).filter((user) => user.userid !== userid);
    expect(others).toEqual(before.proxmox);
    expect(ward.lab.proxmox.user(userid) !== undefined).toBe(where === 'linux');
    await leaves(oid, userid);
  });

  it('of which only the end differs from another one gives no account to the later one', async (context) => {
    context.skip(withoutLinux !== undefined, withoutLinux);
    const { directory } = ward.lab.entra;
    const long = `newcomer804-${'l'.repeat(36)}`;
    const name = long.slice(0, 32);
    const add = (upn: string) => {
      const oid = directory.addUser({ userPrincipalName: `${upn}@example.com`, displayName: upn.slice(-1) });
      directory.addMember(ward.lab.groups.everybody, oid);
      return oid;
    };
    const first = add(`${long}1`);
    await waitFor('the first account', () => ward.host?.account(name)?.locked === false);
    const before = ward.host?.account(name);

    const second = add(`${long}2`);

    const { conflicts } = await ward.shows('the conflict', (status) =>
      status.conflicts.some(({ oid, target }) => oid === second && target === 'linux'),
    );
    const what = conflicts.find(({ oid, target }) => oid === second && target === 'linux')?.what;
    expect(what).toBe(`the Unix name "${name}" belongs to another identity (${first})`);
    expect(ward.host?.account(name)).toEqual(before);
    for (const oid of [first, second]) directory.hardDeleteUser(oid);
    await waitFor('its lock', () => ward.host?.account(name)?.locked);
  });

  it('does not keep the next joiner from being provisioned, and is told by the command line', async () => {
    const { directory } = ward.lab.entra;
    const oid = directory.addUser({ userPrincipalName: 'Root@example.com', displayName: 'Not root' });
    directory.addMember(ward.lab.groups.everybody, oid);

    await ward.welcomesNewcomer();

    await ward.heard('reconcile.identity.settled', (line) => line.oid === oid);
    const { code, stdout } = await ward.lab.entramox('resync', oid);
    expect(code).toBe(ward.host ? 1 : 0);
    if (ward.host) expect(stdout).toMatch(/match\s+no\s+linux: conflict: "root" is a reserved name\. change the user/);
    await leaves(oid, `Root@example.com@${REALM}`);
  });

  it('and a display name full of separators cannot write lines of its own', async (context) => {
    context.skip(withoutLinux !== undefined, withoutLinux);
    const { directory } = ward.lab.entra;
    const names = () => ward.world().linux.passwd?.map((line) => line.split(':')[0]);
    const before = names();
    const oid = directory.addUser({
      userPrincipalName: 'newcomer800@example.com',
      displayName: 'x:0:0::/root:/bin/sh\nroot2::0:0:,evil:/root:/bin/sh\r\0',
    });
    directory.addMember(ward.lab.groups.everybody, oid);

    await waitFor('the account', () => ward.host?.account('newcomer800'));

    const account = ward.host?.account('newcomer800');
    expect(account?.gecos).not.toMatch(/[:,\n\r\0]/);
    expect(account?.uid).toBeGreaterThanOrEqual(20_000);
    expect(names()).toEqual(before);
  });
});

describe(`An answer of Graph that leaves the decisive field out${sides}`, () => {
  afterAll(() => ward.lab.entra.faults.clear());

  it('is unknown, not disabled: nobody is locked by a notification or by a sweep, and both say so', async () => {
    const before = ward.world();
    const alice = ward.people.alice ?? '';
    ward.lab.entra.faults.limitInformation([alice], ['accountEnabled']);

    const poked = await poke('alice');
    const swept = await sweep();

    expect(poked).toBe('unknown');
    expect(swept).toMatchObject({ code: 4, result: 'degraded', why: expect.stringContaining('accountEnabled') });
    expect(ward.world()).toEqual(before);
    const { code, stdout } = await ward.lab.entramox('resync', 'alice@example.com');
    expect(code).toBe(4);
    expect(stdout).toMatch(/read\s+no\s+unknown: .*accountEnabled/);
    await ward.welcomesNewcomer();
  });

  it('for everybody locks nobody either', async () => {
    const before = ward.world();
    ward.lab.entra.faults.limitInformation('all');

    const swept = await sweep();

    expect(swept).toMatchObject({ code: 4, result: 'degraded' });
    expect(ward.world()).toEqual(before);
  });

  it('is forgotten once Graph tells everything again, without a restart', async () => {
    ward.lab.entra.faults.clear();

    const swept = await sweep();

    expect(swept).toMatchObject({ code: 0, result: 'done' });
    await ward.welcomesNewcomer();
  });
});

describe(`A group that had members${sides}`, () => {
  it('and reads empty once is read again, and nobody is locked', async () => {
    const before = ward.world();
    const told = ward.events('reconcile.group.emptied').length;
    ward.lab.entra.faults.emptyGroup(ward.lab.groups.everybody, 1);

    const swept = await sweep();

    expect(swept).toMatchObject({ code: 0, result: 'done' });
    await ward.heard('reconcile.group.emptied', undefined, told);
    expect(ward.world()).toEqual(before);
  });

  it('and reads empty again and again locks nobody whom Graph still calls a member', async () => {
    const before = ward.world();
    ward.lab.entra.faults.emptyGroup(ward.lab.groups.everybody, 1000);

    const swept = await sweep();

    ward.lab.entra.faults.clear();
    expect(swept.code).toBe(0);
    expect(ward.world()).toEqual(before);
    await ward.welcomesNewcomer();
  });

  it('and was deleted locks nobody, by a sweep or by a notification, and is named with what to do', async () => {
    const { directory, notifications } = ward.lab.entra;
    const { everybody } = ward.lab.groups;
    const before = ward.world();
    notifications.silently(() => directory.deleteGroup(everybody));

    await poke('alice');
    await poke('carol');
    const swept = await sweep();

    expect(swept).toMatchObject({ code: 4, result: 'degraded', why: expect.stringContaining('groups unreadable') });
    expect(ward.world()).toEqual(before);
    const told = ward.events('reconcile.group.unreadable', ({ group }) => group === everybody);
    expect(told.map(({ why }) => why).join()).toMatch(/gone, or its id is wrong; see ENTRA_GROUP_IDS/);
    const { code, stdout } = await ward.lab.entramox('status');
    expect(code).toBe(4);
    expect(stdout).toContain(`group ${everybody} cannot be read`);
    expect((await ward.readyz()).unready).toContainEqual({
      condition: `group:${everybody}`,
      detail: expect.stringContaining(everybody),
      since: expect.stringMatching(/Z$/),
      mend: expect.stringContaining('ENTRA_GROUP_IDS'),
    });
  });

  it('and is made again under its id is believed again, without a restart', async () => {
    const { directory } = ward.lab.entra;
    const { everybody } = ward.lab.groups;
    directory.addGroup({ id: everybody, displayName: 'entramox-everybody' });
    for (const oid of Object.values(ward.people)) directory.addMember(everybody, oid);
    const before = ward.world();

    const swept = await sweep();

    expect(swept.code).toBe(0);
    expect(ward.world()).toEqual(before);
    await ward.welcomesNewcomer();
    expect((await ward.readyz()).status).toBe(200);
  });

  it('and was deleted takes no role from its members before a person says so', async () => {
    const { directory, notifications } = ward.lab.entra;
    const { admins } = ward.lab.groups;
    const before = ward.world();
    onTestFinished(async () => {
      directory.addGroup({ id: admins, displayName: 'entramox-admins' });
      directory.addMember(admins, ward.people.carol ?? '');
      await waitFor('her role', () => admin('carol'));
      await sweep();
    });
    notifications.silently(() => directory.deleteGroup(admins));

    await poke('carol');

    expect(admin('carol')).toBe(true);
    expect((await sweep()).code).toBe(4);
    expect(ward.world()).toEqual(before);
  });
});

describe(`Stale answers of Graph${sides}`, () => {
  afterAll(() => ward.lab.entra.faults.clear());

  it('that one person is in no group are not believed at once', async () => {
    const before = ward.world();
    const bob = ward.people.bob ?? '';
    const confirming = settledOf('bob', 'confirming');
    ward.lab.entra.faults.answerWith(
      (call) => call.method === 'POST' && call.path.startsWith(`/users/${bob}/checkMemberGroups`),
      { status: 200, body: { value: [] } },
    );

    ward.lab.entra.directory.updateUser(bob, { jobTitle: 'stale' });

    await ward.heard(
      'reconcile.identity.settled',
      ({ oid, result }) => oid === bob && result === 'confirming',
      confirming,
    );
    await ward.heard('reconcile.identity.settled', ({ oid, result }) => oid === bob && result === 'unchanged');
    await ward.shows('no suspicion left', ({ queue }) => queue.pending === queue.deferred && queue.processing === 0);
    expect(ward.world()).toEqual(before);
  });

  it('that a member does not exist at all are not believed at once', async () => {
    const before = ward.world();
    const bob = ward.people.bob ?? '';
    const gone = { status: 404, body: { error: { code: 'Request_ResourceNotFound', message: 'Stale.' } } };
    ward.lab.entra.faults.answerWith((call) => call.path.startsWith(`/users/${bob}`), gone, 2);
    const settled = settledOf('bob');

    ward.lab.entra.directory.updateUser(bob, { jobTitle: 'staler' });

    await ward.heard('reconcile.identity.settled', ({ oid }) => oid === bob, settled + 1);
    expect(ward.world()).toEqual(before);
  });

  it('that a leaver is still a member delay the lock no longer than they last', async () => {
    const oid = ward.lab.join('newcomer801');
    await waitFor('the person', () => ward.provisioned('newcomer801'));
    ward.lab.entra.faults.freezeReads(oid, 2);

    ward.lab.entra.directory.removeMember(ward.lab.groups.everybody, oid);

    await waitFor('the lock', () => ward.lockedOut('newcomer801'));
    expect(Object.keys(ward.people).every(ward.provisioned)).toBe(true);
  });

  it('that a joiner does not exist yet delay the account no longer than they last', async () => {
    const { directory, faults } = ward.lab.entra;
    const oid = directory.addUser({ userPrincipalName: 'newcomer802@example.com', displayName: 'Later' });
    const gone = { status: 404, body: { error: { code: 'Request_ResourceNotFound', message: 'Not here yet.' } } };
    faults.answerWith((call) => call.path.startsWith(`/users/${oid}`), gone, 2);

    directory.addMember(ward.lab.groups.everybody, oid);

    await waitFor('the person', () => ward.provisioned('newcomer802'));
  });

  it('that list somebody who was deleted do not bring them back', async () => {
    const { directory, faults } = ward.lab.entra;
    const oid = ward.lab.join('newcomer803');
    await waitFor('the person', () => ward.provisioned('newcomer803'));
    onTestFinished(() => faults.clear());
    faults.listSoftDeleted(true);
    directory.softDeleteUser(oid);
    await waitFor('the lock', () => ward.lockedOut('newcomer803'));

    await sweep();

    const given = ward.events('reconcile.step.done', (line) => line.oid === oid && line.by === 'sweep');
    expect(given).toEqual([]);
    expect(ward.lockedOut('newcomer803')).toBe(true);
  });
});

describe(`A group that is really emptied${sides}`, () => {
  it('has its last members locked once a second reading agrees, and they come back whole', async () => {
    const { directory, notifications } = ward.lab.entra;
    const { everybody } = ward.lab.groups;
    const before = ward.world();
    const names = ['alice', 'bob'];
    notifications.silently(() => {
      const owners = ward.lab.proxmox
        .users()
        .flatMap(({ comment }) => /entra:([0-9a-f-]{36})/.exec(comment)?.[1] ?? []);
      for (const oid of owners) if (directory.isMember(everybody, oid)) directory.removeMember(everybody, oid);
    });

    const swept = await sweep();

    expect(swept.code).toBe(0);
    expect(names.map(ward.lockedOut)).toEqual([true, true]);
    expect(admin('carol')).toBe(true);
    for (const oid of Object.values(ward.people)) directory.addMember(everybody, oid);
    await waitFor('their return', () => names.every(ward.provisioned));
    const { linux, proxmox } = ward.world();
    expect(proxmox).toEqual(before.proxmox);
    expect(linux.passwd).toEqual(before.linux.passwd);
    expect(linux.shadow).toEqual(before.linux.shadow);
    await ward.welcomesNewcomer();
  });
});
