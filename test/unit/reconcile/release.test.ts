import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AccountTarget } from '../../../src/domain/policy.js';
import { openLedger } from '../../../src/ledger/ledger.js';
import { adopt } from '../../../src/reconcile/adopt.js';
import { release as releaseAll } from '../../../src/reconcile/release.js';
import { sweep } from '../../../src/reconcile/sweep.js';
import { ADMINS, ALICE, BOB, EVERYBODY } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

const USERID = 'alice@example.com@entra';
const forever = new AbortController().signal;

let world: FakeWorld;

beforeEach(async () => {
  world = await createFakeWorld();
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY, ADMINS] });
  await world.reconcile(ALICE);
});
afterEach(() => world.remove());

async function release(targets?: AccountTarget[], apply = true) {
  const { parts } = await releaseAll(world.ctx, 'alice@example.com', { apply, targets }, forever);
  const partOf = (target: AccountTarget) => parts.find((part) => part.target === target);
  return { linux: partOf('linux'), proxmox: partOf('proxmox') };
}

/** What stands in both targets, without comments. */
function standing() {
  const { comment, ...user } = world.proxmox.user(USERID) ?? { comment: '' };
  return { account: world.linux.account(ALICE), user };
}

describe('a release', () => {
  it('takes our mark off the comment and leaves everything else as it is', async () => {
    const before = standing();

    const { linux, proxmox } = await release();

    expect(standing()).toEqual(before);
    expect(world.proxmox.user(USERID)?.comment).toMatch(/^given back by Entramox on \d{4}-/);
    expect([linux?.byRoot, linux?.done, proxmox?.done]).toEqual([true, true, true]);
    expect(linux?.facts.join()).toContain('/etc/sudoers.d/entramox-');
    expect(world.audit.filter(({ action }) => action === 'release').map(({ target }) => target)).toEqual([
      'linux',
      'proxmox',
    ]);
  });

  it('only shows it unless it is to be done', async () => {
    const before = world.proxmox.user(USERID);

    await release(undefined, false);

    expect(world.proxmox.user(USERID)).toEqual(before);
    expect(world.entry(ALICE)?.released).toBeUndefined();
  });

  it('ends everything: no lock, no deletion, no new account, no conflict, whatever becomes of the person', async () => {
    await release();
    const before = standing();
    const steps = [world.linux.applied.length, world.proxmox.applied.length];

    world.directory.person(ALICE).enabled = false;
    await world.reconcile(ALICE);
    world.directory.person(ALICE).standing = 'soft-deleted';
    await world.settleDown(ALICE);
    world.clock.time += 48 * 3_600_000;
    await world.sweep();
    world.directory.person(ALICE).standing = 'there';
    world.directory.person(ALICE).enabled = true;
    await world.reconcile(ALICE);
    await world.sweep();

    expect(standing()).toEqual(before);
    expect([world.linux.applied.length, world.proxmox.applied.length]).toEqual(steps);
    expect(world.entry(ALICE)).toMatchObject({ conflicts: [], names: { linux: 'alice', proxmox: USERID } });
  });

  it('makes nothing anew where the account is gone by now', async () => {
    await release();
    world.linux.accounts.clear();
    world.proxmox.users.clear();

    await world.sweep();

    expect([world.linux.accounts.size, world.proxmox.users.size]).toEqual([0, 0]);
  });

  it('of one target leaves the other one looked after', async () => {
    await release(['proxmox']);

    world.directory.person(ALICE).enabled = false;
    await world.reconcile(ALICE);

    expect(world.linux.account(ALICE)?.locked).toBe(true);
    expect(world.proxmox.user(USERID)?.enabled).toBe(true);
  });

  it('keeps the Unix name from everybody else for good', async () => {
    await release();
    world.directory.add({ oid: BOB, upn: 'alice@branch.example.com', groups: [EVERYBODY] });

    await world.reconcile(BOB);

    expect(world.entry(BOB)?.conflicts).toMatchObject([{ target: 'linux', what: expect.stringContaining(ALICE) }]);
    expect(world.entry(BOB)?.names.linux).toBeUndefined();
  });

  it('is remembered over a restart, and a ledger of before it is still read', async () => {
    const older = JSON.parse(readFileSync(world.ledgerPath, 'utf8'));
    await release();
    await world.restart();
    const released = world.entry(ALICE)?.released;
    delete older.identities[ALICE].released;
    writeFileSync(world.ledgerPath, JSON.stringify(older));

    const ledger = await openLedger(world.ledgerPath);

    expect(released).toMatchObject({ linux: { by: 'operator' }, proxmox: { by: 'operator' } });
    expect(ledger.entry(ALICE)?.released).toBeUndefined();
  });

  it('is undone by an adoption, which takes both back with what they have', async () => {
    await release();

    await adopt(world.ctx, ALICE, { apply: true }, forever);
    const back = world.entry(ALICE);
    world.directory.person(ALICE).enabled = false;
    await world.reconcile(ALICE);

    expect(back?.released).toBeUndefined();
    expect(world.proxmox.user(USERID)).toMatchObject({ enabled: false });
    expect(world.proxmox.user(USERID)?.comment).toContain(`entra:${ALICE}`);
    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('holds also against a sweep that looked before it', async () => {
    world.directory.person(ALICE).enabled = false;
    let once = false;
    world.linux.onObserve = async () => {
      if (once) return;
      once = true;
      await release();
    };

    await sweep(world.ctx, { apply: true }, forever);

    expect(world.linux.account(ALICE)?.locked).toBe(false);
    expect(world.proxmox.user(USERID)?.enabled).toBe(true);
    expect(world.entry(ALICE)?.released?.linux).toBeDefined();
  });

  it('finishes what a crash left undone, and after that has nothing to do', async () => {
    world.proxmox.fault = () => new Error('cut off');
    await expect(release()).rejects.toThrow('cut off');
    world.proxmox.fault = () => undefined;
    const between = world.entry(ALICE)?.released?.proxmox;

    await release();
    const writes = world.proxmox.applied.length;
    const again = await release();

    expect(between).toBeDefined();
    expect(world.proxmox.user(USERID)?.comment).not.toContain('entra:');
    expect(again.proxmox).toMatchObject({ standing: 'released', done: false });
    expect(world.proxmox.applied).toHaveLength(writes);
  });

  it('asks which one is meant where two have the name', async () => {
    world.directory.person(ALICE).standing = 'soft-deleted';
    await world.settleDown(ALICE);
    world.directory.add({ oid: BOB, upn: 'alice@example.com', groups: [EVERYBODY] });
    await world.reconcile(BOB);

    await expect(release()).rejects.toThrow(new RegExp(`${ALICE} \\(grace\\).*${BOB} \\(active\\)`));
  });

  it('is refused for somebody who is not looked after', async () => {
    await expect(releaseAll(world.ctx, 'nobody@example.com', { apply: true }, forever)).rejects.toThrow('nobody@');
  });
});

describe('an account that root took back on the host alone', () => {
  beforeEach(() => {
    world.linux.released.add(ALICE);
  });

  it('is left alone without being reported as a conflict, and Proxmox goes on', async () => {
    const done = world.linux.applied.length;
    world.directory.person(ALICE).enabled = false;

    await world.sweep();

    expect(world.entry(ALICE)).toMatchObject({ conflicts: [], released: { linux: { by: 'host' } } });
    expect(world.linux.applied).toHaveLength(done);
    expect(world.proxmox.user(USERID)?.enabled).toBe(false);
  });

  it('is looked after again as soon as root has handed it over again', async () => {
    await world.sweep();
    world.linux.released.delete(ALICE);
    world.directory.person(ALICE).enabled = false;

    await world.reconcile(ALICE);

    expect(world.entry(ALICE)?.released).toBeUndefined();
    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('stays away for good once an operator said so', async () => {
    await release(['linux']);
    world.linux.released.delete(ALICE);
    world.directory.person(ALICE).enabled = false;

    await world.reconcile(ALICE);

    expect(world.linux.account(ALICE)?.locked).toBe(false);
  });
});
