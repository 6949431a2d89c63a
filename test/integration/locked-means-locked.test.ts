import { existsSync, statSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountSight, DeleteResult, LockResult, ObserveResult } from '../../src/accounts/protocol.js';
import type { AccountsClient, Ask } from '../../src/targets/linux/accounts-client.js';
import { waitFor } from '../lab/wait.js';
import { bootMachine, type Machine, machineUnavailable } from './machine/index.js';
import { installAgent, writePolicy } from './machine/installation.js';
import { addCrontab, childrenOfAt, firings, queueJob, untilFired, untilJobsTaken } from './machine/minutes.js';
import { addPerson, as, type OpenLogin, openLogin, type Person, prepareLogins, ssh } from './machine/people.js';
import { openMaster, startRunning, tryAll, waysIn, whatRuns } from './machine/ways.js';

const POLICY = {
  allowedGroups: ['adm', 'docker', 'games', 'sudo'],
  sudo: { enabled: true, nopasswd: false },
  deleteAfterSeconds: 0,
};
/** Building the tree of the machine for the first time, and three full minutes. */
const LIMIT_MS = 400_000;

let unavailable: string | undefined;
let machine: Machine;
let client: AccountsClient;
let stateBeforeAnyRequest: string;
let story: Promise<Story>;
const logins: OpenLogin[] = [];

const ask = <T = unknown>(request: Ask): Promise<T> =>
  client.request(request, new AbortController().signal) as Promise<T>;
const lock = ({ oid }: Person) => ask<LockResult>({ verb: 'lock', oid });
const person = (name: string) => addPerson(machine, client, name);

async function sight({ oid }: Person): Promise<AccountSight | undefined> {
  return (await ask<ObserveResult>({ verb: 'observe', oids: [oid] })).accounts[0];
}

function login(of: Person): OpenLogin {
  const opened = openLogin(machine, of);
  logins.push(opened);
  return opened;
}

/** The processes of a person, by the names of their programs. */
async function runningOf({ uid }: Person): Promise<string> {
  const { stdout } = await machine.exec(['ps', '-U', String(uid), '-u', String(uid), '-o', 'comm=']);
  return stdout.trim();
}

beforeAll(async () => {
  unavailable = await machineUnavailable();
  if (unavailable !== undefined) return;
  machine = await bootMachine();
  client = await installAgent(machine, POLICY);
  stateBeforeAnyRequest = (await machine.exec(['systemctl', 'is-active', 'entramox-accounts.service'])).stdout.trim();
  await prepareLogins(machine);
  await machine.shell('groupadd --system docker');
  // cron and at work at the full minute, so the long story is told beside the other tests.
  story = tellStory();
  story.catch(() => undefined);
}, LIMIT_MS);

afterAll(async () => {
  try {
    await client?.close();
  } finally {
    await machine?.destroy();
  }
});

beforeEach((context) => context.skip(unavailable !== undefined, unavailable));

afterEach(async () => {
  for (const open of logins.splice(0)) await open.close();
});

interface Moment {
  ways: Record<string, boolean>;
  running: Record<string, boolean>;
  cron: boolean;
}

interface Story {
  before: Moment;
  result: LockResult;
  during: Moment;
  after: Moment;
  /** What ran for somebody else right after the lock. */
  bystander: Record<string, boolean>;
  sudoTimestamps: { before: boolean; after: boolean };
  jobs: { dueWhileLocked: { during: boolean; later: boolean }; dueAfter: boolean };
}

