import { afterEach, describe, expect, it } from 'vitest';
import { Busy } from '../../../src/domain/errors.js';
import { approve } from '../../../src/reconcile/approval.js';
import { compareOnce, compareWithTargets } from '../../../src/reconcile/disagreement.js';
import { awaitsFirstRun, LOOK_AGAIN_MS } from '../../../src/reconcile/first-run.js';
import { repairLedger } from '../../../src/reconcile/repair.js';
import { ALICE, EVERYBODY, HOUR } from '../domain/builders.js';
import { createCrowdedWorld, crowdOf } from './fakes/crowd.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

const forever = new AbortController().signal;

let world: FakeWorld;
afterEach(() => world.remove());

async function firstRunWorld(): Promise<void> {
  world = await createFakeWorld({ policy: { firstRun: 'plan' } });
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
}

function firstHash(): string {
  const { firstRun } = world.ctx.ledger.data;
  return firstRun?.state === 'waiting' ? firstRun.hash : 'none';
}

describe('a first run', () => {
  it('that was approved while a sweep was still planning it stays approved', async () => {
    await firstRunWorld();
    await world.sweep();
    const hash = firstHash();
    let approvals = 0;
    world.linux.onObserve = async () => {
      approvals += 1;
      if (approvals > 1) return;
      await approve(world.ctx, hash, 'operator', forever);
    };

    await world.sweep();

    expect(approvals).toBeGreaterThan(1);
    expect(awaitsFirstRun(world.ctx)).toBe(false);
    await world.sweep();
    expect(world.linux.account(ALICE)?.state).toBe('whole');
  });

  it('shows a leaver as held, and does not look for a second sign every few seconds without end', async () => {
    await firstRunWorld();
    await world.sweep();
    // Adopted while the first run waits.
    world.linux.accounts.set(ALICE, {
      ...{ name: 'alice', uid: 20_001, state: 'whole', locked: false, gecos: 'alice', groups: [], sudo: false },
    });
    world.ctx.ledger.put({
      ...{ oid: ALICE, upn: 'alice@example.com', displayName: 'alice', state: 'active', since: world.clock.time },
      ...{ groups: [EVERYBODY], names: { linux: 'alice' }, retired: [], conflicts: [] },
    });
    world.directory.person(ALICE).groups = [];

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome).toMatchObject({ result: 'held', recheckAt: world.clock.time + LOOK_AGAIN_MS });
    expect(world.linux.account(ALICE)?.locked).toBe(false);
  });

  it('is none on a host whose lost ledger was rebuilt, also where a sweep had planned it before', async () => {
    await firstRunWorld();
    world.linux.accounts.set(ALICE, {
      ...{ name: 'alice', uid: 20_001, state: 'whole', locked: false, gecos: 'alice', groups: [], sudo: false },
    });
    await world.sweep();
    const waited = awaitsFirstRun(world.ctx);

    await repairLedger(world.ctx, { apply: true }, forever);

    expect(waited).toBe(true);
    expect(awaitsFirstRun(world.ctx)).toBe(false);
  });
});

describe('a hold', () => {
  it('of a tombstone that was opened again ends when somebody closes it by hand', async () => {
    world = await createFakeWorld();
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
    await world.sweep();
    world.directory.person(ALICE).groups = [];
    await world.settleDown(ALICE);
    world.clock.time += 25 * HOUR;
    await world.sweep();
    expect(world.entry(ALICE)?.state).toBe('deleted');
    const userid = 'alice@example.com@entra';
    const user = world.proxmox.user(userid);
    if (!user) throw new Error('no user');
    world.ctx.policy.guard.maxLocks = 0;
    world.proxmox.users.set(userid, { ...user, enabled: true });
    await world.sweep();
    expect(world.ctx.ledger.data.guard.held?.removals).toMatchObject([{ oid: ALICE, kind: 'lock' }]);

    world.proxmox.users.set(userid, user);
    const { record } = await world.sweep();

    expect(record.result).toBe('done');
    expect(world.ctx.ledger.data.guard.held).toBeUndefined();
  });
});

describe('records that disagreed', () => {
  it('are compared again by themselves once the other side was mended, without waiting for a sweep', async () => {
    world = await createFakeWorld();
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
    await world.sweep();
    await world.sweep();
    const account = world.linux.account(ALICE);
    if (!account) throw new Error('no account');
    world.linux.accounts.delete(ALICE);
    await compareWithTargets(world.ctx, forever);
    const before = [...world.ctx.problems.values()];
    world.linux.accounts.set(ALICE, account);
    world.clock.time += HOUR;

    await compareOnce(world.ctx, forever);

    expect(before).toHaveLength(1);
    expect([...world.ctx.problems.values()]).toEqual([]);
  });
});

describe('an audit log that cannot be written', () => {
  it('keeps no leaver in because the plan that is held changes in the same pass', async () => {
    const crowd = crowdOf(6);
    world = await createCrowdedWorld(crowd);
    const [one, two, three, four] = crowd as [string, string, string, string];
    for (const oid of [one, two, three]) world.directory.person(oid).enabled = false;
    await world.sweep();
    expect(world.ctx.ledger.data.guard.held?.removals).toHaveLength(3);
    world.directory.person(one).enabled = true;
    world.directory.person(four).enabled = false;
    world.auditFault.error = new Error('ENOSPC');

    await expect(world.reconcile(one, four)).rejects.toThrow(Busy);

    expect(world.linux.account(four)?.locked).toBe(true);
    expect(world.linux.account(two)?.locked).toBe(false);
    world.auditFault.error = undefined;
    await world.reconcile(one, four);
    expect(world.ctx.ledger.data.guard.held?.removals.map(({ oid }) => oid).sort()).toEqual([two, three].sort());
    expect(world.ctx.ledger.data.guard.window.map(({ oid }) => oid)).toEqual([four]);
  });
});

describe('a ledger that cannot be written', () => {
  it('does not take an approval back that was put on record: what was approved is done', async () => {
    world = await createFakeWorld();
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
    await world.sweep();
    world.ctx.policy.guard.maxLocks = 0;
    world.directory.person(ALICE).enabled = false;
    await world.reconcile(ALICE);
    const hash = world.ctx.ledger.data.guard.held?.hash ?? '';
    const { ledger } = world.ctx;
    const save = () => Promise.reject(new Busy('ENOSPC'));
    world.ctx = { ...world.ctx, ledger: { ...ledger, data: ledger.data, save } };

    const approval = await approve(world.ctx, hash, 'operator', forever);
    await expect(world.reconcile(ALICE)).rejects.toThrow(Busy);

    expect(approval).toMatchObject({ approved: true, keys: [`user:${ALICE}`] });
    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });
});
