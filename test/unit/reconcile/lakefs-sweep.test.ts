import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { approve } from '../../../src/reconcile/approval.js';
import { createGroupStanding } from '../../../src/reconcile/group-standing.js';
import { LakefsError } from '../../../src/targets/lakefs/errors.js';
import { EVERYBODY, HOUR } from '../domain/builders.js';
import { OWN_USER } from './fakes/lakefs.js';
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
const CAROL = oidOf(3);
const user = (oid: string) => `waad|${oid}`;

let world: LakefsWorld;

beforeEach(() => open());

afterEach(() => world.remove());

async function open(options: LakefsWorldOptions = {}): Promise<void> {
  await world?.remove();
  world = await createLakefsWorld(options);
}

function membersOf(name: string): string[] {
  return [...world.lakefs.group(name).members].sort();
}

function refusal(text: string): LakefsError {
  return new LakefsError(text, 401, text, 'refused');
}

describe('a sweep', () => {
  it('makes the groups with our mark, attaches their policies and puts their members in', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    world.join(BOB, 'bob@example.com', [DATA, OPS]);

    const { record } = await world.sweep();

    expect(record.result).toBe('done');
    expect(world.lakefs.group('Data').description).toBe(`entra:${DATA}`);
    expect([...world.lakefs.group('Data').policies]).toEqual(['FSReadAll']);
    expect(membersOf('Data')).toEqual([user(ALICE), user(BOB)]);
    expect(membersOf('Ops')).toEqual([user(BOB)]);
  });

  it('writes nothing where everything is as it should be', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.lakefs.writes.length = 0;

    const { record } = await world.sweep();

    expect(world.lakefs.writes).toEqual([]);
    expect(record).toMatchObject({ result: 'done', applied: 0 });
  });

  it('gives nobody an account on Linux or in Proxmox for being in a group of lakeFS', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    world.join(BOB, 'bob@example.com', [DATA, EVERYBODY]);

    await world.sweep();

    expect(world.linux.applied.map(({ oid }) => oid)).not.toContain(ALICE);
    expect(world.proxmox.applied.map(({ oid }) => oid)).not.toContain(ALICE);
    expect(world.entry(ALICE)).toBeUndefined();
    expect(world.entry(BOB)?.state).toBe('active');
  });

  it('locks somebody who left every configured group although a group of lakeFS still lists them', async () => {
    world.join(BOB, 'bob@example.com', [DATA, EVERYBODY]);
    await world.sweep();
    world.directory.person(BOB).groups = [DATA];

    await world.sweep();

    expect(world.entry(BOB)?.state).toBe('grace');
    expect(membersOf('Data')).toEqual([user(BOB)]);
  });

  it('suspends and does not end somebody whom only the listing of a group for lakeFS shows, as long as they belong', async () => {
    world.join(BOB, 'bob@example.com', [DATA, EVERYBODY]);
    await world.sweep();
    const bob = world.directory.person(BOB);
    bob.enabled = false;
    // The listings of two groups are of two moments.
    world.directory.onScope = () => {
      bob.groups = [DATA];
    };
    world.directory.onRead = () => {
      bob.groups = [DATA, EVERYBODY];
    };

    await world.sweep();

    expect(world.entry(BOB)?.state).toBe('suspended');
  });

  it('takes a person who left a group out of it, and leaves the others', async () => {
    world.join(ALICE, 'alice@example.com', [DATA, OPS]);
    world.join(BOB, 'bob@example.com', [DATA]);
    await world.sweep();
    world.directory.person(ALICE).groups = [OPS];

    await world.sweep();

    expect(membersOf('Data')).toEqual([user(BOB)]);
    expect(membersOf('Ops')).toEqual([user(ALICE)]);
    expect(world.record().groups[DATA]?.members).toEqual({ [BOB]: user(BOB) });
  });

  it('takes a removal for stale where the second reading shows the person in the group again', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    world.join(BOB, 'bob@example.com', [DATA]);
    await world.sweep();
    world.directory.person(ALICE).groups = [];
    world.directory.onRead = () => {
      world.directory.person(ALICE).groups = [DATA];
    };

    await world.sweep();

    expect(membersOf('Data')).toEqual([user(ALICE), user(BOB)]);
  });

  it('takes out whoever is deleted in Entra, also where nobody else lists them', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    world.join(BOB, 'bob@example.com', [DATA]);
    await world.sweep();
    world.directory.person(ALICE).standing = 'soft-deleted';

    await world.sweep();

    expect(membersOf('Data')).toEqual([user(BOB)]);
  });

  it('removes nobody from a group that cannot be read in Entra, and tells of it', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    world.join(BOB, 'bob@example.com', [DATA, OPS]);
    await world.sweep();
    world.directory.unreadableGroups.add(DATA);

    const { record } = await world.sweep();

    expect(membersOf('Data')).toEqual([user(ALICE), user(BOB)]);
    expect(record.result).toBe('degraded');
  });

  it('removes nobody from a group whose members lakeFS does not list', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.directory.person(ALICE).groups = [];
    world.lakefs.fault = (call) => (call === 'listMembers' ? new Error('page 2 failed') : undefined);

    const { record } = await world.sweep();

    expect(membersOf('Data')).toEqual([user(ALICE)]);
    expect(world.record().groups[DATA]?.members).toEqual({ [ALICE]: user(ALICE) });
    expect(record.result).not.toBe('done');
  });

  it('believes a group that reads empty only at the second reading', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.directory.person(ALICE).groups = [];
    let looks = 0;
    world.directory.onScope = () => {
      looks += 1;
      if (looks === 2) world.directory.person(ALICE).groups = [DATA];
    };

    await world.sweep();

    expect(looks).toBe(2);
    expect(membersOf('Data')).toEqual([user(ALICE)]);
  });

  it('goes on with everybody else where one membership is refused, and counts as failed', async () => {
    world.join(ALICE, 'alice@example.com', [DATA, OPS]);
    world.join(BOB, 'bob@example.com', [DATA]);
    world.lakefs.fault = (call) => (call === `add-member ${user(ALICE)} Data` ? refusal('not so') : undefined);

    const { record } = await world.sweep();

    expect(record).toMatchObject({ result: 'failed', failed: 1 });
    expect(membersOf('Data')).toEqual([user(BOB)]);
    expect(membersOf('Ops')).toEqual([user(ALICE)]);
    expect(world.record().people[ALICE]?.problem).toBe('not so');
  });

  it('goes on with the other groups where one cannot be made, and writes one line for it and not one for each member', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    world.join(BOB, 'bob@example.com', [DATA, OPS]);
    world.lakefs.fault = (call) => (call === 'create-group Data' ? refusal('not so') : undefined);

    const { record } = await world.sweep();

    expect(record.result).toBe('failed');
    expect(membersOf('Ops')).toEqual([user(BOB)]);
    const failed = world.audit.filter(({ outcome, target }) => outcome === 'failed' && target === 'lakefs');
    expect(failed.map(({ action }) => action)).toEqual(['create-group']);
  });

  it('makes in the next sweep what could not be made in this one', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    world.lakefs.fault = (call) => (call.startsWith('create-group') ? refusal('not so') : undefined);
    await world.sweep();
    world.lakefs.fault = () => undefined;

    const { record } = await world.sweep();

    expect(record.result).toBe('done');
    expect(membersOf('Data')).toEqual([user(ALICE)]);
  });

  it('stops at a lakeFS without groups with that sentence, and the other targets go on', async () => {
    world.lakefs.kind = 'none';
    world.join(ALICE, 'alice@example.com', [DATA, EVERYBODY]);

    const { record, outcomes } = await world.sweep();

    expect(record).toMatchObject({ result: 'degraded', why: expect.stringContaining('no RBAC') });
    expect(world.ctx.problems.get('lakefs')).toContain('no RBAC');
    expect(outcomes.map(({ result }) => result)).toEqual(['applied']);
    expect(world.linux.applied.map(({ action }) => action)).toContain('create');
  });

  it('keeps nobody waiting for a lakeFS that has no groups any more', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.lakefs.kind = 'none';

    const { outcomes } = await world.sweep();

    expect(outcomes.map(({ result }) => result)).not.toContain('unknown');
    expect(world.record().groups[DATA]?.members).toEqual({ [ALICE]: user(ALICE) });
  });

  it('leaves alone what targeted work did in lakeFS meanwhile, and remembers it', async () => {
    world.join(BOB, 'bob@example.com', [DATA, EVERYBODY]);
    await world.sweep();
    world.join(ALICE, 'alice@example.com', [DATA]);
    let isFirst = true;
    world.proxmox.onObserve = async () => {
      if (!isFirst) return;
      isFirst = false;
      await world.reconcile(ALICE);
    };

    await world.sweep();

    expect(world.record().groups[DATA]?.members).toEqual({ [ALICE]: user(ALICE), [BOB]: user(BOB) });
  });

  it('touches nobody in lakeFS while that cannot be reached, and looks again at whoever is in it', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.directory.person(ALICE).enabled = false;
    world.lakefs.fault = (call) => (call === 'listGroups' ? new Error('connection refused') : undefined);

    const { record, outcomes } = await world.sweep();

    expect(record).toMatchObject({ result: 'degraded' });
    expect(outcomes).toMatchObject([{ oid: ALICE, result: 'unknown' }]);
    expect(world.record().groups[DATA]?.members).toEqual({ [ALICE]: user(ALICE) });
  });

  it('writes nothing at all in a dry run, not even into the ledger, and tells what it would do', async () => {
    await open({ dryRun: true });
    world.join(ALICE, 'alice@example.com', [DATA]);

    const { outcomes } = await world.sweep();

    expect(world.lakefs.writes).toEqual([]);
    expect(world.ctx.ledger.data.lakefs).toBeUndefined();
    const steps = outcomes.flatMap((outcome) => outcome.steps.map(({ action }) => action));
    expect(steps).toEqual(['create-group', 'attach-policy', 'create-group', 'attach-policy', 'add-member']);
  });

  it('waits with lakeFS too for the approval of the first run', async () => {
    await open({ policy: { firstRun: 'plan' } });
    world.join(ALICE, 'alice@example.com', [DATA]);

    const { record, firstPlan } = await world.sweep();

    expect(record.result).toBe('held');
    expect(world.lakefs.writes).toEqual([]);
    expect(firstPlan?.changes.flatMap(({ steps }) => steps)).toContain(`lakefs add-member ${user(ALICE)} to Data`);
  });

  it('leaves an audit line for every write', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);

    await world.sweep();

    const lines = world.audit.filter(({ kind, target }) => kind === 'step' && target === 'lakefs');
    expect(lines.map(({ action, outcome }) => [action, outcome])).toEqual([
      ['create-group', 'done'],
      ['attach-policy', 'done'],
      ['create-group', 'done'],
      ['attach-policy', 'done'],
      ['add-member', 'done'],
    ]);
    expect(lines.at(-1)).toMatchObject({ oid: ALICE, upn: 'alice@example.com', after: { groupName: 'Data' } });
  });
});

