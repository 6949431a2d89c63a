import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Lab, openLab } from '../lab/lab.js';
import { fetchFrom, type StatusAnswer, statusOf, sweepNow, waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';
import { loadContract } from '../simulators/contract.js';
import type { Exchange } from '../simulators/entra/index.js';

const contract = loadContract('graph.openapi.json');
const asDescribed = contract
  ? ', and asks Graph only for what its description has'
  : ' (not held against the contract document, which is not beside this checkout)';
const INTERVAL_MS = 1000;
const QUICK = {
  CONFIRM_BEFORE_LOCK: '200ms',
  CONFIRM_AFTER: '300ms',
  CATCHUP_INTERVAL: '1s',
  POLL_INTERVAL: '1s',
  GUARD_MAX_LOCKS: '1000',
};
/** Nothing that comes in: no address, no port, no certificate. */
const POLLING = { CHANGE_SOURCE: 'poll', PUBLIC_URL: '', LISTEN_TLS_CERT_FILE: '', LISTEN_TLS_KEY_FILE: '' };

describe('catch-up', () => {
  let lab: Lab;
  let exchanges: Exchange[];

  beforeEach(() => {
    exchanges = [];
  });
  afterEach(() => lab?.close());

  async function open(settings: Record<string, string> = {}): Promise<void> {
    const onExchange = (exchange: Exchange) => void exchanges.push(exchange);
    lab = await openLab({ settings: { ...QUICK, ...settings }, entra: { onExchange } });
  }

  const catchUpOf = ({ reconciler }: StatusAnswer) => reconciler?.catchUp;
  const events = (code: string) =>
    lab
      .log()
      .split('\n')
      .filter((line) => line.includes(`"${code}"`))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const deltas = (kind: 'users' | 'groups') => exchanges.filter(({ path }) => path.startsWith(`/${kind}/delta`));

  async function waitForStatus(what: string, holds: (status: StatusAnswer) => boolean): Promise<StatusAnswer> {
    const look = async () => {
      const status = await statusOf(lab);
      return holds(status) ? status : undefined;
    };
    return (await waitFor(what, look, 30_000, 100)).value;
  }

  /** The start is over: the first place among the changes is taken, and the sweep behind it done. */
  async function settled(): Promise<void> {
    await waitForStatus('the end of the start', ({ reconciler }) => {
      const { catchUp, lastSweep, busy, queue } = reconciler ?? {};
      return !!catchUp?.last && !!lastSweep && !busy?.sweep && queue?.pending === 0 && queue.processing === 0;
    });
  }

  /** Rounds that began after this call have ended. */
  async function rounds(count: number): Promise<void> {
    const asked = deltas('groups').length;
    await waitFor(`${count} rounds`, () => deltas('groups').length > asked + count, 20_000);
  }

  it('alone brings joiners and locks leavers of every kind within two intervals, with nothing that listens', async () => {
    await open(POLLING);
    lab.start('run');
    await settled();
    const oids = new Map(['gone', 'binned', 'off'].map((name) => [name, lab.join(name)]));
    for (const name of oids.keys()) await waitForStanding(lab, name, { pve: 'enabled' });
    await rounds(2);

    const { directory } = lab.entra;
    const leave: [string, (oid: string) => unknown][] = [
      ['gone', (oid) => directory.removeMember(lab.groups.everybody, oid)],
      ['binned', (oid) => directory.softDeleteUser(oid)],
      ['off', (oid) => directory.updateUser(oid, { accountEnabled: false })],
    ];
    for (const [name, act] of leave) {
      const before = deltas('groups').length;
      act(oids.get(name) ?? '');
      await waitForStanding(lab, name, { pve: 'disabled' });
      // Of the three rounds that may have begun meanwhile the first may have begun before the change.
      expect([name, deltas('groups').length - before]).toEqual([name, expect.toBeOneOf([0, 1, 2, 3])]);
    }

    const status = await statusOf(lab);
    const ready = await fetchFrom({ socketPath: join(lab.dir, 'run/operator.sock') }, '/readyz');
    expect(lab.entra.subscriptions()).toEqual([]);
    expect(exchanges.filter(({ path }) => path.startsWith('/subscriptions'))).toEqual([]);
    expect([status.missing, ready.status]).toEqual([[], 200]);
    expect(catchUpOf(status)).toMatchObject({
      intervalSeconds: INTERVAL_MS / 1000,
      last: { requests: { users: 1, groups: 1 }, users: 'by-id' },
      found: { catchUp: 0, sweep: 0 },
    });
  });

  it('finds what notifications left out, and tells of it by name, in the status and in a metric', async () => {
    await open();
    lab.start('run');
    await lab.ready();
    await settled();
    const oid = lab.join('zoe');
    await waitForStanding(lab, 'zoe', { pve: 'enabled' });
    await lab.entra.deliveries.idle();
    await rounds(3);
    const told = catchUpOf(await statusOf(lab))?.found;

    lab.entra.notifications.silently(() => lab.entra.directory.updateUser(oid, { accountEnabled: false }));
    await waitForStanding(lab, 'zoe', { pve: 'disabled' });
    lab.entra.notifications.silently(() => lab.join('yan'));
    await waitForStanding(lab, 'yan', { pve: 'enabled' });

    const status = await waitForStatus('both', (one) => catchUpOf(one)?.found.catchUp === 2);
    const metrics = await fetchFrom({ socketPath: join(lab.dir, 'run/operator.sock') }, '/metrics');
    const screen = await lab.entramox('status');
    expect(told).toEqual({ catchUp: 0, sweep: 0 });
    expect(catchUpOf(status)?.lastFound).toMatchObject({ by: 'catch-up', upn: 'yan@example.com' });
    expect(events('reconcile.change.untold').map(({ by, upn, level }) => [by, upn, level])).toEqual([
      ['catch-up', 'zoe@example.com', 40],
      ['catch-up', 'yan@example.com', 40],
    ]);
    expect(metrics.text).toContain('entramox_found_only_total{by="catch-up"} 2');
    expect(screen.stdout).toContain('2 found only by catch-up, 0 only by sweep');
  });

  it('tells what only a sweep found, and sweeps by itself where Graph does not know its place any more', async () => {
    await open(POLLING);
    lab.start('reconcile');
    await settled();
    const oid = lab.join('zoe');
    await waitForStanding(lab, 'zoe', { pve: 'enabled' });
    await rounds(2);
    await settled();
    const frozen = `${lab.entra.graphUrl}/users/delta?$deltatoken=unknown`;
    const answer = { status: 200, body: { value: [], '@odata.deltaLink': frozen } };
    const silence = lab.entra.faults.answerWith('/users/delta', answer, Number.POSITIVE_INFINITY);
    await rounds(1);

    lab.entra.directory.updateUser(oid, { accountEnabled: false });
    await sweepNow(lab);
    await waitForStanding(lab, 'zoe', { pve: 'disabled' });
    const found = await waitForStatus('what only the sweep found', (one) => catchUpOf(one)?.found.sweep === 1);
    lab.entra.directory.updateUser(oid, { accountEnabled: true });
    const gaps = events('reconcile.catchup.gap').length;
    // The place that it holds is none that Graph knows.
    silence.clear();
    await waitForStanding(lab, 'zoe', { pve: 'enabled' });

    expect(catchUpOf(found)?.lastFound).toMatchObject({ by: 'sweep', upn: 'zoe@example.com' });
    expect(events('reconcile.catchup.gap').length).toBe(gaps + 1);
    // That of the start, that of the first place, ours, and that of the lost place.
    await waitFor('the last sweep', () => events('reconcile.sweep.finished').length === 4);
  });

  it('sweeps where Graph has dropped its place, and where its own file is half-written', async () => {
    await open(POLLING);
    lab.start('reconcile');
    await settled();
    const sweeps = () => events('reconcile.sweep.finished').length;
    const before = sweeps();

    lab.entra.faults.expireTokens('gone', 2);
    await waitFor('a sweep', () => sweeps() > before);
    await settled();
    await lab.stopAll();
    const path = join(lab.dir, 'state/catch-up.json');
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, 50));
    const between = sweeps();
    lab.start('reconcile');
    await waitFor('both sweeps of a new start', () => sweeps() === between + 2);
    await settled();

    expect(between).toBe(before + 1);
    expect(events('reconcile.catchup.forgot')).toHaveLength(1);
    expect(JSON.parse(readFileSync(path, 'utf8')).links).toHaveLength(2);
  });

  it('loses nothing where it is killed in the middle of a round', async () => {
    await open(POLLING);
    const first = lab.start('reconcile');
    await settled();
    const oid = lab.join('zoe');
    await waitForStanding(lab, 'zoe', { pve: 'enabled' });
    await rounds(2);
    const links = () => readFileSync(join(lab.dir, 'state/catch-up.json'), 'utf8');

    // The users are told, and the round does not get to its end.
    const stall = lab.entra.faults.stall('/groups/delta', 20_000, Number.POSITIVE_INFINITY);
    lab.entra.directory.updateUser(oid, { accountEnabled: false });
    const names = ({ responseBody }: Exchange) => JSON.stringify(responseBody).includes(oid);
    await waitFor('the change to be told', () =>
      deltas('users').some((one) => one.path.includes('deltatoken') && names(one)),
    );
    const before = links();
    await first.stop('SIGKILL');
    const after = links();
    stall.clear();
    exchanges.length = 0;
    lab.start('reconcile');
    await waitForStanding(lab, 'zoe', { pve: 'disabled' });
    await waitFor('the change to be told again', () => deltas('users').some(names));

    expect(after).toBe(before);
    expect(deltas('users')[0]?.path).toContain('$deltatoken=');
    expect(events('reconcile.catchup.forgot')).toEqual([]);
  });

  it('leaves a listener without work, which says so and waits for its end', async () => {
    await open(POLLING);

    const listener = lab.start('listen');
    await waitFor('the listener', () => events('core.idle').length === 1);
    const ready = await waitFor('its socket', () =>
      fetchFrom({ socketPath: join(lab.dir, 'run/listener.sock') }, '/readyz'),
    );
    const code = await listener.stop();

    expect([ready.value.status, code]).toEqual([200, 0]);
    expect(exchanges).toEqual([]);
  });

  it(`follows a nested group, whose members come, change and go with it${asDescribed}`, async () => {
    await open(POLLING);
    lab.start('reconcile');
    await settled();
    const { directory } = lab.entra;
    const team = directory.addGroup({ displayName: 'team' });
    lab.join('nora', team);

    directory.addMember(lab.groups.everybody, team);
    await waitForStanding(lab, 'nora', { pve: 'enabled' });
    await rounds(2);
    lab.join('omar', team);
    await waitForStanding(lab, 'omar', { pve: 'enabled' });
    directory.removeMember(lab.groups.everybody, team);

    await waitForStanding(lab, 'nora', { pve: 'disabled' });
    await waitForStanding(lab, 'omar', { pve: 'disabled' });
    const faults = exchanges.flatMap((exchange) =>
      contract ? [...contract.checkRequest(exchange), ...contract.checkResponse(exchange)] : [],
    );
    expect(deltas('users').length).toBeGreaterThan(2);
    expect([...new Set(faults)]).toEqual([]);
  });
});
