import { readFile } from 'node:fs/promises';
import type { Adapter } from 'lowdb';
import { z } from 'zod';
import { messageOf, Rejected } from '../../domain/errors.js';
import { replaceFile } from '../../durable/replace-file.js';

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
    write: (data) => replaceFile(path, `${JSON.stringify(data, null, 2)}\n`, { mode: 0o600, directoryMode: 0o700 }),
  };
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
