import { afterEach, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { standingOf, statusOf, sweepNow, waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';

const unavailable = sandboxUnavailable();
const OPEN = { linux: 'open', pve: 'enabled' } as const;

describe.skipIf(unavailable)(`the other modes${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  afterEach(() => lab?.close());

  it('takes the enabled users of the Proxmox realm for the truth, without Graph and without writing there', async () => {
    lab = await openLab({
      host: await createPrivateHost(),
      settings: { GRAPH_ENFORCE: 'false', CONFIRM_BEFORE_LOCK: '200ms' },
    });
    const add = (name: string, enabled: boolean) =>
      lab.proxmox.addUser({ userid: `${name}@example.com@entra`, enabled, groups: ['entramox-entra'] });
    add('rita', true);
    add('sue', false);
    lab.proxmox.addUser({ userid: 'local@pve' });
    lab.start();
    await waitFor('the first sweep', async () => (await statusOf(lab)).reconciler?.lastSweep);
    await waitForStanding(lab, 'rita', { linux: 'open' });
    const joined = [standingOf(lab, 'sue').linux, lab.host?.account('local')];
    const graphCalls = lab.entra.calls.count();
    const status = await statusOf(lab);

    lab.proxmox.setUser('rita@example.com@entra', { enabled: false });
    lab.proxmox.setUser('sue@example.com@entra', { enabled: true });
    await sweepNow(lab);
    const switched = [standingOf(lab, 'rita').linux, standingOf(lab, 'sue').linux];
    const { reconciler } = await statusOf(lab);
    lab.proxmox.removeUser('sue@example.com@entra');
    await sweepNow(lab);

    expect(joined).toEqual(['none', undefined]);
    expect(graphCalls).toBe(0);
    expect([status.code, status.missing]).toEqual([0, []]);
    expect(switched).toEqual(['locked', 'open']);
    expect(reconciler?.grace).toEqual([]);
    expect(standingOf(lab, 'sue').linux).toBe('locked');
    expect((await statusOf(lab)).reconciler?.grace.map(({ upn }) => upn)).toEqual(['sue@example.com']);
    expect(lab.proxmox.writes).toBe(0);
  });

  it('handles with PVE_PROVISION=existing only those who are in the realm already', async () => {
    lab = await openLab({
      host: await createPrivateHost(),
      settings: { PVE_PROVISION: 'existing', CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '300ms' },
    });
    lab.proxmox.addUser({ userid: 'pat@example.com@entra', groups: ['entramox-entra'] });
    const pat = lab.join('pat');
    lab.join('quinn');
    lab.start();
    await lab.ready();
    await waitForStanding(lab, 'pat', { ...OPEN, pveGroups: ['PVEAuditor', 'entramox'] });
    const quinn = standingOf(lab, 'quinn');

    lab.proxmox.addUser({ userid: 'quinn@example.com@entra', groups: ['entramox-entra'] });
    await sweepNow(lab);
    lab.entra.directory.removeMember(lab.groups.everybody, pat);
    await waitForStanding(lab, 'pat', { linux: 'locked', pve: 'disabled' });

    expect(quinn).toMatchObject({ linux: 'none', pve: 'none' });
    expect(standingOf(lab, 'quinn')).toMatchObject(OPEN);
    expect(lab.proxmox.calls({ method: 'POST', path: '/access/users' })).toEqual([]);
  });
});
