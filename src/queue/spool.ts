import { join } from 'node:path';
import type { Clock } from '../domain/clock.js';
import { Invariant, messageOf } from '../domain/errors.js';
import type { Log } from '../telemetry/log.js';
import { createHintSink } from './hint-sink.js';
import { clampNotBefore, earliest } from './later.js';
import { createLaterStore } from './later-store.js';
import { openParkedKeys } from './parked.js';
import type { Claim, Key, Queue } from './queue.js';
import { createSpoolDisk, prepareRooms, type SpoolDisk } from './spool-disk.js';
import { createSpoolIndex, type Entry } from './spool-index.js';
import { MARK_KINDS, nameOf } from './spool-name.js';
import { recoverProcessing } from './spool-recovery.js';
import { createSpoolScanner } from './spool-scan.js';
import { type SpoolWatch, startSpoolWatch } from './spool-watch.js';

export interface SpoolOptions {
  /** The spool directory; its rooms are made when they are missing. */
  dir: string;
  clock: Clock;
  log: Log;
  /** `retry` parks a key instead when it has failed this often. Default: never. */
  maxAttempts?: number;
  /** Names read in one scan. */
  maxNames?: number;
  /** The file system; tests put a failing one in its place. */
  disk?: SpoolDisk;
}

const MAX_NAMES = 200_000;
/** Above so many reported names one scan is cheaper than looking at each. */
const MAX_REPORTED = 10_000;
/** How long a key rests that could not be moved into work. */
const STALLED_MS = 5000;

/**
 * The spool as the reconciler's queue. Only one may be open on a directory at a time; any number of hint sinks may
 * put meanwhile, from other processes. What was being worked on when the last one ended is pending again.
 * Marks in `pending` say what waits; a claim moves all of a key's marks into `processing`, and whatever comes for
 * the key meanwhile stays pending until the claim is settled.
 */
