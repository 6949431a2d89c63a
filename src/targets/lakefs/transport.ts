import type { Dispatcher } from 'undici';
import type { Clock } from '../../domain/clock.js';
import { Busy, messageOf, SourceUnavailable } from '../../domain/errors.js';
import { type AnswerText, readBoundedBody } from '../../http/bounded-body.js';
import { type CertificateFault, codeOf, connectionFault } from '../../http/connection-fault.js';
import { withDeadline } from '../../http/deadline.js';
import { excerpt } from '../../http/excerpt.js';
import type { Log } from '../../telemetry/log.js';
import { redactText } from '../../telemetry/redact.js';
import { nextWait, type RetryPolicy } from './backoff.js';
import { expandPath, type LakefsAddress } from './encode.js';
import { errorOf, type Subject } from './errors.js';
import { createPatience, QUICK_MS } from './patience.js';
import { failure } from './schema.js';

/** Answers past this are not read: a page of 1,000 users is a fifth of a megabyte. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** One call of the API. */
export interface LakefsCall {
  method: Method;
  /** Path below /api/v1 with `{names}`. */
  route: string;
  params?: Readonly<Record<string, string>> | undefined;
  query?: Readonly<Record<string, string | number>> | undefined;
  /** Sent as JSON. */
  body?: unknown;
  subject: Subject;
  /** What lakeFS asks of us for it, for messages. */
  permission: string;
}

/** One attempt, for metrics. `route` is the template, so that its values are few. */
export interface CallReport {
  method: Method;
  route: string;
  /** undefined: no answer. */
  status: number | undefined;
  durationMs: number;
}

export interface TransportOptions {
  address: LakefsAddress;
  accessKeyId: string;
  secretAccessKey: string;
  dispatcher: Dispatcher;
  /** Per attempt, the body included. */
  timeoutMs: number;
  retry: RetryPolicy;
  log: Log;
  clock: Clock;
  random: () => number;
  onCall: (report: CallReport) => void;
}

/**
 * Sends a call until it is answered or patience ends; gives the JSON of the answer, undefined where it is empty.
 * Throws LakefsError where lakeFS refused, SourceUnavailable where a read came to nothing, and Busy where a write did
 * (its outcome is then not known). No error holds the secret access key.
 */
export type Send = (call: LakefsCall, signal: AbortSignal) => Promise<unknown>;

interface Answer {
  status: number;
  body: AnswerText;
}

/**
 * `again`: the same call may be repeated without harm. `health`: whether lakeFS dealt with the call at all, as far as
 * it matters to the next one.
 */
type Attempt =
  | { ok: true; value: unknown }
  | { ok: false; error: Error; again: boolean; health: 'answered' | 'unwell' | 'silent' };

const BUSY_RETRY_MS = 30_000;
/** Of a stranger's text no more is looked at. */
const MAX_WORDS = 65_536;
/** Statuses of one that turns everybody away for now, or of a proxy in front of one that is not there. */
const TURNED_AWAY = new Set([429, 502, 503, 504]);
/** Statuses of a server that is restarting or overrun, or of a proxy that does not reach it. */
const UNWELL = new Set([429, 500, 502, 503, 504]);

