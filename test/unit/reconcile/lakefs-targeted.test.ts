import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SourceUnavailable } from '../../../src/domain/errors.js';
import type { Reading } from '../../../src/domain/reading.js';
import { approve } from '../../../src/reconcile/approval.js';
import { identitiesOfGroup, reconcileIdentities } from '../../../src/reconcile/identities.js';
import { createPendingWatch } from '../../../src/reconcile/lakefs-pending.js';
import { resync } from '../../../src/reconcile/resync.js';
import { sweep } from '../../../src/reconcile/sweep.js';
import type { LakefsClient } from '../../../src/targets/lakefs/client.js';
import { EVERYBODY } from '../domain/builders.js';
import { createFakeLakefs } from './fakes/lakefs.js';
import {
  createLakefsWorld,
  DATA,
  type LakefsWorld,
  type LakefsWorldOptions,
  OPS,
  wantedGroup,
} from './fakes/lakefs-world.js';
import { oidOf } from './fakes/world.js';

const ALICE = oidOf(1);
const BOB = oidOf(2);
const user = (oid: string) => `waad|${oid}`;
const forever = new AbortController().signal;

let world: LakefsWorld;

beforeEach(() => open());

afterEach(() => world.remove());

async function open(options: LakefsWorldOptions = {}): Promise<void> {
  await world?.remove();
  world = await createLakefsWorld(options);
  await world.sweep();
}

function membersOf(name: string): string[] {
  return [...world.lakefs.group(name).members].sort();
}

/** A sweep has put these people where they belong. */
async function settled(): Promise<void> {
  world.join(ALICE, 'alice@example.com', [EVERYBODY, DATA, OPS]);
  world.join(BOB, 'bob@example.com', [DATA]);
  await world.sweep();
  world.lakefs.writes.length = 0;
  world.lakefs.calls.length = 0;
}

/** Real time that is nearly none. */
function impatient(): void {
  if (world.ctx.lakefs) world.ctx.lakefs.patience = { lookMs: 20, urgentLookMs: 20, writeMs: 20 };
}

const BUSY = expect.objectContaining({ name: 'Busy' });

function listen(signal: AbortSignal, reject: (reason: unknown) => void): void {
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
}

async function reported(...oids: string[]) {
  const removalReports = new Map(oids.map((oid) => [oid, world.clock.now()]));
  const request = { by: 'notification', apply: true, removalReports } as const;
  return reconcileIdentities(world.ctx, oids, request, forever);
}

