import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Rejected, SourceUnavailable } from '../../../src/domain/errors.js';
import { planAll } from '../../../src/operator/plan.js';
import { approve } from '../../../src/reconcile/approval.js';
import { sweep } from '../../../src/reconcile/sweep.js';
import { ADMINS, EVERYBODY, HOUR } from '../domain/builders.js';
import { createCrowdedWorld, crowdOf } from './fakes/crowd.js';
import type { FakeWorld } from './fakes/world.js';

const MANY = crowdOf(5);
const [FIRST, SECOND, THIRD, FOURTH] = MANY as [string, string, string, string];
const forever = new AbortController().signal;

let world: FakeWorld;

beforeEach(async () => {
  world = await createCrowdedWorld(MANY);
});
afterEach(() => world.remove());

function leave(...oids: string[]): void {
  for (const oid of oids) world.directory.person(oid).standing = 'soft-deleted';
}

function held() {
  return world.ctx.ledger.data.guard.held;
}

/** Three are held; the hash. */
async function threeHeld(): Promise<string> {
  leave(FIRST, SECOND, THIRD);
  await world.sweep();
  return held()?.hash ?? 'none';
}

function ask(hash: string, claimedUser?: string) {
  return approve(world.ctx, hash, 'operator', forever, claimedUser);
}

describe('an approval whose plan is not true any more', () => {
  it('changes nothing, tells who came, who went and whose steps changed, and gives the new hash', async () => {
    world.directory.person(THIRD).groups = [EVERYBODY, ADMINS];
    await world.sweep();
    for (const oid of [FIRST, SECOND]) leave(oid);
    world.directory.person(THIRD).groups = [EVERYBODY];
    await world.sweep();
    const hash = held()?.hash ?? '';
    const applied = world.linux.applied.length;
    world.directory.person(FIRST).standing = 'there';
    leave(THIRD, FOURTH);

    const approval = await ask(hash);

    expect(approval).toMatchObject({
      approved: false,
      difference: {
        came: [{ oid: FOURTH, what: 'lock', upn: 'person3@example.com', reason: 'deleted in Entra' }],
        went: [{ oid: FIRST }],
        changed: [{ oid: THIRD, steps: expect.arrayContaining(['linux lock person2']) }],
      },
    });
    expect(world.linux.applied).toHaveLength(applied);
    expect(world.ctx.ledger.data.guard.approved).toEqual([]);
    expect(world.audit.filter(({ action }) => action === 'approve')).toEqual([]);
    expect(approval.approved || approval.instead).toBe(held()?.hash);
  });

  it('can be given to the new hash', async () => {
    const hash = await threeHeld();
    leave(FOURTH);
    const first = await ask(hash);

    const second = await ask((!first.approved && first.instead) || 'none');
    await world.sweep();

    expect(second.approved).toBe(true);
    expect(MANY.filter((oid) => world.linux.account(oid)?.locked)).toEqual([FIRST, SECOND, THIRD, FOURTH]);
  });

  it.each([
    [
      'that a later pass replaced',
      async () => {
        const hash = await threeHeld();
        leave(FOURTH);
        await world.sweep();
        await world.restart();
        return hash;
      },
    ],
    [
      'that was only looked at',
      async () => {
        leave(FIRST, SECOND, THIRD);
        const { held: shown } = await planAll(world.ctx, forever);
        leave(FOURTH);
        return shown?.hash ?? '';
      },
    ],
  ])('is told the difference also for a plan %s', async (_what, show) => {
    const hash = await show();

    const approval = await ask(hash);

    expect(approval).toMatchObject({ approved: false, difference: { came: [{ oid: FOURTH }], went: [], changed: [] } });
  });

  it('finds nothing to approve where everybody is back', async () => {
    const hash = await threeHeld();
    for (const oid of [FIRST, SECOND, THIRD]) world.directory.person(oid).standing = 'there';

    const approval = await ask(hash);

    expect(approval).toMatchObject({ approved: false, instead: undefined });
    expect(approval.approved || approval.difference.went).toHaveLength(3);
    expect(held()).toBeUndefined();
  });

  it('is not concluded from what cannot be read', async () => {
    const hash = await threeHeld();
    world.directory.unreadable.add(SECOND);

    await expect(ask(hash)).rejects.toThrow(SourceUnavailable);
    expect(held()?.hash).toBe(hash);
  });

  it('is not concluded from a target that cannot be seen', async () => {
    const hash = await threeHeld();
    world.proxmox.blind = true;

    await expect(ask(hash)).rejects.toThrow('cannot be read now');
    expect(held()?.hash).toBe(hash);
  });
});