export async function openSpool(options: SpoolOptions): Promise<Queue> {
  const { dir, clock, log, maxAttempts = Number.POSITIVE_INFINITY, maxNames = MAX_NAMES } = options;
  const disk = options.disk ?? createSpoolDisk(dir);
  await prepareRooms(dir, ['tmp', 'pending', 'processing', 'parked']);
  const index = createSpoolIndex();
  const scanner = createSpoolScanner({ disk, index, clock, log, maxNames });
  const parked = await openParkedKeys(disk);
  /** With the arrival of the hint that is worked on; undefined for a re-check. */
  const processing = new Map<Key, number | undefined>();
  /** Keys that could not be moved, with the time of the next try. */
  const stalled = new Map<Key, number>();
  /** Names that the kernel reported and nobody has looked at yet; 'all' when it did not say which. */
  let reported: Set<string> | 'all' = 'all';
  const wakers = new Set<() => void>();
  let wakeQueued = false;
  let spoolWatch: SpoolWatch | undefined;
  const store = createLaterStore({ disk, index, log, onChange: () => spoolWatch?.rearm() });

  await recoverProcessing({ disk, scanner, clock, log, maxNames });
  await scan();
  const sink = createHintSink({
    disk,
    clock,
    onHint(key, kind, at) {
      index.markHint(key, kind, at);
      wake();
    },
  });
  log('queue.opened', { pending: index.size(), parked: parked.list().length });

  function wake(): void {
    if (wakeQueued || wakers.size === 0) return;
    wakeQueued = true;
    setImmediate(() => {
      wakeQueued = false;
      for (const waker of wakers) waker();
    });
  }

  async function scan(): Promise<void> {
    reported = new Set();
    try {
      await scanner.scan();
    } catch (error) {
      reported = 'all';
      log('queue.scan.failed', { error: messageOf(error) });
    }
  }

  async function refresh(): Promise<void> {
    if (reported === 'all' || !spoolWatch?.active()) return scan();
    const names = [...reported];
    reported.clear();
    await scanner.inspect(names);
  }

  function busy(key: Key): boolean {
    return processing.has(key) || (stalled.get(key) ?? 0) > clock.now();
  }

  /** Moves the marks of a key into work. undefined: somebody else took them away, nothing is left to do. */
  async function take(key: Key, entry: Entry): Promise<Claim | undefined> {
    const now = clock.now();
    let { hintAt, removedAt, caughtUpAt } = entry;
    let moved = entry.laterInMemoryOnly === true;
    for (const kind of MARK_KINDS) {
      const name = nameOf(key, kind);
      if (!(await disk.move('pending', 'processing', name))) continue;
      moved = true;
      const found = await disk.look('processing', name);
      if (found?.kind === 'other') await scanner.reject('processing', name);
      const arrival = found?.kind === 'file' ? Math.round(Math.min(found.mtimeMs, now)) : now;
      if (kind === 'hint') hintAt = earliest(hintAt, arrival);
      if (kind === 'removed') removedAt = earliest(removedAt, arrival);
      if (kind === 'catch-up') caughtUpAt = earliest(caughtUpAt, arrival);
    }
    if (!moved) return undefined;
    const { later } = entry;
    const pushedAt = earliest(hintAt, removedAt);
    const told = pushedAt !== undefined ? 'push' : caughtUpAt !== undefined ? 'catch-up' : undefined;
    removedAt = earliest(removedAt, later?.removedAt);
    const since = earliest(earliest(earliest(pushedAt, caughtUpAt), removedAt), later?.since) ?? now;
    const { attempts = 0, faults } = later ?? {};
    if (!parked.has(key)) return { key, since, removedAt, told, attempts, faults };
    await parked.remove(key);
    log('queue.unparked', { key });
    return { key, since, removedAt, told, attempts: 0 };
  }

  async function claimOne(key: Key): Promise<Claim | undefined> {
    const entry = index.take(key);
    if (!entry) return undefined;
    processing.set(key, undefined);
    stalled.delete(key);
    try {
      const claim = await take(key, entry);
      if (!claim) processing.delete(key);
      else if (claim.told !== undefined || claim.attempts > 0) processing.set(key, claim.since);
      return claim;
    } catch (error) {
      log('queue.claim.failed', { key, error: messageOf(error) });
      await putBack(key);
      index.restore(key, entry);
      stalled.set(key, clock.now() + STALLED_MS);
      processing.delete(key);
      return undefined;
    }
  }

  /** Undoes a move as far as that is possible; what cannot be moved is found again at the next start. */
  async function putBack(key: Key): Promise<void> {
    for (const kind of MARK_KINDS) {
      try {
        await disk.move('processing', 'pending', nameOf(key, kind));
      } catch (error) {
        log('queue.claim.failed', { key, kind, error: messageOf(error) });
      }
    }
  }

  async function settle(key: Key): Promise<void> {
    for (const kind of MARK_KINDS) await disk.remove('processing', nameOf(key, kind));
    processing.delete(key);
    if (index.due(clock.now(), 1, busy).length > 0) wake();
  }

  function mustBeProcessing({ key }: Claim): void {
    if (!processing.has(key)) throw new Invariant(`${key} was settled without having been claimed`);
  }

  async function park(claim: Claim, error: string): Promise<void> {
    const { key, since } = claim;
    const attempts = claim.attempts + 1;
    try {
      await parked.add({ key, since, attempts, error });
    } catch (cause) {
      // Better tried once more than forgotten: it stays in memory, and in `processing` for the next start.
      log('queue.state.unwritable', { key, error: messageOf(cause) });
      index.setLater(key, { notBefore: clock.now() + STALLED_MS, attempts, since }, true);
      processing.delete(key);
      return;
    }
    log('queue.parked', { key, attempts, error });
    index.dropLater(key);
    await disk.remove('pending', nameOf(key, 'later'));
    await settle(key);
  }

  return {
    put: (key, reason) => sink.put(key, reason),
    async claim(limit, only = () => true) {
      await refresh();
      const claims: Claim[] = [];
      while (claims.length < limit) {
        const keys = index.due(clock.now(), limit - claims.length, (key) => busy(key) || !only(key));
        if (keys.length === 0) break;
        for (const claim of await Promise.all(keys.map(claimOne))) if (claim) claims.push(claim);
      }
      return claims;
    },
    async done(claim) {
      mustBeProcessing(claim);
      await settle(claim.key);
    },
    async retry(claim, notBefore) {
      mustBeProcessing(claim);
      const { key, since, removedAt, faults } = claim;
      const attempts = claim.attempts + 1;
      if (attempts >= maxAttempts) {
        return park(claim, `failed ${attempts} times; the log has the errors of ${key}`);
      }
      const later = { notBefore: clampNotBefore(notBefore, clock.now()), attempts, since, removedAt, faults };
      if (await store(key, later)) return settle(key);
      // The marks stay in `processing`, so that the next start finds the key; in memory it waits for its time.
      processing.delete(key);
    },
    park(claim, error) {
      mustBeProcessing(claim);
      return park(claim, error);
    },
    async defer(key, notBefore, first) {
      const now = clock.now();
      const later = { notBefore: clampNotBefore(notBefore, now), attempts: 0, since: now };
      await store(key, first ? { ...later, first } : later);
    },
    hurry() {
      index.hurry(clock.now());
      wake();
    },
    async stats() {
      await refresh();
      const { deferred, oldestDueAt, oldestUnprovedAt } = index.summary(clock.now(), (key) => processing.has(key));
      const inWork = [...processing].map(([key, since]) => (key === 'sweep' ? undefined : since));
      return {
        pending: index.size(),
        deferred,
        processing: processing.size,
        parked: parked.list(),
        oldestDueAt,
        oldestUnprovedAt: inWork.reduce(earliest, oldestUnprovedAt),
      };
    },
    watch(waker) {
      wakers.add(waker);
      spoolWatch ??= startSpoolWatch({
        pendingDir: join(dir, 'pending'),
        clock,
        log,
        onName(name) {
          if (name === undefined) reported = 'all';
          else if (reported !== 'all') reported.add(name);
          if (reported !== 'all' && reported.size > MAX_REPORTED) reported = 'all';
        },
        scan,
        nextDueAt: () => index.nextDueAt(clock.now()),
        wake,
      });
      reported = 'all';
      return () => {
        wakers.delete(waker);
        if (wakers.size > 0) return;
        spoolWatch?.stop();
        spoolWatch = undefined;
      };
    },
  };
}
