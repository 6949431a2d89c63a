import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { discardSubscriptionStore } from '../../../src/listener/subscriptions/discard.js';
import { createSubscriptionKeeper } from '../../../src/listener/subscriptions/keeper.js';
import { openSubscriptionStore } from '../../../src/listener/subscriptions/store.js';
import { publicUrls } from '../../../src/listener/subscriptions/urls.js';
import { CHANGE_TYPE, wantedResources } from '../../../src/listener/subscriptions/wanted.js';
import type { Key } from '../../../src/queue/queue.js';
import { createTestClock, createTestLog, guid } from '../queue/fixtures.js';
import { createFakeSubscriptions } from './fake-subscriptions.js';

const OURS = 'https://hooks.example.org/graph/notifications';
const GROUP = `/groups/${guid(1)}`;
const HOUR_MS = 3600_000;
const MINUTE_MS = 60_000;
const signal = new AbortController().signal;

let dir: string;
let path: string;
let clock: ReturnType<typeof createTestClock>;
let api: ReturnType<typeof createFakeSubscriptions>;
let puts: Key[];
let endpoint: Error | undefined;
let expiries: Map<string, number | undefined>;
let events: ReturnType<typeof createTestLog>['events'];

async function start(wanted: string[] = [GROUP, '/users']) {
  const store = await openSubscriptionStore({ path });
  const testLog = createTestLog();
  events = testLog.events;
  let counter = 0;
  const keeper = createSubscriptionKeeper({
    api,
    store,
    wanted: () => wanted,
    urls: publicUrls('https://hooks.example.org/'),
    changeType: CHANGE_TYPE,
    lifetimeMs: 72 * HOUR_MS,
    clock,
    random: (bytes) => {
      counter += 1;
      return createHash('sha512').update(`${counter}`).digest().subarray(0, bytes);
    },
    hints: {
      put: async (key) => {
        puts.push(key);
      },
    },
    endpointReady: async () => {
      if (endpoint) throw endpoint;
    },
    log: testLog.log,
    onExpiry: (resource, expiresAt) => expiries.set(resource, expiresAt),
  });
  return { keeper, store };
}

