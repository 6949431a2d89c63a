import type { Middleware } from '@microsoft/microsoft-graph-client';
import type { Dispatcher } from 'undici';
import { type Answer, exchange } from './exchange.js';
import { GraphUnavailable } from './graph-errors.js';
import { middleware } from './middleware.js';

/** One attempt, for metrics. `status` is 0 where no answer came. */
export interface CallInfo {
  method: string;
  status: number;
  ms: number;
}

export interface TransportOptions {
  dispatcher?: Dispatcher | undefined;
  timeoutMs: number;
  maxBytes: number;
  now: () => number;
  onCall: (info: CallInfo) => void;
}

/** A fetch option of ours: more time for this one call. */
export const CALL_TIMEOUT = 'entramoxTimeoutMs';

/** The last link: one attempt, its body read to the end within the time and size allowed. */
export function transportMiddleware({ dispatcher, timeoutMs, maxBytes, now, onCall }: TransportOptions): Middleware {
  return middleware(async ({ url, method, context, signal }) => {
    const startedAt = now();
    let status = 0;
    try {
      const own: unknown = Reflect.get(context.options ?? {}, CALL_TIMEOUT);
      const answer = await exchange(
        url.href,
        { method, headers: context.options?.headers, body: context.options?.body },
        { dispatcher, timeoutMs: typeof own === 'number' ? own : timeoutMs, maxBytes, signal },
      );
      status = answer.status;
      return toResponse(answer, url);
    } finally {
      onCall({ method, status, ms: Math.max(0, now() - startedAt) });
    }
  });
}

function toResponse({ status, headers, text }: Answer, url: URL): Response {
  if (status < 200 || status > 599)
    throw new GraphUnavailable(`${url.host} answered with status ${status}`, { status, about: 'graph' });
  if (status < 300 && isCut(headers, text)) {
    throw new GraphUnavailable(`${url.host} answered with JSON that is broken: it ends in the middle`, {
      status,
      transient: true,
      about: 'graph',
    });
  }
  const bodyless = status === 204 || status === 205 || status === 304;
  return new Response(bodyless ? null : text, { status, headers });
}

/** Everything that Graph answers is an object, so one that does not end as an object was cut: worth another attempt. */
function isCut(headers: Headers, text: string): boolean {
  return text !== '' && /json/i.test(headers.get('content-type') ?? '') && !text.trimEnd().endsWith('}');
}