/** One person with everything that somebody can have, locked once and unlocked; another with the same, left alone. */
async function tellStory(): Promise<Story> {
  const [alice, bob] = [await person('alice'), await person('bob')];
  for (const one of [alice, bob]) await addCrontab(machine, one);
  await ask({ verb: 'sudo', oid: alice.oid, granted: true });
  await ask({ verb: 'sudo', oid: bob.oid, granted: true });
  const rule = 'alice ALL=(ALL) NOPASSWD: /usr/bin/id';
  await machine.shell(`echo '${rule}' > /etc/sudoers.d/zz-of-the-host; chmod 440 /etc/sudoers.d/zz-of-the-host`);
  await openMaster(machine, alice);
  await untilFired(machine, bob);
  for (const one of [alice, bob]) await startRunning(machine, one);
  const ways = waysIn(alice, bob);
  const stamp = () => existsSync(machine.outside('/run/sudo/ts/alice'));
  const left = (file: string) => existsSync(machine.outside(`/home/alice/${file}`));
  await waitFor('everything to run', async () => Object.values(await whatRuns(machine, alice)).every(Boolean));
  const before: Moment = {
    ways: await tryAll(machine, ways),
    running: await whatRuns(machine, alice),
    cron: (await firings(machine, alice)) > 0,
  };
  const stampBefore = stamp();
  // Nothing may fall due between here and the lock.
  if (Date.now() % 60_000 > 40_000) await untilFired(machine, bob);
  await queueJob(machine, alice, 'due-while-locked', 1);
  await queueJob(machine, alice, 'due-after', 2);

  const result = await lock(alice);
  const firedBefore = await firings(machine, alice);
  const stampAfter = stamp();
  const running = await whatRuns(machine, alice);
  const refused = await tryAll(machine, ways);
  const bystander = await whatRuns(machine, bob);
  const children = await childrenOfAt(machine);
  await untilFired(machine, bob);
  await untilJobsTaken(machine, children);
  const missed = left('due-while-locked');
  const during: Moment = {
    ways: refused,
    running,
    cron: (await firings(machine, alice)) > firedBefore,
  };

  await ask({ verb: 'unlock', oid: alice.oid });
  await ask({ verb: 'sudo', oid: alice.oid, granted: true });
  const stays = await whatRuns(machine, alice);
  const open = await tryAll(machine, ways);
  await untilFired(machine, alice);
  await waitFor('the last job of at', () => left('due-after'));
  return {
    before,
    result,
    during,
    after: { ways: open, running: stays, cron: true },
    bystander,
    sudoTimestamps: { before: stampBefore, after: stampAfter },
    jobs: { dueWhileLocked: { during: missed, later: left('due-while-locked') }, dueAfter: left('due-after') },
  };
}

const all = (moment: Record<string, boolean>, value: boolean) =>
  Object.fromEntries(Object.keys(moment).map((key) => [key, value]));

describe('the agent in its unit, on a machine with systemd', () => {
  it('is started by the first request, and again after it has ended', async () => {
    const mainPid = () => machine.shell('systemctl show --value -p MainPID entramox-accounts.service');
    await ask({ verb: 'observe' });
    const first = await mainPid();
    await machine.shell('systemctl stop entramox-accounts.service');

    await ask({ verb: 'observe' });
    const second = await mainPid();

    expect(stateBeforeAnyRequest).toBe('inactive');
    expect(Number(first)).toBeGreaterThan(0);
    expect(Number(second)).toBeGreaterThan(0);
    expect(second).not.toBe(first);
  });

  it('is reached by the reconciler, and by no other user of the host', async () => {
    const connect = `require('net').connect('/run/entramox-accounts/accounts.sock')
      .on('connect', () => process.exit(0)).on('error', (error) => { console.log(error.code); process.exit(1); })`;
    const by = (user: string) =>
      machine.exec(['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', 'node', '-e', connect]);

    const reconciler = await by('entramox');
    const listener = await by('entramox-listener');

    expect(reconciler.code).toBe(0);
    expect(listener).toMatchObject({ code: 1, stdout: 'EACCES\n' });
  });

  it('can do all of its verbs behind the hardening of the unit, deletion with its clearing up included', async () => {
    const kate = await person('kate');
    const { name, oid } = kate;
    await ask({ verb: 'groups', oid, groups: ['games'] });
    await ask({ verb: 'sudo', oid, granted: true });
    const whole = await sight(kate);
    await machine.shell(`loginctl enable-linger ${name}
      echo '0 0 1 1 * true' | crontab -u ${name} -
      echo true | ${as(kate)} at -t 203001010000 2>&1
      setfacl -m u:nobody:r /home/${name}/.bashrc 2>/dev/null || true`);
    const keyed = () =>
      machine.shell(`ls /var/spool/cron/crontabs /var/lib/systemd/linger | grep -c ${name}
        find /var/spool/cron/atjobs /etc/sudoers.d -user ${kate.uid} -o -name entramox-${kate.uid} | wc -l`);
    const before = await keyed();
    await lock(kate);
    await ask({ verb: 'unlock', oid });
    const unlocked = await sight(kate);
    await lock(kate);

    const deleted = await ask<DeleteResult>({ verb: 'delete', oid });

    expect(whole).toMatchObject({ state: 'whole', groups: ['games'], sudo: true, locked: false });
    expect(unlocked).toMatchObject({ state: 'whole', locked: false });
    expect(before.split('\n')).toEqual(['2', '2']);
    expect(await machine.shell(`getent passwd ${name} || ls -A /home /etc/sudoers.d /var/spool/cron/*`)).not.toContain(
      name,
    );
    expect(deleted.leftovers).toEqual([]);
    const archive = statSync(machine.outside(deleted.archive ?? '/missing'));
    expect([archive.uid, archive.mode & 0o777]).toEqual([0, 0o600]);
  });
});