export function createTransport(options: TransportOptions): Send {
  const { address, accessKeyId, secretAccessKey, timeoutMs, retry, log, clock, random, onCall } = options;
  const authorization = `Basic ${Buffer.from(`${accessKeyId}:${secretAccessKey}`).toString('base64')}`;
  const secrets = [authorization.slice('Basic '.length), secretAccessKey];
  const clean = (text: string, limit?: number) => excerpt(redactText(text.slice(0, MAX_WORDS)), secrets, limit);
  const patience = createPatience();

  async function attempt(call: LakefsCall, limitMs: number, signal: AbortSignal): Promise<Attempt> {
    const { method, route } = call;
    const path = address.root + expandPath(route, call.params, call.query);
    const name = clean(`${method} ${path.slice(address.root.length).split('?')[0] ?? ''}`, 500);
    const startedAt = clock.now();
    let status: number | undefined;
    try {
      const answer = await withDeadline({ clock, limitMs, signal }, async (deadline) => {
        const response = await options.dispatcher.request(requestOf(call, path, deadline));
        status = response.statusCode;
        return { status, body: await readBoundedBody(response, MAX_ANSWER_BYTES) };
      });
      if (answer === 'expired') return lost(method, `${name} got no whole answer within ${limitMs} ms`, true);
      return judge(call, name, answer);
    } catch (error) {
      signal.throwIfAborted();
      const fault = connectionFault(error);
      if (fault.kind === 'untrusted') {
        const error = new SourceUnavailable(untrusted(fault.why, fault.code));
        return { ok: false, again: false, health: 'answered', error };
      }
      const code = codeOf(error);
      const what = code ? `${code}: ${messageOf(error)}` : messageOf(error);
      return lost(method, `${name} failed (${what})`, fault.kind === 'not-sent' ? 'nothing was sent' : true);
    } finally {
      onCall({ method, route, status, durationMs: clock.now() - startedAt });
    }
  }

  function requestOf({ method, body }: LakefsCall, path: string, signal: AbortSignal) {
    const headers = { authorization, accept: 'application/json' };
    const { origin } = address;
    if (body === undefined) return { origin, method, path, headers, signal };
    const json = { ...headers, 'content-type': 'application/json' };
    return { origin, method, path, headers: json, signal, body: JSON.stringify(body) };
  }

  function judge(call: LakefsCall, name: string, { status, body }: Answer): Attempt {
    const json = body.ok ? parseJson(body.text) : undefined;
    if (status >= 200 && status < 300) {
      if (body.ok && body.text === '') return { ok: true, value: undefined };
      if (json !== undefined) return { ok: true, value: json };
      return strange(call.method, name, body);
    }
    const said = failure.safeParse(json);
    if (UNWELL.has(status)) return unwell(call.method, name, status, said.success ? said.data.message : '');
    // What is not in lakeFS's own words proves nothing: a proxy or a wrong address says 404 too.
    if (!said.success && status !== 401 && status !== 403 && (status < 300 || status >= 400)) {
      return strange(call.method, `${name} (${status})`, body);
    }
    const text = clean(said.success ? said.data.message : '');
    const noAcl = said.success && said.data.no_acl === true;
    const { subject, permission } = call;
    const error = errorOf({ status, text, noAcl, call: name, host: address.host, accessKeyId, subject, permission });
    return { ok: false, error, again: false, health: 'answered' };
  }

  function strange(method: Method, name: string, body: AnswerText): Attempt {
    const why = body.ok ? `is not that of the lakeFS API. It begins: ${clean(body.text, 80)}` : body.why;
    const message = `the answer of ${address.host} to ${name} ${why}; is LAKEFS_ENDPOINT right, and nothing in between?`;
    return { ok: false, again: false, health: 'answered', error: failed(method, message) };
  }

  function unwell(method: Method, name: string, status: number, said: string): Attempt {
    const why = status === 429 ? 'asks for fewer calls' : status === 503 ? 'asks for patience' : 'is unwell';
    const words = said ? ` "${clean(said)}"` : '';
    const message = `lakeFS at ${address.host} ${why}: ${name} was answered with ${status}${words}`;
    // A server that failed in the middle may have done what it was asked; only of the two is it known that it did not.
    const repeatable = method !== 'POST' || status === 429 || status === 503;
    const health = TURNED_AWAY.has(status) ? 'silent' : 'unwell';
    return { ok: false, again: repeatable, health, error: failed(method, message) };
  }

  /** A POST makes something anew each time, so it is not sent twice where the first may have arrived. */
  function lost(method: Method, what: string, again: true | 'nothing was sent'): Attempt {
    const message = clean(`lakeFS at ${address.host} cannot be reached: ${what}; check LAKEFS_ENDPOINT`, 500);
    return { ok: false, again: method !== 'POST' || again !== true, health: 'silent', error: failed(method, message) };
  }

  function untrusted(why: CertificateFault, code: string): string {
    const certificate = `the certificate of lakeFS at ${address.host}`;
    switch (why) {
      case 'unknown-issuer':
        return `${certificate} is signed by an authority that is not trusted (${code}); put that authority into CA_FILE`;
      case 'other-names':
        return `${certificate} is for other names; put a name that it carries into LAKEFS_ENDPOINT`;
      case 'expired':
        return `${certificate} has expired; renew it`;
      case 'not-yet-valid':
        return `${certificate} is not valid yet; compare the clocks of both machines`;
      default:
        return why satisfies never;
    }
  }

  function leftAlone({ method, route }: LakefsCall, why: string): Error {
    return failed(
      method,
      `lakeFS at ${address.host} is left alone for a moment, so ${method} ${route} was not sent: ${why}`,
    );
  }

  /** Whoever asked gave up waiting: silence for that long tells as much as a deadline of our own. */
  function noteGivenUp({ method, route }: LakefsCall, startedAt: number, signal: AbortSignal): void {
    const isLate = signal.aborted && signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
    const now = clock.now();
    if (isLate && now - startedAt >= QUICK_MS) {
      patience.gaveUp({ silent: true, why: `${method} ${route} got no answer within ${now - startedAt} ms` }, now);
    }
  }

  return async function send(call, signal) {
    const startedAt = clock.now();
    try {
      return await sendPatiently(call, startedAt, signal);
    } catch (error) {
      noteGivenUp(call, startedAt, signal);
      throw error;
    }
  };

  async function sendPatiently(call: LakefsCall, startedAt: number, signal: AbortSignal): Promise<unknown> {
    for (let attempts = 1; ; attempts += 1) {
      signal.throwIfAborted();
      const stance = patience.stance(clock.now());
      if (stance.kind === 'none') throw leftAlone(call, stance.why);
      const limitMs = stance.kind === 'once' ? Math.min(timeoutMs, QUICK_MS) : timeoutMs;
      const outcome = await attempt(call, limitMs, signal);
      if (outcome.ok || outcome.health === 'answered') patience.answered();
      if (outcome.ok) return outcome.value;
      const why = outcome.error.message;
      const what = { method: call.method, route: call.route, attempts, error: why };
      const again = outcome.again && stance.kind === 'full';
      const waitMs = again ? nextWait(retry, attempts, clock.now() - startedAt, random) : undefined;
      if (waitMs === undefined) {
        // Also a call that is never repeated may fail once without a word on the others.
        if (outcome.health !== 'answered' && (outcome.again || stance.kind === 'once'))
          patience.gaveUp({ silent: outcome.health === 'silent', why }, clock.now());
        log('lakefs.call.failed', what);
        throw outcome.error;
      }
      log('lakefs.call.retried', { ...what, waitMs });
      await clock.sleep(waitMs, signal);
    }
  }
}

/** A read that came to nothing says nothing about the world; a write may have been done. */
function failed(method: Method, message: string): Error {
  return method === 'GET' ? new SourceUnavailable(message) : new Busy(message, BUSY_RETRY_MS);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
