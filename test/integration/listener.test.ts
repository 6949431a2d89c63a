import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/domain/clock.js';
import { createListenerApp, type ListenerAppOptions } from '../../src/listener/app.js';
import type { LifecycleEvent } from '../../src/listener/intake.js';
import type { IntakeOutcome } from '../../src/listener/outcome.js';
import { createListenerServer, type ListenerServer, type ListenerServerOptions } from '../../src/listener/server.js';
import { createEndpointProbe } from '../../src/listener/subscriptions/endpoint-probe.js';
import { openHintSink } from '../../src/queue/hint-sink.js';
import type { EventCode } from '../../src/telemetry/events/index.js';
import { createTestAuthority } from '../simulators/tls.js';

const tenantId = randomUUID();
const group = randomUUID();
const alice = randomUUID();
const groupSubscription = randomUUID();
const usersSubscription = randomUUID();
const clientState = 'c'.repeat(43);
const NOTIFICATIONS = '/graph/notifications';
const LIFECYCLE = '/graph/lifecycle';

const clock: Clock = { now: Date.now, sleep: () => Promise.reject(new Error('nothing here sleeps')) };

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

let dir: string;
let spool: string;
let server: ListenerServer;
let outcomes: IntakeOutcome[];
let lifecycle: LifecycleEvent[];
let events: { event: EventCode; fields: Record<string, unknown> }[];

const log = (event: EventCode, fields: Record<string, unknown> = {}): void => {
  events.push({ event, fields });
};

async function listen(
  overrides: Partial<ListenerAppOptions> = {},
  serverOptions: Partial<ListenerServerOptions> = {},
): Promise<ListenerServer> {
  const subscriptions = new Map<string, { resource: string; clientState: string }>([
    [groupSubscription, { resource: `/groups/${group}`, clientState }],
    [usersSubscription, { resource: '/users', clientState }],
  ]);
  const app = createListenerApp({
    tenantId,
    find: (id) => subscriptions.get(id),
    isWatchedGroup: (id) => id === group,
    hints: await openHintSink({ dir: spool, clock }),
    onLifecycle: async (event) => {
      lifecycle.push(event);
    },
    onOutcome: (outcome) => outcomes.push(outcome),
    clock,
    log,
    ...overrides,
  });
  server = await createListenerServer({ app, host: '127.0.0.1', port: 0, trustProxy: false, log, ...serverOptions });
  return server;
}

function send(
  path: string,
  body: string | Buffer = '',
  headers: Record<string, string> = { 'content-type': 'application/json' },
  method = 'POST',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port: server.port, path, method, headers, agent: false },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks).toString() });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const userItem = (id: string, change: Record<string, unknown> = {}) => ({
  changeType: 'updated',
  clientState,
  resource: `Users/${id}`,
  resourceData: { '@odata.type': '#Microsoft.Graph.User', '@odata.id': `Users/${id}`, id, sequenceNumber: 6e17 },
  subscriptionExpirationDateTime: '2026-11-25T04:14:50-07:00',
  subscriptionId: usersSubscription,
  tenantId,
  ...change,
});
const notify = (...value: unknown[]) => send(NOTIFICATIONS, JSON.stringify({ value }));
const pending = async () => (await readdir(join(spool, 'pending'))).sort();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entramox-listener-'));
  spool = join(dir, 'spool');
  outcomes = [];
  lifecycle = [];
  events = [];
});
afterEach(async () => {
  await server.close(1000);
  await rm(dir, { recursive: true, force: true });
});

describe('a handshake', () => {
  it.each([NOTIFICATIONS, LIFECYCLE])('on %s is answered with the decoded token and nothing else', async (path) => {
    await listen();

    const answer = await send(`${path}?validationToken=%3Cb%3EValidation%3a+Testing%20%2B%3C%2Fb%3E`, '', {
      'content-type': 'text/plain; charset=utf-8',
    });

    expect([answer.status, answer.body]).toEqual([200, '<b>Validation: Testing +</b>']);
    expect(answer.headers['content-type']).toMatch(/^text\/plain\b/);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(answer.headers['x-powered-by']).toBeUndefined();
  });

  it.each(['', '&validationToken=b', `x${'y'.repeat(5000)}`, 'a%00b', '%ff'])(
    'is refused for the token %j',
    async (token) => {
      await listen();

      const answer = await send(`${NOTIFICATIONS}?validationToken=${token}`);

      expect([answer.status, answer.body]).toEqual([400, '']);
      expect(outcomes).toEqual(['bad-token']);
    },
  );
});

