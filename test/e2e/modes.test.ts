import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { standingOf, statusOf, sweepNow, waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';

const unavailable = sandboxUnavailable();
const OPEN = { linux: 'open', pve: 'enabled' } as const;

describe.skipIf(unavailable)(`the other modes${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  afterEach(() => lab?.close());

  it('takes the enabled users of the Proxmox realm for the truth, without Graph and without writing there', async () => {
    lab = await openLab({
      host: await createPrivateHost(),
      settings: { GRAPH_ENFORCE: 'false', CONFIRM_BEFORE_LOCK: '200ms' },
    });
    const add = (name: string, enabled: boolean) =>
      lab.proxmox.addUser({ userid: `${name}@example.com@entra`, enabled, groups: ['entramox-entra'] });
    add('rita', true);
    add('sue', false);
    lab.proxmox.addUser({ userid: 'local@pve' });
    lab.start();
    await waitFor('the first sweep', async () => (await statusOf(lab)).reconciler?.lastSweep);
    await waitForStanding(lab, 'rita', { linux: 'open' });
    const joined = [standingOf(lab, 'sue').linux, lab.host?.account('local')];
    const graphCalls = lab.entra.calls.count();
    const status = await statusOf(lab);

    lab.proxmox.setUser('rita@example.com@entra', { enabled: false });
    lab.proxmox.setUser('sue@example.com@entra', { enabled: true });
    await sweepNow(lab);
    const switched = [standingOf(lab, 'rita').linux, standingOf(lab, 'sue').linux];
    const { reconciler } = await statusOf(lab);
    lab.proxmox.removeUser('sue@example.com@entra');
    await sweepNow(lab);

    expect(joined).toEqual(['none', undefined]);
    expect(graphCalls).toBe(0);
    expect([status.code, status.missing]).toEqual([0, []]);
    expect(switched).toEqual(['locked', 'open']);
    expect(reconciler?.grace).toEqual([]);
    expect(standingOf(lab, 'sue').linux).toBe('locked');
    expect((await statusOf(lab)).reconciler?.grace.map(({ upn }) => upn)).toEqual(['sue@example.com']);
    expect(lab.proxmox.writes).toBe(0);
  });

  it('handles with PVE_PROVISION=existing only those who are in the realm already', async () => {
    lab = await openLab({
      host: await createPrivateHost(),
      settings: { PVE_PROVISION: 'existing', CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '300ms' },
    });
    lab.proxmox.addUser({ userid: 'pat@example.com@entra', groups: ['entramox-entra'] });
    const pat = lab.join('pat');
    lab.join('quinn');
    lab.start();
    await lab.ready();
    await waitForStanding(lab, 'pat', { ...OPEN, pveGroups: ['PVEAuditor', 'entramox'] });
    const quinn = standingOf(lab, 'quinn');

    lab.proxmox.addUser({ userid: 'quinn@example.com@entra', groups: ['entramox-entra'] });
    await sweepNow(lab);
    lab.entra.directory.removeMember(lab.groups.everybody, pat);
    await waitForStanding(lab, 'pat', { linux: 'locked', pve: 'disabled' });

    expect(quinn).toMatchObject({ linux: 'none', pve: 'none' });
    expect(standingOf(lab, 'quinn')).toMatchObject(OPEN);
    expect(lab.proxmox.calls({ method: 'POST', path: '/access/users' })).toEqual([]);
  });

  it('keeps everybody who carries our mark when the realm becomes the source, and merges nobody', async () => {
    lab = await openLab({
      host: await createPrivateHost(),
      settings: { CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '300ms' },
    });
    const names = ['ada', 'ben', 'cyd'];
    const oids = names.map((name) => lab.join(name));
    lab.start();
    await lab.ready();
    for (const name of names) await waitForStanding(lab, name, OPEN);
    await lab.stopAll();
    lab.setSettings({ GRAPH_ENFORCE: 'false' });

    const plan = await lab.entramox('plan');
    lab.start();
    await waitFor('the first sweep', async () => (await statusOf(lab)).reconciler?.startedAt);
    await sweepNow(lab);
    const after = names.map((name) => standingOf(lab, name).linux);
    const known = (await statusOf(lab)).reconciler?.identities.active;
    lab.proxmox.setUser('ben@example.com@entra', { enabled: false });
    await sweepNow(lab);
    lab.proxmox.addUser({ userid: 'ada.twin@example.com@entra', comment: `entra:${oids[0]}` });
    lab.proxmox.setUser('ada@example.com@entra', { enabled: false });
    const twins = await lab.entramox('sweep');
    lab.proxmox.removeUser('cyd@example.com@entra');
    await sweepNow(lab, 4);

    expect(plan.stdout).toContain('nothing to do: everything is as it should be');
    expect(plan.code).toBe(0);
    expect(after).toEqual(['open', 'open', 'open']);
    expect(known).toBe(3);
    expect(standingOf(lab, 'ben').linux).toBe('locked');
    expect(twins.code).toBe(4);
    expect(twins.stdout).toContain('carry the mark of one person');
    expect(standingOf(lab, 'ada').linux).toBe('open');
    const { reconciler } = await statusOf(lab);
    expect(reconciler?.suspended.map(({ upn }) => upn)).toEqual(['ben@example.com']);
    expect(reconciler?.grace).toMatchObject([{ upn: 'cyd@example.com', reason: 'not found in the Proxmox realm' }]);
    expect(reconciler?.conflicts).toEqual([]);
  });

  it('locks nobody whom the realm named when Entra becomes the source, and says how to hand them over', async () => {
    const host = await createPrivateHost();
    lab = await openLab({
      host,
      settings: { GRAPH_ENFORCE: 'false', CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '300ms' },
    });
    lab.proxmox.addUser({ userid: 'rita@example.com@entra', groups: ['entramox-entra'] });
    lab.start();
    await waitForStanding(lab, 'rita', { linux: 'open' });
    const uid = host.account('rita')?.uid;
    await lab.stopAll();
    const rita = lab.join('rita');
    lab.setSettings({ GRAPH_ENFORCE: 'true' });

    lab.start();
    await lab.ready();
    await sweepNow(lab, 4);
    await sweepNow(lab, 4);
    const held = standingOf(lab, 'rita').linux;
    const { reconciler } = await statusOf(lab);
    const shown = await lab.entramox('status');
    await lab.stopAll();
    const made = Object.entries(ledgerOf(lab)).find(([, { names }]) => names.linux === 'rita')?.[0] ?? '';
    await host.sandbox?.exec(['/bin/sed', '-i', `s/${made}/${rita}/g`, '/var/lib/entramox-accounts/accounts.json']);
    const ledger = join(lab.dir, 'state/ledger.json');
    writeFileSync(ledger, readFileSync(ledger, 'utf8').replaceAll(made, rita));
    lab.start();
    await lab.ready();
    const adopted = await lab.entramox('adopt', 'rita@example.com', '--yes');
    await sweepNow(lab);

    expect(held).toBe('open');
    expect(reconciler?.lastSweep?.result).toBe('degraded');
    expect(shown.stdout).toContain('comes from the Proxmox realm');
    expect(reconciler?.conflicts.map(({ target }) => target).toSorted()).toEqual(['linux', 'proxmox']);
    expect(made).not.toBe('');
    expect(adopted.code).toBe(0);
    expect((await statusOf(lab)).reconciler).toMatchObject({
      conflicts: [],
      failing: [],
      lastSweep: { result: 'done' },
    });
    await waitForStanding(lab, 'rita', { ...OPEN, pveGroups: ['PVEAuditor', 'entramox'] });
    expect(host.account('rita')?.uid).toBe(uid);
    lab.entra.directory.removeMember(lab.groups.everybody, rita);
    await waitForStanding(lab, 'rita', { linux: 'locked', pve: 'disabled' });
  });

  it('refuses PVE_PROVISION=existing where Proxmox is not a target', async () => {
    lab = await openLab({
      host: await createPrivateHost(),
      settings: { PVE_PROVISION: 'existing', TARGETS: 'linux' },
    });
    lab.join('dan');

    const [check, plan] = [await lab.entramox('config', 'check'), await lab.entramox('plan')];

    expect([check.code, plan.code]).toEqual([2, 2]);
    expect(`${check.stdout}${check.stderr}`).toContain('PVE_PROVISION');
    expect(plan.stdout).not.toContain('dan');
  });

  it('handles an existing user who was in none of our groups once root has put them there', async () => {
    lab = await openLab({
      host: await createPrivateHost(),
      settings: { PVE_PROVISION: 'existing', CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '300ms' },
    });
    lab.proxmox.addGroup('developers');
    lab.proxmox.addUser({ userid: 'eva@example.com@entra', groups: ['developers'] });
    lab.join('eva');
    lab.start();
    await lab.ready();
    await waitForStanding(lab, 'eva', { linux: 'open' });
    await sweepNow(lab);
    const { reconciler } = await statusOf(lab);
    const preview = await lab.entramox('adopt', 'eva@example.com', '--target', 'proxmox');
    const tooEarly = await lab.entramox('adopt', 'eva@example.com', '--yes');
    const before = lab.proxmox.user('eva@example.com@entra')?.comment;
    lab.proxmox.setUser('eva@example.com@entra', { groups: ['developers', 'entramox-entra'] });
    const ready = await lab.entramox('adopt', 'eva@example.com');
    await sweepNow(lab);

    expect(reconciler?.conflicts).toMatchObject([
      { target: 'proxmox', remedy: expect.stringContaining(commandFor('eva')) },
    ]);
    expect(reconciler?.failing).toEqual([]);
    expect(preview.stdout).toContain(`first, as root on a Proxmox node: ${commandFor('eva')}`);
    expect(preview.stdout).not.toContain('managed already');
    expect(tooEarly.code).toBe(1);
    expect(tooEarly.stderr).toContain(commandFor('eva'));
    expect(before).toBe('');
    expect(ready.stdout).toContain('would: ');
    expect(ready.stdout).not.toContain('first, as root');
    expect(standingOf(lab, 'eva').pveGroups).toEqual(['PVEAuditor', 'developers', 'entramox']);
    expect(lab.proxmox.user('eva@example.com@entra')?.comment).toContain('entra:');
    expect((await lab.entramox('adopt', 'eva@example.com')).stdout).toContain('managed already');
    expect((await statusOf(lab)).reconciler?.conflicts).toEqual([]);
  });

  it('adopts a user that somebody else made once root has put it into our group', async () => {
    lab = await openLab({ settings: { CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '300ms' } });
    lab.proxmox.addUser({ userid: 'flo@example.com@entra' });
    lab.join('flo');
    lab.start();
    await lab.ready();

    const preview = await lab.entramox('adopt', 'flo@example.com');
    const tooEarly = await lab.entramox('adopt', 'flo@example.com', '--yes');
    const puts = lab.proxmox.writes;
    lab.proxmox.setUser('flo@example.com@entra', { groups: ['entramox-entra'] });
    const adopted = await lab.entramox('adopt', 'flo@example.com', '--yes');

    expect(preview.stdout).toContain(`first, as root on a Proxmox node: ${commandFor('flo')}`);
    expect(tooEarly.code).toBe(1);
    expect(tooEarly.stderr).toContain(commandFor('flo'));
    expect(puts).toBe(0);
    expect(adopted.stdout).toContain('done: proxmox update flo@example.com@entra');
    await waitForStanding(lab, 'flo', { pve: 'enabled', pveGroups: ['PVEAuditor', 'entramox'] });
  });

  it('makes nobody in a realm that Proxmox does not have, and says so everywhere', async () => {
    lab = await openLab({ settings: { REALM: 'typo', CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '300ms' } });
    prepareWithoutRealm(lab, 'typo');
    lab.join('gil');

    const planned = await lab.entramox('plan');
    lab.start();
    await lab.ready();
    const swept = await lab.entramox('sweep');
    const status = await lab.entramox('status');
    lab.proxmox.addRealm('typo');
    await sweepNow(lab);

    for (const { code, stdout } of [planned, swept]) {
      expect(code).toBe(4);
      expect(stdout).toContain('the realm typo does not exist in Proxmox VE');
    }
    expect(planned.stdout).not.toContain('proxmox create');
    expect(status.stdout).toContain('! the realm typo does not exist in Proxmox VE');
    expect(swept.stdout).toContain('correct REALM');
    expect(lab.proxmox.user('gil@example.com@typo')).toMatchObject({ enabled: true });
    expect((await statusOf(lab)).reconciler?.problems).toEqual([]);
  });

  it('believes nothing of a realm that does not exist where the realm is the source', async () => {
    lab = await openLab({ host: await createPrivateHost(), settings: { REALM: 'typo', GRAPH_ENFORCE: 'false' } });
    lab.proxmox.addUser({ userid: 'hal@example.com@typo' });

    const [planned, swept] = [await lab.entramox('plan'), await lab.entramox('sweep', '--foreground')];

    for (const { code, stderr } of [planned, swept]) {
      expect(code).toBe(4);
      expect(stderr).toContain('the realm typo does not exist in Proxmox VE');
    }
    expect(standingOf(lab, 'hal').linux).toBe('none');
  });
});

function commandFor(name: string): string {
  return `pveum user modify ${name}@example.com@entra --groups entramox-entra --append 1`;
}

function ledgerOf(lab: Lab): Record<string, { names: { linux?: string } }> {
  return JSON.parse(readFileSync(join(lab.dir, 'state/ledger.json'), 'utf8')).identities;
}

/** All that set-up makes for a realm, but the realm. */
function prepareWithoutRealm(lab: Lab, realm: string): void {
  for (const [type, ugid] of [['user', 'entramox@pve'] as const, ['token', 'entramox@pve!sync'] as const]) {
    lab.proxmox.setAcl({ path: `/access/realm/${realm}`, type, ugid, roleid: 'EntramoxRealm' });
    for (const name of ['entramox', 'PVEAuditor', 'Administrator']) {
      if (type === 'user') lab.proxmox.addGroup(`${name}-${realm}`);
      lab.proxmox.setAcl({ path: `/access/groups/${name}-${realm}`, type, ugid, roleid: 'EntramoxUsers' });
    }
  }
}