const named = (event: string) => events.filter((one) => one.event === event);
const calls = (pattern: RegExp) => api.calls.filter((line) => pattern.test(line));

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entramox-subscriptions-'));
  path = join(dir, 'subscriptions.json');
  clock = createTestClock();
  api = createFakeSubscriptions(clock, OURS);
  puts = [];
  endpoint = undefined;
  expiries = new Map();
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('the keeper of subscriptions', () => {
  it('creates what is missing, each with a secret of its own, and has everything looked at', async () => {
    const { keeper } = await start();

    await keeper.tick(signal);

    const views = keeper.list();
    expect(views.map(({ resource, state }) => [resource, state])).toEqual([
      [GROUP, 'live'],
      ['/users', 'live'],
    ]);
    expect(puts).toEqual(['sweep', 'sweep']);
    const states = views.map(({ id }) => keeper.find(id ?? '')?.clientState);
    expect(states).toEqual(views.map(({ id }) => api.states.get(id ?? '')));
    expect(new Set(states).size).toBe(2);
    expect(states.every((state) => Buffer.from(state ?? '', 'base64url').length === 32)).toBe(true);
    expect([...expiries.values()]).toEqual([clock.now() + 72 * HOUR_MS, clock.now() + 72 * HOUR_MS]);
  });

  it('sweeps at the start also when Graph cannot be asked, and tries again at the next tick', async () => {
    const { keeper } = await start();
    api.failing = /./;
    await keeper.tick(signal);
    const first = keeper.list();
    api.failing = undefined;

    clock.advance(15 * MINUTE_MS);
    await keeper.tick(signal);

    expect(puts[0]).toBe('sweep');
    expect(first.map(({ state, problem }) => [state, /cannot be asked/.test(problem ?? '')])).toEqual([
      ['missing', true],
      ['missing', true],
    ]);
    expect(keeper.list().map(({ state, problem }) => [state, problem])).toEqual([
      ['live', undefined],
      ['live', undefined],
    ]);
  });

  it('creates nothing while our own endpoint does not answer', async () => {
    const { keeper } = await start();
    endpoint = new Error('connection refused');

    await keeper.tick(signal);

    expect(calls(/^create/)).toEqual([]);
    expect(named('listener.endpoint.unready')).toHaveLength(1);
    expect(keeper.list()[0]?.problem).toMatch(/does not answer a handshake/);
  });

  it('keeps one failing resource apart from the others', async () => {
    const { keeper } = await start();
    api.failing = /create \/users/;

    await keeper.tick(signal);

    expect(keeper.list().map(({ state }) => state)).toEqual(['live', 'missing']);
  });

  it('lets a call while a tick runs join it', async () => {
    const { keeper } = await start();

    await Promise.all([keeper.tick(signal), keeper.tick(signal)]);

    expect(calls(/^create/)).toHaveLength(2);
  });

  it('looks after what comes to be wanted while a tick runs', async () => {
    const wanted = ['/users'];
    const { keeper } = await start(wanted);
    api.onCreate = () => {
      if (wanted.length === 1) wanted.push(GROUP);
    };

    await keeper.tick(signal);

    expect(keeper.list().map(({ state }) => state)).toEqual(['live', 'live']);
  });

  it('leaves a healthy one alone until near half of its life, then renews it and reads the expiry back', async () => {
    const { keeper } = await start(['/users']);
    await keeper.tick(signal);
    clock.advance(28 * HOUR_MS);
    await keeper.tick(signal);
    const before = calls(/^renew/).length;

    clock.advance(8 * HOUR_MS);
    await keeper.tick(signal);

    expect([before, calls(/^renew/).length]).toEqual([0, 1]);
    expect(keeper.list()[0]?.expiresAt).toBe(clock.now() + 72 * HOUR_MS);
  });

  it('tries a failed renewal again at the next tick', async () => {
    const { keeper } = await start(['/users']);
    await keeper.tick(signal);
    clock.advance(36 * HOUR_MS);
    api.failing = /^renew/;
    await keeper.tick(signal);
    api.failing = undefined;

    clock.advance(15 * MINUTE_MS);
    await keeper.tick(signal);

    expect(keeper.list()[0]?.expiresAt).toBe(clock.now() + 72 * HOUR_MS);
  });

  it('warns of a renewal without effect, and replaces the subscription when its end is near', async () => {
    const { keeper } = await start(['/users']);
    await keeper.tick(signal);
    const id = keeper.list()[0]?.id;
    api.frozen = true;
    clock.advance(36 * HOUR_MS);
    await keeper.tick(signal);
    const problem = keeper.list()[0]?.problem;

    clock.advance(20 * HOUR_MS);
    await keeper.tick(signal);

    expect(problem).toMatch(/did not move the expiry/);
    expect(keeper.list()[0]).toMatchObject({ state: 'live', problem: undefined });
    expect(keeper.list()[0]?.id).not.toBe(id);
  });

  it('makes one anew that is gone at Graph, and has everything looked at', async () => {
    const { keeper } = await start(['/users']);
    await keeper.tick(signal);
    const id = keeper.list()[0]?.id ?? '';
    api.held.delete(id);
    puts = [];

    await keeper.tick(signal);

    expect(keeper.list()[0]).toMatchObject({ state: 'live' });
    expect(keeper.find(id)).toBeUndefined();
    expect(puts).toEqual(['sweep']);
  });

  it.each([
    ['another address', { notificationUrl: 'https://elsewhere.example.org/' }],
    ['another lifecycle address', { lifecycleNotificationUrl: 'https://elsewhere.example.org/' }],
    ['another change type', { changeType: 'updated' }],
  ])('replaces one that has %s at Graph', async (_what, change) => {
    const { keeper } = await start(['/users']);
    await keeper.tick(signal);
    const id = keeper.list()[0]?.id ?? '';
    const held = api.held.get(id);
    if (held) api.held.set(id, { ...held, ...change });

    await keeper.tick(signal);

    expect([...api.held.values()]).toMatchObject([{ notificationUrl: OURS, changeType: 'updated,deleted' }]);
    expect(api.held.has(id)).toBe(false);
  });

  it('does not give up a subscription that it could not make anew', async () => {
    const { keeper } = await start(['/users']);
    await keeper.tick(signal);
    const id = keeper.list()[0]?.id ?? '';
    const held = api.held.get(id);
    if (held) api.held.set(id, { ...held, changeType: 'updated' });
    endpoint = new Error('down');

    await keeper.tick(signal);

    expect(calls(/^delete/)).toEqual([]);
  });

  it('deletes the one in the way that a 409 names, and creates anew', async () => {
    const theirs = api.hold({ resource: '/users', notificationUrl: 'https://old.example.org/hook' });
    const { keeper } = await start(['/users']);

    await keeper.tick(signal);

    expect(api.held.has(theirs)).toBe(false);
    expect(keeper.list()[0]).toMatchObject({ state: 'live', problem: undefined });
  });

  it('finds the one in the way by address and resource when a 409 names none', async () => {
    const { keeper } = await start(['/users']);
    await keeper.tick(signal);
    api.held.clear();
    const unrecorded = api.hold({ resource: 'Users' });
    api.nextCreates = [{ kind: 'exists', existingId: undefined }];

    await keeper.tick(signal);

    expect(api.held.has(unrecorded)).toBe(false);
    expect(keeper.list()[0]).toMatchObject({ state: 'live', problem: undefined });
  });

  it('does not fight another installation over a subscription for ever', async () => {
    const theirs = { resource: '/users', notificationUrl: 'https://other-host.example.org/graph/notifications' };
    api.hold(theirs);
    const { keeper } = await start(['/users']);
    await keeper.tick(signal);
    api.held.clear();
    const again = api.hold(theirs);

    await keeper.tick(signal);

    expect(api.held.has(again)).toBe(true);
    expect(keeper.list()[0]?.problem).toMatch(/other-host.*give each its own/);
    expect(named('listener.subscription.contested')).toHaveLength(1);
  });

  it('shows why Graph refuses', async () => {
    const { keeper } = await start(['/users']);
    api.nextCreates = [{ kind: 'forbidden', explanation: 'grant User.Read.All' }];

    await keeper.tick(signal);

    expect(keeper.list()).toMatchObject([{ state: 'missing', problem: 'grant User.Read.All' }]);
    expect(named('listener.subscription.forbidden')).toMatchObject([
      { fields: { explanation: 'grant User.Read.All' } },
    ]);
  });

  it('stores the secret before it is used', async () => {
    const { keeper } = await start(['/users']);
    let stored: { subscriptions: { id: unknown; clientState: string }[] } | undefined;
    api.onCreate = () => {
      stored = JSON.parse(readFileSync(path, 'utf8'));
    };

    await keeper.tick(signal);

    const [used] = api.states.values();
    expect(stored?.subscriptions).toMatchObject([{ id: null, clientState: used }]);
  });

  it('heals a crash between the creation and its record', async () => {
    const first = await start(['/users']);
    await first.keeper.tick(signal);
    const record = JSON.parse(await readFile(path, 'utf8'));
    record.subscriptions[0].id = null;
    await writeFile(path, JSON.stringify(record));
    const second = await start(['/users']);

    await second.keeper.tick(signal);

    expect([...api.held.keys()]).toEqual([second.keeper.list()[0]?.id]);
  });

  it('deletes leftovers with our address at the start, and nobody else’s', async () => {
    const orphan = api.hold({ resource: `/groups/${guid(9)}` });
    const foreign = api.hold({ resource: `/groups/${guid(8)}`, notificationUrl: 'https://other.example.org/' });
    const { keeper } = await start();

    await keeper.tick(signal);

    expect([api.held.has(orphan), api.held.has(foreign)]).toEqual([false, true]);
  });

  it('deletes those that are no longer wanted', async () => {
    const first = await start();
    await first.keeper.tick(signal);
    const second = await start(['/users']);

    await second.keeper.tick(signal);

    expect([...api.held.values()].map(({ resource }) => resource)).toEqual(['/users']);
    expect(second.keeper.list().map(({ resource }) => resource)).toEqual(['/users']);
  });

  it('deletes nothing while nothing at all is wanted, which is a dry run or a mistake', async () => {
    const first = await start();
    await first.keeper.tick(signal);
    const second = await start([]);
    api.calls = [];

    await second.keeper.tick(signal);
    for (const subscriptionId of api.held.keys()) {
      await second.keeper.handleLifecycle({ event: 'reauthorizationRequired', subscriptionId });
      await second.keeper.handleLifecycle({ event: 'subscriptionRemoved', subscriptionId });
    }

    expect([api.calls, api.held.size]).toEqual([[], 2]);
  });

  it('deletes all of ours on request', async () => {
    const { keeper } = await start();
    await keeper.tick(signal);
    api.hold({ resource: `/groups/${guid(9)}` });

    const count = await keeper.deleteAll(signal);

    expect([count, api.held.size]).toEqual([3, 0]);
    expect(keeper.list().map(({ state }) => state)).toEqual(['missing', 'missing']);
  });
});

