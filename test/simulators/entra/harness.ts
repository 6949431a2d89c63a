import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { type Contract, loadContract } from '../contract.js';
import { createTestAuthority, type TestAuthority } from '../tls.js';
import { type EntraSimulator, type EntraSimulatorOptions, type Exchange, startEntraSimulator } from './index.js';

/** What a webhook was sent. */
export interface Received {
  path: string;
  query: URLSearchParams;
  contentType: string;
  text: string;
}

export interface WebhookAnswer {
  status: number;
  contentType?: string;
  text?: string;
  /** Never answers. */
  silent?: boolean;
}

/** An HTTPS webhook that shakes hands and answers 202, unless told otherwise. */
export interface Webhook {
  url: string;
  lifecycleUrl: string;
  /** Notifications, without handshakes. */
  received: Received[];
  handshakes: Received[];
  /** Called for every request; undefined leaves the usual answer. */
  behave(answer: (received: Received, count: number) => WebhookAnswer | undefined): void;
  close(): Promise<void>;
}

/** Starts a webhook with a certificate by this authority. */
export async function startWebhook(authority: TestAuthority): Promise<Webhook> {
  const received: Received[] = [];
  const handshakes: Received[] = [];
  let behaviour: (received: Received, count: number) => WebhookAnswer | undefined = () => undefined;
  const server = createServer(await authority.issue(['localhost', '127.0.0.1']), (message, response) => {
    void read(message).then((one) => {
      const token = one.query.get('validationToken');
      const list = token === null ? received : handshakes;
      list.push(one);
      const usual: WebhookAnswer =
        token === null ? { status: 202 } : { status: 200, contentType: 'text/plain', text: token };
      const answer = behaviour(one, list.length) ?? usual;
      if (answer.silent) return;
      response.writeHead(answer.status, answer.contentType ? { 'content-type': answer.contentType } : {});
      response.end(answer.text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}/graph/notifications`,
    lifecycleUrl: `${origin}/graph/lifecycle`,
    received,
    handshakes,
    behave(answer) {
      behaviour = answer;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function read(message: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  const url = new URL(message.url ?? '/', 'https://localhost');
  return {
    path: url.pathname,
    query: url.searchParams,
    contentType: message.headers['content-type'] ?? '',
    text: Buffer.concat(chunks).toString(),
  };
}

export interface Reply {
  status: number;
  headers: Record<string, string>;
  /** Parsed JSON, or the text where it is none. */
  body: unknown;
}

/** A simulator with a webhook and a caller, all trusting one authority. */
export interface Bed {
  authority: TestAuthority;
  sim: EntraSimulator;
  webhook: Webhook;
  /** A call of Graph with a token of the main application; `path` below /v1.0, or a whole link. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  /** The same with these headers only. */
  bare(method: string, url: string, body?: string, headers?: Record<string, string>): Promise<Reply>;
  /** Creates a subscription for the webhook and gives its id. */
  subscribe(resource: string, fields?: Record<string, unknown>): Promise<string>;
  exchanges: Exchange[];
  /** Stops everything and throws for every exchange that broke the contract, where the contract is at hand. */
  close(): Promise<void>;
}

/** Starts a bed; `close` it in afterEach. */
export async function startBed(options: Partial<EntraSimulatorOptions> = {}): Promise<Bed> {
  const authority = await createTestAuthority();
  const exchanges: Exchange[] = [];
  const webhook = await startWebhook(authority);
  const sim = await startEntraSimulator({ authority, onExchange: (exchange) => exchanges.push(exchange), ...options });
  const agent = new Agent({ connect: { ca: [authority.cert] } });

  async function bare(method: string, url: string, body?: string, headers: Record<string, string> = {}) {
    const answer = await request(url, { method, headers, body, dispatcher: agent });
    const text = await answer.body.text();
    return { status: answer.statusCode, headers: flat(answer.headers), body: parse(text) };
  }

  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const url = path.startsWith('https:') ? path : `${sim.graphUrl}${path}`;
    return bare(method, url, body === undefined ? undefined : JSON.stringify(body), {
      authorization: `Bearer ${sim.credentials.issueToken()}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    });
  }

  return {
    authority,
    sim,
    webhook,
    call,
    bare,
    exchanges,
    async subscribe(resource, fields = {}) {
      const reply = await call('POST', '/subscriptions', { ...subscriptionBody(webhook, resource), ...fields });
      if (reply.status !== 201) throw new Error(`no subscription: ${reply.status} ${JSON.stringify(reply.body)}`);
      return (reply.body as { id: string }).id;
    },
    async close() {
      await Promise.all([sim.close(), webhook.close(), agent.destroy()]);
      const faults = contractFaults(loadContract('graph.openapi.json'), exchanges, webhook.received);
      if (faults.length > 0) throw new Error(`the contract is broken:\n${faults.join('\n')}`);
    },
  };
}

/** The body that creates a plain subscription of one day. */
export function subscriptionBody(webhook: Webhook, resource: string): Record<string, unknown> {
  return {
    changeType: 'updated,deleted',
    notificationUrl: webhook.url,
    lifecycleNotificationUrl: webhook.lifecycleUrl,
    resource,
    expirationDateTime: new Date(Date.now() + 24 * 3600_000).toISOString(),
    clientState: 'state-of-the-client',
  };
}

/**
 * What breaks the contract: every answer is checked, every request that was accepted, every notification. Items of a
 * batch are checked like calls of their own.
 */
export function contractFaults(
  contract: Contract | undefined,
  exchanges: readonly Exchange[],
  notifications: readonly Received[],
): string[] {
  if (!contract) return [];
  const faults = exchanges.flatMap((exchange) => {
    const known = contract.template(exchange.path) !== undefined || exchange.status < 400;
    const found = exchange.status < 400 ? contract.check(exchange) : known ? contract.checkResponse(exchange) : [];
    return found.map((fault) => `${exchange.method} ${exchange.path}: ${fault}`);
  });
  for (const { text } of notifications)
    faults.push(...contract.checkSchema('notification.collection', JSON.parse(text)));
  return faults;
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