describe('a lock', () => {
  it('finds nothing to do for somebody without processes, and changes nothing when repeated', async () => {
    const hank = await person('hank');

    const first = await lock(hank);
    const again = await lock(hank);

    expect(first.notes).toEqual([]);
    expect(again).toEqual(first);
  });

  it('ends processes that multiply faster than they can be found', async () => {
    const gina = await person('gina');
    const breed = 'breed() { while :; do sh -c "while :; do sleep 0.05 & wait; done" & wait; done; }';
    await machine.shell(
      `${as(gina)} prlimit --nproc=120 sh -c '${breed}; for i in 1 2 3 4 5 6 7 8 9 10; do breed & done; wait' >/dev/null 2>&1 </dev/null &`,
    );
    await waitFor('them to multiply', async () => (await runningOf(gina)).split('\n').length > 15);

    await lock(gina);

    expect(await runningOf(gina)).toBe('');
    expect(await sight(gina)).toMatchObject({ locked: true });
  });

  it('fails and names the unit where a service of the host starts somebody again, and holds all the same', async () => {
    const ivan = await person('ivan');
    const restart = '-p Restart=always -p RestartSec=50ms -p StartLimitIntervalSec=0';
    await machine.shell(`systemd-run --quiet --unit=stubborn --uid=ivan ${restart} sleep 71000`);
    await waitFor('the service', async () => (await runningOf(ivan)) === 'sleep');

    const failed = await lock(ivan).catch((error: Error) => error.message);
    const entry = await machine.exec(['/bin/bash', '-c', `${ssh(ivan)} true`]);
    const seen = await sight(ivan);
    await machine.shell('systemctl stop stubborn');
    await lock(ivan);

    expect(failed).toMatch(/ivan is not locked completely: .*\(sleep in \/system\.slice\/stubborn\.service\)/);
    expect(entry.code).not.toBe(0);
    expect(seen).toMatchObject({ locked: false, halfLocked: true });
    expect(await sight(ivan)).toMatchObject({ locked: true });
  });
});