describe('lifecycle events', () => {
  async function withOne() {
    const { keeper } = await start(['/users']);
    await keeper.tick(signal);
    puts = [];
    api.calls = [];
    return { keeper, subscriptionId: keeper.list()[0]?.id ?? '' };
  }

  it('lead to a reauthorization, once for several in a row', async () => {
    const { keeper, subscriptionId } = await withOne();
    const event = { event: 'reauthorizationRequired', subscriptionId } as const;

    await Promise.all([keeper.handleLifecycle(event), keeper.handleLifecycle(event)]);

    expect(api.calls).toEqual([`reauthorize ${subscriptionId}`]);
  });

  it('never lead to a reauthorization within ten minutes of a renewal, nor the other way round', async () => {
    const { keeper, subscriptionId } = await withOne();
    await keeper.renewAll(signal);
    clock.advance(9 * MINUTE_MS);
    await keeper.handleLifecycle({ event: 'reauthorizationRequired', subscriptionId });
    const afterRenewal = [...api.calls];
    clock.advance(2 * MINUTE_MS);
    await keeper.handleLifecycle({ event: 'reauthorizationRequired', subscriptionId });
    clock.advance(9 * MINUTE_MS);
    await keeper.renewAll(signal);

    expect(afterRenewal).toEqual([`renew ${subscriptionId}`]);
    expect(api.calls).toEqual([`renew ${subscriptionId}`, `reauthorize ${subscriptionId}`]);
  });

  it('lead to a renewal instead where one is due', async () => {
    const { keeper, subscriptionId } = await withOne();
    clock.advance(40 * HOUR_MS);

    await keeper.handleLifecycle({ event: 'reauthorizationRequired', subscriptionId });

    expect(api.calls).toEqual([`renew ${subscriptionId}`]);
  });

  it('have a removed one made anew and everything looked at', async () => {
    const { keeper, subscriptionId } = await withOne();
    api.held.delete(subscriptionId);

    await keeper.handleLifecycle({ event: 'subscriptionRemoved', subscriptionId });

    expect(keeper.list()).toMatchObject([{ state: 'live' }]);
    expect(puts).toEqual(['sweep']);
  });

  it('have everything looked at when notifications were missed', async () => {
    const { keeper, subscriptionId } = await withOne();

    await keeper.handleLifecycle({ event: 'missed', subscriptionId });

    expect([puts, api.calls]).toEqual([['sweep'], []]);
  });

  it('for an unknown subscription do nothing', async () => {
    const { keeper } = await withOne();

    await keeper.handleLifecycle({ event: 'missed', subscriptionId: guid(99) });

    expect([puts, api.calls]).toEqual([[], []]);
  });
});

