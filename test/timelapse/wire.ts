import { Agent, type Dispatcher } from 'undici';
import type { Clock } from '../../src/domain/clock.js';
import type { VirtualTime } from '../model/virtual-time.js';
import type { Answer } from '../simulators/entra/types.js';
import { type Call, kindOf } from './calls.js';
import type { Gate } from './gate.js';
import type { VirtualGraph } from './graph.js';
import type { Order } from './order.js';

/** How the way to Graph is now. */
export interface WireState {
  /** Graph answers 503, or nobody answers at all. */
  graph: 'up' | 'unavailable' | 'unreachable';
  /** How long an answer takes, virtual ms. Who waits longer than fifteen seconds hangs up; Graph does the work all the same. */
  delayMs: () => number;
  /** Whether Graph does what it is asked, and the answer is lost. */
  losesAnswer: (call: Call) => boolean;
}

export interface WireOptions {
  graph: () => VirtualGraph;
  state: WireState;
  time: VirtualTime;
  order: Order;
  onCall(call: Call): void;
}

const CALL_TIMEOUT_MS = 15_000;
const CREATE_TIMEOUT_MS = 45_000;
const GRAPH = '/v1.0';

/** Connections of one process to Graph: undici's port, with the simulator's front door right behind it. */
export function createWire(options: WireOptions, gate: Gate): Dispatcher {
  const clock = options.time.clockOf(() => true);
  return new Agent().compose(() => (request, handler) => {
    const exchange = exchangeOf(request);
    const controller = createController();
    handler.onRequestStart?.(controller, {});
    const fail = (code: string): void => {
      if (!gate.cross({ what: exchange.path, when: 'after' })) return;
      handler.onResponseError?.(controller, Object.assign(new Error(code), { code }));
    };
    const hand = ({ status, headers, body, text }: Answer): void => {
      if (!gate.cross({ what: `${exchange.method} ${exchange.path} ${status}`, when: 'after' })) return;
      const content = text ?? (body === undefined ? '' : JSON.stringify(body));
      handler.onResponseStart?.(controller, status, { 'content-type': 'application/json', ...lower(headers) }, '');
      if (content !== '') handler.onResponseData?.(controller, Buffer.from(content));
      handler.onResponseEnd?.(controller, {});
    };
    void carry(exchange, options, clock, gate, hand, fail);
    return true;
  });
}

interface Exchange {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  body: Promise<string>;
}

async function carry(
  { method, path, query, headers, body }: Exchange,
  { graph, state, time, order, onCall }: WireOptions,
  clock: Clock,
  gate: Gate,
  hand: (answer: Answer) => void,
  fail: (code: string) => void,
): Promise<void> {
  const rawBody = await body;
  if (!gate.cross({ what: `${method} ${path}`, when: 'before' })) return;
  const below = path.slice(GRAPH.length);
  const call: Call = { at: time.now(), seq: order.next(), method, path: below, ...kindOf(method, below), status: 0 };
  onCall(call);
  if (state.graph === 'unreachable') return fail('ECONNREFUSED');
  if (state.graph === 'unavailable') {
    call.status = 503;
    return hand({
      status: 503,
      text: '<html><body>Service Unavailable</body></html>',
      headers: { 'Content-Type': 'text/html' },
    });
  }
  const patienceMs = call.kind === 'create' ? CREATE_TIMEOUT_MS : CALL_TIMEOUT_MS;
  const delayMs = state.delayMs();
  const startedAt = time.now();
  if (delayMs > 0) await clock.sleep(Math.min(delayMs, patienceMs));
  const answer = await graph().answer({ method, path, query, headers, rawBody });
  call.status = answer.status;
  const late = delayMs >= patienceMs || time.now() - startedAt >= patienceMs;
  if (late || state.losesAnswer(call)) return fail(late ? 'UND_ERR_HEADERS_TIMEOUT' : 'ECONNRESET');
  hand(answer);
}

function exchangeOf(request: Dispatcher.DispatchOptions): Exchange {
  const url = new URL(request.path, String(request.origin));
  return {
    method: request.method,
    path: url.pathname,
    query: url.searchParams,
    headers: headersOf(request.headers),
    body: textOf(request.body),
  };
}

/** fetch hands headers on as a flat list of names and values. */
function headersOf(headers: Dispatcher.DispatchOptions['headers']): Record<string, string> {
  if (!headers) return {};
  if (Array.isArray(headers)) {
    const found: Record<string, string> = {};
    for (let at = 0; at + 1 < headers.length; at += 2)
      found[String(headers[at]).toLowerCase()] = String(headers[at + 1]);
    return found;
  }
  const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), String(value)]));
}

async function textOf(body: unknown): Promise<string> {
  if (body === undefined || body === null) return '';
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const chunks: Uint8Array[] = [];
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function lower(headers: Record<string, string> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
}

function createController(): Dispatcher.DispatchController {
  let reason: Error | null = null;
  return {
    get aborted() {
      return reason !== null;
    },
    get paused() {
      return false;
    },
    get reason() {
      return reason;
    },
    abort(why: Error) {
      reason = why;
    },
    pause() {},
    resume() {},
  } as Dispatcher.DispatchController;
}
