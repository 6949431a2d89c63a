import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, openLab } from '../lab/lab.js';
import { auditOf, queueAtRest, standingOf, statusOf, sweepNow, waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';

const IN = { pve: 'enabled' } as const;
const OUT = { pve: 'disabled' } as const;

/** Everybody's group holds a department, which holds a team: people of the team are in scope by nesting alone. */
describe('nested groups', () => {
  let lab: Lab;
  let department: string;
  let team: string;
  let leads: string;
  let gone: string;

  beforeAll(async () => {
    lab = await openLab({
      settings: {
        CONFIRM_BEFORE_LOCK: '300ms',
        CONFIRM_AFTER: '400ms,1500ms',
        GUARD_MAX_LOCKS: '1000',
        SUBSCRIPTION_CRON: '* * * * * *',
      },
    });
    const { directory } = lab.entra;
    department = directory.addGroup({ displayName: 'department' });
    team = directory.addGroup({ displayName: 'team' });
    leads = directory.addGroup({ displayName: 'leads' });
    directory.addMember(lab.groups.everybody, department);
    directory.addMember(department, team);
    directory.addMember(lab.groups.admins, leads);
    lab.join('first', team);
    lab.start();
    await lab.ready();
    await queueAtRest(lab);
  });
  afterAll(() => lab?.close());

  const watched = () =>
    lab.entra
      .subscriptions()
      .map(({ resource }) => resource.toLowerCase())
      .filter((resource) => resource.startsWith('/groups/'));
  /** What had the last decision about this person's standing taken. */
  const decidedBy = (oid: string) =>
    auditOf(lab).findLast((line) => line.oid === oid && line.kind === 'decision' && line.action === 'state')?.by;
  const stepsSince = (line: number) =>
    auditOf(lab)
      .slice(line)
      .filter(({ kind }) => kind === 'step');

  async function joined(name: string, group = team): Promise<string> {
    const oid = lab.join(name, group);
    await waitForStanding(lab, name, IN);
    return oid;
  }

  it('are watched as far down as they go', () => {
    const all = [lab.groups.everybody, lab.groups.admins, department, team, leads].map((id) => `/groups/${id}`);

    expect(watched().sort()).toEqual(all.sort());
    expect(standingOf(lab, 'first')).toMatchObject(IN);
  });

  it('bring a joiner in, and take a leaver out, by a notification about the nested group', async () => {
    const oid = await joined('nested');

    lab.entra.directory.removeMember(team, oid);
    await waitForStanding(lab, 'nested', OUT);

    expect(decidedBy(oid)).toBe('notification');
  });

  it('give a role and take it away again', async () => {
    const oid = await joined('mover');

    lab.entra.directory.addMember(leads, oid);
    await waitForStanding(lab, 'mover', { pveGroups: ['Administrator', 'entramox'] });
    lab.entra.directory.removeMember(leads, oid);
    await waitForStanding(lab, 'mover', { pveGroups: ['PVEAuditor', 'entramox'] });

    expect(standingOf(lab, 'mover')).toMatchObject(IN);
  });

  it('lock everybody in a branch that was taken off, and nobody else, by its id alone', async () => {
    const leaver = await joined('branch');
    await joined('direct', lab.groups.everybody);
    const both = await joined('both');
    lab.entra.directory.addMember(lab.groups.everybody, both);
    await queueAtRest(lab);

    lab.entra.directory.removeMember(department, team);
    await Promise.all([waitForStanding(lab, 'branch', OUT), waitForStanding(lab, 'first', OUT)]);
    await waitFor('the end of the subscription', () => !watched().includes(`/groups/${team}`));
    await queueAtRest(lab);

    expect(decidedBy(leaver)).toBe('notification');
    expect(['direct', 'both', 'mover'].map((name) => standingOf(lab, name).pve)).toEqual([
      'enabled',
      'enabled',
      'disabled',
    ]);
  });

  it('let them in again with the branch, which is watched again', async () => {
    lab.entra.directory.addMember(department, team);
    await Promise.all([waitForStanding(lab, 'branch', IN), waitForStanding(lab, 'mover', IN)]);
    gone = lab.entra.directory.addGroup({ displayName: 'gone' });
    lab.entra.directory.addMember(department, gone);
    await waitFor('subscriptions', () => [team, gone].every((group) => watched().includes(`/groups/${group}`)), 45_000);

    await joined('late');
  }, 60_000);

  it('lock nobody when a branch is taken off and put back at once', async () => {
    await queueAtRest(lab);
    const before = auditOf(lab).length;

    lab.entra.directory.removeMember(department, team);
    lab.entra.directory.addMember(department, team);
    await queueAtRest(lab);
    await sweepNow(lab);

    expect(stepsSince(before)).toEqual([]);
    expect(standingOf(lab, 'branch')).toMatchObject(IN);
  });

  it('may be renamed, and may hold each other in a circle', async () => {
    await queueAtRest(lab);
    const before = auditOf(lab).length;

    lab.entra.directory.updateGroup(team, { displayName: 'crew' });
    lab.entra.directory.addMember(team, department);
    lab.entra.directory.addMember(team, lab.groups.everybody);
    await queueAtRest(lab);
    await sweepNow(lab);
    lab.entra.directory.removeMember(team, department);
    lab.entra.directory.removeMember(team, lab.groups.everybody);
    await queueAtRest(lab);

    expect(stepsSince(before)).toEqual([]);
  });

  it('are seen by resync, plan and adopt as by everything else', async () => {
    const { directory } = lab.entra;
    // A re-check of the group would find them as well.
    await waitFor('the end of all re-checks', async () => (await statusOf(lab)).reconciler?.queue.pending === 0);
    lab.proxmox.addUser({ userid: 'taken@example.com@entra', groups: ['entramox-entra'] });
    lab.entra.notifications.silently(() => {
      for (const name of ['asked', 'taken']) {
        directory.addMember(team, directory.addUser({ userPrincipalName: `${name}@example.com` }));
      }
    });

    const plan = await lab.entramox('plan', 'asked@example.com', '--json');
    const resync = await lab.entramox('resync', 'asked@example.com');
    const adopt = await lab.entramox('adopt', 'taken@example.com', '--target', 'proxmox', '--yes');

    expect(plan.stdout).toContain('create');
    expect(resync.code).toBe(0);
    expect(adopt.code).toBe(0);
    expect([standingOf(lab, 'asked').pve, standingOf(lab, 'taken').pve]).toEqual(['enabled', 'enabled']);
  });

  it('lock their people when they are deleted for good', async () => {
    const oid = await joined('orphan', gone);

    lab.entra.directory.deleteGroup(gone);
    await waitForStanding(lab, 'orphan', OUT);

    expect(decidedBy(oid)).toBe('notification');
    expect(standingOf(lab, 'direct')).toMatchObject(IN);
  });

  it('change by a sweep what nobody told of', async () => {
    lab.entra.notifications.silently(() => lab.entra.directory.removeMember(lab.groups.everybody, department));

    await sweepNow(lab);

    expect(['branch', 'late', 'direct'].map((name) => standingOf(lab, name).pve)).toEqual([
      'disabled',
      'disabled',
      'enabled',
    ]);
    expect((await statusOf(lab)).code).toBe(0);
  });
});
