import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, badRequest, insufficientPermissions, notImplemented, wrongCredentials } from './errors.js';
import type { ArmedFaults, Fault } from './faults.js';
import type { Journal } from './journal.js';
import type { Page } from './paging.js';
import type { Reply, Route } from './routes.js';
import type { Flavour, KeyRecord, State } from './state.js';

const BASE = '/api/v1';
const BODY_LIMIT_BYTES = 1024 * 1024;

/** Text that is sent as it stands. */
class Verbatim {
  constructor(readonly text: string) {}
}

/** Everything else is the page for people, which finds its own way. */
const BROWSER_PAGE: Reply = { status: 200, body: new Verbatim('<!doctype html><title>lakeFS</title>') };

export interface HandlerOptions {
  routes: readonly Route[];
  state: State;
  flavour: Flavour;
  journal: Journal;
  faults: ArmedFaults;
  /** Ends every wait. */
  closing: AbortSignal;
}

/** Whoever takes the wrong path below /api. */
const INVALID_ENDPOINT: Reply = { status: 400, body: { message: 'invalid API endpoint' } };

interface Target {
  /** Decoded, below the base path. */
  path: string;
  segments: readonly string[];
  query: URLSearchParams;
}

type Outcome = { kind: 'reply'; reply: Reply; headers?: Record<string, string> } | { kind: 'drop' };

/** Serves one request from its head to its answer, or to a dropped connection. */
export function createHandler(options: HandlerOptions) {
  const { journal } = options;
  return async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? '';
    const target = targetOf(request.url ?? '');
    const match = target && matchOf(options.routes, method, target.segments);
    const path = target?.path ?? request.url ?? '';
    const call = { method, path, template: match?.route.template ?? path };
    const text = await bodyOf(request);
    const trace: { accessKeyId?: string } = {};
    const outcome = await outcomeOf(options, { request, text, target, match, call, trace });
    const status = outcome.kind === 'drop' ? 0 : outcome.reply.status;
    journal.add({ ...call, status, accessKeyId: trace.accessKeyId });
    if (outcome.kind === 'drop') request.socket.destroy();
    else send(response, outcome.reply, outcome.headers);
  };
}

interface Incoming {
  request: IncomingMessage;
  text: string;
  target: Target | undefined;
  match: { route: Route; params: Record<string, string> } | undefined;
  call: { method: string; path: string; template: string };
  trace: { accessKeyId?: string };
}

async function outcomeOf(options: HandlerOptions, incoming: Incoming): Promise<Outcome> {
  const met = options.faults.take(incoming.call);
  const instead = await sufferBefore(met, options.closing);
  if (instead) return instead;
  try {
    const reply = perform(options, incoming);
    if (met.some((fault) => fault.kind === 'drop')) return { kind: 'drop' };
    return { kind: 'reply', reply: met.some((fault) => fault.kind === 'stuck-offset') ? stuck(reply) : reply };
  } catch (error) {
    if (error instanceof ApiError) return { kind: 'reply', reply: errorReply(error) };
    throw error;
  }
}

async function sufferBefore(met: readonly Fault[], closing: AbortSignal): Promise<Outcome | undefined> {
  for (const fault of met) {
    if (fault.kind === 'stall') {
      await sleep(fault.ms, undefined, { signal: closing }).catch((error: unknown) => {
        if (!closing.aborted) throw error;
      });
    }
    if (fault.kind === 'drop' && fault.when === 'before') return { kind: 'drop' };
    if (fault.kind === 'fail') {
      return { kind: 'reply', reply: errorReply(new ApiError(fault.status, fault.message)) };
    }
    if (fault.kind === 'nonsense') return { kind: 'reply', reply: { status: 200, body: new Verbatim(fault.text) } };
    if (fault.kind === 'redirect') {
      return { kind: 'reply', reply: { status: 307 }, headers: { location: fault.location } };
    }
  }
  return undefined;
}