describe('less than a lock', () => {
  it('takes sudo away from a login that goes on, although sudo has just been given the password', async () => {
    const carol = await person('carol');
    await ask({ verb: 'sudo', oid: carol.oid, granted: true });
    const open = login(carol);
    const before = await open.say(`echo ${carol.password} | sudo -S -v; sudo -n whoami`);

    await ask({ verb: 'sudo', oid: carol.oid, granted: false });
    const withStamp = await open.say('sudo -n whoami');
    const withPassword = await open.say(`echo ${carol.password} | sudo -S whoami`);
    await ask({ verb: 'sudo', oid: carol.oid, granted: true });
    const granted = await open.say('sudo -n whoami');

    expect(before).toMatchObject({ code: 0, stdout: expect.stringContaining('root') });
    expect(withStamp.code).toBe(1);
    expect(withPassword).toMatchObject({ code: 1, stdout: expect.stringContaining('not in the sudoers file') });
    expect(granted, 'the password is asked for again').toMatchObject({ code: 1 });
  });

  it.each([
    ['adm', 'cat /srv/for-adm'],
    ['sudo', 'sudo -n /usr/bin/env true'],
  ])(
    'logs out who loses %s, since their processes would keep it, and lets them in again without it',
    async (group, use) => {
      const dave = await person(`dave-${group}`);
      await machine.shell(
        `install -m 640 -g adm /dev/null /srv/for-adm
       echo '%sudo ALL=(ALL) NOPASSWD: /usr/bin/env' > /etc/sudoers.d/zz-group; chmod 440 /etc/sudoers.d/zz-group`,
      );
      await ask({ verb: 'groups', oid: dave.oid, groups: [group] });
      const open = login(dave);
      const can = await open.say(use);
      await open.say(`setsid sh -c 'while :; do ${use} && echo can >> ~/tries; sleep 0.1; done' >/dev/null 2>&1 &`);
      await machine.shell(`loginctl enable-linger ${dave.name}`);
      // What everybody believes to be enough.
      await machine.shell(`gpasswd -d ${dave.name} ${group}`);
      const stillCan = await open.say(use);
      await machine.shell(`gpasswd -a ${dave.name} ${group}`);
      const tries = machine.outside(`/home/${dave.name}/tries`);
      const tried = () => statSync(tries, { throwIfNoEntry: false })?.size ?? 0;
      await waitFor('the process to keep trying', () => tried() > 0);

      const { notes } = await ask<{ notes: string[] }>({ verb: 'groups', oid: dave.oid, groups: [] });
      await waitFor('the login to end', open.hasEnded);
      const size = tried();
      const again = login(dave);
      const ids = await again.say('id -Gn');
      const after = await again.say(use);
      const manager = await machine.shell(`grep ^Groups: /proc/$(pgrep -x -u ${dave.uid} systemd)/status`);

      expect([can.code, stillCan.code]).toEqual([0, 0]);
      expect(notes).toEqual([`${dave.name} was logged out everywhere: it lost ${group}`]);
      expect(tried()).toBe(size);
      expect(ids.stdout.split(' ')).not.toContain(group);
      expect(after.code).not.toBe(0);
      expect(manager.split(/\s+/), 'the lingering services start again').toEqual(['Groups:', String(dave.uid)]);
      expect(await sight(dave)).toMatchObject({ locked: false, groups: [] });
    },
  );

  it('leaves a login alone that loses a group without power', async () => {
    const erin = await person('erin');
    await ask({ verb: 'groups', oid: erin.oid, groups: ['games', 'adm'] });
    const open = login(erin);
    const pid = await open.say('echo $$');

    const { notes } = await ask<{ notes: string[] }>({ verb: 'groups', oid: erin.oid, groups: ['adm'] });
    const after = await open.say('echo $$');

    expect(after).toEqual(pid);
    expect(notes).toEqual([]);
  });

  it('ends what still holds a lost group at the next try, when the first could not end it', async () => {
    const judy = await person('judy');
    await ask({ verb: 'groups', oid: judy.oid, groups: ['docker'] });
    const restart = '-p Restart=always -p RestartSec=50ms -p StartLimitIntervalSec=0';
    await machine.shell(`systemd-run --quiet --unit=keeps-group --uid=judy ${restart} sleep 71001`);
    await waitFor('the service', async () => (await runningOf(judy)) === 'sleep');

    const failed = await ask({ verb: 'groups', oid: judy.oid, groups: [] }).catch((error: Error) => error.message);
    const between = await sight(judy);
    await machine.shell('systemctl stop keeps-group');
    const settled = await ask<{ notes: string[] }>({ verb: 'groups', oid: judy.oid, groups: [] });

    expect(failed).toContain('judy lost docker, but still has it');
    expect(between).toMatchObject({ groups: ['docker'] });
    expect(settled.notes).toContain('containers and machines that judy started as a member of docker run on');
    expect(await sight(judy)).toMatchObject({ groups: [] });
  });

  it('leaves logins alone where root has taken the group out of the policy', async () => {
    const mona = await person('mona');
    await ask({ verb: 'groups', oid: mona.oid, groups: ['adm'] });
    const open = login(mona);
    const pid = await open.say('echo $$');

    writePolicy(machine, { ...POLICY, endSessionsOnLossOf: ['sudo'] });
    await ask({ verb: 'groups', oid: mona.oid, groups: [] });
    writePolicy(machine, POLICY);

    expect(await open.say('echo $$')).toEqual(pid);
  });
});

