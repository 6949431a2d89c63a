import { rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Busy, SourceUnavailable } from '../../../src/domain/errors.js';
import { commentFor } from '../../../src/domain/proxmox-comment.js';
import { compareOnce, compareWithTargets } from '../../../src/reconcile/disagreement.js';
import { repairLedger } from '../../../src/reconcile/repair.js';
import { ADMINS, ALICE, BOB, EVERYBODY, HOUR } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

const CAROL = '33333333-3333-4333-8333-333333333333';
const DAY = 24 * HOUR;
const forever = new AbortController().signal;

let world: FakeWorld;

beforeEach(async () => {
  world = await createFakeWorld();
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
  world.directory.add({ oid: BOB, upn: 'bob@example.com', groups: [EVERYBODY] });
  await world.sweep();
  await world.sweep();
});
afterEach(() => world.remove());

const repair = (apply: boolean) => repairLedger(world.ctx, { apply, claimedUser: 'root' }, forever);
const problems = () => [...world.ctx.problems.values()].join('\n');
const userOf = (name: string) => world.proxmox.user(`${name}@example.com@entra`);

async function loseLedger(): Promise<void> {
  await rm(world.ledgerPath);
  await rm(`${world.ledgerPath}.prev`);
  await world.restart();
}

async function bobLeaves(): Promise<void> {
  world.directory.person(BOB).groups = [];
  await world.settleDown(BOB);
}

describe('a ledger that was lost', () => {
  it('is not taken for a new host: nobody is removed or written down again, and it is told with the remedy', async () => {
    await bobLeaves();
    await loseLedger();
    world.directory.person(ALICE).groups = [];
    const before = [world.linux.applied.length, world.proxmox.applied.length];

    const { record } = await world.sweep();
    await world.settleDown(ALICE);

    expect([world.linux.applied.length, world.proxmox.applied.length]).toEqual(before);
    expect(world.ctx.ledger.entries()).toEqual([]);
    expect(record).toMatchObject({ result: 'degraded', why: expect.stringContaining('the ledger is lost or empty') });
    expect(problems()).toContain(
      '2 identities that were ours; nobody is removed. It shows first what it would do: "entramox repair"',
    );
    expect(await world.ctx.metrics.registry.metrics()).toContain('entramox_record_disagreements 2');
  });

  it('still lets a newcomer in', async () => {
    await loseLedger();
    world.directory.add({ oid: CAROL, upn: 'carol@example.com', groups: [EVERYBODY] });

    await world.sweep();

    expect(world.linux.account(CAROL)?.state).toBe('whole');
    expect(world.ctx.ledger.entries().map(({ oid }) => oid)).toEqual([CAROL]);
  });

  it('is rebuilt by repair, which shows first: who left stays locked, with the countdown as it was', async () => {
    await bobLeaves();
    const deleteAt = world.entry(BOB)?.deleteAt ?? 0;
    await loseLedger();
    world.clock.time += HOUR;

    const shown = await repair(false);
    const entriesThen = world.ctx.ledger.entries();
    const done = await repair(true);
    await world.restart();
    const { record } = await world.sweep();

    expect(shown).toEqual(done);
    expect(shown.changes.map(({ upn }) => upn)).toEqual(['alice@example.com', 'bob@example.com']);
    expect(shown.changes[1]?.text).toContain('left, deletes');
    expect(entriesThen).toEqual([]);
    expect(record.result).toBe('done');
    expect(world.entry(ALICE)).toMatchObject({ state: 'active', names: { linux: 'alice' }, groups: [EVERYBODY] });
    expect(world.entry(BOB)).toMatchObject({ state: 'grace' });
    expect(world.entry(BOB)?.deleteAt).toBeGreaterThanOrEqual(deleteAt);
    expect(world.entry(BOB)?.deleteAt).toBeLessThanOrEqual(deleteAt + 60_000);
    expect(world.linux.account(BOB)?.locked).toBe(true);
    expect(world.audit.filter(({ action }) => action === 'repair')).toMatchObject([
      { by: 'operator', oid: ALICE, claimedUser: 'root', outcome: 'done' },
      { by: 'operator', oid: BOB, claimedUser: 'root', outcome: 'done' },
    ]);
  });

  it('finds after its repair who left while it was lost, and deletes who was due', async () => {
    await bobLeaves();
    await loseLedger();
    world.directory.person(ALICE).groups = [];
    world.clock.time += DAY + HOUR;

    await repair(true);
    await world.sweep();

    expect(world.entry(ALICE)?.state).toBe('grace');
    expect(world.linux.account(BOB)?.state).toBe('deleted');
  });

  it('neither locks nor favours somebody after its repair who may be in a group that cannot be read', async () => {
    await loseLedger();
    await repair(true);
    world.directory.unreadableGroups.add(EVERYBODY).add(ADMINS);

    await world.sweep();
    await world.settleDown(ALICE);

    expect(world.linux.account(ALICE)).toMatchObject({ locked: false, sudo: false });
    expect(world.entry(ALICE)?.state).toBe('active');
    world.directory.person(ALICE).enabled = false;
    await world.reconcile(ALICE);
    expect(world.entry(ALICE)).toMatchObject({ state: 'suspended', deleteAt: undefined });
  });

  it('is not rebuilt from half of the marks, nor where that could not be put on record', async () => {
    await loseLedger();

    world.proxmox.blind = true;
    await expect(repair(true)).rejects.toThrow(SourceUnavailable);
    world.proxmox.blind = false;
    world.auditFault.error = new Error('no space');
    await expect(repair(true)).rejects.toThrow(Busy);

    expect(world.ctx.ledger.entries()).toEqual([]);
  });

  it('is found at the start, and looked for again where the targets could not be seen then', async () => {
    await loseLedger();
    world.linux.blind = true;

    await compareOnce(world.ctx, forever);
    world.linux.blind = false;
    await compareOnce(world.ctx, forever);
    const tooSoon = problems();
    world.clock.time += 30_000;
    await compareOnce(world.ctx, forever);

    expect(tooSoon).toBe('');
    expect(problems()).toContain('the ledger is lost');
  });
});

