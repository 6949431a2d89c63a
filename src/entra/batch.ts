import { z } from 'zod';
import type { Clock } from '../domain/clock.js';
import { Invariant } from '../domain/errors.js';
import type { Log } from '../telemetry/log.js';
import { checkShape, readErrorBody } from './answers.js';
import { createPatience, isTransientStatus, type RetryPolicy, retryAfterMs } from './patience.js';

/** Graph: json-batching. */
export const MAX_BATCH = 20;

/** One read inside a batch; the path starts with `/` and has no version. */
export type BatchItem =
  | { id: string; method: 'GET'; path: string; headers?: Readonly<Record<string, string>> }
  /** Batches are repeated as a whole when they fail, so the only POST in them is one that reads. */
  | { id: string; method: 'POST'; path: `${string}/checkMemberGroups`; body: unknown };

export type BatchAnswer =
  | { kind: 'answer'; status: number; body: unknown }
  /** No answer, or only refusals for the moment: nothing can be concluded for this item. */
  | { kind: 'failure'; why: string };

const responsesSchema = z.object({
  responses: z.array(
    z.object({
      id: z.union([z.string(), z.number().transform(String)]),
      status: z.number().int(),
      headers: z.record(z.string(), z.unknown()).nullish().catch(undefined),
      body: z.unknown().optional(),
    }),
  ),
});

type RawAnswer = z.infer<typeof responsesSchema>['responses'][number];

export interface BatchOptions {
  items: readonly BatchItem[];
  send: (body: unknown) => Promise<unknown>;
  policy: RetryPolicy;
  clock: Clock;
  log: Log;
  random: () => number;
  signal: AbortSignal | undefined;
}

/**
 * Sends the items, then again only those that were refused for the moment, after the longest Retry-After that still
 * fits the budget. Every item has an outcome. Throws when the batch as a whole cannot be sent.
 */
export async function sendBatch({ items, send, policy, clock, log, random, signal }: BatchOptions) {
  const outcomes = new Map<string, BatchAnswer>();
  let open = assertBatch(items);
  const patience = createPatience(policy, random);
  while (open.length > 0) {
    const answers = byId(
      checkShape(responsesSchema, await send({ requests: open.map(toRequest) }), BATCH_CALL).responses,
    );
    const refused: { item: BatchItem; waitMs: number | undefined }[] = [];
    for (const item of open) {
      const answer = answers.get(item.id);
      outcomes.set(item.id, toOutcome(answer));
      if (answer && answer !== 'twice' && isTransientStatus(answer.status)) {
        refused.push({ item, waitMs: retryAfterMs(headerOf(answer, 'retry-after'), clock.now()) });
      }
    }
    const again = refused.filter(({ waitMs }) => (waitMs ?? 0) <= policy.budgetMs);
    if (again.length === 0) break;
    const waitMs = patience.next(Math.max(...again.map(({ waitMs: asked }) => asked ?? 0)));
    if (waitMs === undefined) break;
    log('entra.batch.retried', { items: again.length, of: items.length, waitMs });
    await clock.sleep(waitMs, signal);
    open = again.map(({ item }) => item);
  }
  return outcomes;
}

const BATCH_CALL = { method: 'POST', path: '/$batch' };

function assertBatch(items: readonly BatchItem[]): readonly BatchItem[] {
  if (items.length > MAX_BATCH) throw new Invariant(`a Graph batch takes ${MAX_BATCH} items, not ${items.length}`);
  if (new Set(items.map(({ id }) => id)).size < items.length)
    throw new Invariant('two items of a Graph batch have one id');
  return items;
}

function toRequest(item: BatchItem): Record<string, unknown> {
  const common = { id: item.id, method: item.method, url: item.path };
  if (item.method === 'GET') return item.headers ? { ...common, headers: item.headers } : common;
  return { ...common, headers: { 'Content-Type': 'application/json' }, body: item.body };
}

/** Answers come in any order; two for one id say nothing certain. */
function byId(answers: readonly RawAnswer[]): Map<string, RawAnswer | 'twice'> {
  const map = new Map<string, RawAnswer | 'twice'>();
  for (const answer of answers) map.set(answer.id, map.has(answer.id) ? 'twice' : answer);
  return map;
}

function toOutcome(answer: RawAnswer | 'twice' | undefined): BatchAnswer {
  if (!answer) return { kind: 'failure', why: 'Graph left this item of the batch unanswered' };
  if (answer === 'twice') return { kind: 'failure', why: 'Graph answered this item of the batch twice' };
  const { status } = answer;
  if (isTransientStatus(status)) return { kind: 'failure', why: `Graph refuses for the moment (status ${status})` };
  const error = readErrorBody(answer.body);
  if (status === 401 || (status >= 400 && !error) || status < 200 || (status >= 300 && status < 400)) {
    return { kind: 'failure', why: `Graph answered with status ${status}${error ? ` ${error.code}` : ''}` };
  }
  return { kind: 'answer', status, body: answer.body };
}

function headerOf(answer: RawAnswer, name: string): string | undefined {
  const entry = Object.entries(answer.headers ?? {}).find(([key]) => key.toLowerCase() === name);
  return entry === undefined ? undefined : String(entry[1]);
}
