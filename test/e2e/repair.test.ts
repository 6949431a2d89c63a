import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY } from '../integration/sandbox/index.js';
import { auditOf } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';
import { openWard, sides, type Ward, withoutLinux } from './bad-input-lab.js';

let ward: Ward;
beforeAll(async () => {
  ward = await openWard({ residents: ['alice', 'bob', 'carol', 'dora'], settings: { CONFIRM_AFTER: '1h' } });
  // Carol is a leaver with a countdown before anything is lost.
  ward.lab.entra.directory.updateUser(ward.people.carol ?? '', { accountEnabled: false });
  ward.lab.entra.directory.removeMember(ward.lab.groups.everybody, ward.people.carol ?? '');
  await waitFor('carol locked out', () => ward.lockedOut('carol'), 30_000);
  await ward.rests();
});
afterAll(() => ward?.close());

const ledgerFile = () => join(ward.lab.dir, 'state/ledger.json');
const idOf = (name: string) => ward.people[name] ?? '';

interface Entry {
  state: string;
  deleteAt?: number;
  names: Record<string, string>;
}
const entryOf = (name: string): Entry => JSON.parse(readFileSync(ledgerFile(), 'utf8')).identities[idOf(name)];

function leaves(name: string): void {
  ward.lab.entra.directory.updateUser(idOf(name), { accountEnabled: false });
  ward.lab.entra.directory.removeMember(ward.lab.groups.everybody, idOf(name));
}

/** What the status and readiness say while records disagree. */
async function alarm(words: RegExp): Promise<void> {
  await ward.shows('the disagreement', ({ problems }) => problems.some((problem) => words.test(problem)));
  const { code, stdout } = await ward.lab.entramox('status');
  const ready = await ward.readyz();
  expect(code).toBe(4);
  expect(stdout).toMatch(words);
  expect(ready.status).toBe(503);
}

describe(`A ledger that was lost${sides}`, () => {
  it('is no new host: nobody is removed and nobody written down, and repair brings everybody back as they were', async () => {
    const before = { alice: entryOf('alice'), carol: entryOf('carol') };
    await ward.daemon().stop();
    rmSync(ledgerFile());
    rmSync(`${ledgerFile()}.prev`);
    const world = ward.world();
    ward.lab.entra.notifications.silently(() => leaves('bob'));

    await ward.restart();
    await ward.lab.ready();
    await alarm(/the ledger is lost or empty, and the targets show 4 identities.*"entramox repair"/);
    const swept = await ward.lab.entramox('sweep');
    await ward.welcomesNewcomer();

    expect(swept.code).toBe(4);
    expect(ward.world()).toEqual(world);
    expect(ward.lockedOut('bob')).toBe(false);

    const shown = await ward.lab.entramox('repair');
    const untouched = Object.keys(JSON.parse(readFileSync(ledgerFile(), 'utf8')).identities);
    const done = await ward.lab.entramox('repair', '--yes');
    await waitFor('bob locked out', () => ward.lockedOut('bob'), 30_000);
    await ward.rests();

    expect([shown.code, done.code]).toEqual([0, 0]);
    expect(shown.stdout.match(/^would: make /gm)).toHaveLength(4);
    expect(shown.stdout).toContain('nothing was changed; run it again with --yes');
    expect(untouched).not.toContain(idOf('alice'));
    expect(done.stdout.match(/^done: make /gm)).toHaveLength(4);
    expect(entryOf('alice')).toMatchObject({ state: 'active', names: before.alice.names });
    expect(entryOf('carol').state).toBe('grace');
    expect(entryOf('carol').deleteAt).toBeGreaterThanOrEqual(before.carol.deleteAt ?? 0);
    expect(entryOf('carol').deleteAt).toBeLessThanOrEqual((before.carol.deleteAt ?? 0) + 60_000);
    expect(auditOf(ward.lab).filter(({ action }) => action === 'repair')).toHaveLength(4);
    expect((await ward.status()).problems).toEqual([]);
    expect((await ward.lab.entramox('repair')).stdout).toContain('the ledger knows everything');
  });
});

