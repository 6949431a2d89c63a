import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, openLab } from '../lab/lab.js';
import { type AuditLine, auditOf, queueAtRest, statusOf, sweepNow, waitForStanding } from '../lab/look.js';
import { createSimulatedHost } from '../lab/simulated-host.js';

type Line = AuditLine & { seq: number; correlation?: string; plan?: string; operator?: unknown };

describe('the audit log of a running Entramox', () => {
  let lab: Lab;
  let oid: string;
  const path = () => join(lab.dir, 'log/audit.ndjson');
  const lines = () => auditOf(lab) as Line[];

  beforeAll(async () => {
    lab = await openLab({
      host: await createSimulatedHost(),
      settings: { CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '10m', GUARD_MAX_LOCKS: '0' },
    });
    oid = lab.join('alice');
    lab.start();
    await lab.ready();
    await waitForStanding(lab, 'alice', { linux: 'open', pve: 'enabled' });
    await queueAtRest(lab);
    lab.entra.notifications.silently(() => lab.entra.directory.removeMember(lab.groups.everybody, oid));
    await sweepNow(lab, 3);
    const { reconciler } = await statusOf(lab);
    const { code, stderr } = await lab.entramox('approve', reconciler?.held?.hash ?? 'none');
    if (code !== 0) throw new Error(stderr);
    await waitForStanding(lab, 'alice', { linux: 'locked', pve: 'disabled' });
    await queueAtRest(lab);
  });
  afterAll(() => lab?.close());

  it('is whole, and says so with exit code 0', async () => {
    const { code, stdout } = await lab.entramox('audit', 'verify');

    expect(code).toBe(0);
    expect(stdout).toContain('the log is whole');
    expect(lines().map(({ seq }) => seq)).toEqual(lines().map((_, index) => index + 1));
  });

  it('has the operator who approved, by the word of the kernel, and what was approved', () => {
    const approval = lines().find(({ action }) => action === 'approve');
    const { uid, username } = userInfo();

    expect(approval).toMatchObject({
      by: 'operator',
      operator: { uid, name: username, proof: 'kernel', claimed: expect.stringContaining(username) },
      plan: expect.stringMatching(/^[0-9a-f]{12}$/),
      after: [expect.objectContaining({ oid, upn: 'alice@example.com' })],
    });
  });

  it('has each step with the plan and the pass that it belongs to, which the log names too', () => {
    const steps = lines().filter(({ kind }) => kind === 'step');
    const passes = new Set(steps.map(({ correlation }) => correlation));

    expect(steps.map(({ action }) => action)).toEqual(expect.arrayContaining(['create', 'lock', 'update']));
    for (const step of steps) expect(step).toMatchObject({ plan: expect.any(String), correlation: expect.any(String) });
    for (const pass of passes) expect(lab.log()).toContain(`"correlation":"${pass}"`);
  });

  it("tells one person's story in order, whole and nobody else's", async () => {
    const shown = await lab.entramox('audit', 'show', '--user', 'ALICE@example.com');
    const raw = await lab.entramox('audit', 'show', '--user', oid, '--json');
    const nobody = await lab.entramox('audit', 'show', '--user', 'eve@example.com');

    const story = raw.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
      .map(({ action, outcome }) => `${action} ${outcome}`);
    expect([shown.code, raw.code, nobody.code]).toEqual([0, 0, 1]);
    const told = ['state done', 'create done', 'suspect begun', 'hold held', 'approve done', 'state done', 'lock done'];
    expect(story.filter((item) => told.includes(item))).toEqual(expect.arrayContaining(told));
    expect(story.indexOf('create done')).toBeLessThan(story.indexOf('hold held'));
    expect(story.indexOf('hold held')).toBeLessThan(story.indexOf('approve done'));
    expect(story.indexOf('approve done')).toBeLessThan(story.indexOf('lock done'));
    expect(shown.stdout).toMatch(/linux lock alice: done; locked false -> locked true {2}\[/);
    expect(nobody.stderr).toContain('tells nothing of eve@example.com');
  });

  it('shows what is edited or cut, with exit code 1, and holds what was anchored elsewhere', async () => {
    const { stdout: anchor } = await lab.entramox('audit', 'verify', '--head');
    const good = await lab.entramox('audit', 'verify', '--anchor', anchor.trim(), '--from', '1');
    const whole = readFileSync(path());
    const wrong: (number | null)[] = [];
    for (const text of [
      String(whole).replace('"alice"', '"mallo"'),
      String(whole).split('\n').slice(0, -2).join('\n').concat('\n'),
      String(whole).split('\n').slice(1).join('\n'),
    ]) {
      writeFileSync(path(), text);
      const { code, stdout } = await lab.entramox('audit', 'verify');
      expect(stdout).toContain('the log is not whole');
      wrong.push(code);
    }
    writeFileSync(path(), whole);
    const usage = await lab.entramox('audit', 'verify', '--anchor', 'yesterday');

    expect(anchor).toMatch(/^\d+:[0-9a-f]{64}\n$/);
    expect([good.code, ...wrong, usage.code]).toEqual([0, 1, 1, 1, 2]);
  });

  it('goes on in a new file after a rotation, also over a restart', async () => {
    renameSync(path(), `${path()}.1`);
    await sweepNow(lab);
    await lab.stopAll();
    rmSync(join(lab.dir, 'run/operator.sock'), { force: true });
    lab.start();
    await lab.ready();
    await queueAtRest(lab);

    const { code, stdout } = await lab.entramox('audit', 'verify', '--from', '1');

    expect([code, stdout]).toEqual([0, expect.stringContaining('in 2 files')]);
  });
});