describe('the record of subscriptions', () => {
  it('is readable by its owner only, also after it is written again', async () => {
    const { keeper } = await start();
    await writeFile(path, JSON.stringify({ version: 1, subscriptions: [] }));
    await chmod(path, 0o644);

    await keeper.tick(signal);

    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['is torn', '{"version":1,"subscr', /torn.*move it out of the way/],
    ['is of a newer version', '{"version":2,"subscriptions":[]}', /version 2.*newer Entramox/],
    ['is something else', '{"version":1,"subscriptions":[{"id":7}]}', /not a record.*subscriptions\.0\.id/],
  ])('stops the start with the remedy when it %s, and is left as it is', async (_what, text, message) => {
    await writeFile(path, text);

    await expect(openSubscriptionStore({ path })).rejects.toThrow(message);

    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('is moved aside on request only, and then a new one begins', async () => {
    await writeFile(path, 'torn');
    const { log } = createTestLog();

    const aside = await discardSubscriptionStore({ path, why: 'is torn', now: clock.now(), log });

    expect(await readFile(aside ?? '', 'utf8')).toBe('torn');
    expect((await openSubscriptionStore({ path })).list()).toEqual([]);
    expect(await discardSubscriptionStore({ path, why: 'is torn', now: clock.now(), log })).toBeUndefined();
  });
});

describe('the wanted resources', () => {
  const ids = (count: number) => Array.from({ length: count }, (_, n) => guid(n));

  it.each([
    ['groups', ids(2), ids(1), [`/groups/${guid(0)}`, `/groups/${guid(1)}`, '/users']],
    ['users alone', [], ids(2), [`/users/${guid(0)}`, `/users/${guid(1)}`]],
    ['too many groups', ids(90), [], ['/groups', '/users']],
    ['too many users', [], ids(91), ['/users']],
    ['nothing', [], [], []],
  ])('for %s', (_what, groupIds, userIds, expected) => {
    const { log, events: said } = createTestLog();

    expect(wantedResources({ groupIds, userIds, log })).toEqual(expected);
    expect(said.length).toBe(groupIds.length >= 90 || userIds.length > 90 ? 1 : 0);
  });
});

describe('the public address', () => {
  it.each(['http://hooks.example.org', 'https://', 'hooks.example.org', 'https://x.example.org/?a=1'])(
    'is refused when it is %s',
    (url) => {
      expect(() => publicUrls(url)).toThrow(/PUBLIC_URL must be https/);
    },
  );
});
