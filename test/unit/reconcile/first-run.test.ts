import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unreadyConditions } from '../../../src/operator/health.js';
import { planAll } from '../../../src/operator/plan.js';
import { reconcilerStatus } from '../../../src/operator/status.js';
import { approve } from '../../../src/reconcile/approval.js';
import { awaitsFirstRun } from '../../../src/reconcile/first-run.js';
import { createLoop } from '../../../src/reconcile/loop.js';
import { reject } from '../../../src/reconcile/rejection.js';
import { rememberFailedSweep } from '../../../src/reconcile/sweep.js';
import { EVERYBODY, HOUR, policy } from '../domain/builders.js';
import { createMemoryQueue } from './fakes/queue.js';
import { createFakeWorld, type FakeWorld, oidOf } from './fakes/world.js';

const forever = new AbortController().signal;
const PEOPLE = [1, 2, 3].map(oidOf);
const [FIRST] = PEOPLE as [string];

let world: FakeWorld;

beforeEach(async () => {
  world = await createFakeWorld({ policy: { firstRun: 'plan' } });
  for (const [index, oid] of PEOPLE.entries()) {
    world.directory.add({ oid, upn: `person${index}@example.com`, groups: [EVERYBODY] });
  }
});
afterEach(() => world.remove());

function waiting() {
  const { firstRun } = world.ctx.ledger.data;
  return firstRun?.state === 'waiting' ? firstRun : undefined;
}

function written(): number {
  return world.linux.applied.length + world.proxmox.applied.length;
}

