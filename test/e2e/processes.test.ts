import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type AgentService, startAgentService } from '../lab/agent-service.js';
import { freePort, type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { fetchFrom, promisedIds, standingOf, statusOf, waitForStanding } from '../lab/look.js';
import type { Daemon } from '../lab/program.js';
import { waitFor } from '../lab/wait.js';

const unavailable = sandboxUnavailable();
const OPEN = { linux: 'open', pve: 'enabled' } as const;
const LOCKED = { linux: 'locked', pve: 'disabled' } as const;

describe.skipIf(unavailable)(`the three processes${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  let agent: AgentService;
  let listener: Daemon;
  let reconciler: Daemon;
  const ports = { reconciler: 0, listener: 0 };

  beforeAll(async () => {
    const host = await createPrivateHost();
    lab = await openLab({
      host,
      settings: {
        CONFIRM_BEFORE_LOCK: '200ms',
        CONFIRM_AFTER: '300ms',
        GUARD_MAX_LOCKS: '1000',
        LOG_LEVEL: 'debug',
        ACCOUNTS_COMMAND: '',
      },
    });
    if (!host.sandbox) throw new Error('no private root');
    agent = await startAgentService(host.sandbox, { socketPath: join(lab.dir, 'accounts.sock'), lingerMs: 400 });
    ports.reconciler = await freePort();
    ports.listener = await freePort();
    lab.setSettings({
      ACCOUNTS_SOCKET: agent.socketPath,
      METRICS_PORT: String(ports.reconciler),
      LISTENER_METRICS_PORT: String(ports.listener),
    });
    listener = lab.start('listen');
    reconciler = lab.start('reconcile');
    await lab.ready();
  });
  afterAll(async () => {
    await lab?.close();
    await agent?.stop();
  });

  const socket = (name: string) => ({ socketPath: join(lab.dir, 'run', name) });

  it('carry a joiner and a leaver through, and the agent comes and goes as it is needed', async () => {
    const oid = lab.join('alice');
    await waitForStanding(lab, 'alice', OPEN);
    const before = agent.starts();
    const lost = () => lab.log().split('linux.agent.lost').length;
    const lostBefore = lost();
    await waitFor('the agent to go to sleep', () => lost() > lostBefore);

    lab.entra.directory.removeMember(lab.groups.everybody, oid);
    await waitForStanding(lab, 'alice', LOCKED);
    await waitFor('the leaver in the ledger', async () => (await statusOf(lab)).reconciler?.identities.grace === 1);

    expect(agent.starts()).toBeGreaterThan(before);
  });

  it('answer health and metrics on both sockets and on both loopback ports, and nothing else there', async () => {
    const places = [
      socket('operator.sock'),
      socket('listener.sock'),
      { port: ports.reconciler },
      { port: ports.listener },
    ];

    const answers = await Promise.all(
      places.map(async (place) => {
        const [health, ready, metrics, status, nothing] = await Promise.all(
          ['/healthz', '/readyz', '/metrics', '/status', '/nothing'].map((path) => fetchFrom(place, path)),
        );
        return { codes: [health, ready, nothing].map((answer) => answer?.status), status: status?.status, metrics };
      }),
    );

    expect(answers.map(({ codes }) => codes)).toEqual(places.map(() => [200, 200, 404]));
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 404, 404]);
    expect(answers.map(({ metrics }) => metrics?.status)).toEqual([200, 200, 200, 200]);
    expect(answers[0]?.metrics?.text).toMatch(/^entramox_identities\{state="grace"\} 1$/m);
    expect(answers[0]?.metrics?.text).toMatch(/^entramox_guard_held 0$/m);
    expect(answers[0]?.metrics?.text).toMatch(/^entramox_sweep_last_success_timestamp_seconds \d+/m);
    expect(answers[1]?.metrics?.text).toMatch(/^entramox_notifications_total\{outcome="accepted"\} [1-9]/m);
    expect(answers[1]?.metrics?.text).toMatch(
      /^entramox_subscription_expiry_seconds\{resource="\/users",source="webhook"\} \d{5}/m,
    );
    expect(answers[2]?.metrics?.text).toMatch(/^entramox_graph_calls_total\{status="200"\} [1-9]/m);
  });

  it('keep the log of the reconciler in a file beside the audit log as well', () => {
    const lines = readFileSync(join(lab.dir, 'log/entramox.log'), 'utf8').trim().split('\n');

    expect(lines.map((line) => JSON.parse(line).event)).toContain('reconcile.sweep.finished');
  });

  it('are answered for on one command line, whichever socket knows', async () => {
    const status = JSON.parse((await lab.entramox('status', '--json')).stdout);
    const text = await lab.entramox('status');
    const subscriptions = await lab.entramox('subscriptions', 'list', '--json');

    expect(status.missing).toEqual([]);
    expect(status.subscriptions).toHaveLength(3);
    expect(text).toMatchObject({ code: 0, stdout: expect.stringContaining('All is well.') });
    expect(JSON.parse(subscriptions.stdout).map((item: { state: string }) => item.state)).toEqual([
      'live',
      'live',
      'live',
    ]);
  });

  it('never are two reconcilers or two listeners: the second ends with an error and changes nothing', async () => {
    const second = lab.start('reconcile');
    const other = lab.start('listen');
    const sweep = await lab.entramox('sweep', '--foreground');

    const codes = [await second.exited, await other.exited, sweep.code];

    expect(codes).toEqual([1, 1, 1]);
    expect(lab.log()).toContain('another reconciler is running');
    expect(sweep.stderr).toContain('another reconciler is running');
    expect(lab.log()).toMatch(/is taken by another process|already answers/);
    expect((await lab.entramox('status')).code).toBe(0);
  });

  it('end within ten seconds when told to amid work, and lose nothing', async () => {
    const oids = new Map(Array.from({ length: 30 }, (_, n) => [`load${n}`, lab.join(`load${n}`)]));
    const names = [...oids.keys()];
    await waitFor('some of the work to be done', () => names.some((name) => standingOf(lab, name).linux !== 'none'));

    const codes = await Promise.all([listener.stop(), reconciler.stop()]);
    lab.entra.notifications.off();
    const undone = names.filter((name) => standingOf(lab, name).pve === 'none');
    // Without listings the sweep at the start finds nobody: whoever comes now, comes by what was kept.
    const fault = lab.entra.faults.failNext(/transitiveMembers/, 403, Number.POSITIVE_INFINITY);
    reconciler = lab.start('reconcile');
    const promised = undone.filter((name) => promisedIds(lab).has(oids.get(name) ?? ''));
    for (const name of promised) await waitForStanding(lab, name, OPEN);
    fault.clear();

    expect(codes).toEqual([0, 0]);
    expect(undone.length).toBeGreaterThan(0);
    expect(promised.length).toBeGreaterThan(0);

    lab.entra.notifications.on();
    listener = lab.start('listen');
    for (const name of names) await waitForStanding(lab, name, OPEN, { deadlineMs: 30_000 });
  });
});
