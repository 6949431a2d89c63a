import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Lab, openLab, REALM } from '../lab/lab.js';
import { auditOf, fetchFrom, queueAtRest, standingOf, statusOf, sweepNow, waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';

const NAMES = ['ada', 'bea'];

describe('the first run on a host', () => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await openLab({ settings: { FIRST_RUN: 'plan', CONFIRM_AFTER: '300ms' } });
    for (const name of NAMES) lab.join(name);
  });
  afterEach(() => lab?.close());

  const users = () => NAMES.map((name) => standingOf(lab, name).pve);
  const waiting = async () => (await statusOf(lab)).reconciler?.held;

  it('shows what it would do, says so everywhere, and does it once that is approved', async () => {
    lab.start();
    await lab.ready();
    const held = await waiting();

    const status = await lab.entramox('status');
    const plan = await lab.entramox('plan', '--json');
    const sweep = await lab.entramox('sweep');
    const resync = await lab.entramox('resync', 'ada@example.com');
    const ready = await fetchFrom({ socketPath: join(lab.dir, 'run/operator.sock') }, '/readyz');
    const metrics = await fetchFrom({ socketPath: join(lab.dir, 'run/operator.sock') }, '/metrics');
    const before = users();
    const approved = await lab.entramox('approve', held?.hash ?? '');
    for (const name of NAMES) await waitForStanding(lab, name, { pve: 'enabled' });
    await queueAtRest(lab);
    const later = await lab.entramox('status');

    expect(before).toEqual(['none', 'none']);
    expect(held).toMatchObject({ by: 'first-run', changes: NAMES.map((name) => ({ upn: `${name}@example.com` })) });
    expect([status.code, plan.code, sweep.code, resync.code]).toEqual([3, 3, 3, 3]);
    expect(status.stdout).toContain(`  ada@example.com: proxmox create ada@example.com@${REALM}`);
    expect(JSON.parse(plan.stdout).held.hash).toBe(held?.hash);
    expect(ready).toMatchObject({ status: 503, text: expect.stringContaining('first run') });
    expect(metrics.text).toMatch(/^entramox_first_run_waiting 1$/m);
    expect([approved.code, later.code]).toEqual([0, 0]);
    expect(auditOf(lab).filter(({ action }) => action === 'approve')).toHaveLength(1);
  });

  it('loses no change that is notified meanwhile, waits over a kill, and takes only a plan that is still true', async () => {
    const daemon = lab.start();
    await lab.ready();
    const hash = (await waiting())?.hash ?? '';
    lab.join('late');
    await queueAtRest(lab);
    const { reconciler } = await statusOf(lab);
    await daemon.stop('SIGKILL');
    lab.start();
    await waitFor('the daemon to answer', async () => (await statusOf(lab)).reconciler !== undefined);

    const stale = await lab.entramox('approve', hash);
    await sweepNow(lab, 3);
    const before = [...users(), standingOf(lab, 'late').pve];
    const fresh = await lab.entramox('approve', (await waiting())?.hash ?? '');
    for (const name of [...NAMES, 'late']) await waitForStanding(lab, name, { pve: 'enabled' });

    expect(reconciler?.queue.pending).toBeGreaterThanOrEqual(1);
    expect(stale.code).toBe(3);
    expect(stale.stdout).toContain('  came: late@example.com');
    expect(before).toEqual(['none', 'none', 'none']);
    expect(fresh.code).toBe(0);
  });

  it('is shown and then done by passes in the foreground, without any daemon', async () => {
    const first = await lab.entramox('sweep', '--foreground');
    const hash = /entramox approve ([0-9a-f]{12})/.exec(first.stdout)?.[1] ?? '';
    const planned = await lab.entramox('plan');
    const wrong = await lab.entramox('sweep', '--foreground', '--approve', 'ffffffffffff');
    const before = users();
    const right = await lab.entramox('sweep', '--foreground', '--approve', hash);
    const again = await lab.entramox('sweep', '--foreground');

    expect([first.code, planned.code, wrong.code, right.code, again.code]).toEqual([3, 3, 2, 0, 0]);
    expect(first.stdout).toContain(`  + proxmox create ada@example.com@${REALM}`);
    expect(first.stdout).toMatch(/2 would be changed \(the first run waits\)/);
    expect(planned.stdout).toContain(hash);
    expect(wrong.stderr).toContain(hash);
    expect(before).toEqual(['none', 'none']);
    expect(users()).toEqual(['enabled', 'enabled']);
  });

  it('needs nobody with FIRST_RUN=apply', async () => {
    lab.setSettings({ FIRST_RUN: 'apply' });

    const { code } = await lab.entramox('sweep', '--foreground');

    expect(code).toBe(0);
    expect(users()).toEqual(['enabled', 'enabled']);
  });
});
