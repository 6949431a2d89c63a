import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Busy } from '../../../src/domain/errors.js';
import { watchedAudit, watchedLedger } from '../../../src/reconcile/storage-watch.js';
import { ALICE, BOB, EVERYBODY, HOUR } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

const CAROL = '33333333-3333-4333-8333-333333333333';

let world: FakeWorld;
let full: boolean;

beforeEach(async () => {
  full = false;
  world = await createFakeWorld();
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
  world.directory.add({ oid: BOB, upn: 'bob@example.com', groups: [EVERYBODY] });
  await world.sweep();
  const { ledger, audit, storage } = world.ctx;
  const failing = {
    ...ledger,
    get data() {
      return ledger.data;
    },
    save: async () => (full ? Promise.reject(new Busy('the ledger cannot be written: ENOSPC')) : ledger.save()),
  };
  world.ctx = { ...world.ctx, ledger: watchedLedger(failing, storage), audit: watchedAudit(audit, storage) };
});
afterEach(() => world.remove());

const person = (oid: string) => world.directory.person(oid);
const problems = () => [...world.ctx.problems.values()];
const told = () => world.events.filter(({ event }) => event === 'reconcile.lock.unremembered');

describe('a ledger that cannot be written', () => {
  it('does not keep a leaver in: the lock is put on record and done, and asked for again until all is remembered', async () => {
    full = true;
    person(ALICE).enabled = false;

    await expect(world.reconcile(ALICE)).rejects.toThrow(Busy);

    expect(world.linux.account(ALICE)?.locked).toBe(true);
    expect(world.proxmox.user('alice@example.com@entra')?.enabled).toBe(false);
    expect(world.audit.filter(({ oid, action }) => oid === ALICE && /lock|update/.test(action))).toMatchObject([
      { action: 'lock-unremembered', outcome: 'begun', error: expect.stringContaining('ENOSPC') },
      { action: 'lock', outcome: 'done' },
      { action: 'update', outcome: 'done' },
    ]);
    expect(problems()).toEqual(['the ledger cannot be written: ENOSPC']);
    full = false;
    await world.reconcile(ALICE);
    expect(problems()).toEqual([]);
    await world.restart();
    expect(world.entry(ALICE)?.state).toBe('suspended');
  });

  it('counts two agreeing readings in memory, and keeps the countdown that began then', async () => {
    full = true;
    person(ALICE).groups = [];

    await expect(world.reconcile(ALICE)).rejects.toThrow(Busy);
    const afterOne = world.linux.account(ALICE)?.locked;
    world.clock.time += 5000;
    await expect(world.reconcile(ALICE)).rejects.toThrow(Busy);
    const deleteAt = world.entry(ALICE)?.deleteAt;
    world.clock.time += HOUR;
    full = false;
    await world.reconcile(ALICE);

    expect(afterOne).toBe(false);
    expect(world.linux.account(ALICE)?.locked).toBe(true);
    expect(deleteAt).toBeDefined();
    expect(world.entry(ALICE)?.deleteAt).toBe(deleteAt);
  });

  it('lets nothing else be done: nobody is made, given anything, or deleted', async () => {
    person(ALICE).groups = [];
    await world.settleDown(ALICE);
    world.clock.time += 24 * HOUR;
    world.directory.add({ oid: CAROL, upn: 'carol@example.com', groups: [EVERYBODY] });
    person(BOB).enabled = false;
    const before = world.linux.applied.length;
    full = true;

    await expect(world.sweep()).rejects.toThrow(Busy);

    expect(world.linux.applied.slice(before).map(({ action, oid }) => `${action} ${oid}`)).toEqual([`lock ${BOB}`]);
    expect(world.linux.account(ALICE)?.state).toBe('whole');
    expect(world.proxmox.user('carol@example.com@entra')).toBeUndefined();
  });

  it('does not let a mass of leavers past the guard', async () => {
    const oids = Array.from({ length: 12 }, (_, n) => `44444444-4444-4444-8444-${String(n).padStart(12, '0')}`);
    for (const [n, oid] of oids.entries()) world.directory.add({ oid, upn: `p${n}@example.com`, groups: [EVERYBODY] });
    await world.sweep();
    full = true;
    for (const oid of oids) person(oid).enabled = false;

    await expect(world.sweep()).rejects.toThrow(Busy);

    expect(oids.filter((oid) => world.linux.account(oid)?.locked)).toEqual([]);
  });
});

describe('an audit log that cannot be written', () => {
  it('does not keep leavers in: each lock is told to the log instead, and nothing else is done', async () => {
    world.auditFault.error = new Error('ENOSPC');
    person(ALICE).enabled = false;
    person(BOB).enabled = false;
    world.directory.add({ oid: CAROL, upn: 'carol@example.com', groups: [EVERYBODY] });

    await expect(world.reconcile(ALICE, BOB, CAROL)).rejects.toThrow(Busy);

    expect([ALICE, BOB].map((oid) => world.linux.account(oid)?.locked)).toEqual([true, true]);
    expect(world.linux.account(CAROL)).toBeUndefined();
    expect(told().map(({ fields }) => fields.record)).toContainEqual(
      expect.objectContaining({ action: 'lock', oid: BOB, target: 'linux', outcome: 'done' }),
    );
    expect(problems()).toEqual(['the audit log cannot be written: ENOSPC']);
    expect(await world.ctx.metrics.registry.metrics()).toContain('entramox_storage_unwritable{what="audit"} 1');
  });

  it('is well again with the first record that it takes', async () => {
    world.auditFault.error = new Error('ENOSPC');
    person(ALICE).enabled = false;
    await expect(world.reconcile(ALICE)).rejects.toThrow(Busy);

    world.auditFault.error = undefined;
    person(BOB).enabled = false;
    await world.reconcile(ALICE, BOB);

    expect(problems()).toEqual([]);
    expect(world.entry(ALICE)?.state).toBe('suspended');
    expect(world.events.some(({ event }) => event === 'reconcile.storage.writable')).toBe(true);
  });
});
