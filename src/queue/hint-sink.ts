import type { Clock } from '../domain/clock.js';
import { Rejected } from '../domain/errors.js';
import { createGroupCommit } from './group-commit.js';
import type { HintSink, Key, Reason } from './queue.js';
import { createSpoolDisk, prepareRooms, type SpoolDisk } from './spool-disk.js';
import { type MarkKind, nameOf, parseKey } from './spool-name.js';

export interface HintSinkOptions {
  disk: SpoolDisk;
  clock: Clock;
  /** Told of each hint as soon as its file is there, before it is durable. */
  onHint?: ((key: Key, kind: Exclude<MarkKind, 'later'>, at: number) => void) | undefined;
}

/**
 * Stores hints as empty files whose name says all. A put resolves after an fsync of the directory that began after
 * its file was there; all puts in flight share one. A hint that waits already is coalesced with it.
 */
export function createHintSink({ disk, clock, onHint }: HintSinkOptions): HintSink {
  // Names whose last fsync failed: the file may be in memory only, so finding it there proves nothing.
  const doubtful = new Set<string>();
  const group = createGroupCommit(
    () => disk.sync('pending'),
    (names) => {
      for (const name of names) doubtful.add(name);
    },
  );

  return {
    async put(key: Key, reason: Reason = 'changed') {
      if (parseKey(key) === undefined) throw new Rejected(`${JSON.stringify(key)} is not a key of the queue`);
      const kind = reason === 'removed' ? 'removed' : 'hint';
      const name = nameOf(key, kind);
      const at = clock.now();
      const doubted = doubtful.has(name);
      if (doubted) disk.replaceHint(name, at);
      else disk.createHint(name, at);
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
