import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { Agent } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Clock } from '../../src/domain/clock.js';
import { createCredential } from '../../src/entra/credential.js';
import { createGraphClient } from '../../src/entra/graph-client.js';
import { createSubscriptionApi } from '../../src/entra/subscription-api.js';
import { createListenerApp } from '../../src/listener/app.js';
import { createListenerServer, type ListenerServer } from '../../src/listener/server.js';
import { createEndpointProbe } from '../../src/listener/subscriptions/endpoint-probe.js';
import {
  createSubscriptionKeeper,
  type SubscriptionKeeper,
  type SubscriptionKeeperOptions,
} from '../../src/listener/subscriptions/keeper.js';
import { openSubscriptionStore } from '../../src/listener/subscriptions/store.js';
import { publicUrls } from '../../src/listener/subscriptions/urls.js';
import { CHANGE_TYPE } from '../../src/listener/subscriptions/wanted.js';
import { openHintSink } from '../../src/queue/hint-sink.js';
import type { EventCode } from '../../src/telemetry/events/index.js';
import { type EntraSimulator, startEntraSimulator } from '../simulators/entra/index.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';

const signal = new AbortController().signal;
const clock: Clock = {
  now: Date.now,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, 10))),
};

let authority: TestAuthority;
let dispatcher: Agent;
let entra: EntraSimulator;
let dir: string;
let server: ListenerServer;
let keeper: SubscriptionKeeper;
let staff: string;
let events: EventCode[];
/** Another listener with the same app registration, endpoint and queue, and a record of its own. */
let another: (name: string, change?: Partial<SubscriptionKeeperOptions>) => Promise<SubscriptionKeeper>;

const pending = () => readdir(join(dir, 'spool', 'pending'));

/** Waits for a file in the spool; fails after ten seconds. */
async function hinted(name: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await pending()).includes(name)) {
    if (Date.now() > deadline) throw new Error(`${name} did not come; there is ${(await pending()).join(' ')}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits for a condition; fails after ten seconds. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not come true within ten seconds');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

beforeAll(async () => {
  authority = await createTestAuthority();
  dispatcher = new Agent({ connect: { ca: [...tls.rootCertificates, authority.cert] } });
});
afterAll(() => dispatcher.destroy());

beforeEach(async () => {
  entra = await startEntraSimulator({ authority });
  staff = entra.directory.addGroup({ displayName: 'staff' });
  dir = await mkdtemp(join(tmpdir(), 'entramox-hints-'));
  events = [];
  const log = (event: EventCode): void => void events.push(event);
  const { tenantId, clientId } = entra;
  const proof = { kind: 'secret', secret: entra.clientSecret } as const;
  const scope = `${new URL(entra.graphUrl).origin}/.default`;
  const credential = createCredential({
    proof,
    tenantId,
    clientId,
    authority: entra.loginUrl,
    scope,
    log,
    clock,
    dispatcher,
  });
  const graph = createGraphClient({ baseUrl: entra.graphUrl, credential, log, clock, dispatcher });
  const hints = await openHintSink({ dir: join(dir, 'spool'), clock });
  const material = await authority.issue(['localhost', '127.0.0.1']);
  const app = createListenerApp({
    tenantId,
    find: (id) => keeper.find(id),
    isWatchedGroup: (id) => id === staff,
    hints,
    onLifecycle: (event) => keeper.handleLifecycle(event),
    clock,
    log,
  });
  server = await createListenerServer({ app, host: '127.0.0.1', port: 0, tls: material, trustProxy: false, log });
  const publicUrl = `https://localhost:${server.port}`;
  another = async (name, change) =>
    createSubscriptionKeeper({
      api: createSubscriptionApi(graph, clock),
      store: await openSubscriptionStore({ path: join(dir, name, 'subscriptions.json') }),
      wanted: () => [`/groups/${staff}`, '/users'],
      urls: publicUrls(publicUrl),
      changeType: CHANGE_TYPE,
      lifetimeMs: 3 * 24 * 3600_000,
      clock,
      random: randomBytes,
      hints,
      endpointReady: createEndpointProbe({
        localUrl: server.localUrl,
        localCertificate: material.cert,
        publicUrl,
        random: randomBytes,
        log,
      }),
      log,
      ...change,
    });
  keeper = await another('first');
});
afterEach(async () => {
  await entra.close();
  await server.close(1000);
  await rm(dir, { recursive: true, force: true });
});

it('subscribes, and a change in Entra ID becomes a hint in the spool', async () => {
  await keeper.tick(signal);
  const alice = entra.directory.addUser({ userPrincipalName: 'alice@example.test' });
  entra.directory.addMember(staff, alice);
  await hinted(`user-${alice}`);
  entra.directory.removeMember(staff, alice);
  await hinted(`user-${alice}.removed`);

  expect(keeper.list().map(({ state, problem }) => [state, problem])).toEqual([
    ['live', undefined],
    ['live', undefined],
  ]);
  expect(await pending()).toContain('sweep');
});

