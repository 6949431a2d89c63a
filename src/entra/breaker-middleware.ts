import type { Middleware } from '@microsoft/microsoft-graph-client';
import { z } from 'zod';
import type { Clock } from '../domain/clock.js';
import { readErrorBody } from './answers.js';
import type { Breaker, Trouble } from './breaker.js';
import { BETWEEN_MEND, GRAPH_MEND, THROTTLED_MEND } from './cause-words.js';
import { middleware } from './middleware.js';
import { DEFAULT_RETRY, isTransientStatus, retryAfterMs } from './patience.js';
import { throttlingOf } from './throttling.js';
import type { MissingRoles } from './token-roles.js';

export interface BreakerMiddlewareOptions {
  breaker: Breaker;
  clock: Clock;
  /** What the token in use lacks. */
  lacking: () => MissingRoles | undefined;
}

/** What is known of a call beside its answer. */
export interface CallAbout {
  /** Method and path. */
  call: string;
  /** Epoch ms. */
  now: number;
  lacking: MissingRoles | undefined;
}

/**
 * Lets an attempt through only while Graph and the token endpoint are well. Sits behind the retries, so that they end
 * as soon as an outage is known, and before the token, so that none is asked for meanwhile.
 */
export function breakerMiddleware({ breaker, clock, lacking }: BreakerMiddlewareOptions): Middleware {
  return middleware(({ url, method, signal }, next) => {
    const call = `${method} ${url.pathname}`;
    return breaker.pass(
      next,
      (response) => troubleIn(response, { call, now: clock.now(), lacking: lacking() }),
      signal,
    );
  });
}

/** What an answer says of Graph as a whole; undefined: it is well, whatever it thinks of this call. */
export async function troubleIn(response: Response, about: CallAbout): Promise<Trouble | undefined> {
  const { call, now } = about;
  const { status, headers } = response;
  if (isTransientStatus(status)) return refusal(status, call, headers, now);
  if (status >= 300 && status < 400) {
    const why = `Graph cannot be asked: ${call} was redirected, which is not followed`;
    return { part: 'graph', why, mend: BETWEEN_MEND, lasting: true };
  }
  const text = await response.clone().text();
  if (text === '') return undefined;
  const body = parsed(text);
  const error = readErrorBody(body);
  if (status === 401 && error?.code !== 'ExtensionError') {
    const said = error ? ` (${error.code}: ${error.message})` : '';
    return { part: 'graph', why: `Graph does not accept our token for ${call}${said}`, lasting: false };
  }
  if (body === undefined) {
    const type = headers.get('content-type') ?? 'no content type';
    const why = `${call} was answered with status ${status} and ${type} instead of JSON; something is between us and Graph`;
    return { part: 'graph', why, mend: BETWEEN_MEND, lasting: false };
  }
  if (call.endsWith('/$batch')) return troubleInBatch(body, about);
  return isDenied(status, error?.code) ? lackOf(about) : undefined;
}

const batchSchema = z.object({
  responses: z
    .array(
      z.object({
        status: z.number(),
        headers: z.record(z.string(), z.unknown()).nullish(),
        body: z.unknown().optional(),
      }),
    )
    .min(1),
});

/** Graph answers a batch with 200 also where it refuses every item of it. */
function troubleInBatch(body: unknown, about: CallAbout): Trouble | undefined {
  const { call, now } = about;
  const batch = batchSchema.safeParse(body);
  if (!batch.success) return undefined;
  const denied = batch.data.responses.some((item) => isDenied(item.status, readErrorBody(item.body)?.code));
  if (denied && about.lacking) return lackOf(about);
  const refusals = batch.data.responses.filter(({ status }) => isTransientStatus(status));
  if (refusals.length < batch.data.responses.length) return undefined;
  const all = refusals.map(({ status, headers }) => {
    const entries = Object.entries(headers ?? {}).map(([name, value]): [string, string] => [name, String(value)]);
    return refusal(status, `every item of ${call}`, new Headers(entries), now);
  });
  const [worst] = all.sort((a, b) => (b.retryAfterMs ?? 0) - (a.retryAfterMs ?? 0));
  return worst;
}

function isDenied(status: number, code: string | undefined): boolean {
  return status === 403 && code === 'Authorization_RequestDenied';
}

/** A refusal speaks of the whole only where the token itself says that it lacks what every read needs. */
function lackOf({ lacking }: CallAbout): Trouble | undefined {
  if (!lacking) return undefined;
  const { missing, saw, mend } = lacking;
  const why = `Graph refuses to be read, which needs ${missing.join(' and ')}: ${saw}`;
  return { part: 'permissions', why, mend, lasting: true };
}

function refusal(status: number, call: string, headers: Headers, now: number): Trouble {
  const asked = retryAfterMs(headers.get('retry-after'), now);
  const throttled = status === 429;
  const why = throttled
    ? `Graph throttles this app: ${call} gave status 429${throttlingOf(headers)}`
    : `Graph is unwell: ${call} gave status ${status}`;
  // A wait that no single call has the patience for concerns all of them.
  const lasting = (asked ?? 0) > DEFAULT_RETRY.budgetMs;
  return { part: 'graph', why, mend: throttled ? THROTTLED_MEND : GRAPH_MEND, lasting, retryAfterMs: asked };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
