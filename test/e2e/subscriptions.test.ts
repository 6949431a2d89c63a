import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Lab, openLab } from '../lab/lab.js';
import { fetchFrom, queueAtRest, statusOf, waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';
import type { Call } from '../simulators/entra/calls.js';

interface StoredSubscription {
  id: string;
  resource: string;
  clientState: string;
  expiresAt: number;
  renewedAt: number;
  touchedAt: number;
}

const HOUR_MS = 3_600_000;

describe('the subscriptions of a running listener', () => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await openLab({ settings: { SUBSCRIPTION_CRON: '* * * * * *', CONFIRM_BEFORE_LOCK: '200ms' } });
  });
  afterEach(() => lab.close());

  const storeFile = () => join(lab.dir, 'listener/subscriptions.json');
  const stored = (): StoredSubscription[] => JSON.parse(readFileSync(storeFile(), 'utf8')).subscriptions;
  const liveIds = () =>
    lab.entra
      .subscriptions()
      .map(({ id }) => id)
      .sort();
  const posts = () => lab.entra.calls.list('POST /subscriptions');
  const sweeps = () => lab.log().split('"reconcile.sweep.finished"').length - 1;

  async function started(): Promise<void> {
    lab.start();
    await lab.ready();
    await queueAtRest(lab);
  }

  /** As if the subscriptions had been made so long ago. */
  function age(ms: number): void {
    const data = JSON.parse(readFileSync(storeFile(), 'utf8'));
    for (const item of data.subscriptions) {
      for (const time of ['createdAt', 'renewedAt', 'touchedAt']) item[time] -= ms;
    }
    writeFileSync(storeFile(), JSON.stringify(data));
  }

  it('are made only once the endpoint answers, one for each group and one for all users', async () => {
    await started();

    const groups = [lab.groups.everybody, lab.groups.admins].map((id) => `/groups/${id}`);
    const firstHandshake = lab.log().indexOf('listener.handshake.answered');
    const firstCreated = lab.log().indexOf('listener.subscription.created');
    expect(
      stored()
        .map(({ resource }) => resource)
        .sort(),
    ).toEqual([...groups, '/users'].sort());
    expect(lab.entra.subscriptions().map(({ changeType }) => changeType)).toEqual(Array(3).fill('updated,deleted'));
    expect(posts().map(({ status }: Call) => status)).toEqual([201, 201, 201]);
    expect(firstHandshake).toBeGreaterThan(0);
    expect(firstHandshake).toBeLessThan(firstCreated);
    expect(new Set(stored().map(({ clientState }) => clientState)).size).toBe(3);
    expect(stored().every(({ clientState }) => Buffer.from(clientState, 'base64url').length === 32)).toBe(true);
  });

  it('are not doubled by a restart', async () => {
    await started();
    const before = liveIds();

    await lab.stopAll();
    await started();

    expect(liveIds()).toEqual(before);
    expect(posts()).toHaveLength(3);
  });

  it('are made anew, with a sweep, when Graph has forgotten one', async () => {
    await started();
    const victim = stored().find(({ resource }) => resource === '/users');
    const before = sweeps();

    lab.entra.notifications.silently(() => lab.join('missed'));
    lab.entra.endSubscription(victim?.id ?? '');
    await waitFor('another subscription on /users', () => {
      const now = stored().find(({ resource }) => resource === '/users');
      return now?.id && now.id !== victim?.id;
    });
    await waitForStanding(lab, 'missed', { pve: 'enabled' });

    await waitFor('the end of that sweep', () => sweeps() > before);
    expect(liveIds()).toHaveLength(3);
    expect(lab.log()).toContain('listener.subscription.gone');
    const list = await lab.entramox('subscriptions', 'list');
    const users = list.stdout.split('\n').find((line) => line.startsWith('/users  '));
    expect(users).toMatch(/live, expires 20\S+ {2}touched 20\S+ \(create\) {2}last gap \d+ s until 20\S+ \(gone\)$/);
    const metrics = await fetchFrom({ socketPath: join(lab.dir, 'run/operator.sock') }, '/metrics');
    expect(metrics.text).toMatch(/^entramox_subscription_gaps_total\{kind="gone"\} 1$/m);
    expect(metrics.text).toMatch(/^entramox_subscription_gap_seconds_total [\d.]+$/m);
    expect(metrics.text).toMatch(/^entramox_subscription_uncovered_seconds\{resource="\/users",source="webhook"\} 0$/m);
    expect((await lab.entramox('status')).stdout).toMatch(/\/users .*last gap \d+ s, ended \d+ s ago/);
  });

  it('are made anew where their record is torn, which is kept for a person to look at', async () => {
    await started();
    const before = liveIds();
    await lab.stopAll();
    writeFileSync(storeFile(), readFileSync(storeFile(), 'utf8').slice(0, 200));

    await started();

    const kept = readdirSync(join(lab.dir, 'listener')).filter((name) => name.endsWith('.aside'));
    expect(kept).toHaveLength(1);
    expect(lab.log()).toContain('listener.store.discarded');
    expect(liveIds()).toEqual(
      stored()
        .map(({ id }) => id)
        .sort(),
    );
    expect(liveIds().filter((id) => before.includes(id))).toEqual([]);
  });

  it('are renewed when due, and made anew when that renewal meets a 404', async () => {
    await started();
    await lab.stopAll();
    const before = new Map(stored().map((item) => [item.resource, item]));
    age(80 * HOUR_MS);
    lab.entra.faults.failNext(
      (call) => call.method === 'PATCH' && call.path.includes(before.get('/users')?.id ?? ''),
      404,
    );

    await started();
    await waitFor('renewed expiries', () =>
      stored().every(({ id, renewedAt }) => id && Date.now() - renewedAt < 60_000),
    );

    const after = new Map(stored().map((item) => [item.resource, item]));
    for (const [resource, item] of before) {
      expect(after.get(resource)?.id === item.id).toBe(resource !== '/users');
    }
    expect(lab.entra.calls.list('PATCH /subscriptions/{id}')).toHaveLength(3);
    expect(lab.log()).toContain('listener.subscription.renewed');
    expect(liveIds()).toEqual([...after.values()].map(({ id }) => id).sort());
  });

  it('are replaced when the local state is lost and Graph says 409, so that what they send is believed again', async () => {
    await started();
    const before = liveIds();
    await lab.stopAll();
    rmSync(storeFile());
    lab.entra.faults.hideFromList(before);

    await started();
    lab.join('afterwards');
    await waitForStanding(lab, 'afterwards', { pve: 'enabled' });

    expect(posts().some(({ status }) => status === 409)).toBe(true);
    expect(lab.log()).toContain('listener.subscription.replaced');
    expect(liveIds()).toHaveLength(3);
    expect(liveIds().some((id) => before.includes(id))).toBe(false);
  });

  it('are reauthorized when Graph asks for it', async () => {
    await started();
    const users = stored().find(({ resource }) => resource === '/users');

    lab.entra.notifications.requireReauthorization(users?.id ?? '', 60_000);
    await lab.entra.deliveries.idle();

    await waitFor('a reauthorization', () => lab.entra.calls.count('POST /subscriptions/{id}/reauthorize') > 0);
    await waitFor('its event', () => lab.log().includes('listener.subscription.reauthorized'));
    expect(liveIds()).toContain(users?.id);
  });

  it('are kept on whole collections where there are too many groups for one each', async () => {
    const groups = Array.from({ length: 91 }, (_, n) => lab.entra.directory.addGroup({ displayName: `group ${n}` }));
    lab.setSettings({ ENTRA_GROUP_IDS: groups.join(',') });

    await started();
    const oid = lab.join('collected', groups[90]);
    const stranger = lab.entra.directory.addGroup({ displayName: 'somebody else’s' });
    lab.entra.directory.addMember(stranger, oid);
    await waitForStanding(lab, 'collected', { pve: 'enabled' });

    expect(
      stored()
        .map(({ resource }) => resource)
        .sort(),
    ).toEqual(['/groups', '/users']);
    expect(lab.log()).toContain('listener.subscriptions.collection');
  });

  it('are explained where the quota is used up', async () => {
    const text = 'Operation: Create; Exception: [Status Code: Forbidden; Reason: Subscription limit exceeded: 100]';
    lab.entra.faults.answerWith(
      'POST /subscriptions',
      { status: 403, body: { error: { code: 'ExtensionError', message: text } } },
      Number.POSITIVE_INFINITY,
    );
    lab.start();
    await waitFor('a problem', async () => (await statusOf(lab)).subscriptions?.every((item) => item.problem));

    const { code, stdout } = await lab.entramox('subscriptions', 'list');
    const status = await lab.entramox('status');

    expect(code).toBe(4);
    expect(stdout).toContain('the quota of subscriptions is used up: Graph allows 100');
    expect(status.stdout).toMatch(/^! subscription \/users: the quota/m);
  });

  it('are renewed and deleted by hand', async () => {
    lab.setSettings({ SUBSCRIPTION_CRON: '0 0 1 1 *' });
    await started();

    const renewed = await lab.entramox('subscriptions', 'renew', '--json');
    const patches = lab.entra.calls.count('PATCH /subscriptions/{id}');
    const deleted = await lab.entramox('subscriptions', 'delete', '--json');

    expect([renewed.code, deleted.code]).toEqual([0, 0]);
    expect(JSON.parse(renewed.stdout)).toHaveLength(3);
    expect(patches).toBe(3);
    expect(liveIds()).toEqual([]);
    expect(deleted.stdout + renewed.stdout).not.toMatch(/clientState/i);
  });
});
