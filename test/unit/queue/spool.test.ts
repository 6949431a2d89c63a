import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rename, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHintSink } from '../../../src/queue/hint-sink.js';
import { openSpool } from '../../../src/queue/spool.js';
import { createSpoolDisk } from '../../../src/queue/spool-disk.js';
import { createSpoolDir, createTestClock, createTestLog, eventually, guid, userKey } from './fixtures.js';

const alice = userKey(1);
const bob = userKey(2);

describe('the spool', () => {
  let dir: string;
  let remove: () => Promise<void>;
  let clock: ReturnType<typeof createTestClock>;
  let events: ReturnType<typeof createTestLog>['events'];
  const open = (options: Partial<Parameters<typeof openSpool>[0]> = {}) => {
    const testLog = createTestLog();
    events = testLog.events;
    return openSpool({ dir, clock, log: testLog.log, ...options });
  };
  const pendingFile = (name: string): string => join(dir, 'pending', name);

  beforeEach(async () => {
    ({ dir, remove } = await createSpoolDir());
    clock = createTestClock();
  });
  afterEach(() => remove());

  it('stores a hint as an empty file named by its key, group-writable, in a setgid directory', async () => {
    const queue = await open();

    await queue.put(alice);

    const file = await stat(pendingFile(`user-${guid(1)}`));
    expect([file.size, file.mode & 0o7777, file.mtimeMs]).toEqual([0, 0o660, clock.now()]);
    expect((await stat(join(dir, 'pending'))).mode & 0o7777).toBe(0o2770);
  });

  it('coalesces hints of one key and keeps the time of the first', async () => {
    const queue = await open();

    await queue.put(alice);
    const first = clock.now();
    clock.advance(500);
    await queue.put(alice);

    expect(await queue.claim(10)).toEqual([
      { key: alice, since: first, removedAt: undefined, told: 'push', attempts: 0 },
    ]);
    expect(await queue.claim(10)).toEqual([]);
  });

  it('tells when a removal was reported, beside other hints of the key', async () => {
    const queue = await open();

    await queue.put(alice);
    const first = clock.now();
    clock.advance(500);
    await queue.put(alice, 'removed');

    expect(await queue.claim(10)).toEqual([
      { key: alice, since: first, removedAt: first + 500, told: 'push', attempts: 0 },
    ]);
  });

  it('tells what only catch-up found from what was pushed as well, also after a restart', async () => {
    const first = await open();
    await first.put(alice, 'caught-up');
    await first.put(bob, 'caught-up');
    await first.put(bob);
    await first.defer(userKey(3), clock.now());
    await first.claim(10);

    const claims = await (await open()).claim(10);

    const told = Object.fromEntries(claims.map((claim) => [claim.key, claim.told]));
    expect(told).toEqual({ [alice]: 'catch-up', [bob]: 'push', [userKey(3)]: undefined });
  });

  it('leaves no mark of catch-up behind once its key is done', async () => {
    const queue = await open();
    await queue.put(alice, 'caught-up');
    const [claim] = await queue.claim(1);

    if (claim) await queue.done(claim);

    expect([...(await readdir(join(dir, 'pending'))), ...(await readdir(join(dir, 'processing')))]).toEqual([]);
    expect((await queue.stats()).pending).toBe(0);
  });

  it('refuses a key that is not one, so that no path is ever made of it', async () => {
    const queue = await open();

    await expect(queue.put('user:../../etc/passwd' as never)).rejects.toThrow(/not a key/);
    await expect(queue.put(`user:${guid(10).toUpperCase()}` as never)).rejects.toThrow(/not a key/);
  });

  it('gives the oldest keys first', async () => {
    const queue = await open();
    for (const n of [3, 1, 2]) {
      await queue.put(userKey(n));
      clock.advance(10);
    }

    const claims = await queue.claim(2);

    expect(claims.map(({ key }) => key)).toEqual([userKey(3), userKey(1)]);
  });

  it('runs a key once more when its hint comes while it is being worked on', async () => {
    const queue = await open();
    await queue.put(alice);
    const [claim] = await queue.claim(10);

    await queue.put(alice);
    const during = await queue.claim(10);
    if (claim) await queue.done(claim);
    const after = await queue.claim(10);

    expect([during.length, after.map(({ key }) => key)]).toEqual([0, [alice]]);
  });

  it('waits until the time of a retry and counts the attempt', async () => {
    const queue = await open();
    await queue.put(alice, 'removed');
    const since = clock.now();
    const [claim] = await queue.claim(1);
    if (claim) await queue.retry(claim, clock.now() + 60_000);

    clock.advance(59_999);
    const early = await queue.claim(1);
    clock.advance(1);
    const due = await queue.claim(1);

    expect(early).toEqual([]);
    expect(due).toEqual([{ key: alice, since, removedAt: since, attempts: 1 }]);
  });

  it('makes a key due at once by a new hint, without losing its attempts', async () => {
    const queue = await open();
    await queue.put(alice);
    const [claim] = await queue.claim(1);
    if (claim) await queue.retry(claim, clock.now() + 60_000);

    await queue.put(alice);

    expect(await queue.claim(1)).toMatchObject([{ key: alice, attempts: 1 }]);
  });

  it('keeps a deferral that is made while the key is being worked on, and of two the earlier', async () => {
    const queue = await open();
    await queue.put(alice);
    const [claim] = await queue.claim(1);

    await queue.defer(alice, clock.now() + 300_000);
    await queue.defer(alice, clock.now() + 30_000);
    if (claim) await queue.done(claim);
    clock.advance(30_000);

    expect(await queue.claim(1)).toMatchObject([{ key: alice, attempts: 0 }]);
    expect((await readdir(join(dir, 'pending'))).length).toBe(0);
  });

  it('never defers beyond a day', async () => {
    const queue = await open();
    await queue.defer(alice, clock.now() + 365 * 24 * 3600_000);

    clock.advance(24 * 3600_000);

    expect(await queue.claim(1)).toHaveLength(1);
  });

  it('parks a key with its error until a new hint brings it back afresh', async () => {
    const queue = await open();
    await queue.put(alice);
    const [claim] = await queue.claim(1);
    if (claim) await queue.park(claim, 'no uid left');
    const reopened = await open();

    const parked = (await reopened.stats()).parked;
    const idle = await reopened.claim(1);
    await reopened.put(alice);
    const back = await reopened.claim(1);

    expect(parked).toEqual([{ key: alice, since: clock.now(), attempts: 1, error: 'no uid left' }]);
    expect(idle).toEqual([]);
    expect(back).toMatchObject([{ key: alice, attempts: 0 }]);
    expect((await reopened.stats()).parked).toEqual([]);
  });

  it('parks instead of retrying when the attempts are used up', async () => {
    const queue = await open({ maxAttempts: 2 });
    await queue.put(alice);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const [claim] = await queue.claim(1);
      if (claim) await queue.retry(claim, clock.now());
    }

    const stats = await queue.stats();

    expect(stats.parked).toMatchObject([{ key: alice, attempts: 2 }]);
    expect(stats.pending + stats.processing).toBe(0);
  });

  it('makes what was being worked on pending again when it is opened', async () => {
    const first = await open();
    await first.put(alice, 'removed');
    const since = clock.now();
    const [claim] = await first.claim(1);
    if (claim) await first.retry(claim, clock.now());
    await first.claim(1);
    clock.advance(1000);

    const second = await open();

    expect(await second.claim(1)).toEqual([{ key: alice, since, removedAt: since, attempts: 1 }]);
    expect(events.map(({ event }) => event)).toContain('queue.recovered');
  });

  it('sees hints that another process put', async () => {
    const queue = await open();
    const listener = await openHintSink({ dir, clock });

    await listener.put(bob);
    await listener.put('sweep');

    expect((await queue.claim(10)).map(({ key }) => key).sort()).toEqual(['sweep', bob]);
  });

  it('wakes for a hint of another process', async () => {
    const queue = await open();
    const listener = await openHintSink({ dir, clock });
    let woken = false;
    const stop = queue.watch(() => {
      woken = true;
    });
    await queue.claim(1);

    await listener.put(alice);
    await eventually(() => woken);
    const claims = await queue.claim(1);
    stop();

    expect(claims.map(({ key }) => key)).toEqual([alice]);
  });

  it('wakes when the time of a key comes', async () => {
    const queue = await open();
    await queue.defer(alice, clock.now() + 3000);
    let woken = false;
    const stop = queue.watch(() => {
      woken = true;
    });

    clock.advance(3000);
    await eventually(() => woken);
    stop();

    expect(await queue.claim(1)).toMatchObject([{ key: alice }]);
  });

  it('wakes for an earlier time that is set while it waits for a later one', async () => {
    const queue = await open();
    await queue.defer(bob, clock.now() + 4000);
    const claimed: string[] = [];
    const stop = queue.watch(
      () => void queue.claim(10).then((claims) => claimed.push(...claims.map(({ key }) => key))),
    );

    await queue.defer(alice, clock.now() + 1000);
    clock.advance(1000);
    await eventually(() => claimed.length > 0);
    stop();

    expect(claimed).toEqual([alice]);
  });

  it('finds by the slow scan what the kernel did not report', async () => {
    const queue = await open();
    const stop = queue.watch(() => undefined);
    await queue.claim(1);
    // The watch stays with the old directory.
    await rename(join(dir, 'pending'), join(dir, 'gone'));
    await mkdir(join(dir, 'pending'));
    await writeFile(pendingFile(`user-${guid(1)}`), '');

    const before = await queue.claim(1);
    clock.advance(5000);
    await eventually(async () => (await queue.claim(1)).length === 1);
    stop();

    expect(before).toEqual([]);
  });

  it('counts what waits, what waits for a time, and what is worked on', async () => {
    const queue = await open();
    await queue.put(alice);
    const oldest = clock.now();
    clock.advance(1000);
    await queue.put(bob);
    await queue.defer(userKey(3), clock.now() + 1000);

    const before = await queue.stats();
    await queue.claim(1);
    const after = await queue.stats();

    const counts = { pending: 3, deferred: 1, processing: 0, parked: [] };
    expect(before).toEqual({ ...counts, oldestDueAt: oldest, oldestUnprovedAt: oldest });
    const one = { pending: 2, deferred: 1, processing: 1 };
    expect(after).toMatchObject({ ...one, oldestDueAt: oldest + 1000, oldestUnprovedAt: oldest });
  });

  describe('as hostile input', () => {
    it('puts aside every name that it would not have written, and follows nothing', async () => {
      const queue = await open();
      await writeFile(pendingFile('user-not-a-guid'), 'x');
      await writeFile(pendingFile(`user-${guid(10).toUpperCase()}`), '');
      await writeFile(pendingFile('$(reboot)\n'), '');
      await writeFile(join(dir, 'outside'), 'precious');
      await symlink(join(dir, 'outside'), pendingFile(`user-${guid(3)}`));
      await symlink(join(dir, 'outside'), pendingFile(`user-${guid(4)}.later`));
      await mkdir(join(pendingFile(`user-${guid(5)}`), 'full'), { recursive: true });
      execFileSync('mkfifo', [pendingFile(`user-${guid(6)}.later`)]);
      await queue.put(alice);

      const claims = await queue.claim(10);

      expect(claims.map(({ key }) => key)).toEqual([alice]);
      expect(await readdir(join(dir, 'pending'))).toEqual([]);
      expect(await readFile(join(dir, 'outside'), 'utf8')).toBe('precious');
      expect(events.filter(({ event }) => event === 'queue.name.rejected')).toHaveLength(1);
    });

    it('opens and works on where directories were laid in the way of its files', async () => {
      await open();
      await writeFile(join(dir, 'processing', `user-${guid(2)}`), '');
      await mkdir(join(pendingFile(`user-${guid(2)}`), 'full'), { recursive: true });
      const queue = await open();
      await mkdir(join(dir, 'processing', 'sweep', 'full'), { recursive: true });
      await queue.put('sweep');

      const claims = await queue.claim(10);

      expect(claims.map(({ key }) => key).sort()).toEqual(['sweep', bob]);
    });

    it.each([
      ['is torn', '{"notBefore":'],
      ['is no object', '"later"'],
      ['has a time that is no number', '{"notBefore":"never","attempts":0,"since":0}'],
      ['is further away than a day', JSON.stringify({ notBefore: 9e15, attempts: 0, since: 0 })],
      ['is larger than 4 KiB', `{"notBefore":0,"attempts":0,"since":0,"x":"${'x'.repeat(5000)}"}`],
    ])('takes a key as due whose retry state %s', async (_what, text) => {
      await open();
      await writeFile(pendingFile(`user-${guid(1)}.later`), text);

      const queue = await open();

      expect(await queue.claim(1)).toMatchObject([{ key: alice, attempts: 0 }]);
      expect(events.map(({ event }) => event)).toContain('queue.later.broken');
    });

    it('does not forget a key whose retry state turns out torn after a crash in the middle of work', async () => {
      await open();
      await writeFile(join(dir, 'processing', `user-${guid(1)}.later`), '{"not');

      const queue = await open();

      expect(await queue.claim(1)).toMatchObject([{ key: alice, attempts: 0 }]);
    });

    it('takes a time of arrival in the future for now', async () => {
      const queue = await open();
      await queue.put(alice);
      const future = (clock.now() + 9e9) / 1000;
      await utimes(pendingFile(`user-${guid(1)}`), future, future);

      const reopened = await open();

      expect(await reopened.claim(1)).toMatchObject([{ key: alice, since: clock.now() }]);
    });

    it('reads a bounded number of names, and the rest once those are done', async () => {
      const queue = await open({ maxNames: 3 });
      const listener = await openHintSink({ dir, clock });
      for (let n = 0; n < 8; n += 1) await listener.put(userKey(n));

      const seen = new Set<string>();
      for (let round = 0; round < 8; round += 1) {
        for (const claim of await queue.claim(2)) {
          seen.add(claim.key);
          await queue.done(claim);
        }
      }

      expect(seen.size).toBe(8);
      expect(events.map(({ event }) => event)).toContain('queue.scan.truncated');
    });

    it('does not open on a link in the place of a room', async () => {
      await mkdir(join(dir, 'elsewhere'));
      await symlink(join(dir, 'elsewhere'), join(dir, 'pending'));

      await expect(open()).rejects.toThrow(/needs a directory at .*pending/);
    });
  });

  describe('on a failing disk', () => {
    it('rejects a put whose fsync fails, and does not trust the file that is there afterwards', async () => {
      const disk = createSpoolDisk(dir);
      let failing = true;
      const replaced: string[] = [];
      const queue = await open({
        disk: {
          ...disk,
          sync: async (room) => (failing ? Promise.reject(new Error('EIO')) : disk.sync(room)),
          replaceHint: (name, at) => {
            replaced.push(name);
            return disk.replaceHint(name, at);
          },
        },
      });

      const [first, second] = await Promise.allSettled([queue.put(alice), queue.put(bob)]);
      failing = false;
      await queue.put(alice);
      await queue.put(alice);

      expect([first?.status, second?.status]).toEqual(['rejected', 'rejected']);
      expect(replaced).toEqual([`user-${guid(1)}`]);
    });

    it('rejects a put whose file was being made while a sync failed, and does not trust that file either', async () => {
      const disk = createSpoolDisk(dir);
      const gates: { failSync?: () => void; letGo?: () => void } = {};
      const replaced: string[] = [];
      const queue = await open({
        disk: {
          ...disk,
          async createHint(name, at) {
            const made = await disk.createHint(name, at);
            // It is on the disk, and whoever asked for it has not heard of it yet.
            if (name === `user-${guid(2)}`) await new Promise<void>((resolve) => (gates.letGo = resolve));
            return made;
          },
          replaceHint(name, at) {
            replaced.push(name);
            return disk.replaceHint(name, at);
          },
          sync: (room) =>
            gates.failSync
              ? disk.sync(room)
              : new Promise<void>((_, reject) => (gates.failSync = () => reject(new Error('EIO')))),
        },
      });
      const first = queue.put(alice).catch((error: Error) => error.message);
      await eventually(() => gates.failSync !== undefined);
      const second = queue.put(bob).catch((error: Error) => error.message);
      await eventually(() => gates.letGo !== undefined);

      gates.failSync?.();
      const firstSaid = await first;
      gates.letGo?.();
      const secondSaid = await second;
      await queue.put(bob);

      expect(firstSaid).toBe('EIO');
      expect(secondSaid).toContain('could not be synced');
      expect(replaced).toEqual([`user-${guid(2)}`]);
    });

    it('shares one fsync among all puts in flight, which begins after the last of them', async () => {
      const disk = createSpoolDisk(dir);
      const log: string[] = [];
      const queue = await open({
        disk: {
          ...disk,
          createHint: (name, at) => {
            log.push('create');
            return disk.createHint(name, at);
          },
          sync: async (room) => {
            log.push('sync');
            return disk.sync(room);
          },
        },
      });

      await Promise.all(Array.from({ length: 50 }, (_, n) => queue.put(userKey(n))));

      expect(log).toEqual([...Array.from({ length: 50 }, () => 'create'), 'sync']);
    });

    it('keeps a retry in memory when it cannot be stored, and the key in `processing` for the next start', async () => {
      const disk = createSpoolDisk(dir);
      const queue = await open({ disk: { ...disk, write: () => Promise.reject(new Error('ENOSPC')) } });
      await queue.put(alice);
      const [claim] = await queue.claim(1);

      if (claim) await queue.retry(claim, clock.now() + 1000);
      const early = await queue.claim(1);
      clock.advance(1000);
      const again = await queue.claim(1);

      expect([early.length, again.length, again[0]?.attempts]).toEqual([0, 1, 1]);
      expect(await (await open()).claim(1)).toMatchObject([{ key: alice }]);
    });

    it('goes on with other keys when one cannot be moved into work, and tries that one later', async () => {
      const disk = createSpoolDisk(dir);
      let stuck = true;
      const queue = await open({
        disk: {
          ...disk,
          move: (from, to, name) =>
            stuck && from === 'pending' && name.includes(guid(1))
              ? Promise.reject(new Error('EIO'))
              : disk.move(from, to, name),
        },
      });
      await queue.put(alice);
      clock.advance(1);
      await queue.put(bob);

      const first = await queue.claim(1);
      stuck = false;
      clock.advance(5000);
      const later = await queue.claim(1);

      expect([first[0]?.key, later[0]?.key]).toEqual([bob, alice]);
    });
  });

  it('does not accept that work is settled twice', async () => {
    const queue = await open();
    await queue.put(alice);
    const [claim] = await queue.claim(1);
    if (claim) await queue.done(claim);

    await expect(queue.done(claim as never)).rejects.toThrow(/without having been claimed/);
  });
});
