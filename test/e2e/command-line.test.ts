import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Lab, openLab } from '../lab/lab.js';
import { queueAtRest, standingOf, statusOf, waitForStanding } from '../lab/look.js';

const COMMANDS = [
  [],
  ...['listen', 'reconcile', 'run', 'accounts', 'sweep', 'resync', 'plan', 'approve', 'adopt', 'status', 'doctor'].map(
    (verb) => [verb],
  ),
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

  it('writes nothing anywhere in a dry run', async () => {
    lab.join('alice');
    lab.setSettings({ DRY_RUN: 'true' });

    const { code, stdout } = await lab.entramox('sweep', '--foreground');

    expect(code).toBe(0);
    expect(stdout).toContain('alice@example.com');
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

describe('the command line with a daemon', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await openLab({ settings: { CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '10m' } });
    lab.join('alice');
    lab.start();
    await lab.ready();
  });
  afterAll(() => lab.close());

  it('tells the five steps of a resync, and does what it tells', async () => {
    const oid = lab.entra.notifications.silently(() => lab.join('bob'));

    const first = await lab.entramox('resync', 'bob@example.com');
    const json = await lab.entramox('resync', oid, '--json');

    expect(first.code).toBe(0);
    expect(first.stdout.match(/^\w+/gm)).toEqual(['connect', 'read', 'scope', 'match', 'act']);
    expect(standingOf(lab, 'bob').pve).toBe('enabled');
    expect(JSON.parse(json.stdout)).toMatchObject({ who: oid, result: 'unchanged' });
  });

  it('locks by a resync whose two readings agree, without a sweep', async () => {
    const { directory, notifications } = lab.entra;
    const oid = lab.join('carol');
    await waitForStanding(lab, 'carol', { pve: 'enabled' });
    await queueAtRest(lab);

    notifications.silently(() => directory.removeMember(lab.groups.everybody, oid));
    const { code, stdout } = await lab.entramox('resync', 'carol@example.com');

    expect(code).toBe(0);
    expect(stdout).toMatch(/^act +ok +proxmox: .*enabled=false/m);
    expect(standingOf(lab, 'carol').pve).toBe('disabled');
  });

  it('says that nobody has a name that is mistyped', async () => {
    const { code, stdout } = await lab.entramox('resync', 'nobody@example.com');

    expect(code).not.toBe(0);
    expect(stdout).toContain('nobody has the user principal name nobody@example.com');
  });

  it('plans by the daemon, for one and for all, without writing', async () => {
    const { directory, notifications } = lab.entra;
    const oid = notifications.silently(() => lab.join('dora'));
    const writes = lab.proxmox.writes;

    const all = await lab.entramox('plan', '--json');
    const one = await lab.entramox('plan', 'dora@example.com');

    expect(JSON.parse(all.stdout).identities.map((item: { oid: string }) => item.oid)).toContain(oid);
    expect(one).toMatchObject({ code: 0, stdout: expect.stringContaining('proxmox create') });
    expect(lab.proxmox.writes).toBe(writes);
    notifications.silently(() => directory.softDeleteUser(oid));
  });

  it('sweeps by the daemon and tells how it went', async () => {
    const plain = await lab.entramox('sweep');
    const json = await lab.entramox('sweep', '--json');

    expect(plain).toMatchObject({ code: 0, stdout: expect.stringMatching(/sweep done in \d/) });
    expect(JSON.parse(json.stdout)).toMatchObject({ result: 'done', failed: 0 });
  });

  it('adopts a Proxmox user only when it is told to twice', async () => {
    const userid = 'erin@example.com@entra';
    lab.proxmox.addUser({ userid, comment: 'made by hand', groups: ['entramox-entra'] });
    const oid = lab.join('erin');

    const shown = await lab.entramox('adopt', 'erin@example.com');
    const comment = lab.proxmox.user(userid)?.comment;
    const done = await lab.entramox('adopt', 'erin@example.com', '--yes');
    await waitForStanding(lab, 'erin', { pve: 'enabled', pveGroups: ['PVEAuditor', 'entramox'] });
    const nobody = await lab.entramox('adopt', 'nobody@example.com', '--yes');

    expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing was changed') });
    expect(comment).toBe('made by hand');
    expect(done.code).toBe(0);
    expect(lab.proxmox.user(userid)?.comment).toContain(`entra:${oid}`);
    expect(nobody.code).toBe(2);
    expect(readFileSync(join(lab.dir, 'log/audit.ndjson'), 'utf8')).toMatch(/"by":"operator","action":"adopt"/);
  });

  it('refuses to approve what is not held', async () => {
    const nothing = await lab.entramox('approve', '0123456789ab');
    const nonsense = await lab.entramox('approve', 'yes-please');

    expect([nothing.code, nonsense.code]).toEqual([2, 2]);
    expect(nothing.stderr).toContain('no plan is held');
  });

  it('examines everything, and says what mends what is wrong', async () => {
    const well = await lab.entramox('doctor', '--json');
    lab.setSettings({ PVE_API_TOKEN: 'entramox@pve!sync=00000000-1111-2222-3333-444444444444' });
    const ill = await lab.entramox('doctor', '--json');

    const { checks } = JSON.parse(well.stdout) as { checks: { name: string; ok: boolean }[] };
    const bad = (JSON.parse(ill.stdout).checks as { ok: boolean; mend?: string }[]).filter(({ ok }) => !ok);
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(checks.map(({ name }) => name)).toContain('application permissions');
    expect([well.code, ill.code]).toEqual([0, 1]);
    expect(bad.length).toBeGreaterThan(0);
    expect(bad.every(({ mend }) => mend !== undefined)).toBe(true);
  });

  it('shows who waits for what in the status', async () => {
    const { reconciler, subscriptions, missing } = await statusOf(lab);

    expect(missing).toEqual([]);
    expect(subscriptions?.every((item) => item.state === 'live')).toBe(true);
    expect(reconciler?.grace.map((item) => item.upn)).toContain('carol@example.com');
    expect(reconciler?.identities.active).toBeGreaterThanOrEqual(3);
  });
});