describe('members', () => {
  it('are pending while lakeFS has no user for them, and put in once it has', async () => {
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [DATA] });
    const first = await world.sweep();
    expect(first.record.result).toBe('done');
    expect(world.record().people[ALICE]?.pendingSince).toBe(world.clock.now());
    world.lakefs.addUser('u-1', { email: 'Alice@example.com' });

    await world.sweep();

    expect(membersOf('Data')).toEqual(['u-1']);
    expect(world.record().people[ALICE]).toBeUndefined();
  });

  it('are made where that is asked for', async () => {
    await open({ missing: 'create' });
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [DATA] });

    await world.sweep();

    expect(membersOf('Data')).toEqual([user(ALICE)]);
  });

  it('whom one strategy finds twice are a conflict, and nobody is put in', async () => {
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [DATA] });
    world.lakefs.addUser('u-1', { email: 'alice@example.com' });
    world.lakefs.addUser('u-2', { email: 'alice@example.com' });

    const { outcomes } = await world.sweep();

    expect(outcomes.find(({ oid }) => oid === ALICE)).toMatchObject({ result: 'conflict' });
    expect(membersOf('Data')).toEqual([]);
    expect(world.record().people[ALICE]?.conflict?.what).toContain('u-1');
  });

  it('who would be one lakeFS user for two people are a conflict for both', async () => {
    world.directory.add({ oid: ALICE, upn: 'shared@example.com', groups: [DATA] });
    world.directory.add({ oid: BOB, upn: 'Shared@example.com', groups: [OPS] });
    world.lakefs.addUser('u-1', { email: 'shared@example.com' });

    const { outcomes } = await world.sweep();

    const conflicts = outcomes.filter(({ result }) => result === 'conflict').map(({ oid }) => oid);
    expect(conflicts.sort()).toEqual([ALICE, BOB]);
    expect(membersOf('Data')).toEqual([]);
  });

  it('who were put in by hand and map to nobody stay', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.lakefs.addUser('guest');
    world.lakefs.group('Data').members.add('guest');

    await world.sweep();

    expect(membersOf('Data')).toEqual(['guest', user(ALICE)]);
    expect(world.record().groups[DATA]?.strangers).toEqual({ users: ['guest'], count: 1 });
    world.lakefs.group('Data').members.delete('guest');
    await world.sweep();
    expect(world.record().groups[DATA]?.strangers).toBeUndefined();
  });

  it('who were put in by hand and are known to Entra as no members leave at the second reading', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    world.join(BOB, 'bob@example.com', [OPS]);
    await world.sweep();
    world.lakefs.group('Data').members.add(user(BOB));

    const { outcomes } = await world.sweep();
    expect(outcomes.find(({ oid }) => oid === BOB)).toMatchObject({ result: 'confirming' });
    expect(membersOf('Data')).toContain(user(BOB));
    world.clock.time += 5000;
    await world.sweep();

    expect(membersOf('Data')).toEqual([user(ALICE)]);
    expect(membersOf('Ops')).toEqual([user(BOB)]);
  });

  it('taken out by hand are put back', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.lakefs.group('Data').members.clear();

    await world.sweep();

    expect(membersOf('Data')).toEqual([user(ALICE)]);
  });

  it('never are our own user', async () => {
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [DATA] });
    world.lakefs.addUser(OWN_USER, { email: 'alice@example.com' });

    await world.sweep();

    expect(membersOf('Data')).toEqual([]);
    expect(world.record().people[ALICE]?.conflict?.what).toContain('Entramox itself');
  });
});