function perform(options: HandlerOptions, { request, text, target, match, trace }: Incoming): Reply {
  if (target === undefined) return request.url?.startsWith('/api/') ? INVALID_ENDPOINT : BROWSER_PAGE;
  if (match === undefined) return INVALID_ENDPOINT;
  const { route, params } = match;
  const key = route.permission === 'open' ? undefined : signIn(options.state, request);
  if (key) trace.accessKeyId = key.accessKeyId;
  const body = parseBody(route, request, text);
  // The controller asks for the permission before the service says that it does not do this at all.
  if (key && route.permission !== undefined && key.permissions !== '*' && !key.permissions.has(route.permission)) {
    throw insufficientPermissions();
  }
  if (!route.flavours.includes(options.flavour)) throw notImplemented();
  return route.handle({ params, query: target.query, body, userId: key?.userId ?? '' });
}

function signIn(state: State, { headers }: IncomingMessage): KeyRecord {
  const encoded = /^Basic ([A-Za-z0-9+/]+=*)$/.exec(headers.authorization ?? '')?.[1];
  const [accessKeyId = '', ...secret] = Buffer.from(encoded ?? '', 'base64')
    .toString('utf8')
    .split(':');
  const key = state.keys.get(accessKeyId);
  if (key === undefined || key.secretAccessKey !== secret.join(':')) throw wrongCredentials();
  return key;
}

function parseBody(route: Route, { headers }: IncomingMessage, text: string): Record<string, unknown> {
  if (route.body === undefined) {
    if (text !== '') throw badRequest('unexpected body');
    return {};
  }
  if (!(headers['content-type'] ?? '').startsWith('application/json')) throw badRequest('content-type must be JSON');
  const parsed = parseJson(text);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw badRequest('body must be an object');
  const { required, optional = [] } = route.body;
  const missing = required.find((name) => !(name in parsed));
  if (missing !== undefined) throw badRequest(`property "${missing}" is missing`);
  const surplus = Object.keys(parsed).find((name) => !required.includes(name) && !optional.includes(name));
  if (surplus !== undefined) throw badRequest(`property "${surplus}" is unknown`);
  return parsed as Record<string, unknown>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('malformed JSON');
  }
}

/** Below the base path; undefined for what is not the API's, or not percent-encoded rightly. */
function targetOf(url: string): Target | undefined {
  const [raw = '', search = ''] = url.split('?', 2);
  if (!raw.startsWith(`${BASE}/`)) return undefined;
  try {
    const segments = raw
      .slice(BASE.length + 1)
      .split('/')
      .map(decodeURIComponent);
    return { path: `/${segments.join('/')}`, segments, query: new URLSearchParams(search) };
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function matchOf(routes: readonly Route[], method: string, segments: readonly string[]) {
  for (const route of routes) {
    if (route.method !== method) continue;
    const parts = route.template.slice(1).split('/');
    if (parts.length !== segments.length) continue;
    const params: Record<string, string> = {};
    const fits = parts.every((part, index) => {
      const segment = segments[index] ?? '';
      const name = /^\{(\w+)\}$/.exec(part)?.[1];
      if (name === undefined) return part === segment;
      params[name] = segment;
      return segment !== '';
    });
    if (fits) return { route, params };
  }
  return undefined;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size <= BODY_LIMIT_BYTES) chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function errorReply({ status, text, extra }: ApiError): Reply {
  return text === undefined ? { status } : { status, body: { message: text, ...extra } };
}

function stuck(reply: Reply): Reply {
  const page = reply.body as Page<unknown>;
  const pagination = { ...page.pagination, has_more: true, next_offset: 'string' };
  return { status: reply.status, body: { ...page, pagination } };
}

/** Without a body there is no content-type either. */
function send(response: ServerResponse, { status, body }: Reply, headers: Record<string, string> = {}): void {
  if (body === undefined) {
    response.writeHead(status, status === 204 ? headers : { ...headers, 'content-length': 0 }).end();
    return;
  }
  const text = body instanceof Verbatim ? body.text : JSON.stringify(body);
  const type = body instanceof Verbatim ? 'text/html' : 'application/json';
  response.writeHead(status, { ...headers, 'content-type': type, 'content-length': Buffer.byteLength(text) }).end(text);
}
