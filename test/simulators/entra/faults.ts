import { errorBody } from './errors.js';
import { type CallFacts, type Matcher, matches } from './matcher.js';
import type { Answer } from './types.js';

/** A fault that was switched on. */
export interface Fault {
  /** How often it has struck. */
  hits(): number;
  /** How often it will still strike. */
  remaining(): number;
  clear(): void;
}

/** What strikes a call: an answer instead of the real one, or a wait before it. */
export interface Strike {
  stallMs: number;
  answer: Answer | undefined;
}

/** Faults on calls of Graph and of the token endpoint. `times` defaults to 1; Infinity lasts until cleared. */
export interface CallFaults {
  /** Answers with this status and Graph's error shape. */
  failNext(matcher: Matcher, status: number, times?: number, headers?: Record<string, string>, code?: string): Fault;
  /** 429 with Retry-After; inside a batch only the matching items are throttled. */
  throttle(matcher: Matcher, retryAfterSeconds: number, times?: number): Fault;
  /** Waits before answering as usual. */
  stall(matcher: Matcher, ms: number, times?: number): Fault;
  /** Cuts the connection without an answer. */
  dropConnection(matcher: Matcher, times?: number): Fault;
  /** 200 with JSON that breaks off in the middle. */
  garbage(matcher: Matcher, times?: number): Fault;
  /** 503 with an HTML page, as a gateway in front of a service sends it. */
  htmlUnavailable(matcher: Matcher, times?: number): Fault;
  /** A whole answer of the test's own. */
  answerWith(matcher: Matcher, answer: Answer, times?: number): Fault;
  /** The token endpoint as a gateway shows it while Entra is down: HTML 503. */
  tokenEndpointDown(times?: number): Fault;
  clear(): void;
}

/** What a token request is called in matchers. */
export const TOKEN_TEMPLATE = '/{tenant}/oauth2/v2.0/token';

interface Rule {
  matcher: Matcher;
  left: number;
  hits: number;
  strike: () => Strike;
}

/** The switchboard of call faults, and the function that the servers ask before each call. */
export function createCallFaults(): { faults: CallFaults; strike(call: CallFacts): Strike } {
  let rules: Rule[] = [];

  function add(matcher: Matcher, times: number, strike: () => Strike): Fault {
    const rule: Rule = { matcher, left: times, hits: 0, strike };
    rules.push(rule);
    return {
      hits: () => rule.hits,
      remaining: () => rule.left,
      clear() {
        rule.left = 0;
        rules = rules.filter((other) => other !== rule);
      },
    };
  }

  const answering = (answer: () => Answer) => () => ({ stallMs: 0, answer: answer() });

  const faults: CallFaults = {
    failNext: (matcher, status, times = 1, headers = {}, code = codeFor(status)) =>
      add(
        matcher,
        times,
        answering(() => ({ status, headers: { ...headers }, body: errorBody(code, `Simulated ${status}.`) })),
      ),
    throttle: (matcher, retryAfterSeconds, times = 1) =>
      add(
        matcher,
        times,
        answering(() => ({
          status: 429,
          headers: { 'Retry-After': String(retryAfterSeconds) },
          body: errorBody('TooManyRequests', 'Too many requests, see the Retry-After header.'),
        })),
      ),
    stall: (matcher, ms, times = 1) => add(matcher, times, () => ({ stallMs: ms, answer: undefined })),
    dropConnection: (matcher, times = 1) =>
      add(
        matcher,
        times,
        answering(() => ({ status: 0, drop: true })),
      ),
    garbage: (matcher, times = 1) =>
      add(
        matcher,
        times,
        answering(() => ({
          status: 200,
          headers: { 'Content-Type': 'application/json' },
          text: '{"@odata.context":"https://graph.micro',
        })),
      ),
    htmlUnavailable: (matcher, times = 1) => add(matcher, times, answering(htmlPage)),
    answerWith: (matcher, answer, times = 1) =>
      add(
        matcher,
        times,
        answering(() => answer),
      ),
    tokenEndpointDown: (times = Infinity) => add(TOKEN_TEMPLATE, times, answering(htmlPage)),
    clear() {
      rules = [];
    },
  };

  return {
    faults,
    strike(call) {
      let stallMs = 0;
      for (const rule of rules) {
        if (rule.left <= 0 || !matches(rule.matcher, call)) continue;
        rule.left -= 1;
        rule.hits += 1;
        const strike = rule.strike();
        stallMs += strike.stallMs;
        if (strike.answer) return { stallMs, answer: strike.answer };
      }
      return { stallMs, answer: undefined };
    },
  };
}

function htmlPage(): Answer {
  return {
    status: 503,
    headers: { 'Content-Type': 'text/html; charset=utf-8' },
    text: '<!DOCTYPE html><html><head><title>Service Unavailable</title></head><body><h2>Service Unavailable</h2></body></html>',
  };
}

function codeFor(status: number): string {
  const codes: Record<number, string> = {
    400: 'BadRequest',
    401: 'InvalidAuthenticationToken',
    403: 'Authorization_RequestDenied',
    404: 'Request_ResourceNotFound',
    429: 'TooManyRequests',
    502: 'BadGateway',
    503: 'ServiceUnavailable',
    504: 'GatewayTimeout',
  };
  return codes[status] ?? (status >= 500 ? 'InternalServerError' : 'UnknownError');
}
