import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, openLab } from '../lab/lab.js';
import { fetchFrom } from '../lab/look.js';
import type { Daemon } from '../lab/program.js';
import { createSimulatedHost } from '../lab/simulated-host.js';
import { waitFor } from '../lab/wait.js';
import { startWebSocketFront, type WebSocketFront } from '../simulators/event-hub/front.js';
import { type EventHubSimulator, startEventHubSimulator } from '../simulators/event-hub/index.js';
import { createTestAuthority } from '../simulators/tls.js';

const QUICK = { CONFIRM_BEFORE_LOCK: '300ms', CONFIRM_AFTER: '400ms', GUARD_MAX_LOCKS: '1000' };
/** So that nothing but the hub can have told. */
const HUB_ALONE = { CHANGE_SOURCE: 'eventhub', CATCHUP_INTERVAL: '1h', PUBLIC_URL: '' };

describe('an installation that is told by an event hub', () => {
  let hub: EventHubSimulator;
  let lab: Lab;
  let daemon: Daemon;

  beforeAll(async () => {
    hub = await startEventHubSimulator();
    lab = await openLab({
      host: await createSimulatedHost(),
      entra: { eventHub: (_url, body) => void hub.send(body) },
      settings: {
        ...QUICK,
        ...HUB_ALONE,
        EVENTHUB_CONNECTION_STRING: hub.connectionString,
        EVENTHUB_TENANT_DOMAIN: 'example.com',
      },
    });
    daemon = lab.start();
    await lab.ready();
  });
  afterAll(async () => {
    await lab?.close();
    await hub?.close();
  });

  function checkpoints(): { partition: string; sequenceNumber: number }[] {
    return JSON.parse(readFileSync(join(lab.dir, 'listener/event-hub-checkpoints.json'), 'utf8')).checkpoints;
  }

  async function hubView(): Promise<{ state: string; since: string; problem?: string }> {
    const { stdout } = await lab.entramox('status', '--json');
    return JSON.parse(stdout).eventHub;
  }

  it('gives Graph the address of the hub for notifications and lifecycle events, and passes over the probes', async () => {
    const url = `EventHub:https://localhost/eventhubname/${hub.hub}?tenantId=example.com`;

    const subscriptions = lab.entra.subscriptions();

    expect(subscriptions.length).toBeGreaterThan(1);
    for (const one of subscriptions) {
      expect(one).toMatchObject({ notificationUrl: url, lifecycleNotificationUrl: url, changeType: 'updated,deleted' });
    }
    await waitFor('the probes to be read', () => checkpoints().length === 2);
    expect(lab.log()).not.toContain('listener.item.dropped');
    expect(lab.log()).not.toContain('listener.event-hub.poison');
  });

  it('opens no port', async () => {
    const port = Number(readFileSync(lab.envFile, 'utf8').match(/LISTEN_PORT='(\d+)'/)?.[1]);

    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve('connected'));
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      socket.once('close', () => socket.destroy());
    });

    expect(answer).toBe('ECONNREFUSED');
    expect(lab.log()).not.toContain('listener.listening');
  });

  it('makes a joiner and locks a leaver', async () => {
    const oid = lab.join('traveller');
    await waitFor('the account', () => lab.host?.account('traveller')?.locked === false);

    lab.entra.directory.removeMember(lab.groups.everybody, oid);
    const { seconds } = await waitFor('the lock', () => lab.host?.account('traveller')?.locked);

    expect(seconds).toBeLessThan(10);
    await waitFor('Proxmox', () => lab.proxmox.user('traveller@example.com@entra')?.enabled === false);
  });

  it('shows how it stands with the hub in status', async () => {
    const view = await hubView();

    expect(view).toMatchObject({
      state: 'reading',
      hub: `localhost/${hub.hub}`,
      consumerGroup: '$Default',
      transport: 'amqp',
    });
  });

  it('comes back by itself after the namespace was away, and misses nothing', async () => {
    const oid = lab.join('stayer');
    await waitFor('the account', () => lab.host?.account('stayer')?.locked === false);
    await hub.faults.away();
    await waitFor('the trouble in status', async () => (await hubView()).state === 'away', 30_000, 300);

    lab.entra.directory.removeMember(lab.groups.everybody, oid);
    await lab.entra.deliveries.idle();
    await hub.faults.back();

    await waitFor('the lock', () => lab.host?.account('stayer')?.locked, 60_000);
    await waitFor('all partitions', async () => (await hubView()).state === 'reading', 30_000, 300);
  });

  it('goes on after the last checkpoint when it is started again', async () => {
    const oid = lab.join('sleeper');
    await waitFor('the account', () => lab.host?.account('sleeper')?.locked === false);
    await waitFor('all events to be checkpointed', () =>
      checkpoints().every(
        ({ partition, sequenceNumber }) => hub.events(partition).at(-1)?.sequenceNumber === sequenceNumber,
      ),
    );
    const stored = checkpoints();
    await lab.stopAll();

    lab.entra.directory.removeMember(lab.groups.everybody, oid);
    await lab.entra.deliveries.idle();
    daemon = lab.start();

    await waitFor('the lock', () => lab.host?.account('sleeper')?.locked, 60_000);
    await waitFor('readers', () => hub.broker.readers().length === 2);
    for (const { filter, partition } of hub.broker.readers()) {
      const offset = hub
        .events(partition)
        .find(
          ({ sequenceNumber }) => sequenceNumber === stored.find((one) => one.partition === partition)?.sequenceNumber,
        )?.offset;
      expect(filter).toBe(`amqp.annotation.x-opt-offset > '${offset}'`);
    }
  });

  it('repeats what it had stored when it is killed before the checkpoint, and loses nothing', async () => {
    const upToDate = () =>
      checkpoints().every(
        ({ partition, sequenceNumber }) => hub.events(partition).at(-1)?.sequenceNumber === sequenceNumber,
      );
    await waitFor('all events to be checkpointed', upToDate);
    const before = checkpoints();
    // Where the next record would be written stands a directory.
    mkdirSync(join(lab.dir, 'listener/event-hub-checkpoints.json.next'));
    const oid = lab.join('survivor');
    await waitFor('the account', () => lab.host?.account('survivor')?.locked === false);
    await waitFor('the checkpoint to fail', () => lab.log().includes('listener.event-hub.checkpoint-unstored'));

    await daemon.stop('SIGKILL');
    rmdirSync(join(lab.dir, 'listener/event-hub-checkpoints.json.next'));
    const left = checkpoints();
    lab.entra.directory.removeMember(lab.groups.everybody, oid);
    daemon = lab.start();

    await waitFor('the lock', () => lab.host?.account('survivor')?.locked, 60_000);
    expect(left).toEqual(before);
    await waitFor('all events to be checkpointed', upToDate);
  });
});

