import { mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Adapter } from 'lowdb';
import { z } from 'zod';
import { messageOf, Rejected } from '../../domain/errors.js';

const CHECKPOINT_VERSION = 1;

const checkpointSchema = z.object({
  partition: z.string().min(1).max(100),
  /** Where the last event stands whose keys are durable; the next one is read first. */
  offset: z.string().min(1).max(100),
  sequenceNumber: z.number().int(),
  /** Epoch ms. */
  storedAt: z.number().int().nonnegative(),
});

const fileSchema = z.object({
  version: z.literal(CHECKPOINT_VERSION),
  /** What the positions belong to: `namespace/hub/consumer group`. Another hub has others. */
  hub: z.string().min(1),
  checkpoints: z.array(checkpointSchema),
});

export type Checkpoint = z.infer<typeof checkpointSchema>;

export type CheckpointData = z.infer<typeof fileSchema>;

export function noCheckpoints(hub: string): CheckpointData {
  return { version: CHECKPOINT_VERSION, hub, checkpoints: [] };
}

/** lowdb's adapter for the file of checkpoints: 0600, replaced whole and fsynced. Throws Rejected for one that is torn or foreign. */
export function createCheckpointFile(path: string): Adapter<CheckpointData> {
  return {
    async read() {
      const text = await readFile(path, 'utf8').catch(unlessMissing);
      return text === undefined ? null : parse(text, path);
    },
    async write(data) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeDraft(`${path}.next`, `${JSON.stringify(data, null, 2)}\n`);
      await rename(`${path}.next`, path);
      const directory = await open(dirname(path), 'r');
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    },
  };
}

async function writeDraft(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    // A run by root must not take the record away from the listener.
    const { uid, gid } = await stat(dirname(path));
    if (process.getuid?.() === 0 && uid !== 0) await file.chown(uid, gid);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function parse(text: string, path: string): CheckpointData {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Rejected(`${path} is torn or no JSON (${messageOf(error)})`);
  }
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole').slice(0, 5);
  throw new Rejected(`${path} is no record of checkpoints (wrong: ${where.join(', ')})`);
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
