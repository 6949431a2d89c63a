import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TestAuthority } from '../tls.js';
import { type Answer, give, refuse } from './answers.js';
import { createKeyValue, type KeyValue } from './key-value.js';
import { createLogins, type Logins } from './logins.js';

export interface VaultRequest {
  method: string;
  path: string;
  /** The text of the body as it was sent. */
  text: string;
  headers: IncomingMessage['headers'];
}

/** A Vault of one's own over TLS: KV version 2, tokens, AppRole, namespaces. Unknown routes and fields are refused. */
export interface VaultSimulator {
  readonly url: string;
  readonly logins: Pick<Logins, 'addToken' | 'addRole' | 'openRoleLogins' | 'revoke'>;
  /** The versions of a secret in a mount of a namespace. */
  history(mount: string, path: string, namespace?: string): ReturnType<KeyValue['history']>;
  /** Writes a new version, as another client would. */
  put(mount: string, path: string, data: Record<string, unknown>): void;
  /** Everything that came in. */
  readonly requests: readonly VaultRequest[];
  seal(isSealed: boolean): void;
  /** Instead of the next answer to a request for which `when` is true. `lost`: done, and the connection cut. */
  failNext(when: (request: VaultRequest) => boolean, fault: Answer | 'hang' | 'lost'): void;
  /** Called once before the next write is done, to be somebody else in between. */
  beforeNextWrite(work: () => void): void;
  close(): Promise<void>;
}

export interface VaultSimulatorOptions {
  authority: TestAuthority;
  /** Mounts of KV version 2 in every namespace. */
  mounts?: readonly string[];
  /** Mounts of KV version 1. */
  oldMounts?: readonly string[];
  casRequired?: boolean;
  now?: () => number;
}

const LARGEST_BYTES = 32 * 1024 * 1024;

export async function startVaultSimulator(options: VaultSimulatorOptions): Promise<VaultSimulator> {
  const { authority, mounts = ['secret'], oldMounts = [], casRequired = false, now = Date.now } = options;
  const logins = createLogins(now);
  const engines = new Map<string, KeyValue>();
  const requests: VaultRequest[] = [];
  const faults: { when: (request: VaultRequest) => boolean; fault: Answer | 'hang' | 'lost' }[] = [];
  let meddle: (() => void) | undefined;
  let sealed = false;

  function engineOf(mount: string, namespace: string): KeyValue {
    const key = `${namespace} ${mount}`;
    const engine = engines.get(key) ?? createKeyValue({ casRequired });
    engines.set(key, engine);
    return engine;
  }

  function answer(request: VaultRequest): Answer {
    const url = new URL(request.path, 'https://vault.invalid');
    if (!url.pathname.startsWith('/v1/')) return refuse(404);
    const path = decodeURIComponent(url.pathname.slice(4));
    const namespace = String(request.headers['x-vault-namespace'] ?? '').replace(/^\/+|\/+$/g, '');
    if (path === 'sys/health' || path === 'sys/seal-status') {
      return {
        status: sealed && path === 'sys/health' ? 503 : 200,
        body: { initialized: true, sealed, standby: false },
      };
    }
    if (sealed) return refuse(503, 'Vault is sealed');
    const body = parseBody(request);
    if (!body) return refuse(400, 'error parsing JSON');
    const isWrite = request.method === 'POST' || request.method === 'PUT';
    if (/^auth\/[^/]+\/login$/.test(path)) {
      return isWrite ? logins.logIn(body, namespace) : refuse(405, 'unsupported operation');
    }
    const token = String(request.headers['x-vault-token'] ?? '');
    if (token === '') return refuse(400, 'missing client token');
    const may = logins.capabilities(token, namespace, path);
    if (!may) return refuse(403, '2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n');
    if (path.startsWith('auth/token/')) {
      const needed = request.method === 'GET' ? 'read' : 'update';
      if (!may.includes(needed)) return refuse(403, 'permission denied');
      return logins.answer(path.slice('auth/token/'.length), token, namespace) ?? refuse(404, noRoute(path));
    }
    if (path === 'sys/capabilities-self') {
      const { paths, ...rest } = body;
      if (!isWrite || !Array.isArray(paths) || Object.keys(rest).length > 0) return refuse(400, 'paths is required');
      const found = paths.map(
        (one) => [String(one), shown(logins.capabilities(token, namespace, String(one)))] as const,
      );
      const first = found[0]?.[1];
      return { ...give(Object.fromEntries(found)), body: { ...Object.fromEntries(found), capabilities: first } };
    }
    const old = oldMounts.find((mount) => path.startsWith(`${mount}/`));
    if (old) return may.includes('read') ? give({ value: 'of version 1' }) : refuse(403, 'permission denied');
    const mount = mounts.find((one) => path.startsWith(`${one}/`));
    if (!mount) return refuse(404, noRoute(path));
    const [action = '', ...names] = path.slice(mount.length + 1).split('/');
    const call = { method: request.method, action, path: names.join('/'), query: url.searchParams, body };
    const engine = engineOf(mount, namespace);
    const needed = engine.needs(call);
    if (!needed || call.path === '') return refuse(405, 'unsupported operation');
    if (!may.includes(needed) && !may.includes('root'))
      return refuse(403, '1 error occurred:\n\t* permission denied\n\n');
    if (isWrite && action === 'data') {
      const work = meddle;
      meddle = undefined;
      work?.();
    }
    return engine.answer(call);
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await textOf(incoming);
    const { method = '', url: path = '/', headers } = incoming;
    const request = { method, path, text, headers };
    requests.push(request);
    const index = faults.findIndex(({ when }) => when(request));
    const fault = index < 0 ? undefined : faults.splice(index, 1)[0]?.fault;
    if (fault === 'hang') return;
    const { status, body, headers: more } = typeof fault === 'object' ? fault : answer(request);
    if (fault === 'lost') {
      incoming.socket.destroy();
      return;
    }
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...more });
    response.end(body === undefined ? '' : `${JSON.stringify(body)}\n`);
  }

  const tls = await authority.issue(['127.0.0.1', 'localhost']);
  const sockets = new Set<Duplex>();
  const server = createServer({ key: tls.key, cert: tls.cert }, (incoming, response) => {
    handle(incoming, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    logins,
    history: (mount, path, namespace = '') => engineOf(mount, namespace).history(path),
    put: (mount, path, data) => engineOf(mount, '').put(path, data),
    requests,
    seal: (isSealed) => {
      sealed = isSealed;
    },
    failNext: (when, fault) => void faults.push({ when, fault }),
    beforeNextWrite: (work) => {
      meddle = work;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function shown(capabilities: readonly string[] | undefined): readonly string[] {
  return capabilities && capabilities.length > 0 ? capabilities : ['deny'];
}

function noRoute(path: string): string {
  return `no handler for route "${path}". route entry not found.`;
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += (chunk as Buffer).length;
    if (size > LARGEST_BYTES) throw new Error('the body is larger than Vault takes');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody({ text }: VaultRequest): Record<string, unknown> | undefined {
  if (text === '') return {};
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === 'object' && read !== null && !Array.isArray(read) ? { ...read } : undefined;
  } catch {
    return undefined;
  }
}
