import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Lab, openLab } from '../lab/lab.js';
import { queueAtRest, standingOf, statusOf, sweepNow, waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';

/** Reading what is nested below a group. */
const NESTING = /transitiveMembers\/microsoft\.graph\.group/;

describe('what is watched of nested groups', () => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await openLab({
      settings: { CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '400ms', SUBSCRIPTION_CRON: '* * * * * *' },
    });
  });
  afterEach(() => lab.close());

  const resources = () =>
    lab.entra
      .subscriptions()
      .map(({ resource }) => resource.toLowerCase())
      .sort();
  const ids = () =>
    lab.entra
      .subscriptions()
      .map(({ id }) => id)
      .sort();
  const statuses = async () => {
    const { code, stdout } = await lab.entramox('status', '--json');
    return {
      code,
      groups: JSON.parse(stdout).groups as {
        displayName?: string;
        watched: string;
        kind?: string;
        nested?: { groups: number };
      }[],
    };
  };

  async function started(): Promise<void> {
    lab.start();
    await lab.ready();
    await queueAtRest(lab);
  }

  /** Groups below everybody's, each in the one before. */
  function nest(...names: string[]): string[] {
    let parent = lab.groups.everybody;
    return names.map((displayName) => {
      const group = lab.entra.directory.addGroup({ displayName });
      lab.entra.directory.addMember(parent, group);
      parent = group;
      return group;
    });
  }

  it('stays as it is over a restart while the tree cannot be read, and goes on to be told of', async () => {
    const [outer = '', inner = ''] = nest('outer', 'inner');
    await started();
    const before = { resources: resources(), ids: ids() };
    await lab.stopAll();
    const fault = lab.entra.faults.failNext(NESTING, 503, Number.POSITIVE_INFINITY);

    await started();
    await waitFor('looks at the subscriptions', () => fault.hits() > 0);
    const oid = lab.join('nested', inner);
    await waitForStanding(lab, 'nested', { pve: 'enabled' });

    expect(before.resources).toContain(`/groups/${outer}`);
    expect({ resources: resources(), ids: ids() }).toEqual(before);
    expect(lab.log()).toContain('listener.tree.unread');
    expect(oid).toBeDefined();
  });

  it('is the whole of /groups where there are too many, and only changes of these groups are looked at', async () => {
    const many = Array.from({ length: 90 }, (_, n) => lab.entra.directory.addGroup({ displayName: `team ${n}` }));
    for (const group of many) lab.entra.directory.addMember(lab.groups.everybody, group);
    const foreign = lab.entra.directory.addGroup({ displayName: 'foreign' });
    await started();

    lab.join('outsider', foreign);
    lab.join('nested', many[50] ?? '');
    await waitForStanding(lab, 'nested', { pve: 'enabled' });
    await queueAtRest(lab);

    const { groups } = await statuses();
    expect(resources()).toEqual(['/groups', '/users']);
    expect(groups.map(({ watched }) => watched)).toEqual(['collection', 'collection']);
    expect(lab.log()).toContain('unwatched-group');
  });

  it('is told by status, with what notifications are not promised for', async () => {
    const { directory } = lab.entra;
    nest('outer', 'inner');
    directory.updateGroup(lab.groups.admins, {
      groupTypes: ['DynamicMembership'],
      membershipRule: 'user.department -eq "IT"',
      visibility: 'HiddenMembership',
    });
    lab.entra.credentials.setRoles(['GroupMember.Read.All', 'User.Read.All', 'Member.Read.Hidden']);
    const oid = directory.addUser({ userPrincipalName: 'byrule@example.com' });
    directory.addMember(lab.groups.admins, oid);
    await started();

    const { groups } = await statuses();
    const { stdout } = await lab.entramox('status');
    lab.entra.notifications.silently(() => directory.removeMember(lab.groups.admins, oid));
    await sweepNow(lab);

    expect(groups).toMatchObject([
      {
        displayName: 'entramox-everybody',
        kind: 'assigned',
        nested: { groups: 2, dynamic: 0 },
        watched: 'subscription',
      },
      { displayName: 'entramox-admins', kind: 'dynamic', hidden: true, watched: 'catch-up' },
    ]);
    expect(stdout).toContain('catch-up and sweeps only (dynamic: Graph promises no notifications)');
    expect((await statusOf(lab)).code).toBe(0);
    await waitForStanding(lab, 'byrule', { pve: 'disabled' });
  });

  it('is read because a notification told of it, also in a dry run, which leaves the subscriptions at Graph as they are', async () => {
    const [outer = ''] = nest('outer');
    await started();
    const before = structuredClone(lab.entra.subscriptions());
    await lab.stopAll();
    lab.setSettings({ DRY_RUN: 'true' });
    lab.start();
    await lab.ready();

    lab.entra.directory.addMember(outer, lab.entra.directory.addGroup({ displayName: 'inner' }));
    await waitFor('a reading of the tree', () => lab.log().split('listener.tree.changed').length > 2, 30_000);
    const oid = lab.join('later', outer);
    const settled = () => lab.log().match(new RegExp(`^.*${oid}.*identity\\.settled.*$`, 'gm')) ?? [];
    await waitFor('the second look at somebody who came after that', () => settled().length > 1, 30_000);

    expect(lab.entra.subscriptions()).toEqual(before);
  });

  it('is asked for by catch-up alone where nothing can reach us', async () => {
    lab.setSettings({ CHANGE_SOURCE: 'poll', POLL_INTERVAL: '1s', PUBLIC_URL: '' });
    const { directory } = lab.entra;
    const [outer = '', inner = ''] = nest('outer', 'inner');
    lab.join('first', inner);
    lab.join('direct');
    lab.start();
    await waitForStanding(lab, 'first', { pve: 'enabled' });
    await waitFor('catch-up', async () => (await statusOf(lab)).reconciler?.catchUp?.lastGoodAt !== undefined, 30_000);

    lab.join('second', inner);
    await waitForStanding(lab, 'second', { pve: 'enabled' });
    const late = directory.addGroup({ displayName: 'late' });
    lab.join('third', late);
    directory.addMember(outer, late);
    await waitForStanding(lab, 'third', { pve: 'enabled' });
    lab.join('fourth', late);
    await waitForStanding(lab, 'fourth', { pve: 'enabled' });
    directory.removeMember(outer, inner);
    await waitForStanding(lab, 'first', { pve: 'disabled' });
    await waitForStanding(lab, 'second', { pve: 'disabled' });

    // The tree is read once more with the round after the one that told of the change.
    const nestedNow = async () => (await statuses()).groups[0]?.nested?.groups;
    await waitFor('the tree without the branch', async () => (await nestedNow()) === 2);

    expect(lab.entra.subscriptions()).toEqual([]);
    expect((await statuses()).groups[0]).toMatchObject({ watched: 'catch-up' });
    expect(['third', 'fourth', 'direct'].map((name) => standingOf(lab, name).pve)).toEqual([
      'enabled',
      'enabled',
      'enabled',
    ]);
  });
});