it('makes a subscription anew that Entra ID has ended', async () => {
  await keeper.tick(signal);
  const before = keeper.list().map(({ id }) => id);
  entra.endSubscription(before[1] ?? '');

  await keeper.tick(signal);

  const after = keeper.list();
  expect(after.map(({ id }, n) => id === before[n])).toEqual([true, false]);
  expect(after.map(({ state }) => state)).toEqual(['live', 'live']);
  expect(entra.subscriptions()).toHaveLength(2);
});

it('takes the place of its own subscriptions after their record was lost', async () => {
  await keeper.tick(signal);
  const lost = entra.subscriptions().map(({ id }) => id);
  await rm(join(dir, 'first', 'subscriptions.json'));

  await keeper.tick(signal);
  const alice = entra.directory.addUser({ userPrincipalName: 'alice@example.test' });
  await hinted(`user-${alice}`);

  expect(entra.subscriptions().filter(({ id }) => lost.includes(id))).toEqual([]);
  expect(keeper.list().map(({ state }) => state)).toEqual(['live', 'live']);
});

it('deletes what it made', async () => {
  await keeper.tick(signal);

  const deleted = await keeper.deleteAll(signal);

  expect([deleted, entra.subscriptions().length]).toEqual([2, 0]);
});

it('answers a lifecycle event before it has asked Graph for anything', async () => {
  await keeper.tick(signal);
  const users = entra.subscriptions().find(({ resource }) => resource === '/users');
  entra.faults.stall('POST /subscriptions/{id}/reauthorize', 1000);

  entra.notifications.sendLifecycle(users?.id ?? '', 'reauthorizationRequired');
  const answered = await entra.deliveries.waitFor(({ items }) => items.some((item) => 'lifecycleEvent' in item));

  const reauthorized = () => entra.calls.count('POST /subscriptions/{id}/reauthorize');
  expect([answered.detail, reauthorized()]).toEqual(['202', 0]);
  await until(() => events.includes('listener.subscription.reauthorized'));
});

it('makes one call of a hundred lifecycle events', async () => {
  await keeper.tick(signal);
  const users = entra.subscriptions().find(({ resource }) => resource === '/users');

  for (let n = 0; n < 100; n += 1) entra.notifications.sendLifecycle(users?.id ?? '', 'reauthorizationRequired');
  await entra.deliveries.idle();
  await until(() => events.includes('listener.subscription.reauthorized'));

  expect(entra.calls.count('POST /subscriptions/{id}/reauthorize')).toBe(1);
});

it('has one subscription where the answer to its creation was lost', async () => {
  entra.faults.loseCreated(1);
  await keeper.tick(signal);
  const lost = entra.subscriptions().map(({ id }) => id);
  await keeper.renewAll(signal);

  expect(lost).toHaveLength(2);
  expect(entra.subscriptions()).toHaveLength(2);
  expect(
    keeper
      .list()
      .map(({ id }) => id)
      .sort(),
  ).toEqual(
    entra
      .subscriptions()
      .map(({ id }) => id)
      .sort(),
  );
});

it('ends the quarrel of two addresses on one app registration, and names both', async () => {
  const second = await another('second', { urls: publicUrls(`https://127.0.0.1:${server.port}`) });
  for (let n = 0; n < 6; n += 1) {
    await keeper.tick(signal);
    await second.tick(signal);
  }

  const live = [keeper, second].map((one) => one.list().filter(({ state }) => state === 'live').length);
  const [problem] = second.list().map((view) => view.problem);
  expect(live).toEqual([2, 0]);
  expect(problem).toContain(`https://localhost:${server.port}/graph/notifications`);
  expect(problem).toContain(`https://127.0.0.1:${server.port}/graph/notifications`);
  expect(entra.calls.count('DELETE /subscriptions/{id}')).toBe(4);
});

it('ends the quarrel of two listeners with one address', async () => {
  await keeper.tick(signal);
  const second = await another('second');
  for (let n = 0; n < 6; n += 1) {
    await second.tick(signal);
    await keeper.tick(signal);
  }

  expect(keeper.list().map(({ state }) => state)).toEqual(['live', 'live']);
  expect(second.list().every(({ problem }) => problem?.includes('the same PUBLIC_URL'))).toBe(true);
  expect(entra.calls.count('DELETE /subscriptions/{id}')).toBe(4);
});

it('says of a group that is not there that it is not there', async () => {
  const gone = '99999999-9999-4999-8999-999999999999';
  const other = await another('other', { wanted: () => [`/groups/${gone}`] });

  await other.tick(signal);

  expect(other.list()).toMatchObject([{ state: 'missing' }]);
  expect(other.list()[0]?.problem).toContain(`there is no group ${gone} in Entra ID`);
});
