import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Rejected } from '../../../src/domain/errors.js';
import { reject } from '../../../src/reconcile/rejection.js';
import { type Finding, resync } from '../../../src/reconcile/resync.js';
import { ADMINS, ALICE, EVERYBODY, NOW } from '../domain/builders.js';
import { createFakeWorld, type FakeWorld } from './fakes/world.js';

let world: FakeWorld;

beforeEach(async () => {
  world = await createFakeWorld();
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [EVERYBODY, ADMINS] });
});
afterEach(() => world.remove());

async function tell(who: string, apply = true) {
  const findings: Finding[] = [];
  const outcome = await resync(
    world.ctx,
    who,
    apply,
    (finding) => findings.push(finding),
    new AbortController().signal,
  );
  return { findings, outcome };
}

describe('a resync', () => {
  it('tells the five steps, each with what was found, per target', async () => {
    const { findings, outcome } = await tell('alice@example.com');

    expect(outcome?.result).toBe('applied');
    expect([...new Set(findings.map(({ step }) => step))]).toEqual(['connect', 'read', 'scope', 'match', 'act']);
    expect(findings.every(({ ok }) => ok)).toBe(true);
    expect(findings.map(({ finding }) => finding)).toEqual([
      `the directory answers; alice@example.com is ${ALICE}`,
      'alice@example.com, enabled, in 2 configured groups',
      'in scope: sudo yes, Linux groups [], Proxmox groups [Administrator-entra entramox-entra]',
      'no account',
      'no account',
      'linux create alice',
      'proxmox create alice@example.com@entra',
      'linux sudo alice grant',
    ]);
    expect(findings.filter(({ step }) => step === 'match').map(({ target }) => target)).toEqual(['linux', 'proxmox']);
  });

  it('says so where everything is as it should be', async () => {
    await tell('alice@example.com');

    const { findings } = await tell(ALICE);

    expect(findings.at(-1)).toEqual({
      step: 'act',
      ok: true,
      finding: 'nothing to do: everything is as it should be',
    });
  });

  it('takes the second reading of a departure itself, and locks', async () => {
    await tell(ALICE);
    world.directory.person(ALICE).groups = [];

    const { findings, outcome } = await tell(ALICE);

    expect(outcome?.result).toBe('applied');
    expect(world.linux.account(ALICE)?.locked).toBe(true);
    expect(world.clock.time).toBe(NOW + 5000);
    expect(findings.find(({ step }) => step === 'scope')?.finding).toContain('ledger: grace');
  });

  it('only shows what it would do, a departure included, where nothing is to be applied', async () => {
    await tell(ALICE);
    world.directory.person(ALICE).groups = [];
    const before = structuredClone(world.entry(ALICE));

    const { findings } = await tell(ALICE, false);

    expect(findings.map(({ finding }) => finding)).toContain('would: linux lock alice');
    expect(world.linux.account(ALICE)?.locked).toBe(false);
    expect(world.entry(ALICE)).toEqual(before);
  });

  it('finds somebody who is gone from the directory by the name in the ledger', async () => {
    await tell(ALICE);
    world.directory.person(ALICE).standing = 'soft-deleted';

    const { findings } = await tell('ALICE@example.com');

    expect(findings[1]).toEqual({ step: 'read', ok: true, finding: 'soft-deleted' });
    expect(world.linux.account(ALICE)?.locked).toBe(true);
  });

  it('takes whoever has the name now, not whoever had it', async () => {
    await tell(ALICE);
    const other = '99999999-9999-4999-8999-999999999999';
    world.directory.person(ALICE).standing = 'soft-deleted';
    world.directory.add({ oid: other, upn: 'alice@example.com', groups: [EVERYBODY] });

    const { outcome } = await tell('alice@example.com');

    expect(outcome?.oid).toBe(other);
    expect(outcome?.result).toBe('conflict');
    expect(world.linux.account(ALICE)?.locked).toBe(false);
  });

  it.each([
    [
      'the directory is away',
      ALICE,
      () => {
        world.directory.down = true;
      },
      'connect',
      'Graph is away',
    ],
    [
      'the person cannot be read',
      ALICE,
      () => {
        world.directory.unreadable.add(ALICE);
      },
      'read',
      'unknown: time-out',
    ],
    [
      'a target cannot be seen',
      ALICE,
      () => {
        world.linux.blind = true;
      },
      'match',
      'cannot be seen: the agent is down',
    ],
    [
      'the name is somebody else’s',
      ALICE,
      () => {
        world.linux.foreign.add('alice');
      },
      'match',
      "conflict: alice is somebody else's. adopt it",
    ],
    [
      'a step fails',
      ALICE,
      () => {
        world.linux.fault = () => new Error('no space left');
      },
      'act',
      'failed: linux: no space left',
    ],
  ])('tells where %s, and at which step', async (_what, who, prepare, step, text) => {
    prepare();

    const { findings } = await tell(who);

    const bad = findings.find(({ ok }) => !ok);
    expect(bad?.step).toBe(step);
    expect(bad?.finding).toContain(text);
  });

  it('refuses a name that nobody has, as something mistyped', async () => {
    const findings: Finding[] = [];
    const { signal } = new AbortController();

    const typo = resync(world.ctx, 'nobody@example.com', true, (finding) => findings.push(finding), signal);

    await expect(typo).rejects.toThrow(Rejected);
    await expect(typo).rejects.toThrow('check its spelling');
    expect(findings).toEqual([]);
  });

  it('says of an object id that the directory answers only once it has', async () => {
    const { findings } = await tell(ALICE);
    world.directory.down = true;
    const { findings: away } = await tell(ALICE);

    expect(findings[0]).toEqual({ step: 'connect', ok: true, finding: `the directory answers for ${ALICE}` });
    expect(away).toEqual([{ step: 'connect', ok: false, finding: expect.stringContaining('Graph is away') }]);
  });

  it('says of a suspended person that the rights of the groups are not had', async () => {
    await tell(ALICE);
    world.directory.person(ALICE).enabled = false;

    const { findings } = await tell(ALICE);

    expect(findings.find(({ step }) => step === 'scope')?.finding).toMatch(
      /^in scope: sudo yes, .*; suspended, disabled in Entra: gets none of it$/,
    );
  });

  it('does not call what the guard holds done', async () => {
    await tell(ALICE);
    const { directory, linux, proxmox } = world;
    const guard = { windowMs: 1, maxLocks: 0, maxLocksPercent: 0, maxDeletes: 0, maxDeletesPercent: 0, rejectForMs: 1 };
    world.ctx = { ...world.ctx, policy: { ...world.ctx.policy, guard } };
    directory.person(ALICE).enabled = false;

    const { findings, outcome } = await tell(ALICE);

    expect(outcome?.result).toBe('held');
    expect(findings.map(({ finding }) => finding)).toContain('would: linux lock alice');
    expect(findings.at(-1)).toMatchObject({ step: 'act', ok: false });
    expect([linux.account(ALICE)?.locked, proxmox.user('alice@example.com@entra')?.enabled]).toEqual([false, true]);
  });

  it('does not call what an operator rejected done', async () => {
    await tell(ALICE);
    const guard = { ...world.ctx.policy.guard, maxLocks: 0, rejectForMs: 3_600_000 };
    world.ctx = { ...world.ctx, policy: { ...world.ctx.policy, guard } };
    world.directory.person(ALICE).enabled = false;
    await tell(ALICE);
    await reject(world.ctx, world.ctx.ledger.data.guard.held?.hash ?? '', 'operator');

    const { findings, outcome } = await tell(ALICE);

    expect(outcome?.result).toBe('rejected');
    expect(findings.map(({ finding }) => finding)).toContain('would: linux lock alice');
    expect(findings.at(-1)?.finding).toMatch(/^rejected: kept by an operator's rejection until /);
  });

  it('leaves a stranger alone', async () => {
    world.directory.person(ALICE).groups = [];

    const { findings, outcome } = await tell(ALICE);

    expect(outcome?.result).toBe('ignored');
    expect(findings.at(-1)?.finding).toBe('nothing to do: neither in scope nor ours');
  });
});
