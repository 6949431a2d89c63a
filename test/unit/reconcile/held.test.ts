import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Rejected } from '../../../src/domain/errors.js';
import { approve } from '../../../src/reconcile/approval.js';
import { hashOf } from '../../../src/reconcile/held.js';
import { sweep } from '../../../src/reconcile/sweep.js';
import { ADMINS, EVERYBODY, HOUR } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld, oidOf } from './fakes/world.js';

const guard = { windowMs: HOUR, maxLocks: 2, maxLocksPercent: 0, maxDeletes: 1, maxDeletesPercent: 0 };
const MANY = [1, 2, 3, 4, 5].map(oidOf);
const [FIRST, SECOND, THIRD, FOURTH, FIFTH] = MANY as [string, string, string, string, string];

let world: FakeWorld;

beforeEach(async () => {
  world = await createFakeWorld({ policy: { guard } });
  for (const [index, oid] of MANY.entries()) {
    world.directory.add({ oid, upn: `person${index}@example.com`, groups: [EVERYBODY] });
  }
  await world.sweep();
});
afterEach(() => world.remove());

function leave(...oids: string[]): void {
  for (const oid of oids) world.directory.person(oid).standing = 'soft-deleted';
}

function locked(): string[] {
  return MANY.filter((oid) => world.linux.account(oid)?.locked);
}

function held() {
  return world.ctx.ledger.data.guard.held;
}

async function approveHeld() {
  return approve(world.ctx, held()?.hash ?? 'none', 'operator', 'root (sudo: carol)');
}

/** Everybody of these is locked and due to be deleted. */
async function letBeDue(...oids: string[]): Promise<void> {
  for (const oid of oids) {
    leave(oid);
    await world.reconcile(oid);
    world.clock.time += HOUR;
  }
  world.clock.time += 24 * HOUR;
}

describe('a sweep with too many removals', () => {
  it('removes nobody, keeps the plan and says so', async () => {
    leave(FIRST, SECOND, THIRD);

    const { record, outcomes } = await world.sweep();

    expect(locked()).toEqual([]);
    expect(record).toMatchObject({ result: 'held', why: '3 held by the guard' });
    expect(outcomes.filter(({ result }) => result === 'held')).toHaveLength(3);
    expect(held()?.removals.map(({ oid }) => oid)).toEqual([FIRST, SECOND, THIRD]);
    expect(held()?.removals[0]).toMatchObject({
      upn: 'person0@example.com',
      reason: 'deleted in Entra',
    });
    expect(held()?.removals[0]?.steps).toContain('linux lock person0');
    expect(world.entry(FIRST)).toMatchObject({ state: 'active' });
    expect(world.events.filter(({ event }) => event === 'reconcile.guard.held')).toHaveLength(1);
  });

  it('counts demotions like locks', async () => {
    for (const oid of [FIRST, SECOND, THIRD]) world.directory.person(oid).groups = [EVERYBODY, ADMINS];
    await world.sweep();
    for (const oid of [FIRST, SECOND, THIRD]) world.directory.person(oid).groups = [EVERYBODY];

    await world.sweep();

    expect(world.linux.account(FIRST)?.sudo).toBe(true);
    expect(held()?.removals).toHaveLength(3);
  });

  it('still makes joiners and gives what is due to others', async () => {
    leave(FIRST, SECOND, THIRD);
    world.directory.person(FOURTH).groups = [EVERYBODY, ADMINS];
    world.directory.add({ oid: oidOf(9), upn: 'joiner@example.com', groups: [EVERYBODY] });

    await world.sweep();

    expect(world.linux.account(oidOf(9))?.name).toBe('joiner');
    expect(world.linux.account(FOURTH)?.sudo).toBe(true);
  });

  it('does not start countdowns, so that an approval days later gives everybody the whole time', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    world.clock.time += 72 * HOUR;
    await world.sweep();
    await approveHeld();

    await world.sweep();

    expect(locked()).toEqual([FIRST, SECOND, THIRD]);
    expect(world.entry(FIRST)?.deleteAt).toBe(world.clock.time + 24 * HOUR);
  });

  it('forgets the plan once everybody in it is back', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    for (const oid of [FIRST, SECOND, THIRD]) world.directory.person(oid).standing = 'there';

    const { record } = await world.sweep();

    expect(held()).toBeUndefined();
    expect(record.result).toBe('done');
  });

  it('keeps the plan while nobody in it can be read', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    const hash = held()?.hash;
    world.directory.singlesDown = true;

    await world.sweep();

    expect(held()?.hash).toBe(hash);
  });

  it('keeps since when it is held', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    const since = held()?.since;
    world.clock.time += HOUR;

    await world.sweep();

    expect(held()?.since).toBe(since);
  });

  it('holds nothing in a plan that is only looked at', async () => {
    leave(FIRST, SECOND, THIRD);

    const { record } = await sweep(world.ctx, { apply: false }, new AbortController().signal);

    expect(record.result).toBe('held');
    expect(held()).toBeUndefined();
    expect(world.ctx.ledger.data.guard.window).toEqual([]);
  });
});