describe('an installation that is told by webhook and event hub', () => {
  let hub: EventHubSimulator;
  let lab: Lab;

  beforeAll(async () => {
    hub = await startEventHubSimulator();
    lab = await openLab({
      host: await createSimulatedHost(),
      entra: { eventHub: (_url, body) => void hub.send(body) },
      settings: {
        ...QUICK,
        CHANGE_SOURCE: 'webhook,eventhub',
        EVENTHUB_CONNECTION_STRING: hub.connectionString,
        EVENTHUB_TENANT_DOMAIN: 'example.com',
      },
    });
    lab.start();
    await lab.ready();
  });
  afterAll(async () => {
    await lab?.close();
    await hub?.close();
  });

  const ways = () =>
    lab.entra
      .subscriptions()
      .map(
        ({ notificationUrl, changeType }) =>
          `${notificationUrl.startsWith('EventHub:') ? 'hub' : 'webhook'} ${changeType}`,
      )
      .sort();

  it('has both subscriptions of each resource, which Graph takes for different ones', async () => {
    await waitFor('all of them', () => ways().length === 6);

    expect(ways()).toEqual([...Array(3).fill('hub updated'), ...Array(3).fill('webhook updated,deleted')]);
    expect(lab.log()).not.toContain('listener.subscription.contested');
  });

  it('names the source of each in the list, in status and in the metrics', async () => {
    const [list, json, status] = await Promise.all([
      lab.entramox('subscriptions', 'list'),
      lab.entramox('subscriptions', 'list', '--json'),
      lab.entramox('status'),
    ]);
    const metrics = await fetchFrom({ socketPath: join(lab.dir, 'run/operator.sock') }, '/metrics');

    for (const source of ['webhook', 'eventhub']) {
      expect(list.stdout).toMatch(new RegExp(`^/users {2}\\S+ {2}${source} {2}live`, 'm'));
      expect(JSON.parse(json.stdout)).toContainEqual(expect.objectContaining({ resource: '/users', source }));
      expect(status.stdout).toContain(`/users (${source})`);
      expect(metrics.text).toMatch(
        new RegExp(`^entramox_subscription_expiry_seconds\\{resource="/users",source="${source}"\\} \\d`, 'm'),
      );
    }
  });

  it('gives up the hub where only the webhook is left, and takes over from the webhook where only the hub is', async () => {
    await lab.stopAll();
    lab.setSettings({ CHANGE_SOURCE: 'webhook' });
    lab.start();
    await waitFor('the webhooks alone', () => ways().join() === Array(3).fill('webhook updated,deleted').join());

    await lab.stopAll();
    lab.setSettings({ CHANGE_SOURCE: 'eventhub' });
    lab.start();
    await waitFor('the hub alone', () => ways().join() === Array(3).fill('hub updated,deleted').join());

    lab.join('newcomer');
    await waitFor('the account', () => lab.host?.account('newcomer')?.locked === false);
    expect(lab.log()).not.toContain('listener.subscription.contested');
  });
});

