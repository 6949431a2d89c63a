import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Conflict } from '../../../src/domain/errors.js';
import { describeStep } from '../../../src/domain/step.js';
import { sweep } from '../../../src/reconcile/sweep.js';
import { objectIdOf } from '../../../src/targets/proxmox/realm-people.js';
import { ALICE, BOB, EVERYBODY } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

const USERID = 'alice@example.com@entra';
const forever = new AbortController().signal;

let world: FakeWorld;
beforeEach(async () => {
  world = await createFakeWorld();
});
afterEach(() => world.remove());

async function open(policy: NonNullable<Parameters<typeof createFakeWorld>[0]>['policy']): Promise<void> {
  await world.remove();
  world = await createFakeWorld({ policy });
}

function putUser(groups: string[] = [], comment = ''): void {
  const texts = { firstName: '', lastName: '', email: '' };
  world.proxmox.users.set(USERID, { userid: USERID, enabled: true, comment, ...texts, groups });
}

describe('people whom the Proxmox realm named, when Entra is the source again', () => {
  const MADE = objectIdOf(USERID);

  beforeEach(async () => {
    await open({ enforce: false });
    world.directory.add({ oid: MADE, upn: 'alice@example.com', groups: [EVERYBODY] });
    world.ctx = { ...world.ctx, targets: { linux: world.linux } };
    await world.sweep();
    world.directory.people.clear();
    world.ctx = { ...world.ctx, policy: { ...world.ctx.policy, enforce: true } };
  });

  it('keep their accounts through every sweep, which are degraded and say why', async () => {
    const first = await world.sweep();
    world.clock.time += 48 * 3_600_000;
    const second = await world.sweep();

    for (const { record } of [first, second]) {
      expect(record).toMatchObject({
        result: 'degraded',
        why: expect.stringContaining('GRAPH_ENFORCE=false'),
      });
    }
    expect(world.entry(MADE)?.state).toBe('active');
    expect(world.linux.account(MADE)).toMatchObject({ locked: false });
  });

  it('are not locked by targeted work either', async () => {
    const outcomes = await world.settleDown(MADE);

    expect(outcomes.map(({ result }) => result)).toEqual(['unknown']);
    expect(world.linux.account(MADE)).toMatchObject({ locked: false });
  });

  it('do not give their Unix name to the person in Entra, who may be somebody else', async () => {
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });

    await world.sweep();

    expect(world.entry(ALICE)?.conflicts).toEqual([expect.objectContaining({ target: 'linux' })]);
    expect(world.linux.account(ALICE)).toBeUndefined();
  });

  it('are locked where a mistake is ruled out: they are found among the deleted of Entra', async () => {
    world.directory.add({ oid: MADE, upn: 'alice@example.com', groups: [EVERYBODY], standing: 'soft-deleted' });

    await world.sweep();

    expect(world.linux.account(MADE)).toMatchObject({ locked: true });
  });
});

it('names the source in the reason of a leaver and of a suspended person', async () => {
  await open({ enforce: false });
  for (const [oid, upn] of Object.entries({ [ALICE]: 'alice', [BOB]: 'bob' })) {
    world.directory.add({ oid, upn: `${upn}@example.com`, groups: [EVERYBODY] });
  }
  await world.sweep();
  world.directory.person(ALICE).enabled = false;
  world.directory.person(BOB).standing = 'hard-deleted';

  await world.sweep();

  expect(world.entry(ALICE)?.reason).toBe('disabled in the Proxmox realm');
  expect(world.entry(BOB)?.reason).toBe('not found in the Proxmox realm');
});