describe('anything else', () => {
  it.each([
    ['GET', '/'],
    ['GET', NOTIFICATIONS],
    ['PUT', NOTIFICATIONS],
    ['POST', `${NOTIFICATIONS}/`],
    ['POST', '/GRAPH/notifications'],
    ['POST', '/graph'],
    ['GET', '/graph/notifications?validationToken=a'],
    ['GET', '/../../etc/passwd'],
    ['OPTIONS', '/'],
  ])('as %s %s is 404 without a body', async (method, path) => {
    await listen();

    const answer = await send(path, '', {}, method);

    expect([answer.status, answer.body]).toEqual([404, '']);
  });

  it('that cannot even be decoded is refused without a body', async () => {
    await listen();

    const answer = await send('/%E0%A4', '', {}, 'POST');

    expect([404, 400]).toContain(answer.status);
    expect(answer.body).toBe('');
  });
});

describe('a body', () => {
  it.each([
    ['text/plain', '{"value":[]}', 415],
    ['', '{"value":[]}', 415],
    ['application/json; charset=utf-16', '{"value":[]}', 415],
    ['application/json', '', 400],
    ['application/json', 'garbage', 400],
    ['application/json; charset=UTF-8', '{"value":[{"__proto__":{}}]}', 400],
    ['application/json', `{"value":${'['.repeat(100_000)}`, 400],
    ['application/json', '{"value":null}', 400],
    ['application/json;odata.metadata=minimal', '{"value":[]}', 202],
  ])('of type %j is answered: %.40s -> %i', async (type, body, status) => {
    await listen();

    const answer = await send(NOTIFICATIONS, body, { 'content-type': type });

    expect([answer.status, answer.body]).toEqual([status, '']);
  });

  it('that is compressed is refused', async () => {
    await listen();

    const answer = await send(NOTIFICATIONS, 'x', { 'content-type': 'application/json', 'content-encoding': 'gzip' });

    expect(answer.status).toBe(415);
  });

  it('that is not UTF-8 is refused', async () => {
    await listen();

    const answer = await send(NOTIFICATIONS, Buffer.from('{"value":[{"a":"\xff"}]}', 'latin1'));

    expect(answer.status).toBe(400);
  });

  it('may have 1 MiB and not a byte more, declared or not', async () => {
    await listen();
    const head = '{"value":[],"x":"';
    const exact = `${head}${'x'.repeat(1024 * 1024 - head.length - 2)}"}`;

    const fits = await send(NOTIFICATIONS, exact);
    const declared = await send(NOTIFICATIONS, `${exact} `);
    const chunked = await send(NOTIFICATIONS, `${exact} `, {
      'content-type': 'application/json',
      'transfer-encoding': 'chunked',
    });

    expect([fits.status, declared.status, chunked.status]).toEqual([202, 413, 413]);
  });
});

describe('notifications', () => {
  it('are answered when every object they name is in the spool', async () => {
    await listen();
    const [removed, added] = [randomUUID(), randomUUID()];

    const answer = await notify(
      userItem(alice),
      userItem(group, {
        resource: `Groups/${group}`,
        subscriptionId: groupSubscription,
        resourceData: {
          id: group,
          'members@delta': [{ id: added }, { id: removed, '@removed': 'deleted' }, { id: 7 }],
        },
      }),
      userItem(alice),
    );

    expect([answer.status, answer.body]).toEqual([202, '']);
    expect(await pending()).toEqual([`user-${alice}`, `user-${added}`, `user-${removed}.removed`].sort());
    expect(outcomes.sort()).toEqual(['accepted', 'accepted', 'accepted', 'bad-id']);
  });

  it.each([
    ['wrong-client-state', { clientState: 'd'.repeat(43) }],
    ['wrong-client-state', { clientState: null }],
    ['wrong-client-state', { clientState: undefined }],
    ['wrong-tenant', { tenantId: randomUUID() }],
    ['unknown-subscription', { subscriptionId: randomUUID() }],
    ['wrong-resource', { resource: `Groups/${group}` }],
    ['bad-id', { resource: 'Users/root' }],
  ])('that are a %s are dropped, counted, and answered like all others', async (outcome, change) => {
    await listen();

    const answer = await notify(userItem(alice, change), 'no item', userItem(alice));

    expect(answer.status).toBe(202);
    expect(outcomes).toEqual([outcome, 'malformed-item', 'accepted']);
    expect(await pending()).toEqual([`user-${alice}`]);
  });

  it('that are wrong are logged once for each kind and source', async () => {
    await listen();

    for (let n = 0; n < 20; n += 1) await notify(userItem(alice, { clientState: 'x' }));

    const dropped = events.filter(({ event }) => event === 'listener.item.dropped');
    expect(dropped).toMatchObject([{ fields: { kind: 'wrong-client-state', source: '127.0.0.1' } }]);
    expect(JSON.stringify(events)).not.toContain(clientState);
  });

  it('are all in the spool after a thousand different ones at once', async () => {
    await listen();
    const users = Array.from({ length: 1000 }, () => randomUUID());

    const statuses = await Promise.all(users.map(async (user) => (await notify(userItem(user))).status));

    expect(new Set(statuses)).toEqual(new Set([202]));
    expect(await pending()).toEqual(users.map((user) => `user-${user}`).sort());
  });
});