describe('targeted work', () => {
  it('holds in small steps what a sweep would hold in one', async () => {
    leave(...MANY);
    for (const oid of MANY) await world.reconcile(oid);

    expect(locked()).toEqual([FIRST, SECOND]);
    expect(held()?.removals.map(({ oid }) => oid)).toEqual([THIRD, FOURTH, FIFTH]);
  });

  it('does not get around the guard by a restart', async () => {
    leave(...MANY);
    for (const oid of MANY) {
      await world.reconcile(oid);
      await world.restart();
    }

    expect(locked()).toEqual([FIRST, SECOND]);
    expect(held()?.removals).toHaveLength(3);
  });

  it('does not get around the guard by a crash right after a lock', async () => {
    leave(...MANY);
    for (const oid of MANY) {
      const { ledger } = world.ctx;
      const save = ledger.save;
      let saves = 0;
      ledger.save = async () => {
        saves += 1;
        if (saves > 1) throw new Error('killed');
        await save();
      };
      await world.reconcile(oid).catch(() => undefined);
      await world.restart();
    }

    expect(locked()).toEqual([FIRST, SECOND]);
  });

  it('does not get around the guard beside a sweep', async () => {
    leave(FIRST, SECOND);
    world.linux.onObserve = async () => {
      world.linux.onObserve = () => undefined;
      leave(THIRD, FOURTH);
      await Promise.all([world.reconcile(THIRD), world.reconcile(FOURTH)]);
    };

    await world.sweep();

    expect(locked()).toEqual([THIRD, FOURTH]);
    expect(held()?.removals.map(({ oid }) => oid)).toEqual([FIRST, SECOND]);
  });

  it('is not held for trying the same lock again and again', async () => {
    leave(FIRST, SECOND);
    world.linux.fault = () => new Error('busy');
    for (let attempt = 0; attempt < 5; attempt += 1) await world.reconcile(FIRST, SECOND);
    world.linux.fault = () => undefined;

    await world.reconcile(FIRST, SECOND);

    expect(locked()).toEqual([FIRST, SECOND]);
    expect(held()).toBeUndefined();
  });

  it('does not let those of a held plan slip through one by one, nor hold others for their sake', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    const hash = held()?.hash;
    leave(FOURTH);

    for (const oid of [FIRST, SECOND, THIRD, FOURTH]) await world.reconcile(oid);

    expect(locked()).toEqual([FOURTH]);
    expect(held()?.hash).toBe(hash);
  });

  it('goes on by itself once the window has moved on', async () => {
    leave(FIRST, SECOND, THIRD);
    for (const oid of [FIRST, SECOND, THIRD]) await world.reconcile(oid);
    world.clock.time += HOUR;

    await world.reconcile(THIRD);

    expect(locked()).toEqual([FIRST, SECOND, THIRD]);
    expect(held()).toBeUndefined();
  });

  it('takes back from the held plan whom it found to be back, and leaves the others in it', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    const before = held()?.hash;
    world.directory.person(FIRST).standing = 'there';

    await world.reconcile(FIRST);

    expect(held()?.removals.map(({ oid }) => oid)).toEqual([SECOND, THIRD]);
    expect(held()?.hash).not.toBe(before);
  });

  it('leaves a held deletion in the plan while the countdown stays over', async () => {
    await letBeDue(FIRST, SECOND);
    await world.sweep();
    const hash = held()?.hash;

    await world.reconcile(FIRST);
    const afterALook = held()?.hash;
    world.directory.person(FIRST).standing = 'there';
    await world.reconcile(FIRST);

    expect(hash).toBeDefined();
    expect(afterALook).toBe(hash);
    expect(held()?.removals.map(({ oid }) => oid)).toEqual([SECOND]);
  });
});

