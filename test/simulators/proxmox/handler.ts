import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { authenticate, presentedToken } from './authenticate.js';
import type { Service } from './call.js';
import { ApiError, forbidden, refused } from './errors.js';
import type { ArmedFaults, Fault } from './faults.js';
import type { RawParams } from './fields.js';
import type { Caller } from './identity.js';
import type { CallRecord, Journal } from './journal.js';
import { checkHead, drain, readBody, type Target, targetOf } from './request.js';
import { asApiError, type Delivery, dataBody, errorBody, sendData, sendError } from './respond.js';
import type { RouteMatch, Router } from './router.js';
import type { Tickets } from './tickets.js';

const REQUESTS_PER_CONNECTION = 100;

export interface HandlerOptions {
  service: Service;
  router: Router;
  tickets: Tickets;
  journal: Journal;
  faults: ArmedFaults;
  /** How long every 401 is held back; a real node takes 3,000. */
  unauthorizedDelayMs: number;
  /** Sees every call that is answered, for contract checks. */
  onExchange: ((exchange: Exchange) => void) | undefined;
  /** Ends every wait. */
  closing: AbortSignal;
}

/** What one request and its answer looked like. */
export interface Exchange {
  method: string;
  /** Below `/api2/json`, still percent-encoded, with the query. */
  path: string;
  requestHeaders: Readonly<Record<string, string>>;
  /** The parameters of the body; undefined where there was none. */
  requestBody: unknown;
  status: number;
  /** What was sent as JSON. */
  responseBody: unknown;
}

type Outcome = { kind: 'data'; data: unknown } | { kind: 'error'; error: ApiError } | { kind: 'drop' };

/** What is known of a call so far; it ends up in the journal. */
interface Trace {
  method: string;
  template: string;
  path: string;
  authid?: string;
  body?: RawParams;
}

/** Serves one request from its head to its answer, or to a dropped connection. */
export function createHandler(options: HandlerOptions) {
  const servedOn = new WeakMap<Socket, number>();

  return async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const served = (servedOn.get(request.socket) ?? 0) + 1;
    servedOn.set(request.socket, served);
    const trace: Trace = { method: request.method ?? '', template: request.url ?? '', path: request.url ?? '' };
    const outcome = await outcomeOf(request, trace, options);
    if (outcome.kind === 'error' && outcome.error.status === 401) await pause(options.unauthorizedDelayMs, options);
    const { body: _, ...call } = trace;
    options.journal.add({ ...call, authid: trace.authid, status: statusOf(outcome) } satisfies CallRecord);
    if (outcome.kind === 'drop') {
      request.socket.destroy();
      return;
    }
    await drain(request);
    options.onExchange?.(exchangeOf(request, trace, outcome));
    const delivery: Delivery = {
      response,
      acceptsGzip: String(request.headers['accept-encoding'] ?? '').includes('gzip'),
      last: served >= REQUESTS_PER_CONNECTION || request.headers.connection === 'close',
    };
    if (outcome.kind === 'error') sendError(delivery, outcome.error);
    else sendData(delivery, outcome.data);
  };
}

function exchangeOf(request: IncomingMessage, trace: Trace, outcome: Exclude<Outcome, { kind: 'drop' }>): Exchange {
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as const);
  const { body } = trace;
  const sent = body !== undefined && Object.keys(body).length > 0;
  const { error } = outcome.kind === 'error' ? outcome : { error: undefined };
  const bare = error?.bodiless === true;
  return {
    method: trace.method,
    path: (request.url ?? '').replace('/api2/json', ''),
    requestHeaders: Object.fromEntries(headers),
    requestBody: sent ? body : undefined,
    status: statusOf(outcome),
    responseBody: bare ? undefined : outcome.kind === 'data' ? dataBody(outcome.data) : errorBody(outcome.error),
  };
}

function statusOf(outcome: Outcome): number {
  if (outcome.kind === 'drop') return 0;
  return outcome.kind === 'data' ? 200 : outcome.error.status;
}

async function outcomeOf(request: IncomingMessage, trace: Trace, options: HandlerOptions): Promise<Outcome> {
  try {
    checkHead(request);
    const target = targetOf(request.url ?? '');
    const match = options.router(trace.method, target.path);
    trace.path = target.path;
    trace.template = match?.route.template ?? target.path;
    const met = options.faults.take(trace);
    const instead = await sufferBefore(met, options);
    if (instead !== undefined) return instead;
    const data = await call(request, { trace, target, match }, options);
    if (met.some((fault) => fault.kind === 'drop')) return { kind: 'drop' };
    return { kind: 'data', data };
  } catch (error) {
    if (error instanceof ApiError) return { kind: 'error', error };
    throw error;
  }
}

/** Waits, and says what is answered in place of the real thing, if anything is. */
async function sufferBefore(met: readonly Fault[], options: HandlerOptions): Promise<Outcome | undefined> {
  for (const fault of met) {
    if (fault.kind === 'stall') await pause(fault.ms, options);
    if (fault.kind === 'fail') return { kind: 'error', error: asApiError(fault) };
    if (fault.kind === 'drop' && fault.when === 'before') return { kind: 'drop' };
    if (fault.kind === 'empty') return { kind: 'data', data: [] };
  }
  return undefined;
}

interface Resolved {
  trace: Trace;
  target: Target;
  match: RouteMatch | undefined;
}

async function call(request: IncomingMessage, resolved: Resolved, options: HandlerOptions): Promise<unknown> {
  const { match, target, trace } = resolved;
  const route = match?.route;
  const caller = route?.world ? undefined : login(request, trace, options);
  const body = await readBody(request);
  trace.body = body;
  if (match === undefined || route === undefined) {
    throw new ApiError(501, `Method '${trace.method} ${target.path}' not implemented`);
  }
  const byToken = caller?.kind === 'token' || (route.world && presentedToken(request.headers) !== undefined);
  if (route.ticketOnly && byToken) {
    throw forbidden(`URI '${target.path}' not available with API token, need proper ticket.`);
  }
  if (trace.method === 'GET' && options.faults.readMs > 0) await pause(options.faults.readMs, options);
  const raw = { ...target.query, ...body, ...match.pathParams };
  if (route.world) return route.handle({ raw });
  if (caller === undefined) throw refused(401, 'No ticket');
  return route.handle({ caller, raw });
}

function login(request: IncomingMessage, trace: Trace, options: HandlerOptions): Caller {
  const { state } = options.service;
  const nowSeconds = options.service.nowSeconds();
  const evidence = { method: trace.method, headers: request.headers };
  const caller = authenticate(evidence, { state, tickets: options.tickets, nowSeconds });
  trace.authid = caller.authid;
  return caller;
}

/** A wait that the end of the simulator cuts short. */
async function pause(ms: number, { closing }: Pick<HandlerOptions, 'closing'>): Promise<void> {
  if (ms <= 0) return;
  await sleep(ms, undefined, { signal: closing }).catch((error: unknown) => {
    if (!closing.aborted) throw error;
  });
}
