import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Busy, SourceUnavailable } from '../../../src/domain/errors.js';
import type { Reading } from '../../../src/domain/reading.js';
import { describeStep } from '../../../src/domain/step.js';
import { rememberFailedSweep, sweep } from '../../../src/reconcile/sweep.js';
import { ADMINS, ALICE, BOB, EVERYBODY, HOUR, LAB, NOW } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

const CAROL = '33333333-3333-4333-8333-333333333333';
const DAY = 24 * HOUR;
const forever = new AbortController().signal;

let world: FakeWorld;

beforeEach(async () => {
  world = await createFakeWorld({ policy: { userIds: [CAROL] } });
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
  world.directory.add({ oid: BOB, upn: 'bob@example.com', groups: [EVERYBODY, ADMINS] });
  world.directory.add({ oid: CAROL, upn: 'carol@example.com' });
  await world.sweep();
});
afterEach(() => world.remove());

function person(oid: string) {
  return world.directory.person(oid);
}

/** Alice has left and her countdown is over. */
async function letAliceBeDue(): Promise<void> {
  person(ALICE).groups = [];
  await world.settleDown(ALICE);
  world.clock.time += DAY;
}

describe('a sweep', () => {
  it('makes everybody in scope, also who is listed by object id', () => {
    expect([ALICE, BOB, CAROL].map((oid) => world.linux.account(oid)?.name)).toEqual(['alice', 'bob', 'carol']);
    expect(world.ctx.ledger.data.lastSweep).toMatchObject({ result: 'done', identities: 3, applied: 3 });
  });

  it('writes nothing when nothing changed', async () => {
    const { audit, linux, proxmox } = world;
    const before = [audit.length, linux.applied.length, proxmox.applied.length];

    const { record } = await world.sweep();

    expect([audit.length, linux.applied.length, proxmox.applied.length]).toEqual(before);
    expect(record).toMatchObject({ result: 'done', applied: 0 });
  });

  it('locks who left, after a second reading in the same pass', async () => {
    person(ALICE).groups = [];
    let lockedAtPause: boolean | undefined;
    world.clock.duringSleep = () => {
      lockedAtPause = world.linux.account(ALICE)?.locked;
    };

    await world.sweep();

    expect(lockedAtPause).toBe(false);
    expect(world.linux.account(ALICE)?.locked).toBe(true);
    expect(world.entry(ALICE)).toMatchObject({ state: 'grace', deleteAt: NOW + 5000 + DAY });
  });

  it('leaves alone whom only a stale reading showed as gone', async () => {
    const gone: Reading = { certainty: 'absent', oid: ALICE, evidence: 'not-found' };
    person(ALICE).groups = [];
    world.directory.scripted.set(ALICE, [gone]);
    world.clock.duringSleep = () => {
      person(ALICE).groups = [EVERYBODY];
    };

    await world.sweep();

    expect(world.linux.account(ALICE)?.locked).toBe(false);
    expect(world.entry(ALICE)).toMatchObject({ state: 'active', suspicion: undefined });
  });

  it('takes rights away in the same pass in which it finds a demotion', async () => {
    person(BOB).groups = [EVERYBODY];

    await world.sweep();

    expect(world.linux.account(BOB)?.sudo).toBe(false);
    expect(world.proxmox.user('bob@example.com@entra')?.groups).toEqual(['PVEAuditor-entra', 'entramox-entra']);
  });

  it('does not touch what it does not own', async () => {
    const stranger = {
      userid: 'root@pam',
      enabled: true,
      comment: 'the administrator',
      firstName: '',
      lastName: '',
      email: '',
      groups: ['Administrator-entra'],
    };
    world.proxmox.users.set('root@pam', stranger);
    world.linux.foreign.add('dora');
    world.directory.add({ oid: '44444444-4444-4444-8444-444444444444', upn: 'dora@example.com', groups: [EVERYBODY] });

    const { outcomes } = await world.sweep();

    expect(world.proxmox.user('root@pam')).toEqual(stranger);
    expect(outcomes.map(({ result }) => result)).toContain('conflict');
    expect([...world.linux.accounts.values()].map(({ name }) => name)).not.toContain('dora');
  });

  it('goes on adding while a group cannot be read, and removes nobody of it', async () => {
    person(ALICE).groups = [];
    world.directory.add({ oid: '44444444-4444-4444-8444-444444444444', upn: 'dora@example.com', groups: [LAB] });
    world.directory.unreadableGroups.add(EVERYBODY);

    const { record } = await world.sweep();

    expect(world.linux.account(ALICE)?.locked).toBe(false);
    expect(world.linux.account(BOB)?.sudo).toBe(true);
    expect(world.proxmox.user('alice@example.com@entra')?.groups).toContain('PVEAuditor-entra');
    expect(world.linux.account('44444444-4444-4444-8444-444444444444')?.name).toBe('dora');
    expect(record).toMatchObject({ result: 'degraded', why: expect.stringContaining('1 groups unreadable') });
    expect([...world.ctx.problems.values()].join()).toContain(EVERYBODY);
  });

  it('forgets the problem of a group that can be read again', async () => {
    world.directory.unreadableGroups.add(EVERYBODY);
    await world.sweep();
    world.directory.unreadableGroups.clear();

    const { record } = await world.sweep();

    expect(record.result).toBe('done');
    expect([...world.ctx.problems.keys()]).toEqual([]);
  });

  it('locks who is deleted in Entra although one of the groups cannot be read', async () => {
    world.directory.unreadableGroups.add(EVERYBODY);
    person(ALICE).standing = 'soft-deleted';

    await world.sweep();

    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('reads a group that is suddenly empty twice, and believes the second reading', async () => {
    const stale = [...world.directory.people.values()].map(({ oid, groups }) => ({ oid, groups }));
    const listed: (readonly string[] | undefined)[] = [];
    world.directory.onScope = (only) => void listed.push(only);
    for (const { oid } of stale) person(oid).groups = [];
    world.clock.duringSleep = () => {
      for (const { oid, groups } of stale) person(oid).groups = groups;
    };

    const { record } = await world.sweep();

    expect(listed).toEqual([undefined, [EVERYBODY, ADMINS]]);
    expect(world.linux.account(ALICE)?.locked).toBe(false);
    expect(world.linux.account(BOB)).toMatchObject({ locked: false, sudo: true });
    expect(record.applied).toBe(0);
  });

  it('takes nothing from anybody where the second reading of an emptied group fails', async () => {
    for (const oid of [ALICE, BOB]) person(oid).groups = [];
    world.clock.duringSleep = () => void world.directory.unreadableGroups.add(EVERYBODY).add(ADMINS);

    const { record } = await world.sweep();

    expect(world.linux.account(ALICE)?.locked).toBe(false);
    expect(world.linux.account(BOB)).toMatchObject({ locked: false, sudo: true });
    expect(record.result).toBe('degraded');
  });

  it('believes a group that reads empty twice, under the guard', async () => {
    for (const oid of [ALICE, BOB]) person(oid).groups = [];

    await world.sweep();

    expect([ALICE, BOB].map((oid) => world.linux.account(oid)?.locked)).toEqual([true, true]);
    expect(world.linux.account(CAROL)?.locked).toBe(false);
  });

  it('lets nobody be harmed by a person who cannot be read', async () => {
    person(ALICE).groups = [];
    world.directory.unreadable.add(ALICE).add(BOB);

    const { record } = await world.sweep();

    expect(world.linux.account(ALICE)?.locked).toBe(false);
    expect(world.linux.account(BOB)).toMatchObject({ locked: false, sudo: true });
    expect(record).toMatchObject({ result: 'degraded', why: expect.stringContaining('2 identities unknown') });
  });

  it('still makes joiners when the listings work and single people cannot be read', async () => {
    person(ALICE).groups = [];
    world.directory.add({ oid: '44444444-4444-4444-8444-444444444444', upn: 'dora@example.com', groups: [LAB] });
    world.directory.singlesDown = true;

    const { record } = await world.sweep();

    expect(world.linux.account(ALICE)?.locked).toBe(false);
    expect(world.linux.account('44444444-4444-4444-8444-444444444444')?.name).toBe('dora');
    expect(record.result).toBe('degraded');
  });

  it('leaves suspects alone when the source goes away before their second reading', async () => {
    person(ALICE).groups = [];
    world.clock.duringSleep = () => {
      world.directory.down = true;
    };

    const { record } = await world.sweep();

    expect(world.linux.account(ALICE)?.locked).toBe(false);
    expect(record.result).toBe('degraded');
  });

  it('changes nothing at all when the source is away, and says so in the record', async () => {
    world.directory.down = true;
    const before = structuredClone(world.ctx.ledger.entries());

    const error = await world.sweep().catch((thrown: unknown) => thrown);
    await rememberFailedSweep(world.ctx, NOW, error, true);
    const open = world.ctx.ledger.data.lastSweep?.result;
    await rememberFailedSweep(world.ctx, NOW, error, false);

    expect(error).toBeInstanceOf(SourceUnavailable);
    expect(world.ctx.ledger.entries()).toEqual(before);
    expect(open).toBe('degraded');
    expect(world.ctx.ledger.data.lastSweep?.result).toBe('failed');
  });

  it('suspends who is disabled, without a countdown, and ends one that runs', async () => {
    person(ALICE).enabled = false;
    person(BOB).groups = [];
    await world.sweep();
    person(BOB).groups = [EVERYBODY];
    person(BOB).enabled = false;

    await world.sweep();

    for (const oid of [ALICE, BOB]) {
      expect(world.entry(oid)).toMatchObject({ state: 'suspended', deleteAt: undefined });
      expect(world.linux.account(oid)?.locked).toBe(true);
    }
  });

  it('does not create who is disabled or outside', async () => {
    world.directory.add({
      oid: '44444444-4444-4444-8444-444444444444',
      upn: 'dora@example.com',
      groups: [EVERYBODY],
      enabled: false,
    });

    await world.sweep();

    expect(world.entry('44444444-4444-4444-8444-444444444444')).toBeUndefined();
  });

  it('stops in the middle without calling it a sweep', async () => {
    const ending = new AbortController();
    const last = world.ctx.ledger.data.lastSweep;
    world.directory.onRead = () => ending.abort(new Busy('stopping'));

    const running = sweep(world.ctx, { apply: true }, ending.signal);

    await expect(running).rejects.toThrow('stopping');
    expect(world.ctx.ledger.data.lastSweep).toEqual(last);
  });
});

describe('a deletion', () => {
  it('comes with the first sweep after the countdown, and not before', async () => {
    await letAliceBeDue();
    world.clock.time -= 1;
    await world.sweep();
    const early = world.linux.account(ALICE)?.state;
    world.clock.time += 1;

    await world.sweep();

    expect(early).toBe('whole');
    expect(world.linux.account(ALICE)?.state).toBe('deleted');
    expect(world.proxmox.user('alice@example.com@entra')?.enabled).toBe(false);
    expect(world.entry(ALICE)).toMatchObject({ state: 'deleted', names: { linux: 'alice' } });
  });

  it('never comes from targeted work', async () => {
    await letAliceBeDue();

    await world.reconcile(ALICE);

    expect(world.linux.account(ALICE)?.state).toBe('whole');
  });

  it('does not happen to somebody who came back, or is only disabled now', async () => {
    await letAliceBeDue();
    person(BOB).groups = [];
    await world.settleDown(BOB);
    world.clock.time += DAY;
    person(ALICE).groups = [EVERYBODY];
    person(BOB).groups = [EVERYBODY];
    person(BOB).enabled = false;

    await world.sweep();

    expect(world.linux.account(ALICE)).toMatchObject({ state: 'whole', locked: false });
    expect(world.linux.account(BOB)).toMatchObject({ state: 'whole', locked: true });
    expect(world.entry(BOB)).toMatchObject({ state: 'suspended', deleteAt: undefined });
  });

  it('does not happen without a certain reading in this very sweep', async () => {
    await letAliceBeDue();
    world.directory.unreadable.add(ALICE);
    await world.sweep();
    world.directory.unreadable.clear();
    world.directory.singlesDown = true;

    await world.sweep();

    expect(world.linux.account(ALICE)?.state).toBe('whole');
    expect(world.entry(ALICE)?.state).toBe('grace');
  });

  it('waits while a group cannot be read, in which the person may be again', async () => {
    await letAliceBeDue();
    person(ALICE).groups = [LAB];
    world.directory.unreadableGroups.add(LAB);

    await world.sweep();

    expect(world.linux.account(ALICE)?.state).toBe('whole');
    expect(world.entry(ALICE)?.state).toBe('grace');
  });

  it('keeps its countdown when it fails, and is tried with the next sweep', async () => {
    await letAliceBeDue();
    const deleteAt = world.entry(ALICE)?.deleteAt;
    world.linux.fault = () => new Error('the archive is full');
    const { record } = await world.sweep();
    const between = world.entry(ALICE);
    world.linux.fault = () => undefined;

    await world.sweep();

    expect(record).toMatchObject({ result: 'failed', why: '1 failed' });
    expect(between).toMatchObject({ state: 'grace', deleteAt, problem: 'linux: the archive is full' });
    expect(world.linux.account(ALICE)?.state).toBe('deleted');
    expect(world.entry(ALICE)?.problem).toBeUndefined();
  });

  it.each(['linux', 'proxmox'] as const)('is not over while %s cannot be seen', async (target) => {
    await letAliceBeDue();
    world[target].blind = true;
    await world.sweep();
    const between = world.entry(ALICE)?.state;
    world[target].blind = false;

    await world.sweep();

    expect(between).toBe('grace');
    expect(world.entry(ALICE)?.state).toBe('deleted');
    expect(world.linux.account(ALICE)?.state).toBe('deleted');
    expect(world.proxmox.user('alice@example.com@entra')?.comment).toContain('left and deleted');
  });

  it('is kept: a Proxmox user that somebody enabled again is disabled by the next sweep', async () => {
    await letAliceBeDue();
    await world.sweep();
    const user = world.proxmox.user('alice@example.com@entra');
    if (!user) throw new Error('the user is gone');
    world.proxmox.users.set(user.userid, { ...user, enabled: true });

    const { record } = await world.sweep();

    expect(world.proxmox.user(user.userid)).toEqual(user);
    expect(record).toMatchObject({ result: 'done', applied: 1 });
    expect(world.entry(ALICE)?.state).toBe('deleted');
  });

  it('comes after every lock of the pass, and after every creation', async () => {
    await letAliceBeDue();
    person(BOB).standing = 'soft-deleted';
    world.directory.add({ oid: '44444444-4444-4444-8444-444444444444', upn: 'dora@example.com', groups: [LAB] });
    world.linux.applied.length = 0;

    await world.sweep();

    expect(world.linux.applied.map(describeStep)).toEqual([
      'linux lock bob',
      'linux create dora',
      'linux groups dora [] -> [lab]',
      'linux delete alice',
    ]);
  });

  it('does not keep a leaver waiting while a home is packed', async () => {
    await letAliceBeDue();
    world.linux.onApply = async (step) => {
      if (step.action !== 'delete') return;
      world.linux.onApply = () => undefined;
      person(BOB).standing = 'soft-deleted';
      await world.reconcile(BOB);
    };

    await world.sweep();

    expect(world.linux.account(BOB)?.locked).toBe(true);
    expect(world.linux.account(ALICE)?.state).toBe('deleted');
  });

  it('leaves a tombstone that comes back whole with the person', async () => {
    await letAliceBeDue();
    await world.sweep();
    person(ALICE).groups = [EVERYBODY];

    await world.sweep();

    expect(world.linux.account(ALICE)).toMatchObject({ name: 'alice', state: 'whole', locked: false });
    expect(world.proxmox.user('alice@example.com@entra')?.enabled).toBe(true);
    expect(world.entry(ALICE)).toMatchObject({ state: 'active', deleteAt: undefined });
  });
});

describe('a plan', () => {
  it('shows what a sweep would do without the second reading, and writes nothing', async () => {
    person(ALICE).groups = [];
    const before = structuredClone(world.ctx.ledger.data);

    const { outcomes } = await sweep(world.ctx, { apply: false }, forever);

    const steps = outcomes.flatMap((outcome) => outcome.steps.map(describeStep));
    expect(steps).toContain('linux lock alice');
    expect(world.ctx.ledger.data).toEqual(before);
    expect(world.linux.account(ALICE)?.locked).toBe(false);
    expect(world.clock.time).toBe(NOW);
  });
});

describe('GRAPH_ENFORCE=false', () => {
  it('makes whoever the realm lists, and locks who is disabled or gone there', async () => {
    await world.remove();
    world = await createFakeWorld({ policy: { enforce: false, groupIds: [], userIds: [ALICE, BOB, CAROL] } });
    for (const [oid, upn] of Object.entries({ [ALICE]: 'alice', [BOB]: 'bob', [CAROL]: 'carol' })) {
      world.directory.add({ oid, upn: `${upn}@example.com` });
    }
    world.ctx = { ...world.ctx, targets: { linux: world.linux } };
    await world.sweep();
    person(ALICE).enabled = false;
    person(BOB).standing = 'hard-deleted';

    await world.sweep();

    expect(world.linux.account(ALICE)?.locked).toBe(true);
    expect(world.linux.account(BOB)?.locked).toBe(true);
    expect(world.linux.account(CAROL)?.locked).toBe(false);
    expect([world.entry(ALICE)?.state, world.entry(BOB)?.state]).toEqual(['suspended', 'grace']);
    expect(world.proxmox.applied).toEqual([]);
  });
});

describe('Proxmox groups that were never made', () => {
  it('are left out and reported, and nobody else suffers', async () => {
    world.proxmox.groupsMissing = ['PVEVMAdmin.pool.lab-entra'];
    world.directory.add({ oid: '44444444-4444-4444-8444-444444444444', upn: 'dora@example.com', groups: [LAB] });

    await world.sweep();
    const problems = [...world.ctx.problems.values()];
    world.proxmox.groupsMissing = [];
    await world.sweep();

    expect(problems).toEqual([expect.stringContaining('PVEVMAdmin.pool.lab-entra')]);
    expect([...world.ctx.problems.keys()]).toEqual([]);
    expect(world.proxmox.user('dora@example.com@entra')?.groups).toEqual([
      'PVEVMAdmin.pool.lab-entra',
      'entramox-entra',
    ]);
  });
});
