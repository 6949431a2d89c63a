import { z } from 'zod';
import type { Clock } from '../../domain/clock.js';
import { Busy, SourceUnavailable } from '../../domain/errors.js';
import { withDeadline } from '../../http/deadline.js';
import type { Log } from '../../telemetry/log.js';
import { errorText, parseData } from './answer.js';
import type { Caller } from './caller.js';
import type { Connections } from './connections.js';
import { errorOf, ProxmoxError } from './proxmox-error.js';
import { excerpt } from './text.js';
import { apiTokenCredential } from './transport/api-token-credential.js';
import { restTransport } from './transport/rest.js';
import type { Method, ProxmoxTransport, TransportReply } from './transport/transport.js';
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
 * The Proxmox VE API over whichever transport. Reads run side by side, writes never overlap.
 *
 * Errors of all calls: ProxmoxError where PVE answered with one; Busy where it has no quorum, holds its lock, or a
 * write got no answer (its outcome is then not known); SourceUnavailable where a read got none, or the answer is not
 * PVE's. No error carries a secret of the caller.
 */
export interface ProxmoxClient {
  /** Host and port, for messages. */
  readonly host: string;
  /** Who calls, and how that is proved. */
  readonly caller: Caller;
  /** What it is the API of; Proxmox VE where it is not said. */
  readonly product?: 'Proxmox Backup Server' | undefined;
  /** `svc@pve`: the user that must never be disabled. */
  readonly tokenOwner: string;
  /** `svc@pve!entramox`, without the secret; the user itself where it is no token that calls. */
  readonly tokenId: string;
  get<T>(call: ProxmoxCall, schema: z.ZodType<T>, signal: AbortSignal): Promise<T>;
  /** The write's `data`; most writes answer null. */
  write<T = unknown>(call: ProxmoxWrite, signal: AbortSignal, schema?: z.ZodType<T>): Promise<T>;
  close(): Promise<void>;
}

export interface ClientOptions {
  /** Per attempt. Writes get 10 s on top, the time that PVE itself waits for its lock. */
  timeoutMs: number;
  log: Log;
  clock: Clock;
  onCall?: ((report: CallReport) => void) | undefined;
}

export interface ProxmoxClientOptions extends ClientOptions {
  /** PVE_API_URL, `https://pve1.example.com:8006`. */
  baseUrl: string;
  /** `user@realm!id=secret` */
  token: string;
  /** Where the token came from, for messages; PVE_API_TOKEN where it is not said. */
  tokenFrom?: string | undefined;
  /** Why it might not be let in, besides itself; see Caller. */
  doubt?: string | undefined;
  /** PEM text of PVE_CA_FILE; where given, only certificates signed by it are trusted. */
  ca?: string | undefined;
  /** By default real connections to `baseUrl`. */
  connections?: Connections | undefined;
}

/** Waits before the second and the third attempt. */
const BACKOFF_MS = [250, 1_000] as const;
/** How long PVE waits for the lock on user.cfg before it answers (PVE::Cluster, cfs_lock_file). */
const LOCK_WAIT_MS = 10_000;
const BUSY_RETRY_MS = 10_000;
const QUORUM_RETRY_MS = 30_000;

/** What one attempt came to. `again`: the same call may be repeated without harm. */
type Attempt<T> = { ok: true; data: T } | { ok: false; error: Error; again: boolean };

/** The API over HTTPS with an API token. Throws Rejected for a token, an address or a `ca` of another shape. */
export function createProxmoxClient(options: ProxmoxClientOptions): ProxmoxClient {
  const { baseUrl, token, tokenFrom = 'PVE_API_TOKEN', doubt, ca, timeoutMs, connections } = options;
  const credential = apiTokenCredential(token, tokenFrom, doubt);
  return createClientOver(restTransport({ baseUrl, credential, ca, timeoutMs, connections }), options);
}

/** The client over any transport, which it closes with itself. */
export function createClientOver(transport: ProxmoxTransport, options: ClientOptions): ProxmoxClient {
  const { timeoutMs, log, clock, onCall } = options;
  const { host, caller, advice, product } = transport;
  const inWriteLane = createLane();
  let shut: { until: number; error: Busy } | undefined;

  async function attempt<T>(
    method: Method,
    call: ProxmoxCall & { body?: ProxmoxBody },
    schema: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<Attempt<T>> {
    const { route, params, query, body } = call;
    const name = `${method} ${route.replaceAll(/\{(\w+)\}/g, (whole, key: string) => params?.[key] ?? whole)}`;
    const limitMs = transport.overheadMs + (method === 'GET' ? timeoutMs : timeoutMs + LOCK_WAIT_MS);
    const startedAt = clock.now();
    let status: number | undefined;
    try {
      const reply = await withDeadline({ clock, limitMs, signal }, (deadline) =>
        transport.send({ method, route, params, query, body }, deadline),
      );
      if (reply === 'expired') return lost(method, `${name} got no whole answer within ${limitMs} ms`, false);
      if (reply.kind === 'answer') status = reply.status;
      return judge(reply, method, name, schema);
    } finally {
      onCall?.({ method, route, status, durationMs: clock.now() - startedAt });
    }
  }

  function judge<T>(reply: TransportReply, method: Method, call: string, schema: z.ZodType<T>): Attempt<T> {
    if (reply.kind === 'refused') return { ok: false, error: reply.error, again: false };
    if (reply.kind !== 'answer') {
      return lost(method, `${call} failed (${reply.what})`, method === 'GET' || reply.kind === 'not-sent');
    }
    const { status, body, reason } = reply;
    if (status >= 300) {
      const text = clean(errorText(body.ok ? body.text : '', reason));
      return settle(method, errorOf({ status, text, call, host, caller, product }));
    }
    const parsed = body.ok ? parseData(body.text, schema) : body;
    if (parsed.ok) return parsed;
    // JSON may be that of a new token, or of a realm with its client key: only what is something else is quoted.
    const start = body.ok && !/^\s*[[{]/.test(body.text) ? ` It begins: ${clean(body.text, 80)}` : '';
    const message = `the answer of ${host} to ${call} ${parsed.why}; ${advice.strange}${start}`;
    return { ok: false, error: new SourceUnavailable(clean(message, 500)), again: false };
  }

  function clean(text: string, limit?: number): string {
    return excerpt(text, transport.secrets(), limit);
  }

  function lost<T>(method: Method, what: string, again: boolean): Attempt<T> {
    const message = clean(`${product ?? 'Proxmox VE'} at ${host} cannot be reached: ${what}; ${advice.silent}`, 500);
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
    host,
    caller,
    product,
    tokenOwner: caller.owner,
    tokenId: caller.id,
    get: (call, schema, signal) => perform('GET', call, schema, signal),
    write: <T>(call: ProxmoxWrite, signal: AbortSignal, schema?: z.ZodType<T>) =>
      inWriteLane(() => write(call, schema ?? (z.unknown() as z.ZodType<T>), signal), signal),
    close: () => transport.close(),
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
