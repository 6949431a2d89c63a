import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adoptProxmox } from '../../../src/reconcile/adopt.js';
import { ALICE, BOB, EVERYBODY } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

const USERID = 'alice@example.com@entra';
const forever = new AbortController().signal;

let world: FakeWorld;

beforeEach(async () => {
  world = await createFakeWorld();
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
  putUser('made by hand');
});
afterEach(() => world.remove());

function putUser(comment: string): void {
  const texts = { firstName: '', lastName: '', email: '' };
  world.proxmox.users.set(USERID, { userid: USERID, enabled: true, comment, ...texts, groups: ['somebodys'] });
}

function adopt(apply = true) {
  return adoptProxmox(world.ctx, 'alice@example.com', apply, forever);
}

describe('an adoption', () => {
  it('puts our mark on the user and takes nothing away, and the next look settles the rest', async () => {
    const adopted = await adopt();
    const marked = world.proxmox.user(USERID);
    await world.reconcile(ALICE);

    expect(adopted).toMatchObject({ oid: ALICE, name: USERID });
    expect(marked).toMatchObject({ enabled: true, groups: ['entramox-entra', 'somebodys'] });
    expect(marked?.comment).toContain(`entra:${ALICE}`);
    expect(world.proxmox.user(USERID)?.groups).toEqual(['PVEAuditor-entra', 'entramox-entra', 'somebodys']);
    expect(world.audit[0]).toMatchObject({ by: 'operator', action: 'adopt', before: { comment: 'made by hand' } });
  });

  it('knows the Unix name that root may adopt, and writes down who the operator claims to be', async () => {
    const { unixName } = await adoptProxmox(world.ctx, 'alice@example.com', true, forever, 'root (sudo: carol)');

    expect(unixName).toBe('alice');
    expect(world.audit[0]).toMatchObject({ by: 'operator', claimedUser: 'root (sudo: carol)' });
  });

  it('has no Unix name for somebody whose name none can be made of', async () => {
    world.directory.person(ALICE).upn = 'ALICE#EXT#@example.com';
    const userid = 'ALICE#EXT#@example.com@entra';
    const user = world.proxmox.users.get(USERID);
    if (user) world.proxmox.users.set(userid, { ...user, userid });

    const { unixName } = await adoptProxmox(world.ctx, ALICE, false, forever);

    expect(unixName).toBeUndefined();
  });

  it('does nothing to a user that is ours already', async () => {
    await adopt();
    const writes = world.proxmox.applied.length;

    expect(await adopt()).toMatchObject({ steps: [] });
    expect(world.proxmox.applied).toHaveLength(writes);
  });

  it.each([
    ['nothing is to be applied', () => adopt(false)],
    [
      'it is a dry run',
      () => {
        world.ctx = { ...world.ctx, dryRun: true };
        return adopt();
      },
    ],
  ])('only shows the step where %s', async (_what, run) => {
    const { steps } = await run();

    expect(steps).toHaveLength(1);
    expect(world.proxmox.user(USERID)?.comment).toBe('made by hand');
    expect(world.audit).toEqual([]);
  });

  it('is refused for a user who is marked as somebody else’s', async () => {
    putUser(`entra:${BOB}`);

    await expect(adopt()).rejects.toThrow('is not managed');
    expect(world.proxmox.user(USERID)?.comment).toBe(`entra:${BOB}`);
  });

  it('is refused for a person who is out of scope, whom nobody would look after', async () => {
    world.directory.person(ALICE).groups = [];

    await expect(adopt()).rejects.toThrow('out of scope');
    expect(world.proxmox.user(USERID)?.comment).toBe('made by hand');
  });

  it.each([
    ['there is no such user', () => world.proxmox.users.clear(), 'nothing to adopt'],
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

    const shown = await adopt(false);

    expect(shown).toMatchObject({ first: `bring ${USERID} into reach`, steps: [expect.any(String)] });
    await expect(adopt()).rejects.toMatchObject({
      name: 'Conflict',
      remedy: expect.stringContaining(`bring ${USERID} into reach`),
    });
    expect(world.proxmox.applied).toEqual([]);
    expect(world.audit).toEqual([]);
  });

  it('puts our mark on a user that is handled without one', async () => {
    world.proxmox.adoptExisting = true;

    const adopted = await adopt();

    expect(adopted.steps).toHaveLength(1);
    expect(world.proxmox.user(USERID)?.comment).toContain(`entra:${ALICE}`);
    expect(await adopt()).toMatchObject({ steps: [] });
  });

  it('is refused where Proxmox is not in use', async () => {
    world.ctx = { ...world.ctx, targets: { linux: world.linux } };

    await expect(adopt()).rejects.toThrow('not in use');
  });

  it('is refused with its reason where the realm itself is the source', async () => {
    world.ctx = { ...world.ctx, targets: { linux: world.linux }, policy: { ...world.ctx.policy, enforce: false } };

    await expect(adopt()).rejects.toThrow('GRAPH_ENFORCE is false');
  });
});

function rename(upn: string): void {
  world.directory.person(ALICE).upn = upn;
}
