import { afterEach, describe, expect, it } from 'vitest';
import { type Bed, startBed } from './harness.js';
import type { EntraSimulatorOptions } from './index.js';

interface Item {
  changeType: string;
  clientState: string | null;
  resource: string;
  resourceData: { id: string; 'members@delta'?: Record<string, unknown>[]; sequenceNumber?: number };
  subscriptionExpirationDateTime: string;
  subscriptionId: string;
  tenantId: string;
  lifecycleEvent?: string;
}

describe('notifications of the Entra simulator', () => {
  let bed: Bed;

  afterEach(async () => {
    await bed.close();
  });

  async function start(options: Partial<EntraSimulatorOptions> = {}): Promise<{ group: string; oid: string }> {
    bed = await startBed({ timeouts: { handshakeMs: 1000, firstMs: 150, retryMs: 300 }, ...options });
    const group = bed.sim.directory.addGroup({ displayName: 'linux' });
    const oid = bed.sim.directory.addUser({ userPrincipalName: 'alice@example.com' });
    return { group, oid };
  }

  function items(): Item[] {
    return bed.webhook.received.flatMap(({ text }) => (JSON.parse(text) as { value: Item[] }).value);
  }

  it('tells of an added and of a removed member in the shape that Graph sends', async () => {
    const { group, oid } = await start();
    const id = await bed.subscribe(`/groups/${group}`);

    bed.sim.directory.addMember(group, oid);
    await bed.sim.deliveries.idle();
    bed.sim.directory.removeMember(group, oid);
    await bed.sim.deliveries.idle();

    const [added, removed] = items();
    expect(added).toMatchObject({
      changeType: 'updated',
      clientState: 'state-of-the-client',
      resource: `Groups/${group}`,
      subscriptionId: id,
      tenantId: bed.sim.tenantId,
      resourceData: { '@odata.type': '#Microsoft.Graph.Group', id: group, 'members@delta': [{ id: oid }] },
    });
    expect(added?.subscriptionExpirationDateTime).toMatch(/-07:00$/);
    expect(removed?.resourceData['members@delta']).toEqual([{ id: oid, '@removed': 'deleted' }]);
  });

  it('tells every change of a user as updated but the deletion for good', async () => {
    const { oid } = await start();
    await bed.subscribe('/users');
    const changes = [
      () => bed.sim.directory.updateUser(oid, { accountEnabled: false }),
      () => bed.sim.directory.softDeleteUser(oid),
      () => bed.sim.directory.restoreUser(oid),
      () => bed.sim.directory.hardDeleteUser(oid),
    ];

    for (const change of changes) {
      change();
      await bed.sim.deliveries.idle();
    }

    expect(items().map(({ changeType, resource }) => [changeType, resource])).toEqual([
      ['updated', `Users/${oid}`],
      ['updated', `Users/${oid}`],
      ['updated', `Users/${oid}`],
      ['deleted', `Users/${oid}`],
    ]);
  });

  it('writes sequence numbers as bare JSON numbers beyond 2^53', async () => {
    const { oid } = await start();
    await bed.subscribe('/users');

    bed.sim.directory.updateUser(oid, { displayName: 'Alice' });
    await bed.sim.deliveries.idle();

    const digits = /"sequenceNumber":(\d+)[,}]/.exec(bed.webhook.received[0]?.text ?? '')?.[1];
    expect(BigInt(digits ?? 0)).toBeGreaterThan(BigInt(Number.MAX_SAFE_INTEGER));
  });

  it('does not tell a group of changes in the groups below it', async () => {
    const { group, oid } = await start();
    const child = bed.sim.directory.addGroup({ displayName: 'child' });
    bed.sim.directory.addMember(group, child);
    await bed.subscribe(`/groups/${group}`);

    bed.sim.directory.addMember(child, oid);
    await bed.sim.deliveries.idle();

    expect(items()).toEqual([]);
  });

  it('tries again with a longer time-out after a refusal and after silence, until it is taken', async () => {
    const { oid } = await start({ timeScale: 1000 });
    await bed.subscribe('/users');
    bed.webhook.behave(({ path, query }, count) => {
      if (query.has('validationToken') || path !== '/graph/notifications') return undefined;
      return count === 1 ? { status: 503 } : count === 2 ? { status: 0, silent: true } : undefined;
    });

    bed.sim.directory.updateUser(oid, { displayName: 'Alice' });
    await bed.sim.deliveries.idle();

    const tries = bed.sim.deliveries.list();
    expect(tries.map(({ attempt, outcome, detail }) => [attempt, outcome, detail])).toEqual([
      [1, 'failed', '503'],
      [2, 'failed', 'timeout'],
      [3, 'delivered', '202'],
    ]);
    expect(tries[1]?.durationMs).toBeGreaterThan(250);
    expect(bed.webhook.received.map(({ text }) => text)).toEqual(Array(3).fill(bed.webhook.received[0]?.text));
  });

  it('gives up after four hours on its own clock', async () => {
    const { oid } = await start({ timeScale: 200_000 });
    await bed.subscribe('/users');
    bed.webhook.behave(({ query }) => (query.has('validationToken') ? undefined : { status: 500 }));

    bed.sim.directory.updateUser(oid, { displayName: 'Alice' });
    await bed.sim.deliveries.idle();

    const outcomes = bed.sim.deliveries.list().map(({ outcome }) => outcome);
    expect(outcomes.at(-1)).toBe('expired');
    expect(outcomes.length).toBeGreaterThan(3);
  });

  it('delays notifications to a slow host', async () => {
    const { oid } = await start({ timeScale: 2000, minimumHealthSamples: 2 });
    await bed.subscribe('/users');
    bed.webhook.behave(({ query }, count) =>
      query.has('validationToken') || count > 2 ? undefined : { status: 0, silent: true },
    );

    bed.sim.directory.updateUser(oid, { displayName: 'one' });
    bed.sim.directory.updateUser(oid, { displayName: 'two' });
    await bed.sim.deliveries.waitFor(() => bed.sim.deliveries.endpointState(bed.webhook.url) === 'slow');
    bed.sim.directory.updateUser(oid, { displayName: 'three' });
    const pendingWhileSlow = bed.sim.deliveries.pending();
    await bed.sim.deliveries.idle();

    expect(pendingWhileSlow).toBeGreaterThan(0);
    expect(bed.sim.deliveries.endpointState(bed.webhook.url)).toBe('normal');
    expect(bed.sim.deliveries.list().filter(({ outcome }) => outcome === 'delivered')).toHaveLength(3);
  });

  it('drops notifications for good in a drop window and goes on after it', async () => {
    const { oid } = await start({ timeScale: 3000 });
    await bed.subscribe('/users');

    bed.sim.deliveries.forceEndpointState(bed.webhook.url, 'drop');
    bed.sim.directory.updateUser(oid, { displayName: 'one' });
    await bed.sim.deliveries.waitFor(({ outcome }) => outcome === 'dropped');
    bed.sim.advance(600_000);
    bed.sim.directory.updateUser(oid, { displayName: 'two' });
    await bed.sim.deliveries.idle();

    expect(bed.sim.deliveries.list().map(({ outcome }) => outcome)).toEqual(['dropped', 'delivered']);
  });

  it('enters the drop state by itself when retries time out', async () => {
    const { oid } = await start({
      timeScale: 1000,
      minimumHealthSamples: 3,
      timeouts: { firstMs: 20, retryMs: 30, handshakeMs: 1000 },
    });
    await bed.subscribe('/users');
    bed.webhook.behave(({ query }) => (query.has('validationToken') ? undefined : { status: 0, silent: true }));

    bed.sim.directory.updateUser(oid, { displayName: 'one' });
    await bed.sim.deliveries.waitFor(() => bed.sim.deliveries.endpointState(bed.webhook.url) === 'drop');

    expect(bed.sim.deliveries.list().every(({ outcome }) => outcome === 'failed')).toBe(true);
  });

  it('sends twice, in reverse order, or several subscriptions in one POST, when told to', async () => {
    const { group, oid } = await start();
    await bed.subscribe('/users');
    await bed.subscribe(`/groups/${group}`);
    bed.sim.deliveries.batch(10);
    bed.sim.deliveries.reorder(true);
    bed.sim.deliveries.duplicateNext(1);

    bed.sim.directory.updateUser(oid, { displayName: 'Alice' });
    bed.sim.directory.addMember(group, oid);
    await bed.sim.deliveries.idle();

    const resources = bed.webhook.received.map(({ text }) =>
      (JSON.parse(text) as { value: Item[] }).value.map(({ resource }) => resource),
    );
    expect(resources).toEqual(Array(2).fill([`Groups/${group}`, `Users/${oid}`]));
  });

  it('loses what it is told to lose and nothing else', async () => {
    const { oid } = await start();
    await bed.subscribe('/users');
    const rename = (displayName: string) => bed.sim.directory.updateUser(oid, { displayName });

    bed.sim.notifications.loseNext(1);
    rename('lost');
    rename('told');
    bed.sim.notifications.silently(() => rename('silent'));
    bed.sim.notifications.off();
    rename('off');
    bed.sim.notifications.on();
    rename('told again');
    await bed.sim.deliveries.idle();

    expect(items()).toHaveLength(2);
    expect(bed.sim.deliveries.list().filter(({ outcome }) => outcome === 'lost')).toHaveLength(3);
  });

  it('still sends late items of a subscription that was deleted, when told to', async () => {
    const { oid } = await start();
    const id = await bed.subscribe('/users');
    bed.sim.notifications.lateItemsAfterDelete(1);

    await bed.call('DELETE', `/subscriptions/${id}`);
    bed.sim.directory.updateUser(oid, { displayName: 'late' });
    bed.sim.directory.updateUser(oid, { displayName: 'silence' });
    await bed.sim.deliveries.idle();

    expect(items().map(({ subscriptionId }) => subscriptionId)).toEqual([id]);
  });

  it('asks for reauthorization again and again until it happens', async () => {
    const { oid } = await start();
    const id = await bed.subscribe('/users');

    bed.sim.notifications.requireReauthorization(id, 10);
    await bed.sim.deliveries.waitFor(() => bed.webhook.received.length >= 3);
    await bed.call('POST', `/subscriptions/${id}/reauthorize`);
    await bed.sim.deliveries.idle();
    const asked = bed.webhook.received.length;
    bed.sim.deliveries.latency(50);
    bed.sim.directory.updateUser(oid, { displayName: 'Alice' });
    await bed.sim.deliveries.idle();

    expect(items()[0]).toMatchObject({ lifecycleEvent: 'reauthorizationRequired', subscriptionId: id });
    expect(items()[0]).not.toHaveProperty('changeType');
    const paths = bed.webhook.received.map(({ path }) => path);
    expect(paths).toEqual([...Array(asked).fill('/graph/lifecycle'), '/graph/notifications']);
  });

  it('sends what a test makes up, and an item that adds and removes one member', async () => {
    const { group, oid } = await start();
    const id = await bed.subscribe(`/groups/${group}`);

    bed.sim.notifications.send(id, { clientState: null });
    await bed.sim.deliveries.idle();
    bed.sim.notifications.sendFlicker(id, group, oid);
    await bed.sim.deliveries.idle();

    const [made, flicker] = items();
    expect(made?.clientState).toBeNull();
    expect(flicker?.resourceData['members@delta']).toEqual([{ id: oid }, { id: oid, '@removed': 'deleted' }]);
  });
});
