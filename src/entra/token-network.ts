import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node';
import type { Dispatcher } from 'undici';
import type { Clock } from '../domain/clock.js';
import { messageOf } from '../domain/errors.js';
import type { Log } from '../telemetry/log.js';
import { type Answer, exchange } from './exchange.js';
import { GraphUnavailable } from './graph-errors.js';
import { createPatience, isTransientStatus, type RetryPolicy, retryAfterMs } from './patience.js';

const MAX_TOKEN_BYTES = 256 * 1024;

/** Token requests are few and somebody waits for each: fewer attempts than for Graph itself. */
export const TOKEN_RETRY: RetryPolicy = { attempts: 4, baseMs: 500, ceilingMs: 5_000, budgetMs: 20_000 };

export interface TokenNetworkOptions {
  clock: Clock;
  log: Log;
  dispatcher?: Dispatcher | undefined;
  timeoutMs: number;
  retry: RetryPolicy;
  random: () => number;
}

export interface TokenNetwork extends INetworkModule {
  /** The last failure in our words; msal replaces what a network module throws by "network_error". */
  lastFailure(): GraphUnavailable | undefined;
}

/**
 * msal's way to the network, with what msal leaves out: a time-out, repeats on network errors, 429 and 5xx, extra
 * roots, and an explanation where the answer is not JSON.
 */
export function createTokenNetwork(options: TokenNetworkOptions): TokenNetwork {
  let failure: GraphUnavailable | undefined;

  async function send<T>(
    method: string,
    url: string,
    request: NetworkRequestOptions = {},
  ): Promise<NetworkResponse<T>> {
    failure = undefined;
    try {
      const answer = await persist(method, url, request, options);
      return { status: answer.status, headers: Object.fromEntries(answer.headers), body: parse<T>(answer, url) };
    } catch (error) {
      failure = error instanceof GraphUnavailable ? error : new GraphUnavailable(messageOf(error), { cause: error });
      throw failure;
    }
  }

  return {
    sendGetRequestAsync: (url, request) => send('GET', url, request),
    sendPostRequestAsync: (url, request) => send('POST', url, request),
    lastFailure: () => failure,
  };
}

/** Asking for a token changes nothing on the other side, so every failure that may pass is repeated. */
async function persist(
  method: string,
  url: string,
  request: NetworkRequestOptions,
  { clock, log, dispatcher, timeoutMs, retry, random }: TokenNetworkOptions,
): Promise<Answer> {
  const { host } = new URL(url);
  const patience = createPatience(retry, random);
  const body = method === 'POST' ? (request.body ?? '') : undefined;
  for (;;) {
    const outcome = await attempt(() =>
      exchange(url, { method, headers: request.headers, body }, { dispatcher, timeoutMs, maxBytes: MAX_TOKEN_BYTES }),
    );
    if (outcome.answer && !isTransientStatus(outcome.answer.status)) return outcome.answer;
    const failure =
      outcome.failure ??
      new GraphUnavailable(`${host} answers with status ${outcome.answer.status}`, {
        status: outcome.answer.status,
        transient: true,
        about: 'login',
        retryAfterMs: retryAfterMs(outcome.answer.headers.get('retry-after'), clock.now()),
      });
    const waitMs = failure.transient ? patience.next(failure.retryAfterMs) : undefined;
    if (waitMs === undefined) throw failure;
    log('entra.call.retried', { method, host, status: failure.status, why: failure.message, waitMs });
    await clock.sleep(waitMs);
  }
}

async function attempt(
  work: () => Promise<Answer>,
): Promise<{ answer: Answer; failure?: undefined } | { answer?: undefined; failure: GraphUnavailable }> {
  try {
    return { answer: await work() };
  } catch (error) {
    if (error instanceof GraphUnavailable) return { failure: error };
    throw error;
  }
}

function parse<T>(answer: Answer, url: string): T {
  try {
    const body: unknown = JSON.parse(answer.text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as T;
  } catch (error) {
    throw notAToken(answer, url, error);
  }
  throw notAToken(answer, url, undefined);
}

function notAToken({ status, headers }: Answer, url: string, cause: unknown): GraphUnavailable {
  const type = headers.get('content-type') ?? 'no content type';
  const hint = status >= 300 && status < 400 ? 'a redirect, which is not followed' : `${type} instead of a token`;
  return new GraphUnavailable(
    `${new URL(url).host} answered status ${status} with ${hint}; is ENTRA_AUTHORITY right, is a proxy in between?`,
    { status, cause },
  );
}
