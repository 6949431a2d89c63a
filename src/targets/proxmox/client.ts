import type { Dispatcher } from 'undici';
import { z } from 'zod';
import type { Clock } from '../../domain/clock.js';
import { Busy, SourceUnavailable } from '../../domain/errors.js';
import type { Log } from '../../telemetry/log.js';
import { errorText, parseData, readBounded } from './answer.js';
import { parseApiToken } from './api-token.js';
import { expandPath, parseBaseUrl } from './base-url.js';
import { classifyConnectionError } from './connection-error.js';
import { type Connections, openConnections } from './connections.js';
import { withDeadline } from './deadline.js';
import { errorOf, ProxmoxError } from './proxmox-error.js';
import { excerpt } from './text.js';
import { createLane } from './write-lane.js';

/** One call: a route with `{names}`, and what fills them. */
export interface ProxmoxCall {
  /** Path below /api2/json, `/access/users/{userid}`. */
  route: string;
  params?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string>>;
}

/** Sent as JSON with a content-length. */
export type ProxmoxBody = Readonly<Record<string, string | number>>;

/** A write. PVE answers 501 to a DELETE with a body, so that one has its parameters in the query. */
export type ProxmoxWrite = ProxmoxCall & {
  /** Tried even right after a write that found the lock held: it shuts somebody out. */
  urgent?: boolean | undefined;
} & ({ method: 'POST' | 'PUT'; body: ProxmoxBody } | { method: 'DELETE'; body?: never });

/** One attempt, for metrics. `route` is the template, so that its values are few. */
export interface CallReport {
  method: string;
  route: string;
  /** undefined: no answer. */
  status: number | undefined;
  durationMs: number;
}

/**
 * The Proxmox VE API over kept connections. Reads run side by side, writes never overlap.
 *
 * Errors of all calls: ProxmoxError where PVE answered with one; Busy where it has no quorum, holds its lock, or a
 * write got no answer (its outcome is then not known); SourceUnavailable where a read got none, or the answer is not
 * PVE's. No error carries the token's secret.
 */
export interface ProxmoxClient {
  /** Host and port, for messages. */
  readonly host: string;
  /** `svc@pve`: the user that must never be disabled. */
  readonly tokenOwner: string;
  /** `svc@pve!entramox`, without the secret. */
  readonly tokenId: string;
  get<T>(call: ProxmoxCall, schema: z.ZodType<T>, signal: AbortSignal): Promise<T>;
  /** The write's `data`; most writes answer null. */
  write<T = unknown>(call: ProxmoxWrite, signal: AbortSignal, schema?: z.ZodType<T>): Promise<T>;
  close(): Promise<void>;
}

export interface ProxmoxClientOptions {
  /** PVE_API_URL, `https://pve1.example.com:8006`. */
  baseUrl: string;
  /** `user@realm!id=secret` */
  token: string;
  /** Where the token came from, for messages; PVE_API_TOKEN where it is not said. */
  tokenFrom?: string | undefined;
  /** PEM text of PVE_CA_FILE; where given, only certificates signed by it are trusted. */
  ca?: string | undefined;
  /** Per attempt. Writes get 10 s on top, the time that PVE itself waits for its lock. */
  timeoutMs: number;
  log: Log;
  clock: Clock;
  onCall?: ((report: CallReport) => void) | undefined;
  /** The transport; by default real connections to `baseUrl`. */
  connections?: Connections | undefined;
}

/** Waits before the second and the third attempt. */
const BACKOFF_MS = [250, 1_000] as const;
/** How long PVE waits for the lock on user.cfg before it answers (PVE::Cluster, cfs_lock_file). */
const LOCK_WAIT_MS = 10_000;
const BUSY_RETRY_MS = 10_000;
const QUORUM_RETRY_MS = 30_000;

type Method = 'GET' | ProxmoxWrite['method'];

/** What one attempt came to. `again`: the same call may be repeated without harm. */
type Attempt<T> = { ok: true; data: T } | { ok: false; error: Error; again: boolean };

