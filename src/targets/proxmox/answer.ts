import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { type AnswerText, readBoundedBody } from '../../http/bounded-body.js';
import { redactText } from '../../telemetry/redact.js';

export type { AnswerText } from '../../http/bounded-body.js';

/** Answers past this are not read: 5,000 users with everything are 1.3 MB, and user.cfg cannot hold many more. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Reads a body up to the limit; past it the connection is dropped instead of drained. */
export function readBounded(answer: Dispatcher.ResponseData): Promise<AnswerText> {
  return readBoundedBody(answer, MAX_ANSWER_BYTES);
}

const envelope = z.object({ data: z.unknown() });

/** The `data` of a good answer in its expected shape, or what is wrong with it. */
export function parseData<T>(text: string, schema: z.ZodType<T>): { ok: true; data: T } | { ok: false; why: string } {
  const json = parseJson(text);
  const outer = envelope.safeParse(json);
  if (!outer.success || !('data' in outer.data)) return { ok: false, why: 'is not the JSON of the Proxmox VE API' };
  const inner = schema.safeParse(outer.data.data);
  if (inner.success) return { ok: true, data: inner.data };
  const issue = inner.error.issues[0];
  return { ok: false, why: `has an unexpected shape at data.${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}` };
}

const errorBody = z.object({
  message: z.string().optional(),
  errors: z.record(z.string(), z.string()).optional(),
});

/**
 * PVE's own words in an error answer: the message and the errors of single parameters, else the reason phrase. Without
 * secrets, should a proxy in between repeat what we sent: these words end up in the ledger and on screens.
 */
export function errorText(body: string, reason: string): string {
  const parsed = errorBody.safeParse(parseJson(body));
  if (!parsed.success) return redactText(reason || body);
  const { message, errors = {} } = parsed.data;
  const details = Object.entries(errors).map(([name, text]) => `${name}: ${text}`);
  return redactText([message || reason, ...details].filter(Boolean).join(' '));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
