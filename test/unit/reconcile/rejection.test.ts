import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unreadyConditions } from '../../../src/operator/health.js';
import { reconcilerStatus } from '../../../src/operator/status.js';
import { approve } from '../../../src/reconcile/approval.js';
import { measureGuard } from '../../../src/reconcile/measure-guard.js';
import { reject } from '../../../src/reconcile/rejection.js';
import { ADMINS, EVERYBODY, HOUR, LAB } from '../domain/builders.js';
import { createCrowdedWorld, crowdOf, NARROW_GUARD } from './fakes/crowd.js';
import { createMemoryQueue } from './fakes/queue.js';
import type { FakeWorld } from './fakes/world.js';

const REJECT_FOR = NARROW_GUARD.rejectForMs;
const MANY = crowdOf(4);
const [FIRST, SECOND, THIRD] = MANY as [string, string, string];
const THREE = [FIRST, SECOND, THIRD];
const forever = new AbortController().signal;

let world: FakeWorld;

beforeEach(async () => {
  world = await createCrowdedWorld(MANY);
});
afterEach(() => world.remove());

function leave(...oids: string[]): void {
  for (const oid of oids) world.directory.person(oid).groups = [];
}

function locked(): string[] {
  return MANY.filter((oid) => world.linux.account(oid)?.locked);
}

function state() {
  return world.ctx.ledger.data.guard;
}

/** Three are held and an operator says no. */
async function threeRejected(): Promise<string> {
  leave(...THREE);
  await world.sweep();
  const hash = state().held?.hash ?? 'none';
  await reject(world.ctx, hash, 'operator', 'carol');
  return hash;
}

function status() {
  return reconcilerStatus({
    ctx: world.ctx,
    queue: createMemoryQueue(world.clock),
    busy: () => ({ sweep: false, targeted: 0 }),
    startedAt: world.clock.time,
  });
}

