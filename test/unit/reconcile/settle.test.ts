import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Busy, Conflict } from '../../../src/domain/errors.js';
import { describeStep } from '../../../src/domain/step.js';
import { openLedger } from '../../../src/ledger/ledger.js';
import { reconcileIdentities } from '../../../src/reconcile/identities.js';
import { ADMINS, ALICE, BOB, EVERYBODY, HOUR, LAB, NOW } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

const MALLORY = '33333333-3333-4333-8333-333333333333';

let world: FakeWorld;

beforeEach(async () => {
  world = await createFakeWorld();
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
  world.directory.add({ oid: BOB, upn: 'bob@example.com', groups: [EVERYBODY] });
});
afterEach(() => world.remove());

function alice() {
  return world.directory.person(ALICE);
}

describe('a targeted reconcile', () => {
  it('makes a joiner in both targets and remembers the names', async () => {
    alice().groups = [EVERYBODY, ADMINS];

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome?.result).toBe('applied');
    expect(world.linux.account(ALICE)).toMatchObject({ name: 'alice', locked: false, sudo: true });
    expect(world.proxmox.user('alice@example.com@entra')).toMatchObject({
      enabled: true,
      groups: ['Administrator-entra', 'entramox-entra'],
    });
    expect(world.entry(ALICE)?.names).toEqual({ linux: 'alice', proxmox: 'alice@example.com@entra' });
  });

  it('does nothing the second time', async () => {
    await world.reconcile(ALICE);
    const audited = world.audit.length;

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome).toMatchObject({ result: 'unchanged', steps: [] });
    expect(world.audit).toHaveLength(audited);
  });

  it('takes away from everybody before it gives to anybody', async () => {
    await world.reconcile(ALICE);
    alice().enabled = false;
    const order: string[] = [];
    world.linux.onApply = (step) => void order.push(describeStep(step));
    world.proxmox.onApply = (step) => void order.push(describeStep(step));

    await world.reconcile(BOB, ALICE);

    const lastLock = order.findLastIndex((step) => step.includes('lock') || step.includes('enabled=false'));
    const firstCreation = order.findIndex((step) => step.includes('create'));
    expect(lastLock).toBeGreaterThanOrEqual(0);
    expect(lastLock).toBeLessThan(firstCreation);
  });

  it('writes the name of an account to disk before the account is made', async () => {
    let onDisk: unknown;
    world.linux.onApply = async (step) => {
      if (step.action === 'create') onDisk = (await openLedger(world.ledgerPath)).entry(ALICE)?.names.linux;
    };

    await world.reconcile(ALICE);

    expect(onDisk).toBe('alice');
  });

  it('finds the account of a creation that a crash cut short, and completes it', async () => {
    world.linux.fault = () => new Error('killed');
    await world.reconcile(ALICE);
    world.linux.accounts.set(ALICE, {
      name: 'alice',
      uid: 20_000,
      state: 'partial',
      locked: false,
      gecos: '',
      groups: [],
      sudo: false,
    });
    world.linux.fault = () => undefined;
    await world.restart();

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome?.result).toBe('applied');
    expect(world.linux.account(ALICE)).toMatchObject({ name: 'alice', state: 'whole' });
  });

  it('keeps a failing target from stopping the other one or other people', async () => {
    world.linux.fault = (step) => (step.oid === ALICE ? new Error('no space left') : undefined);

    const outcomes = await world.reconcile(ALICE, BOB);

    expect(outcomes.map(({ result }) => result)).toEqual(['failed', 'applied']);
    expect(outcomes[0]?.why).toBe('linux: no space left');
    expect(world.proxmox.user('alice@example.com@entra')?.enabled).toBe(true);
    expect(world.linux.account(BOB)?.name).toBe('bob');
    expect(world.entry(ALICE)?.problem).toBe('linux: no space left');
  });

  it('stops an identity’s steps in a target at the first failure', async () => {
    alice().groups = [EVERYBODY, ADMINS, LAB];
    const tried: string[] = [];
    world.linux.onApply = ({ action }) => void tried.push(action);
    world.linux.fault = (step) => (step.action === 'create' ? new Error('no space left') : undefined);

    await world.reconcile(ALICE);

    expect(tried).toEqual(['create']);
  });

  it('gives nothing in a target where taking away failed', async () => {
    alice().groups = [EVERYBODY, ADMINS];
    await world.reconcile(ALICE);
    alice().groups = [EVERYBODY, LAB];
    const tried: string[] = [];
    world.linux.onApply = (step) => void tried.push(describeStep(step));
    world.linux.fault = () => new Error('no space left');

    await world.reconcile(ALICE);

    expect(tried).toEqual(['linux sudo alice revoke']);
  });

  it('makes nothing where a target left out the answer', async () => {
    const { observe } = world.linux;
    world.linux.observe = async (asks, signal) => {
      const sights = await observe(asks, signal);
      sights.delete(ALICE);
      return sights;
    };

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome?.result).toBe('unknown');
    expect(world.linux.applied).toEqual([]);
  });

  it('forgets a problem once an attempt succeeds', async () => {
    world.linux.fault = () => new Error('no space left');
    await world.reconcile(ALICE);
    world.linux.fault = () => undefined;

    await world.reconcile(ALICE);

    expect(world.entry(ALICE)?.problem).toBeUndefined();
  });

  it('waits for a second reading before it locks somebody who seems to have left', async () => {
    await world.reconcile(ALICE);
    alice().groups = [];

    const [first] = await world.reconcile(ALICE);
    const lockedByFirst = world.linux.account(ALICE)?.locked;
    world.clock.time = first?.recheckAt ?? 0;
    const [second] = await world.reconcile(ALICE);

    expect(first).toMatchObject({ result: 'confirming', recheckAt: NOW + 5000 });
    expect(lockedByFirst).toBe(false);
    expect(second?.result).toBe('applied');
    expect(world.linux.account(ALICE)?.locked).toBe(true);
    expect(world.proxmox.user('alice@example.com@entra')?.enabled).toBe(false);
  });

  it('remembers the first sign of a departure over a restart', async () => {
    await world.reconcile(ALICE);
    alice().groups = [];
    await world.reconcile(ALICE);
    world.clock.time += 5000;
    await world.restart();

    await world.reconcile(ALICE);

    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('locks whoever is disabled or deleted at once', async () => {
    await world.reconcile(ALICE, BOB);
    alice().enabled = false;
    world.directory.person(BOB).standing = 'soft-deleted';

    await world.reconcile(ALICE, BOB);

    expect(world.entry(ALICE)).toMatchObject({ state: 'suspended', deleteAt: undefined });
    expect(world.entry(BOB)).toMatchObject({ state: 'grace', deleteAt: NOW + 24 * HOUR });
    expect(world.linux.account(ALICE)?.locked).toBe(true);
    expect(world.linux.account(BOB)?.locked).toBe(true);
  });

  it('never touches anybody whose reading is unknown', async () => {
    await world.reconcile(ALICE);
    const before = [world.linux.account(ALICE), world.proxmox.user('alice@example.com@entra'), world.entry(ALICE)];
    alice().groups = [];
    world.directory.unreadable.add(ALICE);

    const outcomes = [...(await world.reconcile(ALICE)), ...(await world.settleDown(ALICE))];

    expect(outcomes.every(({ result }) => result === 'unknown')).toBe(true);
    expect([world.linux.account(ALICE), world.proxmox.user('alice@example.com@entra'), world.entry(ALICE)]).toEqual(
      before,
    );
  });

  it('creates nobody who is disabled or out of scope, and remembers nothing of them', async () => {
    alice().enabled = false;
    world.directory.person(BOB).groups = [];

    const outcomes = await world.reconcile(ALICE, BOB);

    expect(outcomes.map(({ result }) => result)).toEqual(['ignored', 'ignored']);
    expect(world.ctx.ledger.entries()).toEqual([]);
  });

  it('reports a foreign account of the name and writes nothing there', async () => {
    world.linux.foreign.add('alice');

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome).toMatchObject({ result: 'conflict', why: "alice is somebody else's" });
    expect(world.entry(ALICE)?.conflicts).toMatchObject([{ target: 'linux', since: NOW }]);
    expect(world.linux.applied).toEqual([]);
    expect(world.entry(ALICE)?.names.linux).toBeUndefined();
  });

  it('keeps since when a conflict is there, and drops it once it is gone', async () => {
    world.linux.foreign.add('alice');
    await world.reconcile(ALICE);
    world.clock.time += HOUR;
    await world.reconcile(ALICE);
    const since = world.entry(ALICE)?.conflicts[0]?.since;
    world.linux.foreign.clear();

    await world.reconcile(ALICE);

    expect(since).toBe(NOW);
    expect(world.entry(ALICE)?.conflicts).toEqual([]);
    expect(world.linux.account(ALICE)?.name).toBe('alice');
  });

  it('gives a name back when the creation is refused, so that a new name in Entra settles it', async () => {
    world.linux.fault = (step) =>
      step.action === 'create' && step.name === 'alice' ? new Conflict('/home/alice is taken', 'move it') : undefined;

    const [refused] = await world.reconcile(ALICE);
    const conflicts = world.entry(ALICE)?.conflicts;
    alice().upn = 'alice.example@example.com';
    await world.reconcile(ALICE);

    expect(refused).toMatchObject({ result: 'conflict', why: '/home/alice is taken' });
    expect(conflicts).toMatchObject([{ target: 'linux', what: '/home/alice is taken', remedy: 'move it' }]);
    expect(world.linux.account(ALICE)?.name).toBe('alice_example');
  });

  it('keeps the name where a creation broke off half-way', async () => {
    world.linux.fault = () => new Error('useradd was killed');
    await world.reconcile(ALICE);
    alice().upn = 'alice.example@example.com';
    world.linux.fault = () => undefined;

    await world.reconcile(ALICE);

    expect(world.linux.account(ALICE)?.name).toBe('alice');
  });

  it('does not call a lock that was refused a conflict: it is tried again', async () => {
    await world.reconcile(ALICE);
    alice().enabled = false;
    world.linux.fault = () => new Conflict('uid 20000 belongs to somebody else', 'look at it');

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome?.result).toBe('failed');
    expect(world.entry(ALICE)?.problem).toContain('uid 20000');
  });

  it('settles one target while the other cannot be seen, and says so', async () => {
    world.proxmox.blind = true;

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome).toMatchObject({ result: 'unknown', why: 'proxmox: Proxmox is away' });
    expect(outcome?.error).toBeInstanceOf(Busy);
    expect(world.linux.account(ALICE)?.name).toBe('alice');
  });

  it('begins a countdown although a target cannot be seen, and locks there later', async () => {
    await world.reconcile(ALICE);
    world.linux.blind = true;
    alice().standing = 'soft-deleted';
    await world.reconcile(ALICE);
    world.linux.blind = false;
    world.clock.time += 60_000;

    await world.reconcile(ALICE);

    expect(world.entry(ALICE)).toMatchObject({ state: 'grace', deleteAt: NOW + 24 * HOUR });
    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('does not begin the countdown anew when a lock has to be tried again', async () => {
    await world.reconcile(ALICE);
    alice().standing = 'soft-deleted';
    world.proxmox.fault = () => new Error('500');
    await world.reconcile(ALICE);
    world.clock.time += HOUR;
    world.proxmox.fault = () => undefined;

    await world.reconcile(ALICE);

    expect(world.entry(ALICE)).toMatchObject({ state: 'grace', deleteAt: NOW + 24 * HOUR, problem: undefined });
  });

  it('ends a countdown with the return, also where a target fails: a later departure gets all its time', async () => {
    await world.reconcile(ALICE);
    alice().standing = 'soft-deleted';
    await world.reconcile(ALICE);
    alice().standing = 'there';
    world.proxmox.fault = () => new Error('500');
    await world.reconcile(ALICE);
    world.clock.time += 48 * HOUR;
    alice().standing = 'soft-deleted';
    world.proxmox.fault = () => undefined;

    await world.sweep();

    expect(world.entry(ALICE)).toMatchObject({ state: 'grace', deleteAt: world.clock.time + 24 * HOUR });
    expect(world.linux.account(ALICE)).toMatchObject({ state: 'whole', locked: true });
  });

  it('opens an account whose lock was only half done', async () => {
    await world.reconcile(ALICE);
    const account = world.linux.accounts.get(ALICE);
    if (account) world.linux.accounts.set(ALICE, { ...account, halfLocked: true });
    alice().groups = [EVERYBODY, ADMINS];

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome?.result).toBe('applied');
    expect(world.linux.account(ALICE)).toMatchObject({ halfLocked: false, sudo: true });
  });

  it('opens a returning person whose locked account somebody put into a group meanwhile', async () => {
    world = await fresh({ extraGroups: ['lab'] });
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
    await world.reconcile(ALICE);
    alice().enabled = false;
    await world.reconcile(ALICE);
    const account = world.linux.accounts.get(ALICE);
    if (account) world.linux.accounts.set(ALICE, { ...account, groups: ['docker'] });
    alice().enabled = true;

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome?.result).toBe('applied');
    expect(world.linux.account(ALICE)).toMatchObject({ locked: false, groups: ['lab'] });
  });

  it('locks again where a locked account was put into a group', async () => {
    await world.reconcile(ALICE);
    alice().enabled = false;
    await world.reconcile(ALICE);
    const account = world.linux.accounts.get(ALICE);
    if (account) world.linux.accounts.set(ALICE, { ...account, groups: ['docker'] });

    await world.reconcile(ALICE);

    expect(world.linux.account(ALICE)).toMatchObject({ locked: true, groups: [] });
  });

  it('drops from the ledger whoever leaves before anything was made', async () => {
    world.linux.foreign.add('alice');
    world.proxmox.users.set('alice@example.com@entra', foreignUser('alice@example.com@entra'));
    await world.reconcile(ALICE);
    const during = world.entry(ALICE)?.state;
    alice().standing = 'soft-deleted';

    await world.reconcile(ALICE);

    expect(during).toBe('active');
    expect(world.entry(ALICE)).toBeUndefined();
  });

  it('counts an identity in a group that is gone as still in it: neither locked nor demoted', async () => {
    alice().groups = [EVERYBODY, ADMINS];
    world.directory.person(BOB).groups = [ADMINS];
    await world.reconcile(ALICE, BOB);
    world.directory.goneGroups.add(ADMINS);

    const outcomes = await world.settleDown(ALICE, BOB);

    expect(outcomes.map(({ result }) => result)).toEqual(['unchanged', 'unchanged']);
    expect(world.linux.account(ALICE)).toMatchObject({ locked: false, sudo: true });
    expect(world.linux.account(BOB)).toMatchObject({ locked: false, sudo: true });
  });

  it('locks whoever is deleted or disabled although a group of theirs is gone', async () => {
    await world.reconcile(ALICE, BOB);
    world.directory.goneGroups.add(EVERYBODY);
    alice().standing = 'soft-deleted';
    world.directory.person(BOB).enabled = false;

    await world.reconcile(ALICE, BOB);

    expect(world.linux.account(ALICE)?.locked).toBe(true);
    expect(world.linux.account(BOB)?.locked).toBe(true);
    expect(world.entry(BOB)?.state).toBe('suspended');
  });

  it('begins nothing where the ledger cannot take the intent, and everything later', async () => {
    const { ledger } = world.ctx;
    const save = ledger.save;
    ledger.save = async () => {
      throw new Busy('the ledger cannot be written');
    };

    await expect(world.reconcile(ALICE)).rejects.toThrow('cannot be written');
    const begun = world.linux.applied.length + world.proxmox.applied.length;
    ledger.save = save;
    await world.reconcile(ALICE);

    expect(begun).toBe(0);
    expect(world.linux.account(ALICE)?.locked).toBe(false);
  });

  it('loses nothing where the ledger cannot be written after the steps', async () => {
    const { ledger } = world.ctx;
    const save = ledger.save;
    let saves = 0;
    ledger.save = async () => {
      saves += 1;
      if (saves > 1) throw new Busy('the ledger cannot be written');
      return save();
    };

    await expect(world.reconcile(ALICE)).rejects.toThrow('cannot be written');
    await world.restart();
    const [again] = await world.reconcile(ALICE);

    expect(again?.result).toBe('unchanged');
    expect(world.entry(ALICE)?.names.linux).toBe('alice');
  });

  it('begins no further step once the audit log cannot be written, and remembers what was done', async () => {
    alice().groups = [EVERYBODY, ADMINS];
    world.auditFault.error = new Error('ENOSPC');

    await expect(world.reconcile(ALICE)).rejects.toThrow('the audit log cannot be written');

    expect(world.linux.applied.length + world.proxmox.applied.length).toBeLessThanOrEqual(2);
    expect(world.linux.applied.map(({ action }) => action)).toEqual(['create']);
    world.auditFault.error = undefined;
    await world.restart();
    await world.reconcile(ALICE);
    expect(world.linux.account(ALICE)).toMatchObject({ name: 'alice', sudo: true });
  });

  it('does not call a pass that was ended half-way settled', async () => {
    await world.reconcile(ALICE);
    alice().standing = 'soft-deleted';
    const ending = new AbortController();
    world.linux.onApply = () => ending.abort(new Busy('stopping'));
    world.proxmox.onApply = () => ending.abort(new Busy('stopping'));
    const { lanes } = world.ctx;
    lanes.proxmox.pause();
    const request = { by: 'notification', apply: true } as const;
    const running = reconcileIdentities(world.ctx, [ALICE], request, ending.signal);
    await lanes.linux.onIdle();
    lanes.proxmox.start();

    const [outcome] = await running;

    expect(outcome?.result).toBe('failed');
    expect(outcome?.error).toBeInstanceOf(Busy);
    expect(world.proxmox.user('alice@example.com@entra')?.enabled).toBe(true);
    expect(world.entry(ALICE)).toMatchObject({ state: 'grace', deleteAt: NOW + 24 * HOUR });
  });

  it('audits every step with what was before and after', async () => {
    await world.reconcile(ALICE);
    alice().groups = [EVERYBODY, ADMINS];
    await world.reconcile(ALICE);

    expect(world.audit).toContainEqual(
      expect.objectContaining({
        by: 'notification',
        target: 'linux',
        action: 'sudo',
        oid: ALICE,
        upn: 'alice@example.com',
        before: { sudo: false },
        after: { sudo: true },
        outcome: 'done',
      }),
    );
    expect(world.audit).toHaveLength(world.linux.applied.length + world.proxmox.applied.length);
  });
});

