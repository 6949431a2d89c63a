import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ADMINS, ALICE, BOB, EVERYBODY, HOUR } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

let world: FakeWorld;

beforeEach(async () => {
  world = await createFakeWorld();
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
  world.directory.add({ oid: BOB, upn: 'bob@example.com', groups: [EVERYBODY] });
  await world.sweep();
});
afterEach(() => world.remove());

function alice() {
  return world.directory.person(ALICE);
}

/** Runs `work` once, when the sweep has read the directory and begins to look at the targets. */
function betweenReadingAndPlanning(work: () => Promise<unknown>): void {
  world.linux.onObserve = async () => {
    world.linux.onObserve = () => undefined;
    await work();
  };
}

describe('a sweep beside targeted work', () => {
  it('does not open again whom a newer reading locked', async () => {
    alice().enabled = false;
    await world.reconcile(ALICE);
    alice().enabled = true;
    betweenReadingAndPlanning(async () => {
      alice().standing = 'soft-deleted';
      await world.reconcile(ALICE);
    });

    const { outcomes } = await world.sweep();

    expect(outcomes.find(({ oid }) => oid === ALICE)?.result).toBe('overtaken');
    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('does not write its older opinion over a countdown that began meanwhile', async () => {
    betweenReadingAndPlanning(async () => {
      alice().standing = 'soft-deleted';
      await world.reconcile(ALICE);
    });
    await world.sweep();
    const begun = world.entry(ALICE);
    world.clock.time += HOUR;

    await world.sweep();

    expect(begun).toMatchObject({ state: 'grace' });
    expect(world.entry(ALICE)?.deleteAt).toBe(begun?.deleteAt);
  });

  it('does not delete whom targeted work found to be back', async () => {
    alice().standing = 'soft-deleted';
    await world.reconcile(ALICE);
    world.clock.time += 24 * HOUR;
    betweenReadingAndPlanning(async () => {
      alice().standing = 'there';
      await world.reconcile(ALICE);
    });

    await world.sweep();

    expect(world.linux.account(ALICE)).toMatchObject({ state: 'whole', locked: false });
    expect(world.entry(ALICE)?.state).toBe('active');
  });

  it('leaves an identity alone while targeted work is in the middle of it', async () => {
    // The sweep has a grant for Alice; the targeted pass has locked her in one target and works on the other.
    alice().groups = [EVERYBODY, ADMINS];
    let targeted: Promise<unknown> | undefined;
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    betweenReadingAndPlanning(async () => {
      alice().standing = 'soft-deleted';
      const reached = new Promise<void>((resolve) => {
        world.proxmox.onApply = async () => {
          world.proxmox.onApply = () => undefined;
          resolve();
          await released;
        };
      });
      targeted = world.reconcile(ALICE);
      await reached;
    });

    const { outcomes } = await world.sweep();
    release();
    await targeted;

    expect(outcomes.find(({ oid }) => oid === ALICE)?.result).toBe('overtaken');
    expect(world.linux.account(ALICE)).toMatchObject({ locked: true, sudo: false });
    expect(world.proxmox.user('alice@example.com@entra')?.enabled).toBe(false);
    expect(world.entry(ALICE)?.state).toBe('grace');
  });

  it('lets targeted work wait for the step that is under way, and read after it', async () => {
    alice().enabled = false;
    await world.reconcile(ALICE);
    alice().enabled = true;
    let targeted: Promise<unknown> | undefined;
    world.linux.onApply = async (step) => {
      if (step.action !== 'unlock') return;
      world.linux.onApply = () => undefined;
      alice().standing = 'soft-deleted';
      targeted = world.reconcile(ALICE);
      // One turn of the event loop: without waiting, targeted work would have seen the account still locked by now.
      await new Promise((resolve) => setImmediate(resolve));
    };

    await world.sweep();
    await targeted;

    expect(world.linux.account(ALICE)?.locked).toBe(true);
    expect(world.entry(ALICE)?.state).toBe('grace');
  });

  it('settles those whom targeted work could not read', async () => {
    alice().standing = 'soft-deleted';
    betweenReadingAndPlanning(async () => {
      world.directory.unreadable.add(ALICE);
      await world.reconcile(ALICE);
    });

    await world.sweep();

    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('keeps what targeted work had the guard hold meanwhile', async () => {
    await world.remove();
    const guard = {
      windowMs: HOUR,
      maxLocks: 0,
      maxLocksPercent: 0,
      maxDeletes: 0,
      maxDeletesPercent: 0,
      rejectForMs: HOUR,
    };
    world = await createFakeWorld({ policy: { guard } });
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
    await world.sweep();
    betweenReadingAndPlanning(async () => {
      alice().standing = 'soft-deleted';
      await world.reconcile(ALICE);
    });

    await world.sweep();

    expect(world.ctx.ledger.data.guard.held?.removals).toMatchObject([{ oid: ALICE, kind: 'lock' }]);
  });

  it('lets targeted work overtake it in a target’s lane', async () => {
    const order: string[] = [];
    for (let n = 10; n < 16; n += 1) {
      const oid = `55555555-5555-4555-8555-5555555555${n}`;
      world.directory.add({ oid, upn: `person${n}@example.com`, groups: [EVERYBODY] });
    }
    let targeted: Promise<unknown> | undefined;
    world.linux.onApply = async (step) => {
      order.push(`${step.action} ${step.name}`);
      if (targeted) return;
      world.directory.person(BOB).enabled = false;
      targeted = world.reconcile(BOB);
      await vi.waitUntil(() => world.ctx.lanes.linux.sizeBy({ priority: 1 }) > 0, { interval: 2 });
    };

    await world.sweep();
    await targeted;

    expect(order.indexOf('lock bob')).toBe(1);
    expect(order).toHaveLength(7);
  });
});

describe('two targeted passes over the same people', () => {
  it('work one after the other', async () => {
    alice().enabled = false;

    const results = await Promise.all([world.reconcile(ALICE, BOB), world.reconcile(BOB, ALICE)]);

    expect(results.flat().map(({ result }) => result)).toEqual(['applied', 'unchanged', 'unchanged', 'unchanged']);
  });
});