describe('an installation behind a proxy that reads the hub as its own app registration', () => {
  const HOST = 'entramox-lab.servicebus.windows.net';
  let hub: EventHubSimulator;
  let front: WebSocketFront;
  let lab: Lab;

  beforeAll(async () => {
    hub = await startEventHubSimulator({ acceptJwt: (token) => audienceOf(token) === 'https://eventhubs.azure.net/' });
    const authority = await createTestAuthority('Authority of the namespace');
    front = await startWebSocketFront(hub.broker.container, HOST, await authority.issue([HOST]));
    lab = await openLab({
      host: await createSimulatedHost(),
      entra: { eventHub: (_url, body) => void hub.send(body) },
      settings: {
        ...QUICK,
        ...HUB_ALONE,
        EVENTHUB_NAMESPACE: 'entramox-lab',
        EVENTHUB_NAME: hub.hub,
        EVENTHUB_TENANT_DOMAIN: 'example.com',
        HTTPS_PROXY: front.proxyUrl,
        NO_PROXY: 'localhost,127.0.0.1',
      },
    });
    const roots = join(lab.dir, 'roots.pem');
    writeFileSync(roots, `${readFileSync(join(lab.dir, 'ca.pem'), 'utf8')}\n${authority.cert}`);
    lab.setSettings({ CA_FILE: roots });
    lab.start();
    await lab.ready();
  });
  afterAll(async () => {
    await lab?.close();
    await front?.close();
    await hub?.close();
  });

  it('speaks WebSockets without being told, through the proxy, with a token for the hub alone', async () => {
    lab.join('tunneller');
    await waitFor('the account', () => lab.host?.account('tunneller')?.locked === false);

    const { stdout } = await lab.entramox('status', '--json');
    expect(JSON.parse(stdout).eventHub).toMatchObject({
      state: 'reading',
      transport: 'websocket',
      hub: `${HOST}/${hub.hub}`,
    });
    expect(new Set(front.asked())).toEqual(new Set([`${HOST}:443`]));
    const tokens = hub.broker.shownTokens();
    expect(tokens.length).toBeGreaterThan(0);
    expect(tokens.every(({ type, accepted }) => type === 'jwt' && accepted)).toBe(true);
  });

  it('lives on without the proxy, and names it', async () => {
    await front.close();

    const { value: view } = await waitFor(
      'the trouble in status',
      async () => {
        const { stdout } = await lab.entramox('status', '--json');
        const { eventHub } = JSON.parse(stdout);
        return eventHub?.state === 'away' && eventHub;
      },
      30_000,
      300,
    );

    expect(view.problem).toContain(`the proxy ${front.proxyUrl}`);
    expect(await lab.stopAll()).toEqual([0]);
  });
});

function audienceOf(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')).aud;
}