describe('groups', () => {
  it('that came have what is nested below them read at once, and no others do', async () => {
    const trees: string[][] = [];
    world.ctx.groups = createGroupStanding({
      configured: () => world.ctx.lakefs?.groups.ids() ?? [],
      async readTree() {
        trees.push([...(world.ctx.lakefs?.groups.ids() ?? [])]);
        return new Map();
      },
      whichAreGroups: async () => new Map(),
      clock: world.clock,
      log: world.ctx.log,
    });

    await world.sweep();
    await world.sweep();

    expect(trees).toEqual([[DATA, OPS]]);
    expect(world.ctx.groups.watchedGroups()).toEqual([DATA, OPS]);
  });

  it('of somebody else with that name are a conflict, and nothing is written to them', async () => {
    world.lakefs.addGroup('Data', { members: new Set(['guest']) });
    world.join(ALICE, 'alice@example.com', [DATA]);

    const { outcomes } = await world.sweep();

    expect(outcomes.find(({ oid }) => oid === DATA)).toMatchObject({
      result: 'conflict',
      why: expect.stringContaining('did not make'),
    });
    expect(world.lakefs.writes.filter((write) => write.includes('Data'))).toEqual([]);
    expect(world.record().conflicts?.[DATA]).toMatchObject({ displayName: 'Data' });
    world.lakefs.groups.delete(world.lakefs.group('Data').id);
    await world.sweep();
    expect(membersOf('Data')).toEqual([user(ALICE)]);
    expect(world.record().conflicts).toEqual({});
  });

  it('of lakeFS itself are never touched, whatever an Entra group is called', async () => {
    world.wanted = [wantedGroup(DATA, 'Admins', { policies: [] })];
    world.join(ALICE, 'alice@example.com', [DATA]);

    const { outcomes } = await world.sweep();

    expect(outcomes.find(({ oid }) => oid === DATA)?.result).toBe('conflict');
    expect(world.lakefs.writes).toEqual([]);
  });

  it('that an operator gave us are looked after without a mark, and kept in the end', async () => {
    await open({ adopt: [DATA] });
    world.lakefs.addGroup('Data', { policies: new Set(['FSFullAccess']) });
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    expect(membersOf('Data')).toEqual([user(ALICE)]);
    world.wanted = [];
    await world.sweep();
    world.clock.time += 25 * HOUR;

    await world.sweep();

    expect(membersOf('Data')).toEqual([]);
    expect([...world.lakefs.group('Data').policies]).toEqual(['FSFullAccess']);
  });

  it('keep their name and everything else when the Entra group is renamed', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.lakefs.writes.length = 0;
    world.wanted = [wantedGroup(DATA, 'Analytics'), wantedGroup(OPS, 'Ops')];

    await world.sweep();

    expect(world.lakefs.writes).toEqual([]);
    expect(membersOf('Data')).toEqual([user(ALICE)]);
    expect(world.record().groups[DATA]).toMatchObject({ name: 'Data', displayName: 'Analytics' });
  });

  it('that are gone lose their members after a second look, and are deleted when their time is over', async () => {
    world.join(ALICE, 'alice@example.com', [DATA, OPS]);
    await world.sweep();
    world.wanted = [wantedGroup(OPS, 'Ops')];

    await world.sweep();
    expect(membersOf('Data')).toEqual([]);
    expect(world.record().groups[DATA]?.deleteAt).toBe(world.clock.now() + 24 * HOUR);
    world.clock.time += 23 * HOUR;
    await world.sweep();
    expect(world.lakefs.group('Data')).toBeDefined();
    world.clock.time += 2 * HOUR;
    await world.sweep();

    expect([...world.lakefs.groups.values()].map(({ name }) => name)).toEqual(['Admins', 'Ops']);
    expect(Object.keys(world.record().groups)).toEqual([OPS]);
    expect(membersOf('Ops')).toEqual([user(ALICE)]);
  });

  it('that are missing in one look alone lose nothing', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.selections = 0;
    const { wanted } = world;
    Object.defineProperty(world, 'wanted', { get: () => (world.selections === 1 ? [] : wanted) });

    await world.sweep();

    expect(world.selections).toBe(2);
    expect(membersOf('Data')).toEqual([user(ALICE)]);
    expect(world.record().groups[DATA]?.missingSince).toBeUndefined();
  });

  it('that come back within their time get their members back and no end', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    const { wanted } = world;
    world.wanted = [];
    await world.sweep();
    world.wanted = wanted;

    await world.sweep();

    expect(membersOf('Data')).toEqual([user(ALICE)]);
    expect(world.record().groups[DATA]?.deleteAt).toBeUndefined();
  });

  it('are kept with whoever was put in by hand, even when their time is over', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.lakefs.addUser('guest');
    world.lakefs.group('Data').members.add('guest');
    world.wanted = [];
    await world.sweep();
    world.clock.time += 25 * HOUR;

    const { outcomes } = await world.sweep();

    expect(membersOf('Data')).toEqual(['guest']);
    expect(outcomes.find(({ oid }) => oid === DATA)?.result).toBe('conflict');
  });

  it('lose nothing while it cannot be read which ones there should be', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.unread = 'Graph says 403';

    const { record } = await world.sweep();

    expect(record).toMatchObject({ result: 'degraded', why: expect.stringContaining('Graph says 403') });
    expect(membersOf('Data')).toEqual([user(ALICE)]);
    expect(world.record().groups[DATA]?.missingSince).toBeUndefined();
  });

  it('of ours go on when another group of that name appears in Entra', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.wanted = [wantedGroup(OPS, 'Ops')];
    world.blocked = [{ groupId: DATA, displayName: 'Data', why: 'two groups are called Data', remedy: 'rename one' }];
    world.join(BOB, 'bob@example.com', [DATA]);

    await world.sweep();

    expect(membersOf('Data')).toEqual([user(ALICE), user(BOB)]);
    expect(world.record().groups[DATA]?.conflict?.what).toContain('two groups');
  });

  it('made anew by hand without our mark are nobody of ours', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.lakefs.groups.delete(world.lakefs.group('Data').id);
    world.lakefs.addGroup('Data');

    await world.sweep();

    expect(membersOf('Data')).toEqual([]);
  });

  it('deleted by hand are made again with their members', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.lakefs.groups.delete(world.lakefs.group('Data').id);

    await world.sweep();

    expect(membersOf('Data')).toEqual([user(ALICE)]);
  });
});