export function createProxmoxClient(options: ProxmoxClientOptions): ProxmoxClient {
  const { timeoutMs, log, clock, onCall, tokenFrom = 'PVE_API_TOKEN' } = options;
  const token = parseApiToken(options.token);
  const address = parseBaseUrl(options.baseUrl);
  const connections = options.connections ?? openConnections({ origin: address.origin, ca: options.ca, timeoutMs });
  const authorization = `PVEAPIToken=${token.fullId}=${token.secret}`;
  const inWriteLane = createLane();
  let shut: { until: number; error: Busy } | undefined;

  async function attempt<T>(
    method: Method,
    call: ProxmoxCall & { body?: ProxmoxBody },
    schema: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<Attempt<T>> {
    const name = `${method} ${call.route.replaceAll(/\{(\w+)\}/g, (whole, key: string) => call.params?.[key] ?? whole)}`;
    const path = address.root + expandPath(call.route, call.params, call.query);
    const dispatcher = method === 'GET' ? connections.reads : connections.writes;
    const limitMs = method === 'GET' ? timeoutMs : timeoutMs + LOCK_WAIT_MS;
    const startedAt = clock.now();
    let status: number | undefined;
    try {
      const answer = await withDeadline({ clock, limitMs, signal }, async (deadline) => {
        const response = await dispatcher.request(requestOf(method, path, authorization, call.body, deadline));
        status = response.statusCode;
        return { status, reason: response.statusText ?? '', body: await readBounded(response) };
      });
      if (answer === 'expired') return lost(method, `${name} got no whole answer within ${limitMs} ms`, false);
      return judge(answer, method, name, schema);
    } catch (error) {
      signal.throwIfAborted();
      const failure = classifyConnectionError(error, address.host);
      if (failure.kind === 'untrusted') return { ok: false, error: failure.error, again: false };
      return lost(method, `${name} failed (${failure.what})`, method === 'GET' || failure.kind === 'not-sent');
    } finally {
      onCall?.({ method, route: call.route, status, durationMs: clock.now() - startedAt });
    }
  }

  function judge<T>(
    answer: { status: number; reason: string; body: Awaited<ReturnType<typeof readBounded>> },
    method: Method,
    call: string,
    schema: z.ZodType<T>,
  ): Attempt<T> {
    const { status, body, reason } = answer;
    if (status >= 300) {
      const text = excerpt(errorText(body.ok ? body.text : '', reason), token.secret);
      const error = errorOf({ status, text, call, host: address.host, tokenId: token.fullId, tokenFrom });
      return settle(method, error);
    }
    const parsed = body.ok ? parseData(body.text, schema) : body;
    if (parsed.ok) return parsed;
    const start = body.ok ? ` It begins: ${excerpt(body.text, token.secret, 80)}` : '';
    const message = `the answer of ${address.host} to ${call} ${parsed.why}; is PVE_API_URL right, and nothing in between?${start}`;
    return { ok: false, error: new SourceUnavailable(excerpt(message, token.secret, 500)), again: false };
  }

  function lost<T>(method: Method, what: string, again: boolean): Attempt<T> {
    const message = excerpt(
      `Proxmox VE at ${address.host} cannot be reached: ${what}; check PVE_API_URL and "systemctl status pveproxy"`,
      token.secret,
      500,
    );
    return {
      ok: false,
      again,
      error: method === 'GET' ? new SourceUnavailable(message) : new Busy(message, BUSY_RETRY_MS),
    };
  }

  async function perform<T>(
    method: Method,
    call: ProxmoxCall & { body?: ProxmoxBody },
    schema: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T> {
    for (let tries = 0; ; tries += 1) {
      signal.throwIfAborted();
      const outcome = await attempt(method, call, schema, signal);
      if (outcome.ok) return outcome.data;
      const waitMs = BACKOFF_MS[tries];
      if (!outcome.again || waitMs === undefined) {
        log('proxmox.call.failed', { method, route: call.route, tries: tries + 1, error: outcome.error.message });
        throw outcome.error;
      }
      log('proxmox.call.retried', { method, route: call.route, waitMs, error: outcome.error.message });
      await clock.sleep(waitMs, signal);
    }
  }

  /**
   * PVE takes ten seconds to say that its lock is held. Hundreds of writes that each wait for that would keep a leaver's
   * lock waiting, so after one such answer the others are put off unasked, for as long as they would wait anyway.
   */
  async function write<T>(call: ProxmoxWrite, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    if (shut && clock.now() < shut.until && !call.urgent) {
      throw Object.assign(new Busy(shut.error.message, shut.until - clock.now()), { cause: shut.error.cause });
    }
    try {
      const data = await perform(call.method, call, schema, signal);
      shut = undefined;
      return data;
    } catch (error) {
      if (error instanceof Busy && isShutting(error.cause)) {
        shut = { until: clock.now() + (error.retryAfterMs ?? 0), error };
      }
      throw error;
    }
  }

  return {
    host: address.host,
    tokenOwner: token.owner,
    tokenId: token.fullId,
    get: (call, schema, signal) => perform('GET', call, schema, signal),
    write: <T>(call: ProxmoxWrite, signal: AbortSignal, schema?: z.ZodType<T>) =>
      inWriteLane(() => write(call, schema ?? (z.unknown() as z.ZodType<T>), signal), signal),
    close: () => connections.close(),
  };
}

/** Which errors of PVE are worth a second attempt, and as what the caller meets them. */
function settle(method: Method, error: ProxmoxError): { ok: false; error: Error; again: boolean } {
  switch (error.kind) {
    case 'lock-timeout':
      return { ok: false, error: busy(error, BUSY_RETRY_MS), again: true };
    case 'no-quorum':
      return { ok: false, error: busy(error, QUORUM_RETRY_MS), again: false };
    case 'unavailable':
      return method === 'GET'
        ? { ok: false, error: new SourceUnavailable(error.message, { cause: error }), again: true }
        : { ok: false, error: busy(error, BUSY_RETRY_MS), again: false };
    default:
      return { ok: false, error, again: false };
  }
}

function isShutting(cause: unknown): boolean {
  return cause instanceof ProxmoxError && cause.kind === 'lock-timeout';
}

function busy(cause: ProxmoxError, retryAfterMs: number): Busy {
  return Object.assign(new Busy(cause.message, retryAfterMs), { cause });
}

function requestOf(
  method: Method,
  path: string,
  authorization: string,
  body: ProxmoxBody | undefined,
  signal: AbortSignal,
): Dispatcher.RequestOptions {
  const headers = { authorization, accept: 'application/json' };
  if (body === undefined) return { method, path, headers, signal };
  // A string body makes undici send content-length; PVE answers 501 to chunked bodies.
  return {
    method,
    path,
    signal,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
}