describe('lifecycle events', () => {
  const item = (lifecycleEvent: unknown, change: Record<string, unknown> = {}) =>
    JSON.stringify({
      value: [{ subscriptionId: usersSubscription, tenantId, clientState, lifecycleEvent, ...change }],
    });

  it('are handed on', async () => {
    await listen();

    const answer = await send(LIFECYCLE, item('reauthorizationRequired'));

    expect(answer.status).toBe(202);
    expect(lifecycle).toEqual([{ event: 'reauthorizationRequired', subscriptionId: usersSubscription }]);
    expect(await pending()).toEqual([]);
  });

  it.each(['missed', 'subscriptionRemoved'])('that mean a gap, as %s, put a sweep first', async (event) => {
    await listen();

    const answer = await send(LIFECYCLE, item(event));

    expect([answer.status, await pending()]).toEqual([202, ['sweep']]);
    expect(lifecycle).toMatchObject([{ event }]);
  });

  it.each([
    ['with the wrong secret', item('missed', { clientState: 'x' })],
    ['of an unknown kind', item('everythingDeleted')],
    ['of no kind', item(7)],
  ])('%s are dropped', async (_what, body) => {
    await listen();

    const answer = await send(LIFECYCLE, body);

    expect([answer.status, lifecycle, await pending()]).toEqual([202, [], []]);
  });

  it('that cannot be handled are logged and answered all the same', async () => {
    await listen({ onLifecycle: () => Promise.reject(new Error('Graph is down')) });

    const answer = await send(LIFECYCLE, item('reauthorizationRequired'));

    expect(answer.status).toBe(202);
    expect(events.map(({ event }) => event)).toContain('listener.lifecycle.failed');
  });
});

describe('a spool that cannot be written', () => {
  it('is answered 503 with a time to come back, and 202 once it can be written again', async () => {
    await listen();
    await rename(join(spool, 'pending'), join(spool, 'away'));
    await writeFile(join(spool, 'pending'), 'a file in the place of the directory');
    const refused = await notify(userItem(alice));
    await rm(join(spool, 'pending'));
    await mkdir(join(spool, 'pending'));

    const accepted = await notify(userItem(alice));

    expect([refused.status, refused.headers['retry-after'], refused.body]).toEqual([503, '10', '']);
    expect([accepted.status, await pending()]).toEqual([202, [`user-${alice}`]]);
    expect(outcomes).toContain('unstored');
  });

  it('is answered 503 when the disk is full, with nothing lost that was answered 202', async (context) => {
    context.skip(process.getuid?.() !== 0, 'needs root to mount a small file system');
    await mkdir(spool);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,nr_inodes=20', 'tmpfs', spool]);
    try {
      await listen();
      const stored: string[] = [];
      let refusals = 0;
      for (let n = 0; n < 30; n += 1) {
        const user = randomUUID();
        const { status } = await notify(userItem(user));
        if (status === 202) stored.push(`user-${user}`);
        if (status === 503) refusals += 1;
      }

      expect([stored.length > 5, refusals > 5, stored.length + refusals]).toEqual([true, true, 30]);
      expect(await pending()).toEqual(stored.sort());
    } finally {
      execFileSync('umount', [spool]);
    }
  });
});

