import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { auditOf, fetchFrom, queueAtRest, standingOf, statusOf, sweepNow, waitForStanding } from '../lab/look.js';
import type { Daemon } from '../lab/program.js';
import { waitFor } from '../lab/wait.js';

const unavailable = sandboxUnavailable();
const OPEN = { linux: 'open', pve: 'enabled' } as const;
const LOCKED = { linux: 'locked', pve: 'disabled' } as const;
const NAMES = ['ada', 'bea', 'cyd', 'dan', 'eva', 'fay'];

describe.skipIf(unavailable)(`a mass leaver event${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  let daemon: Daemon;
  let oids: Map<string, string>;

  beforeEach(async () => {
    lab = await openLab({
      host: await createPrivateHost(),
      settings: {
        CONFIRM_BEFORE_LOCK: '200ms',
        CONFIRM_AFTER: '10m',
        GUARD_MAX_LOCKS: '2',
        GUARD_MAX_LOCKS_PERCENT: '10',
      },
    });
    oids = new Map(NAMES.map((name) => [name, lab.join(name)]));
    daemon = lab.start();
    await lab.ready();
    for (const name of NAMES) await waitForStanding(lab, name, OPEN);
    await queueAtRest(lab);
  });
  afterEach(() => lab?.close());

  const everybodyLeaves = () => {
    for (const oid of oids.values()) lab.entra.directory.removeMember(lab.groups.everybody, oid);
  };
  const standings = () => NAMES.map((name) => standingOf(lab, name)).map(({ linux, pve }) => `${linux} ${pve}`);
  const socketPath = () => join(lab.dir, 'run/operator.sock');
  const heldPlan = async () => (await statusOf(lab)).reconciler?.held;

  it('is held on a sweep: nobody is locked, a joiner comes in, and everybody is told who waits and why', async () => {
    lab.entra.notifications.silently(everybodyLeaves);
    lab.entra.notifications.silently(() => lab.join('newcomer'));

    await sweepNow(lab, 3);

    const status = await lab.entramox('status');
    const ready = await fetchFrom({ socketPath: socketPath() }, '/readyz');
    const metrics = await fetchFrom({ socketPath: socketPath() }, '/metrics');
    const held = await heldPlan();
    expect(standings()).toEqual(NAMES.map(() => 'open enabled'));
    expect(standingOf(lab, 'newcomer')).toMatchObject(OPEN);
    expect(status.code).toBe(3);
    expect(status.stdout).toMatch(
      /! HELD since .*: 6 of 6 identities on linux would be locked within the window, at most 2 may/,
    );
    expect(status.stdout).toContain('6 of 6 identities on proxmox would be locked');
    for (const name of NAMES)
      expect(status.stdout).toContain(`  lock ${name}@example.com (in none of the configured groups)`);
    expect(held?.removals.map(({ oid }) => oid).sort()).toEqual([...oids.values()].sort());
    expect(ready).toMatchObject({ status: 503, text: expect.stringContaining(held?.hash ?? 'a hash') });
    expect(metrics.text).toMatch(/^entramox_guard_held 1$/m);
    expect(metrics.text).toMatch(/^entramox_guard_held_identities\{kind="lock"\} 6$/m);
    expect(auditOf(lab).filter(({ action }) => action === 'lock')).toEqual([]);
  });

  it('is held when notifications bring it, and is done to exactly those whom an operator approves', async () => {
    everybodyLeaves();
    const { value: held } = await waitFor('all six held', async () => {
      const plan = await heldPlan();
      return plan && plan.removals.length + lockedCount() === NAMES.length ? plan : undefined;
    });
    const beforeApproval = lockedCount();
    lab.join('newcomer');
    await waitForStanding(lab, 'newcomer', OPEN);

    const wrong = await lab.entramox('approve', 'ffffffffffff');
    const afterWrong = lockedCount();
    const right = await lab.entramox('approve', held.hash);
    for (const name of NAMES) await waitForStanding(lab, name, LOCKED);

    const status = await statusOf(lab);
    const ready = await fetchFrom({ socketPath: socketPath() }, '/readyz');
    expect(beforeApproval).toBeLessThanOrEqual(2);
    expect([wrong.code, right.code]).toEqual([2, 0]);
    expect(wrong.stderr).toContain(held.hash);
    expect(afterWrong).toBe(beforeApproval);
    expect(status).toMatchObject({ code: 0, reconciler: { identities: { active: 1, grace: 6 } } });
    expect(status.reconciler?.held).toBeUndefined();
    expect(ready.status).toBe(200);
    expect(auditOf(lab).filter(({ action }) => action === 'approve')).toHaveLength(1);
  });

  it('is not done when it is not the approved one any more: the difference is shown, and what may be approved', async () => {
    lab.entra.notifications.silently(everybodyLeaves);
    await sweepNow(lab, 3);
    const held = await heldPlan();
    const planned = await lab.entramox('plan', '--json');
    lab.entra.notifications.silently(() => lab.entra.directory.addMember(lab.groups.everybody, oids.get('ada') ?? ''));

    const different = await lab.entramox('approve', held?.hash ?? '');
    const afterDifferent = lockedCount();
    const now = await heldPlan();
    const approved = await lab.entramox('approve', now?.hash ?? '');
    for (const name of NAMES.slice(1)) await waitForStanding(lab, name, LOCKED);
    await sweepNow(lab);

    expect(JSON.parse(planned.stdout).held.hash).toBe(held?.hash);
    expect(different.code).toBe(3);
    expect(different.stdout).toContain('  went: lock ada@example.com');
    expect(different.stdout).toContain(`  entramox approve ${now?.hash}`);
    expect([afterDifferent, approved.code]).toEqual([0, 0]);
    expect(now?.removals).toHaveLength(5);
    expect(standingOf(lab, 'ada')).toMatchObject(OPEN);
    expect(auditOf(lab).filter((line) => line.oid === oids.get('ada') && line.action === 'lock')).toEqual([]);
  });

  it('survives a kill together with its window, and dissolves when everybody is back', async () => {
    everybodyLeaves();
    await waitFor('all six held or locked', async () => {
      return ((await heldPlan())?.removals.length ?? 0) + lockedCount() === NAMES.length;
    });
    await queueAtRest(lab);
    const [before, lockedBefore] = [await heldPlan(), lockedCount()];

    await kill();
    await sweepNow(lab, 3);
    const after = await heldPlan();
    const lockedAfter = lockedCount();
    lab.entra.notifications.silently(() => {
      for (const oid of oids.values()) lab.entra.directory.addMember(lab.groups.everybody, oid);
    });
    await sweepNow(lab);

    expect(lockedBefore).toBeLessThanOrEqual(2);
    expect(lockedAfter).toBe(lockedBefore);
    expect(after?.hash).toBe(before?.hash);
    expect(await heldPlan()).toBeUndefined();
    expect(standings()).toEqual(NAMES.map(() => 'open enabled'));
  });

  it('is dropped by a rejection, which keeps everybody and is shown, until it is approved after all', async () => {
    lab.entra.notifications.silently(everybodyLeaves);
    await sweepNow(lab, 3);
    const held = await heldPlan();

    const rejected = await lab.entramox('reject', held?.hash ?? '');
    await kill();
    await sweepNow(lab);
    const kept = standings();
    const status = await lab.entramox('status');
    const ready = await fetchFrom({ socketPath: socketPath() }, '/readyz');
    const metrics = await fetchFrom({ socketPath: socketPath() }, '/metrics');
    const [shown] = (await statusOf(lab)).reconciler?.rejected ?? [];
    const approved = await lab.entramox('approve', shown?.hash ?? '');
    for (const name of NAMES) await waitForStanding(lab, name, LOCKED);

    expect([rejected.code, status.code, ready.status, approved.code]).toEqual([0, 0, 200, 0]);
    expect(kept).toEqual(NAMES.map(() => 'open enabled'));
    for (const name of NAMES) expect(status.stdout).toContain(`  lock ${name}@example.com`);
    expect(status.stdout).toContain("Kept by an operator's rejection");
    expect(metrics.text).toMatch(/^entramox_guard_held 0$/m);
    expect(metrics.text).toMatch(/^entramox_guard_rejected_identities\{kind="lock"\} 6$/m);
    expect(auditOf(lab).filter(({ action }) => action === 'reject')).toHaveLength(1);
  });

  function lockedCount(): number {
    return standings().filter((standing) => standing === 'locked disabled').length;
  }

  /** As the kernel does when memory runs out; then everything starts again. */
  async function kill(): Promise<void> {
    await daemon.stop('SIGKILL');
    daemon = lab.start();
    await waitFor('the daemon to answer', async () => (await statusOf(lab)).reconciler !== undefined);
  }
});