describe('the first run on a host', () => {
  it('writes nothing, and keeps the plan under a hash', async () => {
    const { record } = await world.sweep();

    expect(written()).toBe(0);
    expect(world.ctx.ledger.entries()).toEqual([]);
    expect(record).toMatchObject({
      result: 'held',
      why: expect.stringContaining('of 3 identities 3 would be created'),
    });
    expect(waiting()?.changes.map(({ upn }) => upn)).toEqual(PEOPLE.map((_, index) => `person${index}@example.com`));
    expect(waiting()?.changes[0]?.steps).toContain('linux create person0');
    expect(waiting()?.hash).toMatch(/^[0-9a-f]{12}$/);
  });

  it('is what status and readiness talk of', async () => {
    await world.sweep();

    const status = await reconcilerStatus({
      ctx: world.ctx,
      queue: createMemoryQueue(world.clock),
      busy: () => ({ sweep: false, targeted: 0 }),
      startedAt: world.clock.time,
    });

    expect(status.held).toMatchObject({ by: 'first-run', hash: waiting()?.hash, removals: [] });
    expect(unreadyConditions(status, world.clock.time, true)).toMatchObject([
      { condition: 'first-run', detail: expect.stringContaining(waiting()?.hash ?? 'a hash') },
    ]);
  });

  it('has the same hash in a plan, however it is asked for', async () => {
    const { held } = await planAll(world.ctx, forever);
    const dry = await planAll({ ...world.ctx, dryRun: true }, forever);
    await world.sweep();

    expect(held?.hash).toBe(waiting()?.hash);
    expect(dry.held?.hash).toBe(held?.hash);
  });

  it('waits over restarts and over further sweeps', async () => {
    await world.sweep();
    const { hash, since } = waiting() ?? {};
    await world.restart();
    world.clock.time += HOUR;

    await world.sweep();

    expect(written()).toBe(0);
    expect(waiting()).toMatchObject({ hash, since });
  });

  it('still waits after a first sweep that failed', async () => {
    await rememberFailedSweep(world.ctx, world.clock.time, new Error('Graph is away'), false);

    await world.sweep();

    expect(written()).toBe(0);
  });

  it('goes ahead once its hash is approved, also over a restart, and is over for good', async () => {
    await world.sweep();

    const approval = await approve(world.ctx, waiting()?.hash ?? '', 'operator', forever);
    await world.restart();
    await world.sweep();

    expect(approval).toMatchObject({ approved: true, keys: ['sweep'] });
    expect(PEOPLE.map((oid) => world.linux.account(oid)?.state)).toEqual(['whole', 'whole', 'whole']);
    expect(awaitsFirstRun(world.ctx)).toBe(false);
  });

  it('is not let go by an approval of a plan that is not true any more', async () => {
    await world.sweep();
    const hash = waiting()?.hash ?? '';
    world.directory.add({ oid: oidOf(9), upn: 'late@example.com', groups: [EVERYBODY] });
    world.directory.person(FIRST).groups = [];

    const approval = await approve(world.ctx, hash, 'operator', forever);
    await world.sweep();

    expect(approval).toMatchObject({
      approved: false,
      difference: { came: [{ upn: 'late@example.com' }], went: [{ upn: 'person0@example.com' }] },
    });
    expect(written()).toBe(0);
    expect(approval.approved || approval.instead).toBe(waiting()?.hash);
  });

  it('takes away what its approved plan takes away, however much that is', async () => {
    world.ctx.policy.guard.maxLocks = 0;
    world.proxmox.adoptExisting = true;
    const userid = 'person0@example.com@entra';
    const user = { enabled: true, comment: 'by hand', firstName: '', lastName: '', email: '' };
    world.proxmox.users.set(userid, { userid, ...user, groups: ['Administrator-entra'] });
    await world.sweep();

    await approve(world.ctx, waiting()?.hash ?? '', 'operator', forever);
    await world.sweep();

    expect(world.proxmox.user(userid)?.groups).not.toContain('Administrator-entra');
    expect(world.ctx.ledger.data.guard.held).toBeUndefined();
  });

  it('cannot be rejected, since nothing comes of leaving it alone', async () => {
    await world.sweep();

    await expect(reject(world.ctx, waiting()?.hash ?? '', 'operator')).rejects.toThrow('nothing to reject');
  });

  it('is told rather than kept in a dry run', async () => {
    world.ctx = { ...world.ctx, dryRun: true };

    const { record } = await world.sweep();

    expect(record).toMatchObject({ result: 'done', applied: 3 });
    expect(waiting()).toBeUndefined();
  });

  it('does not wait with FIRST_RUN=apply, also where it waited before', async () => {
    await world.sweep();
    world.ctx = { ...world.ctx, policy: policy({ firstRun: 'apply' }) };

    await world.sweep();
    world.ctx = { ...world.ctx, policy: policy({ firstRun: 'plan' }) };

    expect(world.linux.account(FIRST)?.state).toBe('whole');
    expect(awaitsFirstRun(world.ctx)).toBe(false);
  });

  it.each([
    ['somebody in it', (at: number) => ({ identities: 1, finishedAt: at })],
    ['a good sweep', (at: number) => ({ identities: 0, finishedAt: at })],
  ])('is long over for a ledger of an older release with %s', async (_what, shape) => {
    const at = world.clock.time;
    const { identities, finishedAt } = shape(at);
    const { data } = world.ctx.ledger;
    data.lastSweep = { startedAt: at, finishedAt, result: 'done', identities, applied: 0, failed: 0 };
    if (identities === 0) data.lastGoodSweepAt = at;

    expect(awaitsFirstRun(world.ctx)).toBe(false);
  });
});

describe('targeted work before the first run', () => {
  it('writes nothing, and says what it waits for', async () => {
    const [outcome] = await world.reconcile(FIRST);

    expect(written()).toBe(0);
    expect(world.entry(FIRST)).toBeUndefined();
    expect(outcome).toMatchObject({ result: 'held', why: expect.stringContaining('first run') });
  });

  it('neither loses its key nor spins', async () => {
    const queue = createMemoryQueue(world.clock);
    const options = { queue, confirmAfterMs: [], maxAttempts: 3, failOpen: true, random: () => 0.5 };
    const loop = createLoop(world.ctx, options);
    await queue.put(`user:${FIRST}`);
    let reads = 0;
    world.directory.onRead = () => {
      reads += 1;
    };

    loop.start();
    await expect.poll(() => queue.pending.has(`user:${FIRST}`) && queue.processing.size === 0 && reads > 0).toBe(true);
    await loop.stop();

    expect(reads).toBe(1);
    expect(queue.pending.get(`user:${FIRST}`)?.notBefore).toBeGreaterThanOrEqual(world.clock.time + 60_000);
  });
});