describe('policies', () => {
  it('detached by hand are attached again', async () => {
    await world.sweep();
    world.lakefs.group('Data').policies.clear();

    await world.sweep();

    expect([...world.lakefs.group('Data').policies]).toEqual(['FSReadAll']);
  });

  it('not declared any more are detached, and those that others attached stay', async () => {
    await world.sweep();
    world.lakefs.group('Data').policies.add('FSFullAccess');
    world.wanted = [wantedGroup(DATA, 'Data', { policies: ['AuthManageOwnCredentials'] }), wantedGroup(OPS, 'Ops')];

    await world.sweep();

    expect([...world.lakefs.group('Data').policies].sort()).toEqual(['AuthManageOwnCredentials', 'FSFullAccess']);
  });

  it('that do not exist are told by name, and the group is made all the same', async () => {
    world.wanted = [wantedGroup(DATA, 'Data', { policies: ['Nowhere', 'FSReadAll'] })];
    world.join(ALICE, 'alice@example.com', [DATA]);

    const { outcomes } = await world.sweep();

    expect(outcomes.find(({ oid }) => oid === DATA)).toMatchObject({
      result: 'failed',
      why: expect.stringContaining('no policy "Nowhere"'),
    });
    expect([...world.lakefs.group('Data').policies]).toEqual(['FSReadAll']);
    expect(membersOf('Data')).toEqual([user(ALICE)]);
  });

  it('are left alone in members-only', async () => {
    await open({ mode: 'members-only' });
    world.join(ALICE, 'alice@example.com', [DATA]);

    await world.sweep();

    expect(membersOf('Data')).toEqual([user(ALICE)]);
    expect([...world.lakefs.group('Data').policies]).toEqual([]);
  });

  it('are all that is written in policies-only, to groups that somebody else made', async () => {
    await open({ mode: 'policies-only' });
    world.lakefs.addGroup('Data', { members: new Set(['guest']), policies: new Set(['FSFullAccess']) });
    world.join(ALICE, 'alice@example.com', [DATA]);

    const { record } = await world.sweep();

    expect(record.result).toBe('done');
    expect(world.lakefs.writes).toEqual(['attach-policy FSReadAll Data']);
    expect(membersOf('Data')).toEqual(['guest']);
  });

  it('are a permission of the group where access control is simplified', async () => {
    world.lakefs.kind = 'acls';
    world.wanted = [wantedGroup(DATA, 'Data', { acl: 'Write' })];
    world.join(ALICE, 'alice@example.com', [DATA]);

    const { record } = await world.sweep();

    expect(record.result).toBe('done');
    expect(world.lakefs.group('Data').acl).toBe('Write');
    expect(membersOf('Data')).toEqual([user(ALICE)]);
  });
});

