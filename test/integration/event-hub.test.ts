import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOutbound } from '../../src/entra/outbound.js';
import { connectAzureHub } from '../../src/listener/event-hub/azure-hub.js';
import { type Checkpoints, openCheckpoints } from '../../src/listener/event-hub/checkpoints.js';
import { createHubConsumer, type HubConsumer } from '../../src/listener/event-hub/consumer.js';
import { type HubReader, startHubReader } from '../../src/listener/event-hub/reader.js';
import { createTokenCredential } from '../../src/listener/event-hub/token-credential.js';
import type { LifecycleEvent } from '../../src/listener/intake.js';
import type { IntakeOutcome } from '../../src/listener/outcome.js';
import type { Log } from '../../src/telemetry/log.js';
import { systemClock } from '../../src/telemetry/system-clock.js';
import { waitFor } from '../lab/wait.js';
import { startWebSocketFront } from '../simulators/event-hub/front.js';
import { type EventHubSimulator, startEventHubSimulator } from '../simulators/event-hub/index.js';
import { createTestAuthority } from '../simulators/tls.js';

const TENANT = '11111111-2222-4333-8444-555555555555';
const SUBSCRIPTION = '99999999-2222-4333-8444-555555555555';
const CLIENT_STATE = 'the-client-state-of-this-subscription-0123456789';
const userId = (n: number) => `aaaaaaaa-0000-4000-8000-${String(n).padStart(12, '0')}`;

interface Rig {
  keys: string[];
  outcomes: IntakeOutcome[];
  lifecycle: LifecycleEvent[];
  logged: { code: string; fields: Record<string, unknown> }[];
  consumer: HubConsumer;
  reader: HubReader;
  checkpoints: Checkpoints;
}

