import { Client, ResponseType } from '@microsoft/microsoft-graph-client';
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import type { Clock } from '../domain/clock.js';
import type { Log } from '../telemetry/log.js';
import { checkShape, readAnswer } from './answers.js';
import { authenticationMiddleware } from './authentication-middleware.js';
import { type BatchAnswer, type BatchItem, sendBatch } from './batch.js';
import type { Breaker } from './breaker.js';
import { breakerMiddleware } from './breaker-middleware.js';
import type { Credential } from './credential.js';
import { type DeltaRound, readDeltaRound } from './delta-pages.js';
import { graphRoot } from './graph-root.js';
import { middleware } from './middleware.js';
import { type Pages, readAllPages } from './pages.js';
import { DEFAULT_RETRY, type RetryPolicy } from './patience.js';
import { retryMiddleware } from './retry-middleware.js';
import { CALL_TIMEOUT, type CallInfo, transportMiddleware } from './transport-middleware.js';

export interface GraphClientOptions {
  /** `https://graph.microsoft.com`, with or without version. */
  baseUrl: string;
  credential: Pick<Credential, 'getToken'> & Partial<Pick<Credential, 'lacking'>>;
  log: Log;
  clock: Clock;
  /** An undici Agent with the extra roots; the built-in one without it. */
  dispatcher?: Dispatcher | undefined;
  /** For each attempt, the body included; default 15 s. */
  timeoutMs?: number | undefined;
  /** Larger answers are refused; default 16 MiB (a page of 999 users is under 1 MiB). */
  maxBytes?: number | undefined;
  retry?: RetryPolicy | undefined;
  random?: (() => number) | undefined;
  /** Keeps calls from a Graph that is unwell as a whole; without one each call finds out for itself. */
  breaker?: Breaker | undefined;
  /** Called after each attempt. */
  onCall?: ((info: CallInfo) => void) | undefined;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  headers?: Record<string, string> | undefined;
  /** More (or less) time than usual for each attempt of this call. */
  timeoutMs?: number | undefined;
}

/**
 * Graph v1.0. Paths start with `/` and hold object ids only, never names. Every method throws GraphError where Graph
 * refused the call, SourceUnavailable where nothing can be concluded, and the signal's reason where it was aborted.
 */
export interface GraphClient {
  get<T>(path: string, schema: z.ZodType<T>, options?: CallOptions): Promise<T>;
  /** All items of a paged list; complete, or thrown. */
  getAllPages<T>(path: string, itemSchema: z.ZodType<T>, options?: CallOptions): Promise<Pages<T>>;
  /** A delta query to its end, from a path or from the delta link of an earlier round. Throws DeltaLost too. */
  getDelta<T>(start: string, itemSchema: z.ZodType<T>, options?: CallOptions): Promise<DeltaRound<T>>;
  post<T>(path: string, body: unknown, schema: z.ZodType<T>, options?: CallOptions): Promise<T>;
  patch<T>(path: string, body: unknown, schema: z.ZodType<T>, options?: CallOptions): Promise<T>;
  delete(path: string, options?: CallOptions): Promise<void>;
  /** At most twenty reads in one call, with one outcome for each item, by its id. */
  batch(items: readonly BatchItem[], options?: CallOptions): Promise<Map<string, BatchAnswer>>;
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** A client for one Graph and one credential. Throws Rejected where `baseUrl` is not https. */
export function createGraphClient(options: GraphClientOptions): GraphClient {
  const { credential, log, clock } = options;
  const random = options.random ?? Math.random;
  const policy = options.retry ?? DEFAULT_RETRY;
  const root = graphRoot(options.baseUrl);
  // The library wraps whatever a middleware throws and loses its type: carry it past in an answer instead.
  const thrown = new WeakMap<Response, { error: unknown }>();
  const client = Client.initWithMiddleware({
    baseUrl: root.base,
    defaultVersion: root.version,
    middleware: [
      middleware(async (_, next) =>
        next().catch((error: unknown) => {
          const carrier = new Response(null, { status: 599 });
          thrown.set(carrier, { error });
          return carrier;
        }),
      ),
      retryMiddleware({ policy, clock, log, random }),
      ...(options.breaker
        ? [breakerMiddleware({ breaker: options.breaker, clock, lacking: () => credential.lacking?.() })]
        : []),
      authenticationMiddleware({ root, credential, log }),
      transportMiddleware({
        dispatcher: options.dispatcher,
        timeoutMs: options.timeoutMs ?? 15_000,
        maxBytes: options.maxBytes ?? 16 * 1024 * 1024,
        now: clock.now,
        onCall: options.onCall ?? (() => undefined),
      }),
    ],
  });

  async function send(method: Method, target: string, body: unknown, call: CallOptions = {}): Promise<unknown> {
    call.signal?.throwIfAborted();
    const request = client
      .api(target)
      .responseType(ResponseType.RAW)
      .headers({ accept: 'application/json', ...call.headers })
      .option('signal', call.signal);
    if (call.timeoutMs !== undefined) request.option(CALL_TIMEOUT, call.timeoutMs);
    const verbs = {
      GET: () => request.get(),
      POST: () => request.post(body),
      PATCH: () => request.patch(body),
      DELETE: () => request.delete(),
    };
    const response = (await verbs[method]()) as Response;
    const failure = thrown.get(response);
    if (failure) throw failure.error;
    return readAnswer(response, { method, path: pathOf(target) });
  }

  const checked = async <T>(method: Method, path: string, body: unknown, schema: z.ZodType<T>, call?: CallOptions) =>
    checkShape(schema, await send(method, path, body, call), { method, path: pathOf(path) });

  return {
    get: (path, schema, call) => checked('GET', path, undefined, schema, call),
    post: (path, body, schema, call) => checked('POST', path, body, schema, call),
    patch: (path, body, schema, call) => checked('PATCH', path, body, schema, call),
    delete: async (path, call) => {
      await send('DELETE', path, undefined, call);
    },
    getAllPages: (path, itemSchema, call) =>
      readAllPages({ path, itemSchema, root, get: (target) => send('GET', target, undefined, call) }),
    getDelta: (start, itemSchema, call) =>
      readDeltaRound({ start, itemSchema, root, get: (target) => send('GET', target, undefined, call) }),
    batch: (items, call) =>
      sendBatch({
        items,
        send: (body) => send('POST', '/$batch', body, call),
        policy,
        clock,
        log,
        random,
        signal: call?.signal,
      }),
  };
}

function pathOf(target: string): string {
  const path = URL.canParse(target) ? new URL(target).pathname : target;
  return path.split('?')[0] ?? path;
}