describe('a dry run', () => {
  it('writes nothing anywhere, and shows what would be done', async () => {
    world = await fresh({}, true);
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });

    const [outcome] = await world.reconcile(ALICE);
    await world.sweep();

    expect(outcome?.steps.map(({ action }) => action)).toEqual(['create', 'create']);
    expect([world.linux.applied, world.proxmox.applied, world.audit, world.ctx.ledger.entries()]).toEqual([
      [],
      [],
      [],
      [],
    ]);
    await expect(openLedger(world.ledgerPath).then((ledger) => ledger.data.lastSweep)).resolves.toBeUndefined();
  });

  it('shows a departure as what it would become, and asks for no further look', async () => {
    await world.reconcile(ALICE);
    alice().groups = [];
    world.ctx = { ...world.ctx, dryRun: true };

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome?.recheckAt).toBeUndefined();
    expect(outcome?.steps.map(describeStep)).toContain('linux lock alice');
    expect(world.entry(ALICE)).toMatchObject({ state: 'active' });
    expect(world.entry(ALICE)?.suspicion).toBeUndefined();
  });
});

describe('PVE_PROVISION=existing', () => {
  beforeEach(async () => {
    world = await fresh({ provision: 'existing' });
    world.proxmox.adoptExisting = true;
    world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
    world.directory.add({ oid: MALLORY, upn: 'mallory@example.com', groups: [EVERYBODY] });
    world.proxmox.users.set('alice@example.com@entra', foreignUser('alice@example.com@entra'));
  });

  it('handles only who is in the realm already', async () => {
    const outcomes = await world.reconcile(ALICE, MALLORY);

    expect(outcomes.map(({ result }) => result)).toEqual(['applied', 'ignored']);
    expect(world.linux.account(ALICE)?.name).toBe('alice');
    expect(world.linux.account(MALLORY)).toBeUndefined();
    expect(world.proxmox.users.has('mallory@example.com@entra')).toBe(false);
  });

  it('gives nobody an account while Proxmox cannot be seen, and takes none', async () => {
    await world.reconcile(ALICE);
    world.proxmox.blind = true;
    alice().groups = [EVERYBODY, ADMINS];

    const outcomes = await world.reconcile(ALICE, MALLORY);

    expect(outcomes.map(({ result }) => result)).toEqual(['unknown', 'unknown']);
    expect(world.linux.account(ALICE)).toMatchObject({ locked: false, sudo: true });
    expect(world.linux.account(MALLORY)).toBeUndefined();
  });

  it('locks who was taken out of the realm, after a second look', async () => {
    await world.reconcile(ALICE);
    world.proxmox.users.clear();

    const [first] = await world.reconcile(ALICE);
    world.clock.time += 5000;
    await world.reconcile(ALICE);

    expect(first?.result).toBe('confirming');
    expect(world.entry(ALICE)).toMatchObject({ state: 'grace', reason: 'not in the Proxmox realm' });
    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('keeps somebody whose new user principal name is not in the realm yet', async () => {
    await world.reconcile(ALICE);
    alice().upn = 'alice.new@example.com';

    await world.settleDown(ALICE);

    expect(world.entry(ALICE)?.state).toBe('active');
    expect(world.linux.account(ALICE)?.locked).toBe(false);
    expect(world.proxmox.user('alice@example.com@entra')?.enabled).toBe(true);
  });
});

async function fresh(policy: NonNullable<Parameters<typeof createFakeWorld>[0]>['policy'] = {}, dryRun = false) {
  await world.remove();
  return createFakeWorld({ policy, dryRun });
}

function foreignUser(userid: string) {
  return { userid, enabled: true, comment: '', firstName: '', lastName: '', email: '', groups: [] };
}
