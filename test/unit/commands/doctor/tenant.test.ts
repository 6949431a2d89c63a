import { describe, expect, it } from 'vitest';
import { checkGroups, type GroupLook, lookAtGroup } from '../../../../src/commands/doctor/groups.js';
import { checkSubscriptions, type SubscriptionPorts } from '../../../../src/commands/doctor/subscriptions.js';
import { GraphError, GraphUnavailable } from '../../../../src/entra/graph-errors.js';
import type { Subscription } from '../../../../src/entra/subscription.js';
import { NOW } from './looked.js';
import { provoked, unwell } from './provoked.js';

const never = new AbortController().signal;
const refused = new GraphError('Graph refused GET /groups', 403, 'Authorization_RequestDenied', 'no', undefined);
const away = new GraphUnavailable('Graph is unwell', { status: 503 });

describe('a configured group', () => {
  const plain: GroupLook = { name: 'staff', dynamic: false, hidden: false, people: 12, nested: 0 };
  const look = (seen: GroupLook | undefined | Error, roles: string[] | undefined = ['User.Read.All']) =>
    checkGroups(
      {
        groupIds: ['group-1'],
        look: async () => (seen instanceof Error ? Promise.reject(seen) : seen),
        roles,
      },
      never,
    );

  it('is shown with its name, its size, and what is special about it', async () => {
    const [check] = await look({ ...plain, dynamic: true, nested: 2 });

    expect(check).toMatchObject({ name: 'group.read', state: 'fine' });
    expect(check?.saw).toMatch(/^staff \(group-1\): 12 people, 2 groups nested in it, dynamic: /);
  });

  it('that does not exist, or that Graph does not show, is wrong; one that cannot be asked for is unreachable', async () => {
    expect(provoked('group.read', await look(undefined)).saw).toContain('does not exist');
    expect(provoked('group.read', await look(refused)).mend).toContain('permissions.roles');

    provoked('group.read', await look(away), 'unreachable');
  });

  it('with hidden members is wrong without the permission to see them', async () => {
    const check = provoked('group.hidden', await look({ ...plain, hidden: true, people: 0 }));

    expect(check.mend).toContain('Member.Read.Hidden');
    expect(unwell(await look({ ...plain, hidden: true }, ['Member.Read.Hidden']))).toEqual({});
  });

  it('is read by counts alone, and a 404 of Graph means that there is none', async () => {
    const asked: string[] = [];
    const answers = { displayName: 'staff', groupTypes: ['DynamicMembership'], visibility: 'HiddenMembership' };
    const read = lookAtGroup({
      get: async (path, schema) => {
        asked.push(path);
        return schema.parse(
          path.includes('$count') ? { '@odata.count': path.includes('.user') ? 70_000 : 3 } : answers,
        );
      },
    });
    const gone = lookAtGroup({
      get: () => Promise.reject(new GraphError('gone', 404, 'Request_ResourceNotFound', 'gone', undefined)),
    });

    expect(await read('g', never)).toEqual({ name: 'staff', dynamic: true, hidden: true, people: 70_000, nested: 3 });
    expect(asked.filter((path) => path.includes('$top=1')).length).toBe(2);
    expect(await gone('g', never)).toBeUndefined();
  });
});

describe('the subscriptions', () => {
  const address = {
    notifications: 'https://here.example/graph/notifications',
    lifecycle: 'https://here.example/graph/lifecycle',
  };
  const one = (change: Partial<Subscription> = {}): Subscription => ({
    id: 's1',
    resource: '/users',
    changeType: 'updated,deleted',
    notificationUrl: address.notifications,
    lifecycleNotificationUrl: address.lifecycle,
    expiresAt: NOW + 48 * 3_600_000,
    ...change,
  });
  const look = (listed: Subscription[], change: Partial<SubscriptionPorts> = {}) =>
    checkSubscriptions(
      {
        api: { list: async () => listed, get: async (id) => listed.find((item) => item.id === id) },
        wanted: ['/users'],
        addresses: [address],
        known: new Map([['/users', ['s1']]]),
        dryRun: false,
        now: NOW,
        ...change,
      },
      never,
    );

  it('are fine where each is there once, with the addresses of this listener, also where Graph drops the first slash', async () => {
    expect(unwell(await look([one()]))).toEqual({});
    expect(unwell(await look([one({ resource: 'users' })]))).toEqual({});
  });

  it.each<[string, Subscription[], Partial<SubscriptionPorts>, RegExp]>([
    ['is not there', [], {}, /has none; the listener holds s1, which Graph does not know/],
    ['has expired', [one({ expiresAt: NOW - 1 })], {}, /has expired/],
    ['is there twice', [one(), one({ id: 's2' })], {}, /has 2: s1, s2/],
    [
      'tells its lifecycle elsewhere',
      [one({ lifecycleNotificationUrl: 'https://old.example/x' })],
      {},
      /lifecycle events go elsewhere/,
    ],
    ['is not the one that the listener holds', [one({ id: 's2' })], {}, /the listener holds s1/],
  ])('are wrong where one %s', async (_what, listed, change, words) => {
    const checks = await look(listed, change);

    expect(
      provoked(
        'subscription.live',
        checks.filter(({ name }) => name === 'subscription.live'),
      ).saw,
    ).toMatch(words);
  });

  it('are wrong where the one that the listener holds delivers elsewhere', async () => {
    const moved = one({ notificationUrl: 'https://old.example/x' });

    const said = (await look([moved])).filter(({ state }) => state === 'wrong').map(({ saw }) => saw);

    expect(said).toEqual([expect.stringContaining('delivers to old.example'), '/users has none']);
  });

  it('are wanted at each address where changes come in two ways', async () => {
    const hub = 'EventHub:https://ns.servicebus.windows.net/eventhubname/changes?tenantId=example.com';
    const addresses = [address, { notifications: hub, lifecycle: hub }];
    const second = one({ id: 's2', notificationUrl: hub, lifecycleNotificationUrl: hub });
    const known = new Map([['/users', ['s1', 's2']]]);

    expect(unwell(await look([one(), second], { addresses, known }))).toEqual({});
    const check = provoked('subscription.live', await look([one()], { addresses, known: new Map() }));

    expect(check.saw).toMatch(/^\/users has none at /);
  });

  it('are wrong where one delivers here that nobody wants', async () => {
    const checks = await look([one(), one({ id: 's3', resource: '/groups/old' })]);

    expect(provoked('subscription.live', checks).saw).toContain('/groups/old (s3) delivers to this listener');
  });

  it('of others are remarked on', async () => {
    const checks = await look([one(), one({ id: 's4', notificationUrl: 'https://other.example/x' })]);

    expect(provoked('subscription.others', checks, 'remark').saw).toContain(
      'this app has 1 more, which deliver to other.example',
    );
  });

  it('are not missed in a dry run, and not known where Graph cannot be asked', async () => {
    const failing = (error: Error) => ({ api: { list: () => Promise.reject(error), get: async () => undefined } });

    expect(unwell(await look([], { dryRun: true, known: new Map() }))).toEqual({ 'subscription.live': 'remark' });
    expect(unwell(await look([], failing(away)))).toEqual({ 'subscription.live': 'unreachable' });
    expect(unwell(await look([], failing(refused)))).toEqual({ 'subscription.live': 'wrong' });
  });
});