describe("a record of the account agent's that was lost", () => {
  it('keeps everybody as they are, and nobody gets a name or uid that it may have known', async () => {
    world.linux.accounts.clear();
    world.linux.foreign.add('alice').add('bob');
    world.directory.person(BOB).groups = [];
    world.directory.add({ oid: CAROL, upn: 'carol@example.com', groups: [EVERYBODY] });
    const before = [world.linux.applied.length, world.proxmox.applied.length];

    const { record } = await world.sweep();
    await world.settleDown(BOB, CAROL);

    expect([world.linux.applied.length, world.proxmox.applied.length]).toEqual(before);
    expect(record.result).toBe('degraded');
    expect(problems()).toContain(`as root on this host "entramox accounts repair --ledger ${world.ledgerPath}"`);
    expect((await repair(false)).command).toBe(`entramox accounts repair --ledger ${world.ledgerPath}`);
  });

  it('is no problem any more once it knows them again', async () => {
    const accounts = [...world.linux.accounts];
    world.linux.accounts.clear();
    await world.sweep();

    for (const [oid, account] of accounts) world.linux.accounts.set(oid, account);
    const { record } = await world.sweep();

    expect(record.result).toBe('done');
    expect(problems()).toBe('');
    expect(world.events.some(({ event }) => event === 'reconcile.records.agree')).toBe(true);
  });
});

describe('a contradiction about one person', () => {
  it('keeps that person as they are, and nobody else', async () => {
    const account = world.linux.account(ALICE);
    if (account) world.linux.accounts.set(ALICE, { ...account, uid: 29_999 });
    for (const oid of [ALICE, BOB]) world.directory.person(oid).groups = [];

    await world.sweep();

    expect(world.linux.account(ALICE)?.locked).toBe(false);
    expect(world.linux.account(BOB)?.locked).toBe(true);
    expect(problems()).toContain('the account agent 29999');
    await repair(true);
    await world.sweep();
    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('keeps a countdown from ending early by a ledger of an older backup', async () => {
    await bobLeaves();
    const user = userOf('bob');
    const later = world.clock.time + 2 * DAY;
    const comment = commentFor(BOB, { presence: 'grace', deleteAt: later }, 'left');
    if (user) world.proxmox.users.set(user.userid, { ...user, comment });
    world.clock.time += DAY;

    await world.sweep();
    const afterSweep = world.linux.account(BOB)?.state;
    await repair(true);
    await world.sweep();

    expect(afterSweep).toBe('whole');
    expect(world.linux.account(BOB)?.state).toBe('whole');
    world.clock.time = later + 60_000;
    await world.sweep();
    expect(world.linux.account(BOB)?.state).toBe('deleted');
  });

  it('is not seen where targeted work went on while the targets were looked at', async () => {
    world.linux.onObserve = () => undefined;
    const record = world.linux.record;
    world.linux.record = async (named, signal) => {
      const seen = await record(named, signal);
      // A comeback that is finished before the answer is compared.
      await world.reconcile(ALICE);
      return { ...seen, accounts: seen.accounts.map((item) => ({ ...item, uid: item.oid === ALICE ? 1 : item.uid })) };
    };

    expect(await compareWithTargets(world.ctx, forever)).toEqual([]);
  });
});

describe('a ledger of a release that knew no uids', () => {
  it('is loaded, and gets them with the next sweep', async () => {
    const old = JSON.parse(JSON.stringify(world.ctx.ledger.data));
    for (const item of Object.values<{ uid?: number }>(old.identities)) delete item.uid;
    delete old.clock;
    await writeFile(world.ledgerPath, JSON.stringify(old));
    await world.restart();

    const { record } = await world.sweep();

    expect(record.result).toBe('done');
    expect(world.entry(ALICE)?.uid).toBe(world.linux.account(ALICE)?.uid);
  });
});