describe('the guard', () => {
  it('counts a share of the people who are in lakeFS', async () => {
    const many = Array.from({ length: 60 }, (_, index) => oidOf(100 + index));
    for (const oid of many) world.join(oid, `${oid}@example.com`, [DATA]);
    await world.sweep();
    for (const oid of many.slice(0, 12)) world.directory.person(oid).groups = [];

    const { record } = await world.sweep();

    expect(record.result).toBe('done');
    expect(membersOf('Data')).toHaveLength(48);
  });

  it('holds the emptying of a group, and lets nobody out of it before an operator agrees', async () => {
    const many = Array.from({ length: 30 }, (_, index) => oidOf(100 + index));
    for (const oid of many) world.join(oid, `${oid}@example.com`, [DATA]);
    world.join(CAROL, 'carol@example.com', [OPS]);
    await world.sweep();
    for (const oid of many) world.directory.person(oid).groups = [];

    const { record } = await world.sweep();

    expect(record.result).toBe('held');
    expect(membersOf('Data')).toHaveLength(30);
    expect(world.ctx.ledger.data.guard.held?.why).toContain('on lakefs');
    await world.sweep();
    expect(world.ctx.ledger.data.guard.held?.removals).toHaveLength(30);
  });

  it('that stops lakeFS keeps nobody open elsewhere, and one that stops accounts keeps nobody in lakeFS', async () => {
    const guard = { ...world.ctx.policy.guard, maxLocks: 2, maxLocksPercent: 0 };
    await open({ policy: { guard } });
    const many = [1, 2, 3].map((index) => oidOf(100 + index));
    for (const oid of many) world.join(oid, `p${oid.slice(-3)}@example.com`, [DATA]);
    world.join(ALICE, 'alice@example.com', [EVERYBODY, DATA]);
    const others = [1, 2, 3].map((index) => oidOf(200 + index));
    for (const oid of others) world.join(oid, `q${oid.slice(-3)}@example.com`, [EVERYBODY]);
    await world.sweep();
    for (const oid of [...many, ALICE]) world.directory.person(oid).groups = [];

    await world.sweep();

    expect(world.entry(ALICE)?.state).toBe('grace');
    expect(membersOf('Data')).toHaveLength(4);
    expect(world.ctx.ledger.data.guard.held?.removals.map(({ targets }) => targets)).toEqual(Array(4).fill(['lakefs']));

    for (const oid of [...many, ALICE]) world.directory.person(oid).groups = [DATA];
    world.clock.time += HOUR * 2;
    await world.sweep();
    world.clock.time += HOUR * 2;
    for (const oid of [...others, many[0] ?? '']) world.directory.person(oid).enabled = false;
    await world.sweep();

    expect(others.map((oid) => world.entry(oid)?.state)).toEqual(['active', 'active', 'active']);
    expect(membersOf('Data')).toHaveLength(3);
  });

  it('takes a person out of lakeFS whose accounts an operator is to decide on, and keeps the entry as it is', async () => {
    await open({ policy: { guard: { ...world.ctx.policy.guard, maxLocks: 1, maxLocksPercent: 0 } } });
    world.join(ALICE, 'alice@example.com', [EVERYBODY, DATA]);
    world.join(BOB, 'bob@example.com', [EVERYBODY]);
    await world.sweep();
    for (const oid of [ALICE, BOB]) world.directory.person(oid).enabled = false;

    await world.sweep();

    expect(membersOf('Data')).toEqual([]);
    expect(world.entry(ALICE)?.state).toBe('active');
    expect(world.record().groups[DATA]?.members).toEqual({});
  });

  it('counts groups that are deleted against the groups, however many people there are', async () => {
    await open({ policy: { guard: { ...world.ctx.policy.guard, maxDeletes: 1, maxDeletesPercent: 50 } } });
    const many = Array.from({ length: 8 }, (_, index) => oidOf(100 + index));
    for (const oid of many) world.join(oid, `${oid}@example.com`, [DATA]);
    await world.sweep();
    world.wanted = [];
    await world.sweep();
    world.wanted = [wantedGroup(DATA, 'Data')];
    await world.sweep();
    world.wanted = [];
    for (const oid of many) world.directory.person(oid).groups = [];
    await world.sweep();
    world.clock.time += 25 * HOUR;

    await world.sweep();
    await world.sweep();

    expect(world.ctx.ledger.data.guard.held?.why).toContain('2 of 2 groups on lakefs would be deleted');
    expect([...world.lakefs.groups.values()].map(({ name }) => name)).toEqual(['Admins', 'Data', 'Ops']);
  });

  it('lets accounts be decided on while lakeFS cannot be seen', async () => {
    await open({ policy: { guard: { ...world.ctx.policy.guard, maxLocks: 0 } } });
    world.join(ALICE, 'alice@example.com', [EVERYBODY, DATA]);
    await world.sweep();
    world.directory.person(ALICE).enabled = false;
    await world.sweep();
    world.lakefs.fault = () => new Error('connection refused');

    const { held } = world.ctx.ledger.data.guard;
    const approval = await approve(world.ctx, held?.hash ?? '', 'operator', new AbortController().signal);

    expect(approval.approved).toBe(true);
    await world.reconcile(ALICE);
    expect(world.entry(ALICE)?.state).toBe('suspended');
  });
});

describe('a group of ours', () => {
  it('stays ours when somebody copies its mark', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    world.lakefs.addGroup('Copy', { description: `entra:${DATA}` });
    world.directory.person(ALICE).standing = 'hard-deleted';

    await world.sweep();

    expect(membersOf('Data')).toEqual([]);
    expect(world.lakefs.writes.filter((write) => write.includes('Copy'))).toEqual([]);
  });

  it('that carries no mark any more keeps its record, so that whoever left meanwhile is taken out after all', async () => {
    world.join(ALICE, 'alice@example.com', [DATA]);
    await world.sweep();
    const group = world.lakefs.group('Data');
    group.description = '';
    await world.sweep();
    world.directory.person(ALICE).standing = 'hard-deleted';
    await world.sweep();
    expect(membersOf('Data')).toEqual([user(ALICE)]);

    group.description = `entra:${DATA}`;
    await world.sweep();

    expect(membersOf('Data')).toEqual([]);
  });
});
