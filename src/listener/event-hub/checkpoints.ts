import { rename } from 'node:fs/promises';
import { Low } from 'lowdb';
import type { Clock } from '../../domain/clock.js';
import { messageOf, Rejected } from '../../domain/errors.js';
import type { Log } from '../../telemetry/log.js';
import { type Checkpoint, type CheckpointData, createCheckpointFile, noCheckpoints } from './checkpoint-file.js';

/** How far each partition was read, durably. */
export interface Checkpoints {
  list(): readonly Checkpoint[];
  of(partition: string): Checkpoint | undefined;
  /** Durable when it resolves. */
  put(checkpoint: Omit<Checkpoint, 'storedAt'>): Promise<void>;
  /** The partition is read from the oldest kept event when it is opened next. */
  forget(partition: string): Promise<void>;
  /** The file could not be read and was moved aside: everything kept is read once more. */
  readonly damaged: boolean;
}

export interface CheckpointsOptions {
  path: string;
  /** `namespace/hub/consumer group`. */
  hub: string;
  clock: Clock;
  log: Log;
}

/**
 * Opens the checkpoints of one hub. A file that cannot be understood is moved aside and told of: reading on at a guess
 * would lose events in silence, whereas reading again costs only time. Those of another hub are not ours to go on from.
 */
export async function openCheckpoints({ path, hub, clock, log }: CheckpointsOptions): Promise<Checkpoints> {
  const file = createCheckpointFile(path);
  const db = new Low<CheckpointData>(file, noCheckpoints(hub));
  let damaged = false;
  try {
    await db.read();
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
    const aside = `${path}.${new Date(clock.now()).toISOString().replaceAll(':', '')}.aside`;
    await rename(path, aside);
    log('listener.event-hub.checkpoints-damaged', { path, aside, error: messageOf(error) });
    damaged = true;
    db.data = noCheckpoints(hub);
  }
  if (db.data.hub !== hub) {
    log('listener.event-hub.other-hub', { before: db.data.hub, now: hub });
    db.data = noCheckpoints(hub);
  }
  let queue: Promise<unknown> = Promise.resolve();

  function change(apply: (checkpoints: readonly Checkpoint[]) => Checkpoint[]): Promise<void> {
    const work = queue.then(async () => {
      const next = { ...db.data, checkpoints: apply(db.data.checkpoints) };
      // Written first: memory must never know what the disk does not.
      await file.write(next);
      db.data = next;
    });
    queue = work.catch(() => undefined);
    return work;
  }

  return {
    damaged,
    list: () => db.data.checkpoints,
    of: (partition) => db.data.checkpoints.find((one) => one.partition === partition),
    put: (checkpoint) =>
      change((all) => [
        ...all.filter(({ partition }) => partition !== checkpoint.partition),
        { ...checkpoint, storedAt: clock.now() },
      ]),
    forget: (partition) => change((all) => all.filter((one) => one.partition !== partition)),
  };
}