describe('the server', () => {
  const open = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1', () => resolve(socket));
      socket.once('error', reject);
    });
  /** What comes until the other side ends the connection. */
  const drain = (socket: Socket): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString();
      });
      socket.once('close', () => resolve(text));
    });

  it('cuts off clients that never finish their headers or their body', async () => {
    await listen({}, { limits: { headersTimeoutMs: 300, requestTimeoutMs: 600 } });
    const [silent, headers, body] = await Promise.all([open(), open(), open()]);
    headers.write('POST /graph/notifications HTTP/1.1\r\nHost: a\r\nX: ');
    body.write(
      'POST /graph/notifications HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );

    const ends = await Promise.all([silent, headers, body].map(drain));
    const healthy = await notify(userItem(alice));

    expect(ends.map((text) => /^HTTP\/1\.1 408/.test(text) || text === '')).toEqual([true, true, true]);
    expect(healthy.status).toBe(202);
  });

  it('holds a bounded number of bytes for strangers who send much and slowly, and still takes what is small', async () => {
    await listen();
    const head = 'POST /graph/notifications HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
    const most = Buffer.alloc(1024 * 1024 - 1, ' ');
    const strangers = await Promise.all(Array.from({ length: 40 }, open));
    const answered = Promise.race(strangers.map(drain));
    for (const stranger of strangers) {
      stranger.on('error', () => undefined);
      stranger.write(`${head}Content-Length: ${1024 * 1024}\r\n\r\n`);
      stranger.write(most);
    }

    const first = await answered;
    const healthy = await notify(userItem(alice));
    for (const stranger of strangers) stranger.destroy();

    expect(first).toMatch(/^HTTP\/1\.1 503/);
    expect(outcomes).toContain('crowded-out');
    expect(healthy.status).toBe(202);
  });

  it('refuses headers that are too large', async () => {
    await listen();

    const answer = await send(NOTIFICATIONS, '', { 'content-type': 'application/json', x: 'y'.repeat(20_000) });

    expect(answer.status).toBe(431);
  });

  it('says who is in the way when the address is taken', async () => {
    await listen();
    const { port } = server;
    const first = server;

    await expect(listen({}, { port })).rejects.toThrow(new RegExp(`127.0.0.1:${port} is taken.*LISTEN_PORT`));

    server = first;
  });

  it('finishes what runs when it is closed, and takes no more', async () => {
    let store: () => void = () => undefined;
    const storing = new Promise<void>((entered) => {
      void listen({
        hints: {
          put: () =>
            new Promise((resolve) => {
              store = resolve;
              entered();
            }),
        },
      });
    });
    while (!events.some(({ event }) => event === 'listener.listening')) await new Promise((go) => setImmediate(go));
    await new Promise((go) => setImmediate(go));
    const idle = await open();
    const running = notify(userItem(alice));
    await storing;

    const closed = server.close(60_000);
    const idleEnd = drain(idle);
    const late = await notify(userItem(alice)).catch((error: NodeJS.ErrnoException) => error.code);
    store();

    expect((await running).status).toBe(202);
    await closed;
    await idleEnd;
    expect(late).toBe('ECONNREFUSED');
  });

  it('serves TLS of its own, and probes itself through it', async () => {
    const authority = await createTestAuthority();
    const tls = await authority.issue(['hooks.example.test']);
    const other = await authority.issue(['hooks.example.test']);
    await listen({}, { tls });
    const probe = (localCertificate: string, fetch: typeof globalThis.fetch) =>
      createEndpointProbe({
        localUrl: server.localUrl,
        localCertificate,
        publicUrl: 'https://hooks.example.test',
        random: (bytes) => Buffer.alloc(bytes, 7),
        log,
        fetch,
      })(new AbortController().signal);
    const broken: typeof fetch = async () => {
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('nope'), { code: 'ECONNREFUSED' }) });
    };
    const echo: typeof fetch = async (url) => new Response(new URL(String(url)).searchParams.get('validationToken'));

    await probe(tls.cert, echo);
    const quiet = events.filter(({ event }) => event === 'listener.endpoint.public-unreachable').length;
    await probe(tls.cert, broken);

    expect(quiet).toBe(0);
    expect(events.at(-1)).toMatchObject({
      event: 'listener.endpoint.public-unreachable',
      fields: { cause: expect.stringMatching(/no connection \(ECONNREFUSED\)/) },
    });
    await expect(probe(other.cert, echo)).rejects.toThrow(/another certificate/);
  });

  it('is found not ready when something else answers at its address', async () => {
    await listen();
    const probe = createEndpointProbe({
      localUrl: `http://127.0.0.1:${server.port}/`,
      publicUrl: 'https://hooks.example.test',
      random: (bytes) => Buffer.alloc(bytes, 7),
      log,
      fetch: async () => new Response('sign in', { status: 403 }),
    });
    await probe(new AbortController().signal);
    await server.close(100);

    await expect(probe(new AbortController().signal)).rejects.toThrow(/does not answer a handshake: no connection/);

    expect(events.find(({ event }) => event === 'listener.endpoint.public-unreachable')?.fields.cause).toMatch(/403/);
  });
});
