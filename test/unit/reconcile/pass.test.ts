import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Context } from '../../../src/reconcile/context.js';
import { reconcileIdentities } from '../../../src/reconcile/identities.js';
import { auditSweep, inPass } from '../../../src/reconcile/pass.js';
import { planHashOf } from '../../../src/reconcile/record-step.js';
import { sweep } from '../../../src/reconcile/sweep.js';
import { ALICE, EVERYBODY } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

const forever = new AbortController().signal;
let world: FakeWorld;

beforeEach(async () => {
  world = await createFakeWorld();
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY] });
});
afterEach(() => world.remove());

function reconcile(ctx: Context = inPass(world.ctx, { by: 'notification' })) {
  return reconcileIdentities(ctx, [ALICE], { by: 'notification', apply: true }, forever);
}

/** What was decided since the last call. */
function decisions(): { action: string; outcome: string; before?: unknown; after?: unknown }[] {
  return world.audit
    .splice(0)
    .filter(({ kind }) => kind === 'decision')
    .map(({ action, outcome, before, after }) => ({ action, outcome, before, after }));
}

describe('a pass', () => {
  it('marks all its records and log lines with one correlation id, and the next pass with another', async () => {
    await reconcile();
    const first = new Set(world.audit.splice(0).map(({ correlation }) => correlation));
    const lines = world.events.filter(({ event }) => event === 'reconcile.step.done');

    expect([...first]).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/)]);
    expect(new Set(lines.map(({ fields }) => fields.correlation))).toEqual(first);

    world.directory.person(ALICE).enabled = false;
    await reconcile();

    expect(world.audit.length).toBeGreaterThan(0);
    expect(world.audit.some(({ correlation }) => first.has(correlation))).toBe(false);
  });

  it('names the operator who asked for it in every record', async () => {
    const operator = { uid: 1000, name: 'carol', proof: 'kernel' } as const;

    await reconcile(inPass(world.ctx, { by: 'resync', operator }));

    expect(world.audit.length).toBeGreaterThan(0);
    expect(world.audit.every((record) => record.operator === operator)).toBe(true);
  });

  it('puts one plan hash on every step of a person, and another on those of another plan', async () => {
    const [outcome] = await reconcile();
    const hashes = new Set(world.audit.filter(({ kind }) => kind === 'step').map(({ plan }) => plan));

    expect([...hashes]).toEqual([expect.stringMatching(/^[0-9a-f]{12}$/)]);
    expect([...hashes]).toEqual([planHashOf({ oid: ALICE, steps: outcome?.steps ?? [] })]);
    expect(planHashOf({ oid: ALICE, steps: [] })).not.toBe([...hashes][0]);
  });

  it('tells a whole life as decisions: joined, suspected, left, came back', async () => {
    await reconcile();
    expect(decisions()).toMatchObject([{ action: 'state', before: undefined, after: { state: 'active' } }]);

    world.directory.person(ALICE).groups = [];
    await reconcile();
    expect(decisions()).toMatchObject([{ action: 'suspect', outcome: 'begun', after: { sign: 'reading' } }]);

    world.clock.time += 10_000;
    await reconcile();
    expect(decisions()).toMatchObject([
      { action: 'suspect', outcome: 'ended', after: { confirmed: true } },
      { action: 'state', before: { state: 'active' }, after: { state: 'grace', deleteAt: expect.any(String) } },
    ]);

    world.directory.person(ALICE).groups = [EVERYBODY];
    await reconcile();
    expect(decisions()).toMatchObject([
      { action: 'state', before: { state: 'grace' }, after: { state: 'active', deleteAt: undefined } },
    ]);
  });

  it('tells of a new name and of other groups', async () => {
    await reconcile();
    decisions();
    world.directory.person(ALICE).upn = 'a.new@example.com';
    await reconcile();

    expect(decisions()).toMatchObject([
      { action: 'rename', before: { upn: 'alice@example.com' }, after: { upn: 'a.new@example.com' } },
    ]);
  });

  it('tells when a conflict begins and when it ends, and not in between', async () => {
    world.linux.foreign.add('alice');
    await reconcile();
    expect(decisions().filter(({ action }) => action === 'conflict')).toMatchObject([
      { outcome: 'begun', after: { what: expect.any(String), remedy: expect.any(String) } },
    ]);

    await reconcile();
    expect(decisions()).toEqual([]);

    world.linux.foreign.delete('alice');
    await reconcile();
    expect(decisions().filter(({ action }) => action === 'conflict')).toMatchObject([{ outcome: 'ended' }]);
  });

  it('has nothing to tell of somebody who stays as they are, but how the sweep ended', async () => {
    await reconcile();
    world.audit.length = 0;
    const pass = inPass(world.ctx, { by: 'sweep' });

    const { record } = await sweep(pass, { apply: true }, forever);
    auditSweep(pass, 'sweep', record);

    expect(world.audit).toMatchObject([
      { kind: 'decision', action: 'sweep', outcome: 'done', after: { identities: 1, applied: 0, failed: 0 } },
    ]);
  });

  it('tells of a decision in the log where the audit log refuses it, and goes on', () => {
    world.auditFault.error = new Error('no space left');
    const pass = inPass(world.ctx, { by: 'sweep' });

    auditSweep(pass, 'sweep', {
      startedAt: 0,
      finishedAt: 1,
      result: 'degraded',
      identities: 0,
      applied: 0,
      failed: 0,
    });

    expect(world.events).toMatchObject([
      {
        event: 'core.audit.unwritten',
        fields: { record: { action: 'sweep', outcome: 'degraded' }, error: 'no space left' },
      },
    ]);
  });

  it('leaves no record of a dry run', async () => {
    const dry = inPass({ ...world.ctx, dryRun: true }, { by: 'sweep' });

    auditSweep(dry, 'sweep', { startedAt: 0, finishedAt: 1, result: 'done', identities: 0, applied: 0, failed: 0 });

    expect(world.audit).toEqual([]);
  });
});
