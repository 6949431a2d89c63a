import type { Clock } from '../domain/clock.js';
import { Rejected } from '../domain/errors.js';
import { createGroupCommit } from './group-commit.js';
import { createLanes } from './lanes.js';
import type { HintSink, Key, Reason } from './queue.js';
import { createSpoolDisk, prepareRooms, type SpoolDisk } from './spool-disk.js';
import { type MarkKind, nameOf, parseKey } from './spool-name.js';

export interface HintSinkOptions {
  disk: SpoolDisk;
  clock: Clock;
  /** Told of each hint as soon as its file is there, before it is durable. */
  onHint?: ((key: Key, kind: Exclude<MarkKind, 'later'>, at: number) => void) | undefined;
}

const KIND = { changed: 'hint', removed: 'removed', 'caught-up': 'catch-up' } as const;

/** Of Node's four threads for files two make hints and one syncs: a disk that blocks leaves one to everybody else. */
const MAKING = 2;

/**
 * Stores hints as empty files whose name says all. A put resolves after an fsync of the directory that began after
 * its file was there; all puts in flight share one. A hint that waits already is coalesced with it.
 */
export function createHintSink({ disk, clock, onHint }: HintSinkOptions): HintSink {
  const making = createLanes(MAKING);
  let failures = 0;
  // Names whose last fsync failed: the file may be in memory only, so finding it there proves nothing.
  const doubtful = new Set<string>();
  const group = createGroupCommit(
    () => disk.sync('pending'),
    (names) => {
      failures += 1;
      for (const name of names) doubtful.add(name);
    },
    () => making.settled(),
  );

  return {
    async put(key: Key, reason: Reason = 'changed') {
      if (parseKey(key) === undefined) throw new Rejected(`${JSON.stringify(key)} is not a key of the queue`);
      const kind = KIND[reason];
      const name = nameOf(key, kind);
      const at = clock.now();
      const doubted = doubtful.has(name);
      const failedBefore = failures;
      await making.run<unknown>(() => (doubted ? disk.replaceHint(name, at) : disk.createHint(name, at)));
      if (failures !== failedBefore) {
        // The sync that failed may have been the one that met this file, and the next one would not tell.
        doubtful.add(name);
        throw new Error(`the spool could not be synced while ${name} was being made`);
      }
      onHint?.(key, kind, at);
      await group.commit(name);
      if (doubted) doubtful.delete(name);
    },
  };
}

/** The listener's half of the spool in `dir`: it may put hints and nothing else. Makes `tmp` and `pending` if missing. */
export async function openHintSink({ dir, clock }: { dir: string; clock: Clock }): Promise<HintSink> {
  await prepareRooms(dir, ['tmp', 'pending']);
  return createHintSink({ disk: createSpoolDisk(dir), clock });
}
