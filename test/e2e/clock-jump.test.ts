import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { fetchFrom, queueAtRest, standingOf, statusOf, sweepNow, waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';

const YEAR_SECONDS = 365 * 86_400;
const OPEN = { linux: 'open', pve: 'enabled' } as const;
const LOCKED = { linux: 'locked', pve: 'disabled' } as const;
const DELETE_AFTER_MS = 3000;

/** A boot that began a year earlier than it did, as the kernel tells those inside: the date jumped back beside it. */
const YEAR_OLDER_BOOT = ['unshare', '--time', '--boottime', String(YEAR_SECONDS)];

function timeNamespacesUnavailable(): string | undefined {
  const without = sandboxUnavailable();
  if (without !== undefined) return without;
  const probe = spawnSync('unshare', ['--time', '--boottime', '1', 'true'], { encoding: 'utf8', timeout: 10_000 });
  return probe.status === 0 ? undefined : `needs time namespaces: ${(probe.stderr || 'unshare failed').trim()}`;
}

/** The library that gives a program another date (Debian: libfaketime). */
function faketimeLibrary(): string | undefined {
  const place = readdirSync('/usr/lib').map((name) => `/usr/lib/${name}/faketime/libfaketimeMT.so.1`);
  return place.find((file) => existsSync(file));
}

let lab: Lab;
afterEach(() => lab?.close());

/** Alice stays; Mallory has left, and is to be deleted in a moment. */
async function openLeaverLab(wrapper: (lab: Lab) => string[]): Promise<void> {
  lab = await openLab({
    host: await createPrivateHost({ deleteAfterSeconds: 0 }),
    settings: { CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '10m', DELETE_AFTER: `${DELETE_AFTER_MS}ms` },
  });
  lab.start('run', { wrapper: wrapper(lab) });
  await lab.ready();
  lab.join('alice');
  const mallory = lab.join('mallory');
  await waitForStanding(lab, 'alice', OPEN);
  await waitForStanding(lab, 'mallory', OPEN);
  await queueAtRest(lab);
  await sweepNow(lab);
  lab.entra.directory.removeMember(lab.groups.everybody, mallory);
  await waitForStanding(lab, 'mallory', LOCKED);
  await queueAtRest(lab);
}

const reconciler = async () => (await statusOf(lab)).reconciler;
const ready = () => fetchFrom({ socketPath: join(lab.dir, 'run/operator.sock') }, '/readyz');
const due = async () => {
  const { deleteAt } = (await reconciler())?.grace[0] ?? {};
  await waitFor('the end of the countdown', () => deleteAt !== undefined && Date.parse(deleteAt) < Date.now());
};

async function expectDoubt(words: RegExp): Promise<void> {
  const { code, reconciler: status } = await statusOf(lab);
  expect(code).not.toBe(0);
  expect(status?.clockDoubt?.why).toMatch(words);
  expect((await ready()).text).toMatch(words);
}

const without = timeNamespacesUnavailable();
describe.skipIf(without)(`a clock that jumped while nobody looked${without ? ` (skipped: ${without})` : ''}`, () => {
  it('a year ahead: nobody is deleted until it agrees again, and leavers are locked all the same', async () => {
    await openLeaverLab(() => YEAR_OLDER_BOOT);
    await due();
    await lab.stopAll();

    lab.start();
    await lab.ready();
    await sweepNow(lab, 3);
    await expectDoubt(/jumped ahead by 365 days/);
    const eve = lab.join('eve');
    await waitForStanding(lab, 'eve', OPEN);
    lab.entra.directory.updateUser(eve, { accountEnabled: false });
    await waitForStanding(lab, 'eve', LOCKED);

    expect(standingOf(lab, 'mallory')).toMatchObject(LOCKED);
    await lab.stopAll();
    lab.start('run', { wrapper: YEAR_OLDER_BOOT });
    await lab.ready();
    await sweepNow(lab);
    expect((await reconciler())?.clockDoubt).toBeUndefined();
    expect(standingOf(lab, 'mallory').linux).toBe('none');
    expect(standingOf(lab, 'alice')).toMatchObject(OPEN);
  });

  it('a year back: it is told, and nobody is deleted', async () => {
    await openLeaverLab(() => []);
    await due();
    await lab.stopAll();

    lab.start('run', { wrapper: YEAR_OLDER_BOOT });
    await lab.ready();
    await sweepNow(lab, 3);

    await expectDoubt(/jumped back by 365 days/);
    expect(standingOf(lab, 'mallory')).toMatchObject(LOCKED);
  });
});

const library = faketimeLibrary();
const unfaked = sandboxUnavailable() ?? (library ? undefined : 'needs the library of the Debian package libfaketime');
describe.skipIf(unfaked)(`a clock that jumps before our eyes${unfaked ? ` (skipped: ${unfaked})` : ''}`, () => {
  const date = () => join(lab.dir, 'date');
  const faked = () => {
    writeFileSync(date(), '+0');
    // The clock of the boot stays the true one, as when somebody sets the date.
    const variables = ['FAKETIME_NO_CACHE=1', 'FAKETIME_DONT_FAKE_MONOTONIC=1', 'NO_FAKE_STAT=1'];
    return ['env', `LD_PRELOAD=${library}`, `FAKETIME_TIMESTAMP_FILE=${date()}`, ...variables];
  };

  it('eleven months ahead and back again: nobody is deleted early, and nobody late', async () => {
    await openLeaverLab((opened) => {
      lab = opened;
      return faked();
    });
    const joined = lab.join('frank');
    await waitForStanding(lab, 'frank', OPEN);
    await queueAtRest(lab);

    // Frank leaves at a wrong time, which would be over only in a year.
    writeFileSync(date(), '+330d');
    await lab.entramox('sweep');
    await expectDoubt(/jumped ahead by 330 days/);
    lab.entra.directory.updateUser(joined, { accountEnabled: false });
    lab.entra.directory.removeMember(lab.groups.everybody, joined);
    await waitForStanding(lab, 'frank', LOCKED);
    const wrong = (await reconciler())?.grace.find(({ upn }) => upn.startsWith('frank'));
    const duringJump = [standingOf(lab, 'mallory').linux, standingOf(lab, 'frank').linux];
    writeFileSync(date(), '+0');
    await lab.entramox('sweep');

    expect(duringJump).toEqual(['locked', 'locked']);
    expect(Date.parse(wrong?.deleteAt ?? '')).toBeGreaterThan(Date.now() + 300 * 86_400_000);
    expect((await reconciler())?.clockDoubt).toBeUndefined();
    const right = (await reconciler())?.grace.find(({ upn }) => upn.startsWith('frank'));
    expect(Date.parse(right?.deleteAt ?? '')).toBeLessThan(Date.now() + DELETE_AFTER_MS + 1000);
    await waitFor('both deleted', async () => {
      await lab.entramox('sweep');
      return ['mallory', 'frank'].every((name) => standingOf(lab, name).linux === 'none');
    });
    expect(readFileSync(join(lab.dir, 'daemon.log'), 'utf8')).toContain('reconcile.clock.agrees');
  });
});
