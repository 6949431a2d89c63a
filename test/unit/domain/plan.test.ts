import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { desiredOf } from '../../../src/domain/desired.js';
import type { LedgerEntry } from '../../../src/domain/ledger-entry.js';
import { judge, type Wanted } from '../../../src/domain/lifecycle.js';
import { formerNames, type IdentityPlan, namesFor, planIdentity } from '../../../src/domain/plan.js';
import type { Reading } from '../../../src/domain/reading.js';
import type { LinuxAccount, ProxmoxUser, Sight } from '../../../src/domain/sight.js';
import { describeStep } from '../../../src/domain/step.js';
import {
  ADMINS,
  ALICE,
  account,
  anyAccount,
  anyEntry,
  anyReading,
  anyUser,
  BOB,
  EVERYBODY,
  entry,
  HOUR,
  LAB,
  NOW,
  policy,
  present,
  user,
} from './builders.js';
import { applied, type World } from './world.js';

const nobody = () => undefined;

function planFor(known: LedgerEntry | undefined, reading: Reading, world: World, now = NOW, sweep = false) {
  const verdict = judge(ALICE, known, desiredOf(reading, policy()), policy(), { now, sweep });
  if (verdict.kind !== 'settle') return { verdict, plan: undefined };
  const attributes = reading.certainty === 'present' ? reading.attributes : undefined;
  const names = namesFor(verdict.entry, policy(), nobody);
  return { verdict, plan: planIdentity(verdict.entry, verdict.wanted, attributes, world, names, policy(), now) };
}

function run(world: World, plan: IdentityPlan): World {
  return plan.steps.reduce((current, step) => applied(current, step, policy()), world);
}

const ourLinux: fc.Arbitrary<Sight<LinuxAccount>> = fc.oneof(
  fc.constant<Sight<LinuxAccount>>({ certainty: 'absent' }),
  anyAccount.map((value): Sight<LinuxAccount> => ({ certainty: 'present', value })),
);
const ourProxmox: fc.Arbitrary<Sight<ProxmoxUser>> = fc.oneof(
  fc.constant<Sight<ProxmoxUser>>({ certainty: 'absent' }),
  anyUser.map((value): Sight<ProxmoxUser> => ({ certainty: 'present', value })),
);
const anyWorld = fc.record({ linux: ourLinux, proxmox: ourProxmox });
const foreign = { certainty: 'foreign', what: 'somebody else', remedy: 'adopt' } as const;
const unseen = { certainty: 'unknown', why: 'down' } as const;