describe(`A ledger that is broken${sides}`, () => {
  it('is repaired with the daemon down, from the last good copy and what the targets know since', async () => {
    const world = ward.world();
    await ward.daemon().stop();
    writeFileSync(ledgerFile(), '{"version":1,"identi');
    const former = JSON.parse(readFileSync(`${ledgerFile()}.prev`, 'utf8'));
    delete former.identities[idOf('alice')];
    writeFileSync(`${ledgerFile()}.prev`, JSON.stringify(former));
    const refused = await ward.restart();
    const refusal = await refused.exited;

    const shown = await ward.lab.entramox('repair');
    const stillBroken = readFileSync(ledgerFile(), 'utf8');
    const done = await ward.lab.entramox('repair', '--yes');
    await ward.restart();
    await ward.lab.ready();

    expect(refusal).toBe(1);
    expect(ward.lab.log()).toContain('or run \\"entramox repair\\"');
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('the last good copy is taken') });
    expect(shown.stdout).toContain(`would: make alice@example.com (${idOf('alice')})`);
    expect(stillBroken).toBe('{"version":1,"identi');
    expect(done.code).toBe(0);
    expect(entryOf('alice').state).toBe('active');
    expect(readdirSync(join(ward.lab.dir, 'state')).filter((name) => name.includes('.broken-'))).toHaveLength(1);
    expect(ward.world()).toEqual(world);
    await ward.welcomesNewcomer();
  });

  it('is not repaired while the targets cannot be seen', async () => {
    await ward.daemon().stop();
    const good = readFileSync(ledgerFile(), 'utf8');
    writeFileSync(ledgerFile(), 'broken');
    ward.lab.setSettings({ PVE_API_URL: 'https://127.0.0.1:9' });

    const blind = await ward.lab.entramox('repair', '--yes');

    expect(blind.code).toBe(4);
    expect(blind.stderr).toContain('nothing is rebuilt while a target cannot be seen');
    expect(readFileSync(ledgerFile(), 'utf8')).toBe('broken');
    writeFileSync(ledgerFile(), good);
    ward.lab.setSettings({ PVE_API_URL: ward.lab.proxmox.url });
    await ward.restart();
    await ward.lab.ready();
  });
});

describe.skipIf(withoutLinux)(
  `A record of the account agent's that was lost${withoutLinux ? ` (skipped: ${withoutLinux})` : ''}`,
  () => {
    const inside = (path: string) => join(ward.host?.sandbox?.root ?? '', path);
    const asRoot = (...args: string[]) =>
      ward.host?.sandbox?.exec([process.execPath, join(REPOSITORY, 'dist/accounts.js'), ...args]);

    it('keeps everybody as they are, and makes nobody, until root has it rebuilt', async () => {
      await ward.daemon().stop();
      const state = 'var/lib/entramox-accounts';
      const record = JSON.parse(readFileSync(inside(`${state}/accounts.json`), 'utf8'));
      for (const name of ['accounts.json', 'accounts.json.prev']) rmSync(inside(`${state}/${name}`));
      const world = ward.world();
      await ward.restart();
      await ward.lab.ready();
      await alarm(
        /the account agent's record is lost or empty, and the ledger names \d+ accounts.*entramox accounts repair --ledger/,
      );

      leaves('dora');
      ward.lab.join('newcomer900');
      await ward.heard('reconcile.identity.retried', ({ key }) => key === `user:${idOf('dora')}`);
      const during = ward.world();
      writeFileSync(inside('root/ledger.json'), readFileSync(ledgerFile()));
      const shown = await asRoot('repair', '--ledger', '/root/ledger.json');
      const done = await asRoot('repair', '--ledger', '/root/ledger.json', '--yes');
      const swept = await ward.lab.entramox('sweep');
      await waitFor('dora locked out', () => ward.lockedOut('dora'), 30_000);
      await waitFor('the newcomer', () => ward.provisioned('newcomer900'), 30_000);

      expect(during).toEqual(world);
      expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing was changed') });
      expect(shown?.stdout).toContain(
        `take over  alice, uid ${ward.host?.account('alice')?.uid}, of ${idOf('alice')}\n`,
      );
      expect(shown?.stdout).toMatch(/take over {2}carol, .*locked by us/);
      expect(done?.code).toBe(0);
      expect(swept.code).toBe(0);
      const again = JSON.parse(readFileSync(inside(`${state}/accounts.json`), 'utf8'));
      const identity = ({ oid, name, uid, adopted }: Record<string, unknown>) => ({ oid, name, uid, adopted });
      expect(again.accounts.map(identity)).toEqual(expect.arrayContaining(record.accounts.map(identity)));
      expect((await ward.status()).problems).toEqual([]);
    });
  },
);