describe('PVE_PROVISION=existing', () => {
  beforeEach(async () => {
    await open({ provision: 'existing' });
    world.proxmox.adoptExisting = true;
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
  });

  it('gives somebody a Linux account whose user our token may not write yet, and reports the user', async () => {
    putUser();
    world.proxmox.outOfReach.add(USERID);

    const { record } = await world.sweep();

    expect(record.result).toBe('done');
    expect(world.linux.account(ALICE)).toMatchObject({ locked: false });
    expect(world.entry(ALICE)).toMatchObject({ conflicts: [{ target: 'proxmox' }], names: { linux: 'alice' } });
    expect(world.entry(ALICE)?.problem).toBeUndefined();
    expect(world.proxmox.applied).toEqual([]);
  });

  it('goes on with the user once it is within reach', async () => {
    putUser();
    world.proxmox.outOfReach.add(USERID);
    await world.sweep();
    world.proxmox.outOfReach.clear();
    putUser(['entramox-entra']);

    await world.sweep();

    expect(world.entry(ALICE)?.conflicts).toEqual([]);
    expect(world.proxmox.user(USERID)).toMatchObject({ groups: ['PVEAuditor-entra', 'entramox-entra'] });
    expect(world.proxmox.user(USERID)?.comment).toContain(`entra:${ALICE}`);
  });

  it('takes a first write that Proxmox refuses for a conflict, not for a failure', async () => {
    putUser(['somebodys']);
    world.proxmox.fault = () => new Conflict('out of reach', 'bring it there');

    const { record, outcomes } = await world.sweep();

    expect([record.result, record.failed]).toEqual(['done', 0]);
    expect(outcomes.map(({ result }) => result)).toEqual(['conflict']);
    expect(world.entry(ALICE)).toMatchObject({ conflicts: [{ what: 'out of reach', remedy: 'bring it there' }] });
    expect(world.entry(ALICE)?.names.proxmox).toBeUndefined();
  });

  it('takes a refused write to a user that is ours for a failure', async () => {
    putUser(['entramox-entra'], `entra:${ALICE}`);
    world.proxmox.fault = () => new Conflict('out of reach', 'bring it there');

    const { record } = await world.sweep();

    expect(record.result).toBe('failed');
    expect(world.entry(ALICE)?.problem).toContain('out of reach');
  });

  it('makes nobody where the target that tells who exists is not in use', async () => {
    world.ctx = { ...world.ctx, targets: { linux: world.linux } };

    await world.sweep();

    expect(world.linux.account(ALICE)).toBeUndefined();
  });
});

it('reports a leaver’s user that lost our mark and is still enabled', async () => {
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
  await world.sweep();
  putUser(['entramox-entra']);
  world.directory.person(ALICE).standing = 'soft-deleted';

  await world.sweep();

  expect(world.linux.account(ALICE)).toMatchObject({ locked: true });
  expect(world.entry(ALICE)).toMatchObject({ state: 'grace', conflicts: [{ target: 'proxmox' }] });
});

describe('a realm that Proxmox does not have', () => {
  beforeEach(() => {
    world.proxmox.realmMissing = true;
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
  });

  it.each([true, false])('degrades a sweep and is a problem (applied: %s)', async (apply) => {
    const { record, outcomes } = await sweep(world.ctx, { apply }, forever);

    expect(record).toMatchObject({ result: 'degraded', why: expect.stringContaining('there is no realm: add it') });
    expect([...world.ctx.problems.values()]).toEqual(['there is no realm: add it']);
    expect(outcomes.flatMap(({ steps }) => steps.map(describeStep))).toEqual(['linux create alice']);
    expect(world.proxmox.users.size).toBe(0);
  });

  it('degrades a sweep in which nobody is to be made', async () => {
    world.proxmox.realmMissing = false;
    await world.sweep();
    world.proxmox.realmMissing = true;

    const { record } = await world.sweep();

    expect(record.result).toBe('degraded');
  });

  it('lets a leaver be disabled all the same', async () => {
    world.proxmox.realmMissing = false;
    await world.sweep();
    world.proxmox.realmMissing = true;
    world.directory.person(ALICE).standing = 'soft-deleted';

    await world.sweep();

    expect(world.proxmox.user(USERID)?.enabled).toBe(false);
  });

  it('locks nobody with PVE_PROVISION=existing, where everybody seems to be out of the realm', async () => {
    await open({ provision: 'existing' });
    world.proxmox.adoptExisting = true;
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
    putUser(['entramox-entra']);
    await world.sweep();
    world.proxmox.users.clear();
    world.proxmox.realmMissing = true;

    await world.sweep();

    expect(world.linux.account(ALICE)).toMatchObject({ locked: false });
  });

  it('is forgotten once it is there', async () => {
    await world.sweep();
    world.proxmox.realmMissing = false;

    const { record } = await world.sweep();

    expect(record.result).toBe('done');
    expect(world.ctx.problems.size).toBe(0);
    expect(world.proxmox.user(USERID)?.enabled).toBe(true);
  });
});

it('degrades a sweep by a managed group that is missing', async () => {
  world.proxmox.groupsMissing = ['PVEAuditor-entra'];

  const { record } = await world.sweep();

  expect(record).toMatchObject({
    result: 'degraded',
    why: expect.stringContaining('pveum group add PVEAuditor-entra'),
  });
});