describe('a person of whom a notification tells', () => {
  it('is put into the groups of lakeFS without any group being listed', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    world.lakefs.calls.length = 0;

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome?.result).toBe('applied');
    expect(membersOf('Data')).toEqual([user(ALICE)]);
    expect(world.lakefs.calls).not.toContain('listMembers');
    expect(world.lakefs.calls).not.toContain('listGroups');
  });

  it('leaves lakeFS, Linux and Proxmox in one reconcile when the second reading agrees', async () => {
    await settled();
    world.directory.person(ALICE).groups = [];
    await reported(ALICE);
    expect(membersOf('Data')).toContain(user(ALICE));
    world.clock.time += 5000;

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome?.steps.map(({ target, effect }) => `${target} ${effect}`)).toEqual(
      expect.arrayContaining(['lakefs revoke', 'linux lock', 'proxmox lock']),
    );
    expect(membersOf('Data')).toEqual([user(BOB)]);
    expect(membersOf('Ops')).toEqual([]);
    expect(world.record().people[ALICE]).toBeUndefined();
  });

  it('who is no identity of ours elsewhere leaves at the second reading too', async () => {
    await settled();
    world.directory.person(BOB).groups = [];

    const [first] = await reported(BOB);
    expect(first).toMatchObject({ result: 'confirming', recheckAt: world.clock.now() + 5000 });
    world.clock.time += 5000;
    await world.reconcile(BOB);

    expect(membersOf('Data')).toEqual([user(ALICE)]);
  });

  it('is kept where the second reading shows the membership again, and a later report begins anew', async () => {
    await settled();
    world.directory.person(BOB).groups = [];
    await reported(BOB);
    world.directory.person(BOB).groups = [DATA];
    world.clock.time += 5000;
    await world.reconcile(BOB);
    world.directory.person(BOB).groups = [];

    const [outcome] = await world.reconcile(BOB);

    expect(outcome?.result).toBe('confirming');
    expect(membersOf('Data')).toContain(user(BOB));
  });

  it('is looked at again in a moment where the reading after a reported removal is a stale one', async () => {
    await settled();
    const [first] = await reported(BOB);
    expect(first?.recheckAt).toBe(world.clock.now() + 5000);
    world.directory.person(BOB).groups = [];
    world.clock.time += 5000;

    await world.reconcile(BOB);

    expect(membersOf('Data')).toEqual([user(ALICE)]);
  });

  it('who moves from one group to the other is in the new one at once and leaves the old one when it is sure', async () => {
    await settled();
    world.directory.person(BOB).groups = [OPS];

    await reported(BOB);
    expect(membersOf('Ops')).toContain(user(BOB));
    expect(membersOf('Data')).toContain(user(BOB));
    world.clock.time += 5000;
    await world.reconcile(BOB);

    expect(membersOf('Data')).toEqual([user(ALICE)]);
  });

  it('is out of every group at once when disabled, and back in when enabled', async () => {
    await settled();
    world.directory.person(ALICE).enabled = false;

    await world.reconcile(ALICE);
    expect(membersOf('Data')).toEqual([user(BOB)]);
    expect(membersOf('Ops')).toEqual([]);
    world.directory.person(ALICE).enabled = true;
    await world.reconcile(ALICE);

    expect(membersOf('Data')).toEqual([user(ALICE), user(BOB)]);
    expect(membersOf('Ops')).toEqual([user(ALICE)]);
  });

  it('is out at once when found among the deleted', async () => {
    await settled();
    world.directory.person(BOB).standing = 'soft-deleted';

    await world.reconcile(BOB);

    expect(membersOf('Data')).toEqual([user(ALICE)]);
  });

  it('loses nothing by a reading that is unknown, or a group that is gone', async () => {
    await settled();
    world.directory.unreadable.add(ALICE);
    world.directory.goneGroups.add(DATA);

    await world.settleDown(ALICE, BOB);

    expect(membersOf('Data')).toEqual([user(ALICE), user(BOB)]);
  });

  it('is tried again while lakeFS cannot be seen, and Linux and Proxmox do not wait for it', async () => {
    await settled();
    world.directory.person(ALICE).enabled = false;
    world.lakefs.fault = (call) => (call === 'listUserGroups' ? new Error('connection refused') : undefined);

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome).toMatchObject({ result: 'unknown', why: expect.stringContaining('connection refused') });
    expect(outcome?.steps.map(({ target }) => target).sort()).toEqual(['linux', 'proxmox']);
    world.lakefs.fault = () => undefined;
    await world.reconcile(ALICE);
    expect(membersOf('Data')).toEqual([user(BOB)]);
  });

  it('is locked on Linux and in Proxmox at once while lakeFS answers nothing at all, and tried again there', async () => {
    const silent: { is?: boolean } = {};
    const { client } = createFakeLakefs();
    const never = (signal: AbortSignal) => new Promise<never>((_, reject) => listen(signal, reject));
    const hanging: LakefsClient = {
      ...client,
      listUserGroups: (id, signal) => (silent.is ? never(signal) : client.listUserGroups(id, signal)),
      createUser: client.createUser,
    };
    await open({ client: hanging });
    impatient();
    await client.createUser({ id: user(ALICE), invite: false }, forever);
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY, DATA] });
    await world.sweep();
    world.directory.person(ALICE).enabled = false;
    silent.is = true;

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome).toMatchObject({ result: 'unknown', why: expect.stringContaining('did not answer'), error: BUSY });
    expect(outcome?.steps.map(({ target }) => target).sort()).toEqual(['linux', 'proxmox']);
    silent.is = false;
    expect((await world.reconcile(ALICE))[0]).toMatchObject({ result: 'applied', steps: [{ target: 'lakefs' }] });
  });

  it('who comes while lakeFS answers nothing is tried again too', async () => {
    const { client } = createFakeLakefs();
    const hanging: LakefsClient = { ...client, getUser: (_, signal) => new Promise((_r, no) => listen(signal, no)) };
    await open({ client: hanging });
    impatient();
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [DATA] });

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome).toMatchObject({ result: 'unknown', why: expect.stringContaining('did not answer') });
  });

  it('is not waited for where a write to lakeFS hangs, and what waits behind it in the lane is tried again', async () => {
    await settled();
    impatient();
    let resolve = (): void => undefined;
    const hangs = new Promise<void>((end) => {
      resolve = end;
    });
    const blocked = world.ctx.lanes.lakefs.add(() => hangs);
    world.directory.person(ALICE).enabled = false;

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome).toMatchObject({ result: 'failed', error: BUSY });
    expect(outcome?.steps.map(({ target }) => target).sort()).toEqual(['linux', 'proxmox']);
    resolve();
    await blocked;
    await world.ctx.lanes.lakefs.onIdle();
    expect(world.lakefs.writes).toEqual([]);
    await world.reconcile(ALICE);
    expect(membersOf('Data')).toEqual([user(BOB)]);
  });

  it('is locked although it cannot be told whether a group for lakeFS is still there', async () => {
    await settled();
    const person = world.directory.person(ALICE);
    person.groups = [];
    const { existingGroups } = world.directory;
    world.directory.existingGroups = async (ids, signal) => {
      if (ids.includes(DATA)) throw new SourceUnavailable('Graph answers 503');
      return existingGroups(ids, signal);
    };

    await world.settleDown(ALICE);

    expect(world.entry(ALICE)?.state).toBe('grace');
    expect(membersOf('Data')).toContain(user(ALICE));
  });

  it('is locked, and kept in a group of which Entra does not tell, until it does', async () => {
    await settled();
    const gone: Reading = {
      certainty: 'present',
      oid: ALICE,
      attributes: { upn: 'alice@example.com', displayName: 'alice' },
      enabled: true,
      groups: [],
      unclear: { groups: [DATA], why: 'Graph answers 429' },
    };
    world.directory.scripted.set(ALICE, [gone, gone]);

    await world.reconcile(ALICE);
    world.clock.time += 5000;
    const [outcome] = await world.reconcile(ALICE);

    expect(world.entry(ALICE)?.state).toBe('grace');
    expect([membersOf('Data').includes(user(ALICE)), membersOf('Ops')]).toEqual([true, []]);
    expect(outcome).toMatchObject({ result: 'unknown', why: 'lakefs: Graph answers 429' });
  });

  it.each([
    ['come as another', []],
    ['are another, who is in already', [user(ALICE)]],
  ])('leaves as the user that they were before they %s, also where that fails once', async (_, already) => {
    await settled();
    const members = world.record().groups[DATA]?.members ?? {};
    world.lakefs.addUser('old');
    world.lakefs.group('Data').members = new Set(['old', ...already, user(BOB)]);
    members[ALICE] = 'old';
    world.lakefs.fault = (call) => (call.startsWith('remove-member old') ? new Error('503') : undefined);

    await world.sweep();
    world.clock.time += 5000;
    await world.sweep();

    expect(world.record().groups[DATA]?.members[ALICE]).toBe('old');
    world.lakefs.fault = () => undefined;
    await world.sweep();
    world.clock.time += 5000;
    await world.sweep();
    expect(membersOf('Data')).toEqual([user(ALICE), user(BOB)].sort());
  });

  it('is on record before a membership is made, so that a crash right after it forgets nobody', async () => {
    await settled();
    world.join(oidOf(4), 'dora@example.com', [DATA]);
    const { addMember } = world.lakefs.client;
    let onDisk = '';
    world.lakefs.client.addMember = async (...args) => {
      onDisk = readFileSync(world.ledgerPath, 'utf8');
      return addMember(...args);
    };

    await world.reconcile(oidOf(4));

    expect(JSON.parse(onDisk).lakefs.groups[DATA].members[oidOf(4)]).toBe(user(oidOf(4)));
  });

  it('does not concern lakeFS where it never had anything there', async () => {
    await settled();
    world.directory.add({ oid: oidOf(9), upn: 'zoe@example.com', groups: [EVERYBODY] });

    await world.reconcile(oidOf(9));

    expect(world.lakefs.calls).toEqual([]);
  });

  it('is forgotten by lakeFS alone: whoever is out of it and nowhere else leaves no trace in the ledger', async () => {
    await settled();
    world.directory.person(BOB).enabled = false;

    await world.reconcile(BOB);
    const [again] = await world.reconcile(BOB);

    expect(again?.result).toBe('ignored');
    expect(world.entry(BOB)).toBeUndefined();
    expect(world.record().people[BOB]).toBeUndefined();
  });

  it('is remembered over a restart in the middle of a departure', async () => {
    await settled();
    world.directory.person(BOB).groups = [];
    await reported(BOB);
    await world.restart();
    world.clock.time += 5000;

    await world.reconcile(BOB);

    expect(membersOf('Data')).toEqual([user(ALICE)]);
  });

  it('stays in a group that one selection did not have, while nobody could say more', async () => {
    await settled();
    world.wanted = [wantedGroup(OPS, 'Ops')];
    world.lakefs.fault = (call) => (call === 'listGroups' ? new Error('connection refused') : undefined);
    await world.sweep();
    world.lakefs.fault = () => undefined;

    await world.settleDown(ALICE, BOB);

    expect(membersOf('Data')).toEqual([user(ALICE), user(BOB)]);
  });

  it('is not put into a group that is about to be deleted', async () => {
    await settled();
    world.wanted = [wantedGroup(OPS, 'Ops')];
    await world.sweep();

    await world.reconcile(ALICE);

    expect(membersOf('Data')).toEqual([]);
  });
});