describe('planIdentity', () => {
  it('plans nothing at all on an unknown reading', () => {
    fc.assert(
      fc.property(anyEntry, anyWorld, fc.boolean(), (known, world, sweep) => {
        const { plan } = planFor(known, { certainty: 'unknown', oid: ALICE, why: 'x' }, world, NOW, sweep);

        expect(plan).toBeUndefined();
      }),
    );
  });

  it('plans nothing for a target that cannot be seen or where the name is somebody else’s', () => {
    const blind = fc.constantFrom<World>(
      { linux: unseen, proxmox: unseen },
      { linux: foreign, proxmox: foreign },
      { linux: foreign, proxmox: unseen },
    );
    fc.assert(
      fc.property(anyEntry, anyReading, blind, fc.boolean(), (known, reading, world, sweep) => {
        const { plan } = planFor(known, reading, world, NOW, sweep);

        expect(plan?.steps ?? []).toEqual([]);
      }),
    );
  });

  it('is idempotent: after the steps of a plan the next plan is empty', () => {
    fc.assert(
      fc.property(anyEntry, anyReading, anyWorld, fc.boolean(), (known, reading, world, sweep) => {
        const first = planFor(known, reading, world, NOW, sweep);
        if (!first.plan) return;
        const after = run(world, first.plan);
        const second = planFor(first.plan.entry, reading, after, NOW, sweep);

        expect(second.plan?.steps.map(describeStep)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it('leads from every state to the desired one', () => {
    fc.assert(
      fc.property(anyEntry, anyReading, anyWorld, (known, reading, world) => {
        const { verdict, plan } = planFor(known, reading, world, NOW, true);
        if (!plan || verdict.kind !== 'settle') return;
        const after = run(world, plan);

        expect(violations(verdict.wanted, after)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes away before it gives, and deletes last', () => {
    fc.assert(
      fc.property(anyEntry, anyReading, anyWorld, (known, reading, world) => {
        const { plan } = planFor(known, reading, world, NOW, true);
        const effects = plan?.steps.map((step) => step.effect) ?? [];
        const ranks = effects.map((effect) =>
          effect === 'revoke' || effect === 'lock' ? 0 : effect === 'delete' ? 2 : 1,
        );

        expect(ranks).toEqual([...ranks].sort());
      }),
    );
  });

  it('creates a joiner in both targets with exactly what the groups give', () => {
    const reading = present({ groups: [EVERYBODY, LAB] });
    const { plan } = planFor(undefined, reading, { linux: { certainty: 'absent' }, proxmox: { certainty: 'absent' } });

    expect(plan?.steps).toMatchObject([
      { target: 'linux', action: 'create', name: 'alice', gecos: 'Alice Example' },
      {
        target: 'proxmox',
        action: 'create',
        name: 'alice@example.com@entra',
        fields: { enabled: true, groups: ['PVEVMAdmin.pool.lab-entra', 'entramox-entra'] },
      },
      { target: 'linux', action: 'groups', groups: ['lab'] },
    ]);
    expect(plan?.entry.names).toEqual({ linux: 'alice', proxmox: 'alice@example.com@entra' });
  });

  it('takes sudo and the role from a demoted administrator in one pass', () => {
    const world: World = {
      linux: { certainty: 'present', value: account({ sudo: true }) },
      proxmox: { certainty: 'present', value: user({ groups: ['Administrator-entra', 'entramox-entra'] }) },
    };
    const { plan } = planFor(entry({ groups: [EVERYBODY, ADMINS] }), present(), world);

    expect(plan?.steps).toMatchObject([
      { target: 'linux', action: 'sudo', effect: 'revoke', granted: false },
      { target: 'proxmox', effect: 'revoke', groups: ['PVEAuditor-entra', 'entramox-entra'], append: false },
    ]);
  });

  it('does not count a promotion as a removal, although the role of all users goes', () => {
    const world: World = {
      linux: { certainty: 'present', value: account() },
      proxmox: { certainty: 'present', value: user() },
    };
    const { plan } = planFor(entry(), present({ groups: [EVERYBODY, ADMINS] }), world);

    expect(plan?.steps).toMatchObject([
      { target: 'linux', action: 'sudo', effect: 'grant' },
      { target: 'proxmox', effect: 'grant', groups: ['Administrator-entra', 'entramox-entra'], append: false },
    ]);
  });

  it('disables a leaver in Proxmox even where a group that is not ours keeps us from writing the whole list', () => {
    const value = user({ groups: ['PVEAuditor-entra', 'entramox-entra', 'somebodys'] });
    const gone = { certainty: 'absent', oid: ALICE, evidence: 'soft-deleted' } as const;
    const { plan } = planFor(entry(), gone, {
      linux: { certainty: 'absent' },
      proxmox: { certainty: 'present', value },
    });

    expect(plan?.steps).toMatchObject([
      { target: 'proxmox', effect: 'lock', change: { enabled: false }, groups: ['entramox-entra'], append: true },
    ]);
  });

  it('takes groups away before a locked account is opened, and gives others afterwards', () => {
    const world: World = {
      linux: { certainty: 'present', value: account({ locked: true, groups: ['docker'] }) },
      proxmox: { certainty: 'present', value: user({ groups: ['PVEVMAdmin.pool.lab-entra', 'entramox-entra'] }) },
    };
    const { plan } = planFor(entry({ state: 'suspended' }), present({ groups: [LAB] }), world);

    expect(plan?.steps.map(describeStep)).toEqual([
      'linux groups alice [docker] -> []',
      'linux unlock alice',
      'linux groups alice [] -> [lab]',
    ]);
  });

  it('undoes a lock that was only half done, and finishes it where a lock is wanted', () => {
    const world: World = {
      linux: { certainty: 'present', value: account({ halfLocked: true }) },
      proxmox: { certainty: 'present', value: user() },
    };
    const opened = planFor(entry(), present(), world).plan;
    const locked = planFor(entry(), present({ enabled: false }), world).plan;

    expect(opened?.steps.map(describeStep)).toEqual(['linux unlock alice']);
    expect(locked?.steps.map(describeStep)).toContain('linux lock alice');
  });

  it('does not call a former userid closed that it could not see', () => {
    const reading = present({ attributes: { upn: 'alice.new@example.com', displayName: 'Alice Example' } });
    const verdict = judge(ALICE, entry(), desiredOf(reading, policy()), policy(), { now: NOW, sweep: false });
    if (verdict.kind !== 'settle') throw new Error('expected settle');
    const names = namesFor(verdict.entry, policy(), nobody);
    const observed = {
      linux: { certainty: 'present', value: account() },
      proxmox: { certainty: 'absent' },
      retired: new Map([['alice@example.com@entra', unseen]]),
    } as const;
    const plan = planIdentity(verdict.entry, verdict.wanted, reading.attributes, observed, names, policy(), NOW);

    expect(plan.unknown).toEqual([{ target: 'proxmox', why: 'down' }]);
    expect(formerNames(namesFor(plan.entry, policy(), nobody))).toEqual(['alice@example.com@entra']);
  });

  it('says in the comment why, until when and whose', () => {
    const gone = { certainty: 'absent', oid: ALICE, evidence: 'soft-deleted' } as const;
    const world: World = { linux: { certainty: 'absent' }, proxmox: { certainty: 'present', value: user() } };
    const { plan } = planFor(entry(), gone, world);

    expect(plan?.steps[0]).toMatchObject({
      change: { comment: `Entramox: left (deleted in Entra), deletes 2026-11-22 09:00 UTC; entra:${ALICE}` },
    });
  });

  it('keeps a deleted identity in Proxmox as a disabled tombstone', () => {
    const due = entry({ state: 'grace', deleteAt: NOW - 1 });
    const reading = present({ groups: [] });
    const world: World = {
      linux: { certainty: 'present', value: account({ locked: true }) },
      proxmox: { certainty: 'present', value: user({ enabled: false }) },
    };
    const { plan } = planFor(due, reading, world, NOW, true);

    expect(plan?.steps.map((step) => step.action)).toEqual(['update', 'delete']);
    expect(run(world, plan as IdentityPlan).proxmox).toMatchObject({ value: { enabled: false } });
  });

  it('follows a new user principal name: the account stays, the new userid is made, the old is disabled and marked', () => {
    const reading = present({ attributes: { upn: 'alice.new@example.com', displayName: 'Alice New' } });
    const verdict = judge(ALICE, entry(), desiredOf(reading, policy()), policy(), { now: NOW, sweep: false });
    if (verdict.kind !== 'settle') throw new Error('expected settle');
    const names = namesFor(verdict.entry, policy(), nobody);
    const observed = {
      linux: { certainty: 'present', value: account() },
      proxmox: { certainty: 'absent' },
      retired: new Map([['alice@example.com@entra', { certainty: 'present', value: user() } as const]]),
    } as const;
    const plan = planIdentity(verdict.entry, verdict.wanted, reading.attributes, observed, names, policy(), NOW);

    expect(plan.steps.map(describeStep)).toEqual([
      expect.stringContaining('proxmox update alice@example.com@entra enabled=false'),
      'proxmox create alice.new@example.com@entra',
      'linux create alice',
    ]);
    expect(plan.entry.names).toEqual({ linux: 'alice', proxmox: 'alice.new@example.com@entra' });
    expect(plan.entry.retired).toEqual(['alice@example.com@entra']);
  });
});

describe('namesFor', () => {
  it('gives a name that somebody else holds, alive or deleted, to nobody', () => {
    const later = entry({ oid: BOB, upn: 'alice@example.org', names: {} });
    const names = namesFor(later, policy(), (name) => (name === 'alice' ? ALICE : undefined));

    expect(names.linux).toMatchObject({ conflict: { what: expect.stringContaining(ALICE) } });
  });

  it('never changes a Unix name that was given', () => {
    const renamed = entry({ upn: 'somebody.new@example.com' });

    expect(namesFor(renamed, policy(), nobody).linux).toEqual({ name: 'alice' });
  });
});

/** What is not as it is wanted, in words. Foreign groups are not ours to judge. */
function violations(wanted: Wanted, world: World): string[] {
  const linux = world.linux.certainty === 'present' ? world.linux.value : undefined;
  const proxmox = world.proxmox.certainty === 'present' ? world.proxmox.value : undefined;
  const found: string[] = [];
  if (wanted.presence === 'active') {
    const { sudo, linuxGroups, pveGroups } = wanted.entitlement;
    if (linux?.state !== 'whole' || linux.locked || linux.halfLocked) found.push('linux account not open');
    if (linux?.sudo !== sudo) found.push('sudo');
    if (linux?.groups.join() !== linuxGroups.join()) found.push('linux groups');
    const ours = proxmox?.groups.filter((group) => group !== 'somebodys');
    if (!proxmox?.enabled) found.push('proxmox user not enabled');
    if (ours?.join() !== pveGroups.join()) found.push('proxmox groups');
    return found;
  }
  if (linux && linux.state !== 'deleted' && (!linux.locked || linux.sudo)) found.push('linux account open');
  if (linux && linux.state !== 'deleted' && linux.groups.length > 0) found.push('linux account in groups');
  if (proxmox?.enabled) found.push('proxmox user enabled');
  if (wanted.presence === 'deleted' && linux && linux.state !== 'deleted') found.push('linux account not deleted');
  if (wanted.presence === 'grace' && wanted.deleteAt < NOW - HOUR) found.push('countdown moved');
  return found;
}