describe('a rejection', () => {
  it('keeps everybody of the plan as they are, in sweeps and in targeted work, and holds nothing any more', async () => {
    await threeRejected();

    const { record, outcomes } = await world.sweep();
    for (const oid of THREE) await world.settleDown(oid);

    expect(locked()).toEqual([]);
    expect(state().held).toBeUndefined();
    expect(record.result).toBe('done');
    expect(outcomes.filter(({ result }) => result === 'rejected').map(({ oid }) => oid)).toEqual(THREE);
  });

  it('survives a restart', async () => {
    await threeRejected();
    await world.restart();

    await world.sweep();

    expect(locked()).toEqual([]);
    expect(state().rejected).toHaveLength(3);
  });

  it('is audited with who said so', async () => {
    const hash = await threeRejected();

    expect(world.audit).toContainEqual(
      expect.objectContaining({ by: 'operator', claimedUser: 'carol', action: 'reject', plan: hash }),
    );
  });

  it('is shown for as long as it stands, without the service counting as unready for it', async () => {
    await threeRejected();
    await world.sweep();

    const shown = await status();
    measureGuard(world.ctx);
    const metrics = await world.ctx.metrics.registry.metrics();

    expect(shown.rejected).toMatchObject([
      { claimedUser: 'carol', removals: THREE.map((oid) => ({ oid, kind: 'lock' })) },
    ]);
    expect(unreadyConditions(shown, world.clock.time, true)).toEqual([]);
    expect(metrics).toContain('entramox_guard_rejected_identities{kind="lock"} 3');
    expect(metrics).toContain('entramox_guard_held 0');
  });

  it('does not keep anybody else: who leaves alone is locked as ever', async () => {
    await threeRejected();
    const [, , , fourth = ''] = MANY;
    leave(fourth);

    await world.sweep();

    expect(locked()).toEqual([fourth]);
  });

  it('ends for who is in scope again, so that a later departure counts', async () => {
    await threeRejected();
    world.directory.person(FIRST).groups = [EVERYBODY];
    await world.sweep();
    leave(FIRST);

    await world.sweep();

    expect(locked()).toEqual([FIRST]);
    expect(state().rejected?.map(({ oid }) => oid)).toEqual([SECOND, THIRD]);
  });

  it('ends for who would be locked for another cause', async () => {
    await threeRejected();
    world.directory.person(FIRST).standing = 'soft-deleted';

    await world.sweep();

    expect(locked()).toEqual([FIRST]);
  });

  it('is not lost while somebody cannot be read, or a target cannot be seen', async () => {
    await threeRejected();
    world.directory.singlesDown = true;
    await world.sweep();
    world.directory.singlesDown = false;
    world.linux.blind = true;
    world.proxmox.blind = true;
    await world.sweep();
    world.linux.blind = false;
    world.proxmox.blind = false;

    await world.sweep();

    expect(locked()).toEqual([]);
    expect(state().rejected).toHaveLength(3);
  });

  it('asks again when its time is over, rather than to remove or to forget: even what the limits would let go', async () => {
    await threeRejected();
    for (const oid of [SECOND, THIRD]) world.directory.person(oid).groups = [EVERYBODY];
    await world.sweep();
    world.clock.time += REJECT_FOR;

    await world.sweep();

    expect(locked()).toEqual([]);
    expect(state().rejected).toBeUndefined();
    expect(state().held).toMatchObject({ why: 'the time of a rejection is over', removals: [{ oid: FIRST }] });
  });

  it('asks again when the clock went back, rather than to stand for a year', async () => {
    await threeRejected();
    world.clock.time -= 365 * 24 * HOUR;

    await world.sweep();

    expect(state().held?.removals).toHaveLength(3);
  });

  it('is undone by an approval of the hash that the status shows', async () => {
    await threeRejected();
    const [shown] = (await status()).rejected ?? [];

    const approval = await approve(world.ctx, shown?.hash ?? '', 'operator', forever);
    const afterwards = (await status()).rejected;
    await world.sweep();

    expect(approval.approved).toBe(true);
    expect(afterwards).toBeUndefined();
    expect(locked()).toEqual(THREE);
  });

  it('is undone for exactly those who are still in it', async () => {
    await threeRejected();
    const [shown] = (await status()).rejected ?? [];
    world.directory.person(FIRST).groups = [EVERYBODY];

    const approval = await approve(world.ctx, shown?.hash ?? '', 'operator', forever);

    expect(approval).toMatchObject({ approved: false, difference: { went: [{ oid: FIRST }] } });
    expect(state().rejected).toHaveLength(3);
  });

  it('of lost rights does not keep somebody who leaves altogether', async () => {
    for (const oid of THREE) world.directory.person(oid).groups = [EVERYBODY, ADMINS];
    await world.sweep();
    for (const oid of THREE) world.directory.person(oid).groups = [EVERYBODY];
    await threeStayAdmins();
    leave(FIRST);

    await world.sweep();

    expect(locked()).toEqual([FIRST]);
    expect(world.linux.account(SECOND)?.sudo).toBe(true);
  });

  it('of one lost right does not keep another one', async () => {
    for (const oid of THREE) world.directory.person(oid).groups = [EVERYBODY, ADMINS, LAB];
    await world.sweep();
    for (const oid of THREE) world.directory.person(oid).groups = [EVERYBODY, LAB];
    await threeStayAdmins();
    world.directory.person(FIRST).groups = [EVERYBODY];

    await world.sweep();

    expect(world.linux.account(FIRST)).toMatchObject({ sudo: false, groups: [] });
    expect(world.linux.account(SECOND)).toMatchObject({ sudo: true, groups: ['lab'] });
  });

  async function threeStayAdmins(): Promise<void> {
    await world.sweep();
    await reject(world.ctx, state().held?.hash ?? '', 'operator');
  }

  it('of a deletion leaves the person locked', async () => {
    for (const oid of [FIRST, SECOND]) {
      leave(oid);
      await world.settleDown(oid);
      world.clock.time += HOUR;
    }
    world.clock.time += 24 * HOUR;
    await world.sweep();
    await reject(world.ctx, state().held?.hash ?? '', 'operator');
    const account = world.linux.account(FIRST);
    if (account) world.linux.accounts.set(FIRST, { ...account, locked: false });

    await world.sweep();

    expect(world.linux.account(FIRST)).toMatchObject({ state: 'whole', locked: true });
    expect(state().rejected?.map(({ kind }) => kind)).toEqual(['delete', 'delete']);
  });

  it('is refused for another hash than the held one, where nothing is held, and in a dry run', async () => {
    await expect(reject(world.ctx, 'ffffffffffff', 'operator')).rejects.toThrow('no plan is held');
    leave(...THREE);
    await world.sweep();
    const hash = state().held?.hash ?? '';

    await expect(reject(world.ctx, 'ffffffffffff', 'operator')).rejects.toThrow(hash);
    await expect(reject({ ...world.ctx, dryRun: true }, hash, 'operator')).rejects.toThrow('DRY_RUN');
    expect(state().rejected).toBeUndefined();
  });
});