describe('an approval', () => {
  it('lets exactly the held removals pass, and is used up by them', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();

    const { keys } = await approveHeld();
    await world.reconcile(FIRST, SECOND, THIRD);

    expect(keys).toEqual([FIRST, SECOND, THIRD].map((oid) => `user:${oid}`));
    expect(locked()).toEqual([FIRST, SECOND, THIRD]);
    expect(world.ctx.ledger.data.guard.approved).toEqual([]);
    expect(world.audit).toContainEqual(
      expect.objectContaining({ by: 'operator', claimedUser: 'root (sudo: carol)', action: 'approve' }),
    );
  });

  it('lets nobody pass a second time', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    await approveHeld();
    await world.sweep();
    for (const oid of [FIRST, SECOND, THIRD]) world.directory.person(oid).standing = 'there';
    await world.sweep();
    leave(FIRST, SECOND, THIRD);

    await world.sweep();

    expect(locked()).toEqual([]);
    expect(held()?.removals).toHaveLength(3);
  });

  it('leaves the room of the guard to everybody else', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    await approveHeld();
    leave(FOURTH, FIFTH);

    await world.sweep();

    expect(locked()).toEqual(MANY);
  });

  it('leaves that room also to those who leave afterwards', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    await approveHeld();
    await world.sweep();
    leave(FOURTH, FIFTH);

    await world.sweep();

    expect(locked()).toEqual(MANY);
  });

  it('does not let a second hash pass along with the first', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    const hash = held()?.hash ?? '';
    leave(FOURTH);
    await world.sweep();

    await expect(approve(world.ctx, hash, 'operator')).rejects.toThrow(Rejected);
    expect(world.ctx.ledger.data.guard.approved).toEqual([]);
  });

  it('is refused where nothing is held', async () => {
    await expect(approve(world.ctx, '0123456789ab', 'operator')).rejects.toThrow('no plan is held');
  });

  it('survives a restart', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    await world.restart();
    await approveHeld();
    await world.restart();

    await world.sweep();

    expect(locked()).toEqual([FIRST, SECOND, THIRD]);
  });

  it('ends after an hour', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    await approveHeld();
    world.clock.time += HOUR;

    await world.sweep();

    expect(locked()).toEqual([]);
    expect(held()?.removals).toHaveLength(3);
  });

  it('touches nobody who came back meanwhile', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    await approveHeld();
    world.directory.person(SECOND).standing = 'there';

    await world.sweep();

    expect(locked()).toEqual([FIRST, THIRD]);
  });

  it('is good for another try where the step failed', async () => {
    await letBeDue(FIRST, SECOND);
    await world.sweep();
    await approveHeld();
    world.linux.fault = (step) => (step.action === 'delete' ? new Error('the archive is full') : undefined);
    await world.sweep();
    world.linux.fault = () => undefined;

    const { record } = await world.sweep();

    expect(record.result).toBe('done');
    expect([FIRST, SECOND].map((oid) => world.entry(oid)?.state)).toEqual(['deleted', 'deleted']);
  });

  it('asks for a sweep alone where deletions were held, which targeted work would only overtake', async () => {
    await letBeDue(FIRST, SECOND);
    await world.sweep();

    const { keys } = await approveHeld();
    await world.sweep();

    expect(keys).toEqual(['sweep']);
    expect([FIRST, SECOND].map((oid) => world.linux.account(oid)?.state)).toEqual(['deleted', 'deleted']);
  });

  it('is not used up by a sweep that was overtaken', async () => {
    await letBeDue(FIRST, SECOND);
    await world.sweep();
    await approveHeld();
    world.linux.onObserve = async () => {
      world.linux.onObserve = () => undefined;
      await world.reconcile(FIRST, SECOND);
    };
    await world.sweep();
    const overtaken = world.entry(FIRST)?.state;

    await world.sweep();

    expect(overtaken).toBe('grace');
    expect([FIRST, SECOND].map((oid) => world.entry(oid)?.state)).toEqual(['deleted', 'deleted']);
  });

  it('is refused in a dry run, and writes nothing', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    const hash = held()?.hash ?? '';
    world.ctx = { ...world.ctx, dryRun: true };

    await expect(approve(world.ctx, hash, 'operator')).rejects.toThrow('DRY_RUN');
    expect(held()?.hash).toBe(hash);
  });

  it('is not given where it cannot be audited', async () => {
    leave(FIRST, SECOND, THIRD);
    await world.sweep();
    world.auditFault.error = new Error('ENOSPC');

    await expect(approveHeld()).rejects.toThrow('ENOSPC');
    expect(world.ctx.ledger.data.guard.approved).toEqual([]);
    expect(held()?.removals).toHaveLength(3);
  });
});

describe('the hash of a plan', () => {
  it('names the removals, whatever their order, and nothing else', () => {
    const one = { oid: FIRST, kind: 'lock' } as const;
    const other = { oid: SECOND, kind: 'delete' } as const;

    expect(hashOf([one, other])).toBe(hashOf([other, one]));
    expect(hashOf([one])).not.toBe(hashOf([{ ...one, kind: 'delete' }]));
    expect(hashOf([one])).toMatch(/^[0-9a-f]{12}$/);
  });
});
