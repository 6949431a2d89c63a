import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { removalKey } from '../../../src/domain/guard.js';
import { approve } from '../../../src/reconcile/approval.js';
import { reject, rejectedPlans, stands } from '../../../src/reconcile/rejection.js';
import { EVERYBODY, HOUR } from '../domain/builders.js';
import { createMemoryLedger, type MemoryLedger } from './fakes/memory-ledger.js';
import { createFakeWorld, type FakeWorld, oidOf } from './fakes/world.js';

const LIMIT = 2;
const guard = {
  windowMs: HOUR,
  maxLocks: LIMIT,
  maxLocksPercent: 0,
  maxDeletes: 1,
  maxDeletesPercent: 0,
  rejectForMs: 3 * HOUR,
};
const PEOPLE = [1, 2, 3, 4, 5, 6].map(oidOf);
const forever = new AbortController().signal;

const person = fc.constantFrom(...PEOPLE);
const people = fc.uniqueArray(person, { minLength: 1 });
// Too few hours for a countdown to end: this is about locks.
const event = fc.oneof(
  fc.record({ kind: fc.constant('leave' as const), people }),
  fc.record({ kind: fc.constant('return' as const), person }),
  fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(60_000, HOUR / 2, HOUR) }),
  fc.record({ kind: fc.constant('restart' as const) }),
  fc.record({ kind: fc.constant('sweep' as const) }),
  fc.record({ kind: fc.constant('reconcile' as const), people }),
  fc.record({ kind: fc.constant('approve' as const) }),
  fc.record({ kind: fc.constant('reject' as const) }),
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

async function createWorld(): Promise<FakeWorld> {
  const world = await createFakeWorld({ policy: { guard }, ledger: createMemoryLedger() });
  for (const [index, oid] of PEOPLE.entries()) {
    world.directory.add({ oid, upn: `person${index}@example.com`, groups: [EVERYBODY] });
  }
  await world.sweep();
  return world;
}

async function act(world: FakeWorld, step: Event): Promise<void> {
  const { held } = world.ctx.ledger.data.guard;
  switch (step.kind) {
    case 'leave':
      for (const oid of step.people) world.directory.person(oid).standing = 'soft-deleted';
      return;
    case 'return':
      world.directory.person(step.person).standing = 'there';
      return;
    case 'time':
      world.clock.time += step.ms;
      return;
    case 'restart':
      await world.ctx.ledger.save();
      world.ctx = { ...world.ctx, ledger: createMemoryLedger((world.ctx.ledger as MemoryLedger).saved) };
      return;
    case 'sweep':
      await world.sweep();
      return;
    case 'reconcile':
      for (const oid of step.people) await world.reconcile(oid);
      return;
    case 'approve':
      if (held) await approve(world.ctx, held.hash, 'operator', forever);
      return;
    case 'reject':
      if (held) await reject(world.ctx, held.hash, 'operator');
      return;
    default:
      return step satisfies never;
  }
}

function isLocked(world: FakeWorld, oid: string): boolean {
  return world.linux.account(oid)?.locked === true || world.proxmox.user(upnOf(oid))?.enabled === false;
}

function upnOf(oid: string): string {
  return `person${PEOPLE.indexOf(oid)}@example.com@entra`;
}

/** Who may not be locked by what comes next, as the ledger says before it. */
function protectedIn(world: FakeWorld): Set<string> {
  const { held, rejected = [] } = world.ctx.ledger.data.guard;
  const standing = rejected.filter((item) => stands(item, world.clock.time));
  return new Set([...(held?.removals ?? []), ...standing].map(removalKey));
}

/** An operator approves whatever there is to approve, until nothing waits. */
async function approveAll(world: FakeWorld): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    await world.sweep();
    const { held, rejected = [] } = world.ctx.ledger.data.guard;
    const hashes = [...(held ? [held] : []), ...rejectedPlans(rejected)].map(({ hash }) => hash);
    if (hashes.length === 0) return;
    for (const hash of hashes) await approve(world.ctx, hash, 'operator', forever);
  }
}

describe('any course of departures, passes and decisions', () => {
  it('locks nobody who is held or rejected, nor more in a window than may be, and everybody once it is approved', {
    timeout: 30_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 22 }), async (course) => {
        const world = await createWorld();
        const unapproved: { oid: string; at: number }[] = [];
        try {
          for (const step of course) {
            const before = new Set(PEOPLE.filter((oid) => isLocked(world, oid)));
            const kept = protectedIn(world);
            const passes = new Set(world.ctx.ledger.data.guard.approved.map(removalKey));
            await act(world, step);
            for (const oid of PEOPLE.filter((one) => isLocked(world, one) && !before.has(one))) {
              const key = removalKey({ oid, kind: 'lock' });
              expect(kept.has(key), `${oid} was locked by ${step.kind}`).toBe(false);
              expect(world.directory.person(oid).standing).toBe('soft-deleted');
              if (!passes.has(key)) unapproved.push({ oid, at: world.clock.time });
            }
            const recent = unapproved.filter(({ at }) => at > world.clock.time - HOUR);
            expect(new Set(recent.map(({ oid }) => oid)).size).toBeLessThanOrEqual(LIMIT);
          }
          await approveAll(world);
          const left = PEOPLE.filter((oid) => world.directory.person(oid).standing !== 'there');
          expect(PEOPLE.filter((oid) => isLocked(world, oid))).toEqual(left);
        } finally {
          await world.remove();
        }
      }),
      { numRuns: 60 },
    );
  });
});
