import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Lab, openLab } from '../lab/lab.js';
import { standingOf } from '../lab/look.js';
import { runProgram } from '../lab/program.js';

const COMMANDS = [
  [],
  ...[
    'listen',
    'reconcile',
    'run',
    'accounts',
    'sweep',
    'resync',
    'plan',
    'approve',
    'adopt',
    'status',
    'doctor',
    'release',
    'restore',
  ].map((verb) => [verb]),
  ...['list', 'renew', 'delete'].map((verb) => ['subscriptions', verb]),
  ...['check', 'show', 'policy', 'example'].map((verb) => ['config', verb]),
];

describe('the command line without a daemon', () => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await openLab({
      settings: { CONFIRM_BEFORE_LOCK: '200ms', GUARD_MAX_LOCKS: '1', GUARD_MAX_LOCKS_PERCENT: '0' },
    });
  });
  afterEach(() => lab.close());

  it('explains every command and changes nothing by it', async () => {
    const answers = [];
    for (const verb of COMMANDS) answers.push({ verb, ...(await lab.entramox(...verb, '--help')) });

    expect(answers.filter(({ code }) => code !== 0)).toEqual([]);
    expect(answers.filter(({ stdout, stderr }) => !/usage/i.test(stdout + stderr))).toEqual([]);
    expect(lab.entra.calls.count()).toBe(0);
  });

  it.each([
    ['an unknown command', ['frobnicate']],
    ['an unknown option', ['status', '--frobnicate']],
    ['a missing argument', ['approve']],
    ['an answer as JSON where there is none', ['run', '--json']],
  ])('ends with 2 for %s', async (_, args) => {
    expect((await lab.entramox(...args)).code).toBe(2);
  });

  it('ends with 2 for a wrong configuration and tells all that is wrong with it at once', async () => {
    lab.setSettings({ DELETE_AFTER: 'soon', LISTEN_PORT: '99999', SWEEP_CRON: 'at night', PVE_API_TOKEN: 'hunter2' });

    const check = await lab.entramox('config', 'check');
    const start = await lab.entramox('run');
    const show = await lab.entramox('config', 'show');

    expect([check.code, start.code, show.code]).toEqual([2, 2, 2]);
    for (const name of ['DELETE_AFTER', 'LISTEN_PORT', 'SWEEP_CRON', 'PVE_API_TOKEN']) {
      expect(check.stderr).toContain(name);
      expect(start.stderr).toContain(name);
    }
    expect(check.stderr + start.stderr + show.stderr).not.toContain('hunter2');
  });

  it('names a configuration file that cannot be read, and nothing else', async () => {
    const { code, stderr } = await runProgram(['run', '--config', '/nonexistent/entramox.env'], {
      PATH: process.env.PATH,
    });

    expect(code).toBe(2);
    expect(stderr).toContain('one problem in the configuration');
    expect(stderr).toContain('/nonexistent/entramox.env');
  });

  it('shows the configuration with its origins and without its secrets', async () => {
    const check = await lab.entramox('config', 'check');
    const show = await lab.entramox('config', 'show');

    expect(check).toMatchObject({ code: 0, stdout: expect.stringMatching(/OK\n$/) });
    expect(show.stdout).toMatch(/^REALM=entra +# .*entramox\.env/m);
    expect(show.stdout).not.toContain(lab.entra.clientSecret);
    expect(show.stdout).not.toMatch(/entramox@pve!sync=[0-9a-f]{8}/);
  });

  it.each([
    ['status'],
    ['sweep'],
    ['resync', 'alice@example.com'],
    ['subscriptions', 'list'],
    ['approve', '0123456789ab'],
  ])('ends %s with 1 and says that nobody answers', async (...args) => {
    const { code, stdout, stderr } = await lab.entramox(...args);

    expect(code).toBe(1);
    expect(stdout + stderr).toMatch(/operator\.sock/);
  });

  it('does not ask for a listener where the Proxmox realm is the source', async () => {
    lab.setSettings({ GRAPH_ENFORCE: 'false' });

    const list = await lab.entramox('subscriptions', 'list', '--json');
    const renew = await lab.entramox('subscriptions', 'renew');

    expect(list).toMatchObject({ code: 0, stdout: '[]\n', stderr: expect.stringContaining('GRAPH_ENFORCE is false') });
    expect(renew.code).toBe(2);
  });

  it('plans without writing, and sweeps in the foreground', async () => {
    lab.join('alice');

    const plan = await lab.entramox('plan');
    const one = await lab.entramox('plan', 'alice@example.com', '--json');
    const untouched = [
      standingOf(lab, 'alice').pve,
      lab.proxmox.writes,
      existsSync(join(lab.dir, 'state/ledger.json')),
    ];
    const sweep = await lab.entramox('sweep', '--foreground', '--json');
    const again = await lab.entramox('plan');

    expect(plan).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/alice@example\.com .*\n {2}\+ proxmox create/),
    });
    expect(JSON.parse(one.stdout).identities).toEqual([expect.objectContaining({ upn: 'alice@example.com' })]);
    expect(untouched).toEqual(['none', 0, false]);
    expect(sweep.code).toBe(0);
    expect(JSON.parse(sweep.stdout)).toMatchObject({ result: 'done', applied: 1 });
    expect(standingOf(lab, 'alice').pve).toBe('enabled');
    expect(again.stdout).toContain('nothing to do');
  });

  it('ends a sweep with 3 when the guard holds it, 4 when a group cannot be read, 1 when Graph must be readable', async () => {
    const oids = ['one', 'two', 'three'].map((name) => lab.join(name));
    await lab.entramox('sweep', '--foreground');
    lab.entra.faults.failNext(/transitiveMembers/, 403, Number.POSITIVE_INFINITY);

    const degraded = await lab.entramox('sweep', '--foreground');
    lab.setSettings({ GRAPH_FAIL_OPEN: 'false' });
    lab.entra.credentials.expireSecret();
    const failed = await lab.entramox('sweep', '--foreground');
    lab.entra.faults.clear();
    lab.setSettings({ ENTRA_CLIENT_SECRET: lab.entra.credentials.rotateSecret(), GRAPH_FAIL_OPEN: 'true' });
    for (const oid of oids) lab.entra.directory.removeMember(lab.groups.everybody, oid);
    const held = await lab.entramox('sweep', '--foreground');

    expect([degraded.code, failed.code, held.code]).toEqual([4, 1, 3]);
    expect(failed.stderr).toMatch(/secret/i);
    expect(held.stdout).toMatch(/entramox approve [0-9a-f]{12}/);
    expect(['one', 'two', 'three'].map((name) => standingOf(lab, name).pve)).toEqual(['enabled', 'enabled', 'enabled']);
  });

  it('ends a plan with 4 when its source cannot be read, and with 2 for somebody whom nobody knows', async () => {
    lab.join('alice');
    const nobody = await lab.entramox('plan', 'nobody@example.com');
    lab.entra.faults.failNext(/transitiveMembers/, 403, Number.POSITIVE_INFINITY);
    const blind = await lab.entramox('plan');
    lab.entra.faults.clear();
    lab.entra.credentials.expireSecret();
    const all = await lab.entramox('plan');
    const one = await lab.entramox('plan', 'alice@example.com');

    expect([nobody.code, blind.code, all.code, one.code]).toEqual([2, 4, 4, 4]);
    expect(nobody.stderr).toContain('nobody has the user principal name nobody@example.com');
    expect(blind.stdout).toMatch(/^degraded: .*unreadable/m);
    expect(blind.stdout).not.toContain('nothing to do');
    for (const { stderr } of [all, one]) expect(stderr.match(/secret/gi)).not.toBeNull();
  });

  it('tells a person in plain lines, and each thing once', async () => {
    lab.join('alice');
    lab.entra.credentials.expireSecret();

    const plan = await lab.entramox('plan');
    const sweep = await lab.entramox('sweep', '--foreground');

    for (const { stderr } of [plan, sweep]) {
      const lines = stderr
        .trim()
        .split('\n')
        .filter((line) => /expired/i.test(line));
      expect(lines).toHaveLength(1);
      expect(stderr).not.toMatch(/^\{/m);
    }
  });

  it('writes nothing anywhere in a dry run', async () => {
    lab.join('alice');
    lab.setSettings({ DRY_RUN: 'true' });

    const { code, stdout } = await lab.entramox('sweep', '--foreground');

    expect(code).toBe(0);
    expect(stdout).toContain('alice@example.com');
    expect(stdout).toContain('1 would be changed (DRY_RUN)');
    expect([lab.proxmox.writes, standingOf(lab, 'alice').pve]).toEqual([0, 'none']);
    expect(['state/ledger.json', 'log/audit.ndjson'].filter((file) => existsSync(join(lab.dir, file)))).toEqual([]);
  });

  it('ends a daemon with 1, and at once, when a port that it needs is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const port = String((taken.address() as { port: number }).port);

    lab.setSettings({ METRICS_PORT: port });
    const metrics = await lab.start('run').exited;
    lab.setSettings({ METRICS_PORT: '', LISTEN_PORT: port });
    const listen = await lab.start('run').exited;
    taken.close();

    expect([metrics, listen]).toEqual([1, 1]);
    expect(lab.log()).toContain('METRICS_PORT');
    expect(lab.log()).toContain('LISTEN_PORT');
  });
});