describe('a group of which a notification tells', () => {
  it('leads to those who are in it now and were not, and those who were and are not', async () => {
    await settled();
    const carol = world.join(oidOf(3), 'carol@example.com', [DATA]);
    world.directory.person(BOB).groups = [];

    const concern = await identitiesOfGroup(world.ctx, { group: DATA, since: world.clock.now() }, forever);

    expect(concern).toEqual({ kind: 'identities', oids: [carol.oid, BOB] });
  });

  it('leads to a sweep where it is gone', async () => {
    await settled();
    world.directory.goneGroups.add(DATA);

    const concern = await identitiesOfGroup(world.ctx, { group: DATA, since: world.clock.now() }, forever);

    expect(concern).toEqual({ kind: 'everybody' });
  });
});

describe('the guard', () => {
  const many = Array.from({ length: 30 }, (_, index) => oidOf(100 + index));

  it('stops targeted removals beyond its limit, and an approval lets exactly those go', async () => {
    for (const oid of many) world.join(oid, `${oid}@example.com`, [DATA]);
    await world.sweep();
    for (const oid of many) world.directory.person(oid).enabled = false;

    const outcomes = await world.reconcile(...many);
    expect(outcomes.every(({ result }) => result === 'held')).toBe(true);
    const { held } = world.ctx.ledger.data.guard;
    const approval = await approve(world.ctx, held?.hash ?? '', 'operator', forever);
    expect(approval).toMatchObject({ approved: true, keys: expect.arrayContaining([`user:${many[0]}`]) });
    await world.reconcile(...many);

    expect(membersOf('Data')).toEqual([]);
  });

  it('sends the approval of a policy that is taken away to a sweep', async () => {
    await open({ policy: { guard: { ...world.ctx.policy.guard, maxLocks: 0 } } });
    world.wanted = [wantedGroup(DATA, 'Data', { policies: [] }), wantedGroup(OPS, 'Ops')];
    await world.sweep();
    const { held } = world.ctx.ledger.data.guard;
    expect([...world.lakefs.group('Data').policies]).toEqual(['FSReadAll']);

    const approval = await approve(world.ctx, held?.hash ?? '', 'operator', forever);
    expect(approval).toMatchObject({ approved: true, keys: ['sweep'] });
    await world.sweep();

    expect([...world.lakefs.group('Data').policies]).toEqual([]);
  });

  it('keeps what is held when a sweep cannot read the person', async () => {
    for (const oid of many) world.join(oid, `${oid}@example.com`, [DATA]);
    await world.sweep();
    for (const oid of many) world.directory.person(oid).enabled = false;
    await world.reconcile(...many);
    const { held } = world.ctx.ledger.data.guard;
    for (const oid of many) world.directory.unreadable.add(oid);

    await world.sweep();

    expect(world.ctx.ledger.data.guard.held?.hash).toBe(held?.hash);
  });
});

