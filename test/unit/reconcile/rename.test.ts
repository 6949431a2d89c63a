import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ADMINS, ALICE, BOB, EVERYBODY } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

const OLD = 'alice@example.com@entra';
const NEW = 'alice.new@example.com@entra';

let world: FakeWorld;

beforeEach(async () => {
  world = await createFakeWorld();
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY, ADMINS] });
  await world.reconcile(ALICE);
  alice().upn = 'alice.new@example.com';
});
afterEach(() => world.remove());

function alice() {
  return world.directory.person(ALICE);
}

describe('a new user principal name', () => {
  it('keeps the account, makes the new Proxmox user and closes the old one', async () => {
    await world.reconcile(ALICE);

    expect(world.linux.account(ALICE)).toMatchObject({ name: 'alice', locked: false });
    expect(world.proxmox.user(NEW)).toMatchObject({ enabled: true, groups: ['Administrator-entra', 'entramox-entra'] });
    expect(world.proxmox.user(OLD)).toMatchObject({ enabled: false, groups: ['entramox-entra'] });
    expect(world.entry(ALICE)).toMatchObject({ names: { linux: 'alice', proxmox: NEW }, retired: [OLD] });
  });

  it('closes the old user later where it cannot be seen now', async () => {
    world.proxmox.blindTo.add(OLD);

    const [first] = await world.reconcile(ALICE);
    world.proxmox.blindTo.clear();
    await world.reconcile(ALICE);

    expect(first?.result).toBe('unknown');
    expect(world.proxmox.user(NEW)?.enabled).toBe(true);
    expect(world.proxmox.user(OLD)?.enabled).toBe(false);
  });

  it('closes the old user again where somebody opened it', async () => {
    await world.reconcile(ALICE);
    const old = world.proxmox.user(OLD);
    if (old) world.proxmox.users.set(OLD, { ...old, enabled: true });

    await world.reconcile(ALICE);

    expect(world.proxmox.user(OLD)?.enabled).toBe(false);
  });

  it('leaves no user of a name in between open when a second change overtakes a failed first one', async () => {
    world.linux.fault = () => new Error('no space left');
    world.proxmox.fault = (step) => (step.name === OLD ? new Error('500') : undefined);
    await world.reconcile(ALICE);
    world.linux.fault = () => undefined;
    world.proxmox.fault = () => undefined;
    alice().upn = 'alice.last@example.com';

    await world.reconcile(ALICE);
    await world.reconcile(ALICE);

    const open = [...world.proxmox.users.values()].filter(({ enabled }) => enabled).map(({ userid }) => userid);
    expect(open).toEqual(['alice.last@example.com@entra']);
  });

  it('goes back to the first user when the name goes back', async () => {
    await world.reconcile(ALICE);
    alice().upn = 'alice@example.com';

    await world.reconcile(ALICE);

    expect(world.proxmox.user(OLD)).toMatchObject({ enabled: true });
    expect(world.proxmox.user(NEW)).toMatchObject({ enabled: false });
    expect(world.entry(ALICE)).toMatchObject({ names: { proxmox: OLD }, retired: [NEW] });
  });

  it('closes the old user of somebody who left under the new name, although the new one never was made', async () => {
    alice().enabled = false;

    await world.reconcile(ALICE);

    expect(world.proxmox.user(OLD)?.enabled).toBe(false);
    expect(world.proxmox.user(NEW)).toBeUndefined();
  });

  it('looks after the old user as long as somebody else’s stands where the new one should be', async () => {
    world.proxmox.users.set(NEW, {
      userid: NEW,
      enabled: true,
      comment: `entra:${BOB}`,
      firstName: '',
      lastName: '',
      email: '',
      groups: [],
    });
    alice().groups = [EVERYBODY];

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome?.result).toBe('conflict');
    expect(world.proxmox.user(OLD)).toMatchObject({
      enabled: true,
      groups: ['PVEAuditor-entra', 'entramox-entra'],
    });
    expect(world.proxmox.user(NEW)?.comment).toBe(`entra:${BOB}`);
  });

  it('is found and settled by the sweep too, once', async () => {
    await world.sweep();
    const writes = world.proxmox.applied.length;

    await world.sweep();

    expect(world.proxmox.user(OLD)?.enabled).toBe(false);
    expect(world.proxmox.applied).toHaveLength(writes);
  });
});
