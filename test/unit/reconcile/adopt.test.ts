import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdoptOptions, adopt as adoptAll } from '../../../src/reconcile/adopt.js';
import { ALICE, account, BOB, EVERYBODY } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

const USERID = 'alice@example.com@entra';
const forever = new AbortController().signal;

let world: FakeWorld;

beforeEach(async () => {
  world = await createFakeWorld();
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
});
afterEach(() => world.remove());

function putUser(comment: string): void {
  const texts = { firstName: '', lastName: '', email: '' };
  world.proxmox.users.set(USERID, { userid: USERID, enabled: true, comment, ...texts, groups: ['somebodys'] });
}

async function adopt(options: Partial<AdoptOptions> = {}) {
  const { oid, parts } = await adoptAll(world.ctx, 'alice@example.com', { apply: true, ...options }, forever);
  const partOf = (target: 'linux' | 'proxmox') => parts.find((part) => part.target === target);
  return { oid, parts, linux: partOf('linux'), proxmox: partOf('proxmox') };
}

describe('the adoption of a Proxmox user', () => {
  beforeEach(() => putUser('made by hand'));

  it('puts our mark on the user and takes nothing away, and the next look settles the rest', async () => {
    const { oid, proxmox } = await adopt();
    const marked = world.proxmox.user(USERID);
    await world.reconcile(ALICE);

    expect([oid, proxmox?.name, proxmox?.done]).toEqual([ALICE, USERID, true]);
    expect(marked).toMatchObject({ enabled: true, groups: ['entramox-entra', 'somebodys'] });
    expect(marked?.comment).toContain(`entra:${ALICE}`);
    expect(world.proxmox.user(USERID)?.groups).toEqual(['PVEAuditor-entra', 'entramox-entra', 'somebodys']);
    expect(world.audit.find(({ action }) => action === 'adopt')).toMatchObject({
      by: 'operator',
      before: { comment: 'made by hand' },
    });
  });

  it('shows what stands there and what the next reconcile would do, before it is asked for', async () => {
    const { proxmox, linux } = await adopt({ apply: false });

    expect(proxmox).toMatchObject({ standing: 'adoptable', done: false });
    expect(proxmox?.facts.join()).toContain('made by hand');
    expect(proxmox?.next.join()).toContain('groups [somebodys] + [PVEAuditor-entra entramox-entra]');
    expect(linux).toMatchObject({ standing: 'none' });
    expect(world.proxmox.user(USERID)?.comment).toBe('made by hand');
    expect(world.ctx.ledger.entry(ALICE)).toBeUndefined();
  });

  it('of a new user principal name leaves the user of the former one looked after, so that it is disabled', async () => {
    world.directory.person(ALICE).upn = 'alice@old.example.com';
    await world.reconcile(ALICE);
    rename('alice@example.com');
    await world.reconcile(ALICE);

    await adopt({ targets: ['proxmox'] });
    await world.reconcile(ALICE);

    expect(world.proxmox.user('alice@old.example.com@entra')?.enabled).toBe(false);
    expect(world.proxmox.user(USERID)?.enabled).toBe(true);
  });

  it('writes down who the operator claims to be', async () => {
    await adopt({ claimedUser: 'root (sudo: carol)' });

    expect(world.audit.find(({ action }) => action === 'adopt')).toMatchObject({ claimedUser: 'root (sudo: carol)' });
  });

  it('does nothing to a user that is ours already', async () => {
    await adopt();
    const writes = world.proxmox.applied.length;

    expect((await adopt()).proxmox).toMatchObject({ standing: 'managed', steps: [], done: false });
    expect(world.proxmox.applied).toHaveLength(writes);
  });

  it('only shows the step in a dry run', async () => {
    world.ctx = { ...world.ctx, dryRun: true };

    const { proxmox } = await adopt();

    expect([proxmox?.steps.length, proxmox?.done]).toEqual([1, false]);
    expect(world.proxmox.user(USERID)?.comment).toBe('made by hand');
    expect(world.audit).toEqual([]);
  });

  it('is refused for a user who is marked as somebody else’s', async () => {
    putUser(`entra:${BOB}`);

    await expect(adopt()).rejects.toMatchObject({ name: 'Conflict', remedy: expect.any(String) });
    expect(world.proxmox.user(USERID)?.comment).toBe(`entra:${BOB}`);
  });

  it('is refused for a person who is out of scope, whom nobody would look after', async () => {
    world.directory.person(ALICE).groups = [];

    await expect(adopt()).rejects.toThrow('out of scope');
    expect(world.proxmox.user(USERID)?.comment).toBe('made by hand');
  });

  it.each([
    ['nothing stands there', () => world.proxmox.users.clear(), 'nothing to adopt'],
    ['the person cannot be read', () => world.directory.unreadable.add(ALICE), 'cannot be read'],
    ['Proxmox cannot be seen', () => world.proxmox.blindTo.add(USERID), 'cannot be seen'],
    ['nobody has the name any more', () => rename('a.new@example.com'), 'nobody has'],
  ])('is refused where %s', async (_what, prepare, text) => {
    prepare();

    await expect(adopt()).rejects.toThrow(text);
    expect(world.audit).toEqual([]);
  });

  it('shows what root has to run first where our token may not write the user, and does nothing before', async () => {
    world.proxmox.outOfReach.add(USERID);

    const { proxmox } = await adopt({ apply: false });

    expect(proxmox).toMatchObject({ first: `bring ${USERID} into reach`, steps: [expect.any(String)] });
    await expect(adopt()).rejects.toMatchObject({
      name: 'Conflict',
      remedy: expect.stringContaining(`bring ${USERID} into reach`),
    });
    expect([world.proxmox.applied, world.audit]).toEqual([[], []]);
  });

  it('puts our mark on a user that is handled without one', async () => {
    world.proxmox.adoptExisting = true;

    const { proxmox } = await adopt();

    expect(proxmox?.steps).toHaveLength(1);
    expect(world.proxmox.user(USERID)?.comment).toContain(`entra:${ALICE}`);
    expect((await adopt()).proxmox).toMatchObject({ standing: 'managed' });
  });

  it('is refused where Proxmox is not in use', async () => {
    world.ctx = { ...world.ctx, targets: { linux: world.linux } };

    await expect(adopt()).rejects.toThrow('not in use');
  });

  it('is refused with its reason where the realm itself is the source', async () => {
    world.ctx = { ...world.ctx, targets: { linux: world.linux }, policy: { ...world.ctx.policy, enforce: false } };

    await expect(adopt()).rejects.toThrow('GRAPH_ENFORCE is false');
  });

  it('waits for the plan of a first run, and does not end its waiting', async () => {
    world.ctx = { ...world.ctx, policy: { ...world.ctx.policy, firstRun: 'plan' } };

    await expect(adopt()).rejects.toThrow('not planned yet');
    const unmarked = world.proxmox.user(USERID)?.comment;
    await world.sweep();
    await adopt();
    await world.sweep();

    expect(unmarked).toBe('made by hand');
    expect(world.proxmox.user(USERID)?.comment).toContain(`entra:${ALICE}`);
    expect(world.linux.account(ALICE)).toBeUndefined();
  });

  it('leaves out what was not asked for', async () => {
    const { parts } = await adopt({ targets: ['proxmox'] });

    expect(parts.map(({ target }) => target)).toEqual(['proxmox']);
  });
});