describe('an approval', () => {
  it('takes the hash of a plan that was only looked at, and never held', async () => {
    leave(FIRST, SECOND, THIRD);
    const { clearance } = await sweep(world.ctx, { apply: false }, forever);

    const approval = await ask(clearance.held?.hash ?? '');
    await world.sweep();

    expect(approval.approved).toBe(true);
    expect(world.linux.account(FIRST)?.locked).toBe(true);
  });

  it('lets nothing pass but what the operator saw', async () => {
    for (const oid of [FIRST, SECOND, THIRD]) world.directory.person(oid).groups = [EVERYBODY, ADMINS];
    await world.sweep();
    for (const oid of [FIRST, SECOND, THIRD]) world.directory.person(oid).groups = [EVERYBODY];
    await world.sweep();
    await ask(held()?.hash ?? '');
    leave(FIRST, SECOND, THIRD);

    await world.sweep();

    expect(world.linux.account(FIRST)?.locked).toBe(false);
    expect(held()?.removals).toHaveLength(3);
  });

  it('does not outlast the departure: who came back and leaves again is judged anew', async () => {
    await ask(await threeHeld());
    for (const oid of [FIRST, SECOND, THIRD]) world.directory.person(oid).standing = 'there';
    await world.sweep();
    leave(FIRST, SECOND, THIRD);

    await world.sweep();

    expect(held()?.removals).toHaveLength(3);
  });

  it('ends when the clock goes back, rather than to last until then', async () => {
    await ask(await threeHeld());
    world.clock.time -= 365 * 24 * HOUR;

    await world.sweep();

    expect(world.linux.account(FIRST)?.locked).toBe(false);
  });

  it('of two operators at once is given by one, and the other one is told', async () => {
    const hash = await threeHeld();

    const answers = await Promise.allSettled([ask(hash, 'ann'), ask(hash, 'ben')]);

    const refusals = answers.flatMap((answer) => (answer.status === 'rejected' ? [String(answer.reason)] : []));
    expect(refusals).toEqual([expect.stringMatching(/already|approved at .* by (ann|ben)/)]);
    expect(world.audit.filter(({ action }) => action === 'approve')).toHaveLength(1);
    expect(world.ctx.ledger.data.guard.approved).toHaveLength(3);
  });

  it('tells a second operator later who was first', async () => {
    const hash = await threeHeld();
    await ask(hash, 'ann');
    await world.sweep();

    await expect(ask(hash, 'ben')).rejects.toThrow(/approved at .* by ann/);
  });

  it('may be given again when the same people leave once more', async () => {
    const hash = await threeHeld();
    await ask(hash);
    await world.sweep();
    for (const oid of [FIRST, SECOND, THIRD]) world.directory.person(oid).standing = 'there';
    await world.sweep();
    leave(FIRST, SECOND, THIRD);
    await world.sweep();

    const again = await ask(hash);

    expect(held()).toBeUndefined();
    expect(again.approved).toBe(true);
  });

  it('leaves held whom a pass beside it added', async () => {
    const hash = await threeHeld();
    world.proxmox.onObserve = async () => {
      world.proxmox.onObserve = () => undefined;
      leave(FOURTH);
      world.ctx.policy.guard.maxLocks = 0;
      await world.reconcile(FOURTH);
    };

    const approval = await ask(hash);

    expect(approval.approved).toBe(true);
    expect(held()?.removals.map(({ oid }) => oid)).toEqual([FOURTH]);
  });

  it('refuses a hash that names nothing, and says which one does', async () => {
    const hash = await threeHeld();

    await expect(ask('ffffffffffff')).rejects.toThrow(hash);
    await expect(ask('ffffffffffff')).rejects.toThrow(Rejected);
  });
});