describe('a resync', () => {
  it('waits for the second reading and tells what became of lakeFS', async () => {
    await settled();
    world.directory.person(BOB).groups = [];
    const told: string[] = [];

    const outcome = await resync(world.ctx, BOB, true, ({ finding }) => void told.push(finding), forever);

    expect(outcome?.result).toBe('applied');
    expect(told).toContain(`lakefs remove-member ${user(BOB)} from Data`);
    expect(membersOf('Data')).toEqual([user(ALICE)]);
  });

  it('tells where somebody is in lakeFS also where nothing is to be done', async () => {
    await settled();
    const told: unknown[] = [];

    await resync(world.ctx, ALICE, true, (finding) => void told.push(finding), forever);

    const finding = `id ${user(ALICE)}, groups [Data Ops]`;
    expect(told).toContainEqual({ step: 'match', target: 'lakefs', ok: true, finding });
  });

  it('says that somebody has no lakeFS user yet', async () => {
    await settled();
    world.directory.add({ oid: oidOf(3), upn: 'carol@example.com', groups: [DATA] });
    const told: string[] = [];

    await resync(world.ctx, oidOf(3), true, ({ finding }) => void told.push(finding), forever);

    expect(told.some((finding) => finding.startsWith('pending'))).toBe(true);
    expect(world.record().people[oidOf(3)]?.pendingSince).toBeDefined();
  });
});