describe('reading an event hub with the real client', () => {
  let hub: EventHubSimulator;
  let dir: string;
  let file: string;
  let rigs: Rig[];
  /** While set, the spool takes nothing, for this reason. */
  let diskFull: string | undefined;

  beforeEach(async () => {
    hub = await startEventHubSimulator();
    dir = mkdtempSync(join(tmpdir(), 'entramox-event-hub-'));
    file = join(dir, 'event-hub-checkpoints.json');
    rigs = [];
    diskFull = undefined;
  });
  afterEach(async () => {
    await Promise.all(rigs.map(({ reader }) => reader.stop()));
    await hub.close();
    rmSync(dir, { recursive: true, force: true });
  });

  interface RigOptions {
    connect?: (checkpoints: Checkpoints) => ReturnType<typeof connectAzureHub>;
    /** Stands in for a death between the keys and the checkpoint. */
    losesCheckpoints?: boolean;
  }

  async function startRig({ connect, losesCheckpoints = false }: RigOptions = {}): Promise<Rig> {
    const logged: Rig['logged'] = [];
    const log: Log = (code, fields = {}) => void logged.push({ code, fields });
    const checkpoints = await openCheckpoints({
      path: file,
      hub: `localhost/${hub.hub}/$Default`,
      clock: systemClock,
      log,
    });
    const used = losesCheckpoints
      ? { ...checkpoints, put: () => Promise.reject(new Error('it died here')) }
      : checkpoints;
    const keys: string[] = [];
    const outcomes: IntakeOutcome[] = [];
    const lifecycle: LifecycleEvent[] = [];
    const consumer = createHubConsumer({
      tenantId: TENANT,
      find: (id) => (id === SUBSCRIPTION ? { resource: '/users', clientState: CLIENT_STATE } : undefined),
      isWatchedGroup: () => true,
      hints: {
        async put(key) {
          if (diskFull) throw new Error(diskFull);
          keys.push(key);
        },
      },
      onOutcome: (outcome) => outcomes.push(outcome),
      onLifecycle: async (event) => void lifecycle.push(event),
      checkpoints: used,
      consumerGroup: '$Default',
      clock: systemClock,
      log,
    });
    const reader = startHubReader({
      connect: () =>
        connect?.(used) ??
        connectAzureHub({
          namespace: 'localhost',
          hub: hub.hub,
          consumerGroup: '$Default',
          connectionString: hub.connectionString,
          credential: { getToken: () => Promise.reject(new Error('no token is needed with a connection string')) },
          checkpoints: used,
          webSocketAgent: undefined,
        }),
      consumer,
      clock: systemClock,
      log,
    });
    const rig = { keys, outcomes, lifecycle, logged, consumer, reader, checkpoints };
    rigs.push(rig);
    return rig;
  }

  function item(n: number, change: Record<string, unknown> = {}): Record<string, unknown> {
    return {
      changeType: 'updated',
      clientState: CLIENT_STATE,
      resource: `Users/${userId(n)}`,
      resourceData: { '@odata.type': '#Microsoft.Graph.User', id: userId(n) },
      subscriptionId: SUBSCRIPTION,
      tenantId: TENANT,
      ...change,
    };
  }

  const body = (...items: unknown[]) => JSON.stringify({ value: items });
  const key = (n: number) => `user:${userId(n)}`;
  const seen = (rig: Rig, ...numbers: number[]) =>
    waitFor(`the keys ${numbers.join(', ')}`, () => numbers.every((n) => rig.keys.includes(key(n))), 15_000);
  const stored = () =>
    JSON.parse(readFileSync(file, 'utf8')).checkpoints as { partition: string; sequenceNumber: number }[];
  const storedAt = (partition: string) => stored().find((one) => one.partition === partition)?.sequenceNumber;
  const codes = (rig: Rig) => rig.logged.map(({ code }) => code);

  it('reads what was there before it came, from all partitions, and stores how far it got', async () => {
    hub.send(body(item(1)), '0');
    hub.send(body(item(2), item(3)), '1');

    const rig = await startRig();
    await seen(rig, 1, 2, 3);
    await waitFor('checkpoints', () => stored().length === 2);

    expect(storedAt('0')).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(rig.consumer.standing.view()).toMatchObject({ state: 'reading', partitions: 2, problem: undefined });
  });

  it('reads again what was not checkpointed before a death, and nothing else', async () => {
    const first = await startRig();
    hub.send(body(item(1)), '0');
    await seen(first, 1);
    await waitFor('the checkpoint', () => storedAt('0') === 0);
    await first.reader.stop();
    const dying = await startRig({ losesCheckpoints: true });
    hub.send(body(item(2)), '0');
    await seen(dying, 2);
    await dying.reader.stop();

    const next = await startRig();
    await seen(next, 2);

    expect(dying.keys).toEqual([key(2)]);
    expect(next.keys).toEqual([key(2)]);
    await waitFor('the checkpoint', () => storedAt('0') === 1);
  });

  it('checkpoints nothing while the spool takes nothing, and goes on by itself once it does', async () => {
    const rig = await startRig();
    hub.send(body(item(1)), '0');
    await seen(rig, 1);
    await waitFor('the checkpoint', () => storedAt('0') === 0);
    diskFull = 'ENOSPC: no space left on device';

    hub.send(body(item(2)), '0');
    hub.send(body(item(3)), '0');
    await waitFor('the trouble', () => rig.consumer.standing.view().state === 'waiting');
    const during = storedAt('0');
    const refusals = rig.outcomes.filter((outcome) => outcome === 'unstored').length;
    diskFull = undefined;
    await seen(rig, 2, 3);

    expect(during).toBe(0);
    expect(refusals).toBeLessThan(4);
    await waitFor('the checkpoint', () => storedAt('0') === 2);
    expect(rig.consumer.standing.view().state).toBe('reading');
  });

  it('lets the hub keep what comes while the spool takes nothing', async () => {
    const rig = await startRig();
    const readsOn = (partition: string) => hub.broker.readers().some((reader) => reader.partition === partition);
    await waitFor('both partitions to be read', () => readsOn('0') && readsOn('1'));
    diskFull = 'ENOSPC: no space left on device';

    hub.send(body(item(1)), '0');
    await waitFor('the link to be given up', () => !readsOn('0'), 15_000);
    for (let n = 2; n <= 60; n += 1) hub.send(body(item(n)), '0');
    const during = { other: readsOn('1'), state: rig.consumer.standing.view().state };
    diskFull = undefined;
    await seen(rig, 1, 2, 60);

    expect(during).toEqual({ other: true, state: 'waiting' });
    await waitFor('the checkpoint', () => storedAt('0') === 59);
    expect(rig.keys).not.toContain('sweep');
    expect(rig.consumer.standing.view()).toMatchObject({ state: 'reading' });
  });

  it('ends without a checkpoint when it is stopped while the spool takes nothing', async () => {
    diskFull = 'ENOSPC: no space left on device';
    const rig = await startRig();
    hub.send(body(item(1)), '0');
    await waitFor('the trouble', () => rig.consumer.standing.view().state === 'waiting');

    await rig.reader.stop();
    diskFull = undefined;
    const next = await startRig();
    await seen(next, 1);

    expect(rig.keys).toEqual([]);
  });

  it('passes over probes and drops what does not prove to be from Graph, item by item', async () => {
    const probe = {
      subscriptionId: 'NA',
      clientState: 'NA',
      resource: 'NA',
      changeType: 'Validation: Testing client application reachability for subscription Request-Id: 1',
    };

    const rig = await startRig();
    hub.send(body(probe), '0');
    hub.send(
      body(item(1, { clientState: 'guessed' }), item(2, { clientState: null }), item(3, { tenantId: userId(9) })),
      '0',
    );
    hub.send(body(item(4, { subscriptionId: userId(8) }), item(5, { resource: `Groups/${userId(5)}` }), item(6)), '0');
    await seen(rig, 6);

    expect(rig.keys).toEqual([key(6)]);
    expect(rig.outcomes).toEqual([
      'probe',
      'wrong-client-state',
      'wrong-client-state',
      'wrong-tenant',
      'unknown-subscription',
      'wrong-resource',
      'accepted',
    ]);
    await waitFor('the checkpoint', () => storedAt('0') === 2);
  });

  it('hands on lifecycle events', async () => {
    const rig = await startRig();

    hub.send(
      body({ subscriptionId: SUBSCRIPTION, tenantId: TENANT, clientState: CLIENT_STATE, lifecycleEvent: 'missed' }),
      '0',
    );
    await waitFor('the event', () => rig.lifecycle.length > 0);

    expect(rig.lifecycle).toEqual([{ event: 'missed', subscriptionId: SUBSCRIPTION }]);
    expect(rig.keys).toEqual(['sweep']);
  });

  it('survives events that nobody can read, says so once, and reads on behind them', async () => {
    const rig = await startRig();

    hub.send('no JSON at all', '0');
    hub.send('{"value":', '0');
    hub.send('[]', '0');
    hub.send('', '0');
    hub.send(Buffer.from([0xff, 0xfe, 0x00]), '0');
    hub.send(gzipSync(body(item(1))), '0');
    hub.send(Buffer.alloc(1_100_000, 0x20), '0');
    hub.send({ section: 'value', content: { value: [item(1)] } }, '0');
    hub.send({ section: 'sequence', content: [[1, 2]] }, '0');
    hub.send(`{"value":${'['.repeat(100)}${']'.repeat(100)}}`, '0');
    hub.send(body(item(2)), '0');
    await seen(rig, 2);

    expect(rig.keys).toEqual([key(2)]);
    expect(rig.outcomes.filter((outcome) => outcome === 'malformed')).toHaveLength(9);
    expect(rig.outcomes.filter((outcome) => outcome === 'too-large')).toHaveLength(1);
    expect(codes(rig).filter((code) => code === 'listener.event-hub.poison')).toHaveLength(2);
    await waitFor('the checkpoint', () => storedAt('0') === 10);
  });

  it('comes back after a detached link, a cut connection, and another reader that took its place', async () => {
    const rig = await startRig();
    hub.send(body(item(1)), '0');
    await seen(rig, 1);

    hub.faults.detachAll();
    hub.send(body(item(2)), '0');
    await seen(rig, 2);
    hub.faults.cutAll();
    hub.send(body(item(3)), '1');
    await seen(rig, 3);
    // Between two batches the client takes a new link without a word, so once may go unnoticed.
    const stolen = () => {
      hub.faults.stealAll();
      return rig.consumer.standing.view().problem?.includes('EVENTHUB_CONSUMER_GROUP');
    };
    await waitFor('the trouble', stolen, 15_000, 200);
    hub.send(body(item(4)), '0');
    await seen(rig, 4);
    await waitFor('well again', () => rig.consumer.standing.view().state === 'reading', 15_000);

    expect(rig.keys).toEqual([1, 2, 3, 4].map(key));
  });

  it('says since when it may not read, and reads on once it may', async () => {
    hub.faults.refuseTokens(true);
    const before = Date.now();
    const rig = await startRig();
    hub.send(body(item(1)), '0');
    await waitFor('the trouble', () => rig.consumer.standing.view().state === 'away');
    const view = rig.consumer.standing.view();

    hub.faults.refuseTokens(false);
    await seen(rig, 1);

    expect(view.problem).toContain('Azure Event Hubs Data Receiver');
    expect(view.since).toBeGreaterThanOrEqual(before);
    expect(codes(rig)).toContain('listener.event-hub.well');
  });

  it('looks at everything where the hub forgot events before they were read', async () => {
    const first = await startRig();
    hub.send(body(item(1)), '0');
    await waitFor('the checkpoint', () => storedAt('0') === 0);
    await first.reader.stop();

    for (const n of [2, 3, 4]) hub.send(body(item(n)), '0');
    hub.faults.retain(1);
    const rig = await startRig();
    await seen(rig, 4);

    expect(rig.keys).toEqual([key(4), 'sweep']);
    expect(rig.logged).toContainEqual({
      code: 'listener.event-hub.gap',
      fields: { partition: '0', after: 0, found: 3 },
    });
  });

  it('starts over with a hub that was deleted and made again, and looks at everything', async () => {
    const rig = await startRig();
    for (const n of [1, 2, 3]) hub.send(body(item(n)), '0');
    await waitFor('the checkpoint', () => storedAt('0') === 2);
    await rig.reader.stop();

    hub.faults.recreate();
    hub.send(body(item(4)), '0');
    const next = await startRig();
    await seen(next, 4);

    expect(next.keys).toContain('sweep');
    expect(codes(next)).toContain('listener.event-hub.checkpoint-refused');
    await waitFor('the checkpoint', () => storedAt('0') === 0);
  });

  it('reads everything again where its record is torn, keeps the torn one, and says so', async () => {
    hub.send(body(item(1)), '0');
    writeFileSync(file, '{"version":1,"hub":"localhost/ch');

    const rig = await startRig();
    await seen(rig, 1);

    expect(rig.checkpoints.damaged).toBe(true);
    const told = rig.logged.find(({ code }) => code === 'listener.event-hub.checkpoints-damaged');
    expect(readFileSync(String(told?.fields.aside), 'utf8')).toBe('{"version":1,"hub":"localhost/ch');
    await waitFor('the checkpoint', () => storedAt('0') === 0);
  });

  it('reads by WebSockets through a proxy, with a token of our own app registration', async () => {
    const host = 'entramox-lab.servicebus.windows.net';
    const authority = await createTestAuthority();
    const asked: string[] = [];
    await hub.close();
    hub = await startEventHubSimulator({ acceptJwt: (token) => token === 'token-for-the-hub' });
    const front = await startWebSocketFront(hub.broker.container, host, await authority.issue([host]));
    const outbound = createOutbound({
      proxy: { url: front.proxyUrl, noProxy: [] },
      secureContext: createSecureContext({ ca: authority.cert }),
    });
    const credential = createTokenCredential((scope) => {
      asked.push(scope);
      return { getToken: async () => 'token-for-the-hub' };
    }, systemClock);

    const rig = await startRig({
      connect: (checkpoints) =>
        connectAzureHub({
          namespace: host,
          hub: hub.hub,
          consumerGroup: '$Default',
          connectionString: undefined,
          credential,
          checkpoints,
          webSocketAgent: outbound.agent,
        }),
    });
    hub.send(body(item(1)), '0');
    await seen(rig, 1);
    await rig.reader.stop();
    await front.close();
    await outbound.close();

    expect(asked).toEqual(['https://eventhubs.azure.net//.default']);
    expect(new Set(front.asked())).toEqual(new Set([`${host}:443`]));
    expect(front.paths()).toContain('/$servicebus/websocket');
    expect(hub.broker.shownTokens().every(({ type, accepted }) => type === 'jwt' && accepted)).toBe(true);
  });
});
