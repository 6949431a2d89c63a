import type { Clock } from '../domain/clock.js';
import { messageOf } from '../domain/errors.js';
import type { Log } from '../telemetry/log.js';
import { MAX_LATER_BYTES, parseLater } from './later.js';
import type { Key } from './queue.js';
import type { Room, SpoolDisk } from './spool-disk.js';
import type { SpoolIndex } from './spool-index.js';
import { type MarkKind, nameOf, parseSpoolName } from './spool-name.js';

export interface SpoolScanner {
  /** Reads the whole directory; what is new goes into the index, what is gone leaves it. */
  scan(): Promise<void>;
  /** Looks at names that are said to have changed. */
  inspect(names: readonly string[]): Promise<void>;
  /** Takes something hostile out of a room, counted and logged sparingly. Never throws. */
  reject(room: Room, name: string): Promise<void>;
}

export interface SpoolScannerOptions {
  disk: SpoolDisk;
  index: SpoolIndex;
  clock: Clock;
  log: Log;
  /** Names read in one scan, and keys held in the index from scans. */
  maxNames: number;
}

const PARALLEL = 64;

/** Brings the index true to the pending directory, taking every name and file there for hostile. */
export function createSpoolScanner({ disk, index, clock, log, maxNames }: SpoolScannerOptions): SpoolScanner {
  let rejected = 0;
  let saidTruncated = false;

  async function reject(room: Room, name: string): Promise<void> {
    rejected += 1;
    // The first, then at each power of ten: somebody who fills the spool must not fill the log as well.
    if (Number.isInteger(Math.log10(rejected))) {
      log('queue.name.rejected', { room, name: JSON.stringify(name.slice(0, 100)), rejected });
    }
    try {
      await disk.reject(room, name);
    } catch (error) {
      if (rejected === 1) log('queue.scan.failed', { room, error: messageOf(error) });
    }
  }

  async function inspectOne(name: string): Promise<void> {
    const parsed = parseSpoolName(name);
    if (!parsed) {
      if (await disk.look('pending', name)) await reject('pending', name);
      return;
    }
    if (index.has(parsed.key, parsed.kind)) return;
    const found = await disk.look('pending', name);
    if (!found) return;
    if (found.kind !== 'file') {
      await reject('pending', name);
      return;
    }
    if (index.size() >= maxNames) return;
    if (parsed.kind === 'later') await takeLater(parsed.key, found.mtimeMs);
    else index.markHint(parsed.key, parsed.kind, arrival(found.mtimeMs));
  }

  async function inspect(names: readonly string[]): Promise<void> {
    for (let start = 0; start < names.length; start += PARALLEL) {
      await Promise.all(names.slice(start, start + PARALLEL).map(inspectOne));
    }
  }

  async function takeLater(key: Key, mtimeMs: number): Promise<void> {
    const text = await disk.read('pending', nameOf(key, 'later'), MAX_LATER_BYTES);
    const now = clock.now();
    const later = text === undefined ? undefined : parseLater(text, now);
    if (!later) log('queue.later.broken', { key });
    if (index.has(key, 'later')) return;
    index.setLater(key, later ?? { notBefore: now, attempts: 0, since: arrival(mtimeMs) });
  }

  /** A time of arrival is never in the future, whatever the file says. */
  function arrival(mtimeMs: number): number {
    return Math.round(Math.max(0, Math.min(mtimeMs, clock.now())));
  }

  return {
    reject,
    inspect,
    async scan() {
      const stamp = index.stamp();
      const { names, truncated } = await disk.names('pending', maxNames);
      if (truncated && !saidTruncated) log('queue.scan.truncated', { limit: maxNames });
      saidTruncated = truncated;
      await inspect(names);
      if (truncated) return;
      const present = new Set(names);
      index.forgetUnseen(stamp, (key: Key, kind: MarkKind) => present.has(nameOf(key, kind)));
    },
  };
}