describe('a plan', () => {
  it('shows a leaver as leaving, and writes nothing', async () => {
    await settled();
    world.directory.person(BOB).groups = [];

    const { outcomes } = await sweep(world.ctx, { apply: false }, forever);

    const steps = outcomes.flatMap((outcome) => outcome.steps);
    expect(steps).toMatchObject([{ target: 'lakefs', action: 'remove-member', name: user(BOB) }]);
    expect(world.lakefs.writes).toEqual([]);
    expect(world.record().people[BOB]).toBeUndefined();
  });
});

describe('those who wait for a lakeFS user', () => {
  it('are looked for again by one listing, and reconciled once they have one', async () => {
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [DATA] });
    world.directory.add({ oid: BOB, upn: 'bob@example.com', groups: [DATA] });
    await world.sweep();
    world.lakefs.calls.length = 0;
    const put: string[] = [];
    const watch = createPendingWatch(world.ctx, { put: async (key) => void put.push(key) });

    await watch.look(forever);
    world.lakefs.addUser('u-1', { email: 'alice@example.com' });
    await watch.look(forever);
    expect(world.lakefs.calls).toEqual(['listUsers']);
    world.clock.time += 300_000;
    await watch.look(forever);

    expect(put).toEqual([`user:${ALICE}`]);
  });

  it('cost no call where there are none', async () => {
    world.lakefs.calls.length = 0;

    await createPendingWatch(world.ctx, { put: async () => undefined }).look(forever);

    expect(world.lakefs.calls).toEqual([]);
  });
});
