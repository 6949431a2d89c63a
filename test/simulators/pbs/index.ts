import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestAuthority } from '../tls.js';
import { rightRoutes, userRoutes } from './access.js';
import { checked, Refusal } from './fields.js';
import { openidRoutes } from './openid.js';
import { heldOn } from './permissions.js';
import type { Route, Service } from './service.js';
import { createState, type Entry, ownerOf, type State } from './state.js';

export interface PbsSimulatorOptions {
  /** Signs the server's certificate for `localhost` and 127.0.0.1. */
  authority: TestAuthority;
  /** 3: as in the source of 3.2. 4: a deletion takes the rights along, and a new secret is called `secret`. */
  generation?: 3 | 4;
}

/** One call that was answered. */
export interface PbsCall {
  call: string;
  status: number;
  body: Readonly<Record<string, unknown>>;
}

/** A Proxmox Backup Server, as far as its access API goes. */
export interface PbsSimulator {
  /** `https://localhost:PORT` */
  url: string;
  state: State;
  calls: PbsCall[];
  /** @returns `user@realm!name:secret` */
  createToken(userid: string, name: string): string;
  grant(...entries: Entry[]): void;
  close(): Promise<void>;
}

const LIMIT_BYTES = 64 * 1024;

/** Starts a server on a free port of 127.0.0.1. */
export async function startPbsSimulator({ authority, generation = 3 }: PbsSimulatorOptions): Promise<PbsSimulator> {
  const state = createState();
  const calls: PbsCall[] = [];
  const service: Service = {
    state,
    leavesRights: generation === 3,
    secretField: generation === 3 ? 'value' : 'secret',
    require(caller, path, privilege) {
      if (privilege !== undefined && !heldOn(state, caller, path).has(privilege)) {
        throw new Refusal('permission check failed', 403);
      }
    },
  };
  const routes = [...userRoutes(service), ...rightRoutes(service), ...openidRoutes(service)];
  const tls = await authority.issue(['localhost', '127.0.0.1']);

  async function answer(request: IncomingMessage): Promise<{ status: number; text: string; type: string }> {
    const record: { call: string; body: Readonly<Record<string, unknown>> } = { call: `${request.method}`, body: {} };
    const done = (status: number, text: string, type: string) => {
      calls.push({ ...record, status });
      return { status, text, type };
    };
    try {
      const caller = callerOf(request, state);
      const url = new URL(request.url ?? '/', 'https://localhost');
      const path = url.pathname.startsWith('/api2/json') ? url.pathname.slice('/api2/json'.length) : '';
      record.body = await bodyOf(request);
      const match = find(routes, request.method ?? '', path);
      if (!match) throw new Refusal(`Path '${path}' not found.`, 404);
      record.call = match.route.call;
      const query = { ...Object.fromEntries(url.searchParams), ...match.params };
      const params = checked(match.route.fields, record.body, query);
      const data = match.route.handle({ caller, params }) ?? null;
      if (request.method !== 'GET') state.writes += 1;
      const beside = match.route.digest ? { digest: match.route.digest() } : {};
      return done(200, JSON.stringify({ data, ...beside }), 'application/json;charset=UTF-8');
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return done(error.status, error.message, 'text/plain');
    }
  }

  const server = createServer({ key: tls.key, cert: tls.cert }, (request, response: ServerResponse) => {
    answer(request).then(
      ({ status, text, type }) => response.writeHead(status, { 'content-type': type }).end(text),
      (error: Error) => response.destroy(error),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    state,
    calls,
    createToken(userid, name) {
      const secret = randomUUID();
      state.tokens.set(`${userid}!${name}`, { secret });
      return `${userid}!${name}:${secret}`;
    },
    grant: (...entries) => void state.acl.push(...entries),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** @throws Refusal 401 */
function callerOf({ headers }: IncomingMessage, { tokens, users }: State): string {
  const [, id, secret] = /^PBSAPIToken[= ]([^:]+):(.*)$/.exec(headers.authorization ?? '') ?? [];
  const token = id === undefined ? undefined : tokens.get(id);
  const owner = id === undefined ? undefined : users.get(ownerOf(id));
  const now = Date.now() / 1000;
  const isLive = [token, owner].every((one) => one && one.enable !== false && (!one.expire || one.expire > now));
  if (id === undefined || !isLive || decodeURIComponent(secret ?? '') !== token?.secret) {
    throw new Refusal('authentication failed - invalid credentials', 401);
  }
  return id;
}

/** @throws Refusal */
async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > LIMIT_BYTES) throw new Refusal('request body too large');
    chunks.push(chunk as Buffer);
  }
  if (size === 0) return {};
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
    throw new Refusal('unsupported content type');
  const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Refusal('no JSON object');
  return { ...parsed };
}

function find(
  routes: readonly Route[],
  method: string,
  path: string,
): { route: Route; params: Record<string, string> } | undefined {
  const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  for (const route of routes) {
    const [wanted, template = ''] = route.call.split(' ');
    const names = template.split('/').filter(Boolean);
    if (wanted !== method || names.length !== parts.length) continue;
    const params: Record<string, string> = {};
    const fits = names.every((name, index) => {
      const part = parts[index] ?? '';
      if (!name.startsWith('{')) return name === part;
      params[name.slice(1, -1)] = part;
      return true;
    });
    if (fits) return { route, params };
  }
  return undefined;
}