describe('one lock of somebody with everything', { timeout: LIMIT_MS }, () => {
  it('meets every way in open, and everything running', async () => {
    const { before, sudoTimestamps } = await story;

    expect(before).toEqual({ ways: all(before.ways, true), running: all(before.running, true), cron: true });
    expect(sudoTimestamps.before).toBe(true);
  });

  it('closes every way in', async () => {
    const { during } = await story;

    expect(during.ways).toEqual(all(during.ways, false));
  });

  it('ends everything that ran', async () => {
    const { during } = await story;

    expect(during.running).toEqual(all(during.running, false));
  });

  it('keeps cron and at from running anything of theirs', async () => {
    const { during, jobs } = await story;

    expect(during.cron).toBe(false);
    expect(jobs.dueWhileLocked.during).toBe(false);
  });

  it('says where it ended processes that root has to look at', async () => {
    const { result } = await story;

    expect(result.notes).toEqual([
      expect.stringMatching(/were ended in .*\/system\.slice\/run-r.*\.service.*root has to stop/),
      expect.stringContaining('name space of their own'),
    ]);
  });

  it('leaves everybody else alone', async () => {
    const { bystander } = await story;

    expect(bystander).toEqual(all(bystander, true));
  });

  it('is undone by an unlock: keys, passwords, sudo, cron and at are as before', async () => {
    const { after, jobs } = await story;

    expect(after.ways).toEqual({ ...all(after.ways, true), 'a new channel of an open SSH connection': false });
    expect(after.cron).toBe(true);
    expect(jobs.dueAfter).toBe(true);
  });

  it('is not undone for what ran, for linger, for the memory of sudo, and for a job that fell due meanwhile', async () => {
    const { after, sudoTimestamps, jobs } = await story;

    expect(after.running).toEqual(all(after.running, false));
    expect(sudoTimestamps.after).toBe(false);
    expect(jobs.dueWhileLocked.later).toBe(false);
  });
});

describe('a lock without logind', { timeout: LIMIT_MS }, () => {
  it('says so, and ends logins, what sudo started in them, and what they left behind', async () => {
    await story;
    const lena = await person('lena');
    await ask({ verb: 'sudo', oid: lena.oid, granted: true });
    const open = login(lena);
    await open.say(`(echo ${lena.password} | sudo -S sh -c 'trap "" TERM HUP; sleep 71002' &) >/dev/null 2>&1`);
    await open.say('setsid sleep 71003 >/dev/null 2>&1 &');
    const asRoot = () => machine.exec(['pgrep', '-fx', 'sleep 71002']);
    await waitFor('the command as root', async () => (await asRoot()).code === 0);
    await machine.shell('systemctl stop dbus.socket dbus.service systemd-logind.service 2>/dev/null');

    const { notes } = await lock(lena);
    await waitFor('the login to end', open.hasEnded);

    expect(notes).toEqual([expect.stringMatching(/^loginctl terminate-user did not work: .*one by one$/)]);
    expect([(await asRoot()).code, await runningOf(lena)]).toEqual([1, '']);
    expect(await sight(lena)).toMatchObject({ locked: true });
  });
});
