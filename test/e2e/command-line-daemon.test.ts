import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, openLab } from '../lab/lab.js';
import { queueAtRest, standingOf, statusOf, waitForStanding } from '../lab/look.js';

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
    expect(stdout).toMatch(/^act +ok +proxmox update .*enabled=false/m);
    expect(standingOf(lab, 'carol').pve).toBe('disabled');
  });

  it('takes a name that nobody has for a mistyped one', async () => {
    const { code, stderr } = await lab.entramox('resync', 'nobody@example.com');

    expect(code).toBe(2);
    expect(stderr).toContain('nobody has the user principal name nobody@example.com');
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
    expect(shown.stdout).toContain('is: enabled, comment "made by hand"');
    expect(shown.stdout).toContain(`would: proxmox update ${userid}`);
    expect(comment).toBe('made by hand');
    expect(done.code).toBe(0);
    expect(lab.proxmox.user(userid)?.comment).toContain(`entra:${oid}`);
    expect(nobody.code).toBe(2);
    expect(readFileSync(join(lab.dir, 'log/audit.ndjson'), 'utf8')).toMatch(
      /"by":"operator","action":"adopt","claimedUser":"[^"]+"/,
    );
  });

  it('refuses to approve what is not held', async () => {
    const nothing = await lab.entramox('approve', '0123456789ab');
    const nonsense = await lab.entramox('approve', 'yes-please');

    expect([nothing.code, nonsense.code]).toEqual([2, 2]);
    expect(nothing.stderr).toContain('no plan is held');
    expect(nonsense.stderr).toContain('12 hexadecimal digits');
  });

  it('examines everything, and says what mends what is wrong', async () => {
    const well = await lab.entramox('doctor', '--json');
    lab.setSettings({ PVE_API_TOKEN: 'entramox@pve!sync=00000000-1111-2222-3333-444444444444' });
    const ill = await lab.entramox('doctor', '--json');

    const { checks } = JSON.parse(well.stdout) as { checks: { name: string; ok: boolean }[] };
    const bad = (JSON.parse(ill.stdout).checks as { ok: boolean; mend?: string }[]).filter(({ ok }) => !ok);
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(checks.map(({ name }) => name)).toContain('permissions.roles');
    expect([well.code, ill.code]).toEqual([0, 1]);
    expect(bad.length).toBeGreaterThan(0);
    expect(bad.every(({ mend }) => mend !== undefined)).toBe(true);
  });

  it('shows who waits for what in the status', async () => {
    const { reconciler, subscriptions, missing } = await statusOf(lab);

    const instants = [
      reconciler?.lastSweep?.startedAt,
      reconciler?.lastSweep?.finishedAt,
      ...(subscriptions ?? []).map((item) => item.expiresAt),
    ];
    expect(missing).toEqual([]);
    expect(subscriptions?.every((item) => item.state === 'live')).toBe(true);
    for (const instant of instants) expect(instant).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(reconciler?.grace.map((item) => item.upn)).toContain('carol@example.com');
    expect(reconciler?.identities.active).toBeGreaterThanOrEqual(3);
  });

  it('ends with 4 while the directory is away, also for one person', async () => {
    const fault = lab.entra.faults.failNext(/./, 403, Number.POSITIVE_INFINITY);
    const [all, resync] = [await lab.entramox('plan'), await lab.entramox('resync', lab.entra.tenantId)];
    fault.clear();

    expect([all.code, resync.code]).toEqual([4, 4]);
    expect(all.stdout).not.toContain('nothing to do');
  });

  it('does not call it well when the subscriptions are gone', async () => {
    const deleted = await lab.entramox('subscriptions', 'delete');
    const status = await lab.entramox('status');
    const list = await lab.entramox('subscriptions', 'list');

    expect(deleted).toMatchObject({ code: 0, stdout: expect.stringContaining('makes them anew at its next look') });
    expect(status).toMatchObject({ code: 4, stdout: expect.not.stringContaining('All is well.') });
    expect(status.stdout).toMatch(/^! subscription \/users is missing/m);
    expect(list).toMatchObject({ code: 4, stdout: expect.stringMatching(/^\/users {2}- {2}webhook {2}missing$/m) });
  });
});