describe('the adoption of a Linux account', () => {
  const oldhand = account({ name: 'oldhand', uid: 30_001, gecos: 'An old hand', groups: ['lab'], sudo: false });
  const handOver = () => {
    world.linux.accounts.set(ALICE, oldhand);
    world.linux.adoptable.delete('oldhand');
  };
  beforeEach(() => world.linux.adoptable.set('oldhand', oldhand));

  it('is left to root, with what the next reconcile would change', async () => {
    const { linux } = await adopt({ unixName: 'oldhand' });

    expect(linux).toMatchObject({ standing: 'adoptable', byRoot: true, done: false, name: 'oldhand' });
    expect(linux?.next).toEqual(['linux groups oldhand [lab] -> []', 'linux create oldhand']);
    expect([world.linux.applied, world.ctx.ledger.entry(ALICE)]).toEqual([[], undefined]);
  });

  it('says why an account cannot be handed over as it is', async () => {
    world.linux.obstacles.set('oldhand', 'oldhand keeps its uid 1007, which is outside uidRange 20000-59999');

    await expect(adopt({ unixName: 'oldhand' })).rejects.toThrow('keeps its uid 1007');
  });

  it('is taken in by the next look once root handed it over, under the name that it has', async () => {
    handOver();

    const { linux } = await adopt({ handedOver: true });
    await world.reconcile(ALICE);

    expect(linux).toMatchObject({ name: 'oldhand', done: true });
    expect(world.entry(ALICE)).toMatchObject({ names: { linux: 'oldhand' }, conflicts: [] });
    expect(world.linux.account(ALICE)).toMatchObject({ name: 'oldhand', gecos: 'alice', groups: [] });
    expect(world.audit.filter(({ action }) => action === 'adopt')).toHaveLength(1);
  });

  it('is seen also where no name at all can be made of the user principal name', async () => {
    world.directory.person(ALICE).upn = 'al#ice@example.com';
    handOver();

    await world.reconcile(ALICE);

    expect(world.entry(ALICE)).toMatchObject({ names: { linux: 'oldhand' }, conflicts: [] });
    expect(world.linux.account(ALICE)?.gecos).toBe('alice');
  });

  it('is seen also where the name that the rule gives is somebody else’s', async () => {
    world.directory.add({ oid: BOB, upn: 'alice@branch.example.com', groups: [EVERYBODY] });
    await world.reconcile(BOB);
    handOver();

    await world.reconcile(ALICE);

    expect([world.entry(BOB)?.names.linux, world.entry(ALICE)?.names.linux]).toEqual(['alice', 'oldhand']);
  });

  it('of somebody who is disabled in Entra is locked by the next look, rather than left open', async () => {
    handOver();
    world.directory.person(ALICE).enabled = false;

    const { linux } = await adopt({ handedOver: true });
    await world.reconcile(ALICE);

    expect(linux?.next).toEqual(['linux lock oldhand']);
    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('is no second account for somebody who has one', async () => {
    await world.reconcile(ALICE);

    await expect(adopt({ unixName: 'oldhand', targets: ['linux'] })).rejects.toThrow('has the account alice already');
  });
});

function rename(upn: string): void {
  world.directory.person(ALICE).upn = upn;
}
