import type { Clock } from '../domain/clock.js';
import { messageOf } from '../domain/errors.js';
import type { Log } from '../telemetry/log.js';
import { formatLater, MAX_LATER_BYTES, mergeLater, parseLater } from './later.js';
import type { Key } from './queue.js';
import type { SpoolDisk } from './spool-disk.js';
import { parseSpoolName } from './spool-name.js';
import type { SpoolScanner } from './spool-scan.js';

export interface RecoveryOptions {
  disk: SpoolDisk;
  scanner: SpoolScanner;
  clock: Clock;
  log: Log;
  maxNames: number;
}

const DRAFT_LIFE_MS = 3600_000;

/** Moves whatever was being worked on when the last run ended back to pending, merging retry state. */
export async function recoverProcessing({ disk, scanner, clock, log, maxNames }: RecoveryOptions): Promise<void> {
  await dropOldDrafts();
  const keys = new Set<string>();
  const { names } = await disk.names('processing', maxNames);
  for (const name of names) {
    const parsed = parseSpoolName(name);
    const found = await disk.look('processing', name);
    if (!parsed || found?.kind !== 'file') {
      await scanner.reject('processing', name);
      continue;
    }
    keys.add(parsed.key);
    if (parsed.kind === 'later') await recoverLater(parsed.key, name);
    else await disk.move('processing', 'pending', name);
  }
  if (keys.size === 0) return;
  await disk.sync('pending');
  log('queue.recovered', { keys: [...keys].slice(0, 20), count: keys.size });

  /** Leftovers of writes that a crash cut off; the recent ones may belong to a listener that is writing now. */
  async function dropOldDrafts(): Promise<void> {
    const drafts = await disk.names('tmp', maxNames);
    for (const name of drafts.names) {
      const found = await disk.look('tmp', name);
      if (found?.kind === 'file' && found.mtimeMs < clock.now() - DRAFT_LIFE_MS) await disk.remove('tmp', name);
    }
  }

  async function recoverLater(key: Key, name: string): Promise<void> {
    const now = clock.now();
    const [old, newer] = await Promise.all(
      (['processing', 'pending'] as const).map(async (room) => {
        const text = await disk.read(room, name, MAX_LATER_BYTES);
        return text === undefined ? undefined : parseLater(text, now);
      }),
    );
    if (old && !newer) {
      await disk.move('processing', 'pending', name);
      return;
    }
    // Unreadable state of a key that was in work: due now, rather than forgotten.
    const recovered = old ?? { notBefore: now, attempts: 0, since: now };
    try {
      await disk.write('pending', name, formatLater(newer ? mergeLater(newer, recovered) : recovered));
      await disk.remove('processing', name);
    } catch (error) {
      // A full disk must not keep the queue from opening; a move needs no space.
      log('queue.state.unwritable', { key, error: messageOf(error) });
      await disk.move('processing', 'pending', name);
    }
  }
}
