import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import fc from 'fast-check';
import type { Clock } from '../../../src/domain/clock.js';
import { createListenerApp } from '../../../src/listener/app.js';
import { createListenerServer } from '../../../src/listener/server.js';
import { type Edit, edit, mutate } from '../mutate.js';
import { checkOf, type FuzzTarget, must } from '../target.js';

const TENANT = randomUUID();
const GROUP = randomUUID();
const ALICE = randomUUID();
const SUBSCRIPTION = randomUUID();
const CLIENT_STATE = 'c'.repeat(43);
const KEY = /^(sweep|(user|group):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const STATUSES = new Set([200, 202, 400, 404, 408, 411, 413, 414, 415, 417, 431, 501, 505]);
const clock: Clock = { now: Date.now, sleep: () => Promise.reject(new Error('nothing here sleeps')) };

function item(member = ALICE) {
  return {
    subscriptionId: SUBSCRIPTION,
    clientState: CLIENT_STATE,
    tenantId: TENANT,
    changeType: 'updated',
    resource: `Groups/${GROUP}`,
    resourceData: { '@odata.type': '#Microsoft.Graph.Group', id: GROUP, 'members@delta': [{ id: member }] },
  };
}

type Attack =
  | { kind: 'bytes'; bytes: Uint8Array }
  | { kind: 'request'; method: string; path: string; headers: [string, string][]; body: Uint8Array }
  | { kind: 'items'; lifecycle: boolean; edits: Edit[]; forged: boolean; beside: unknown[] };

const ascii = fc.string({ unit: fc.integer({ min: 33, max: 126 }).map((code) => String.fromCharCode(code)) });
const attack: fc.Arbitrary<Attack> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('bytes' as const), bytes: fc.uint8Array({ maxLength: 3000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('request' as const),
      method: fc.constantFrom('POST', 'GET', 'PUT', 'OPTIONS', 'TRACE', 'post'),
      path: fc.oneof(
        fc.constantFrom('/graph/notifications', '/graph/lifecycle', '/graph/Notifications', '/metrics', '/', '*'),
        ascii.map((text) => `/graph/notifications?${text}`),
        ascii.map((text) => `/graph/notifications?validationToken=${text}`),
        ascii.map((text) => `/${text}`),
      ),
      headers: fc.array(
        fc.tuple(
          fc.constantFrom('content-type', 'content-encoding', 'transfer-encoding', 'expect', 'x-forwarded-for'),
          fc.oneof(fc.constantFrom('application/json', 'gzip', 'chunked', '100-continue', 'text/plain'), ascii),
        ),
        { maxLength: 4 },
      ),
      body: fc.uint8Array({ maxLength: 2000 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('items' as const),
      lifecycle: fc.boolean(),
      edits: fc.array(edit, { minLength: 1, maxLength: 4 }),
      forged: fc.boolean(),
      // A body with that key is refused as a whole, which has a test of its own.
      beside: fc.array(
        fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__')),
        { maxLength: 4 },
      ),
    }),
  },
);

/** The notification endpoint over real HTTP: raw bytes, odd requests, mutated and forged notifications. */
export const notifications: FuzzTarget = {
  name: 'notifications',
  holds: 'answers, stores hints of proper names for whoever knows the client state, and loses no true one beside them',
  runs: 150,
  async open() {
    let stored: string[] = [];
    const app = createListenerApp({
      tenantId: TENANT,
      find: (id) => (id === SUBSCRIPTION ? { resource: `/groups/${GROUP}`, clientState: CLIENT_STATE } : undefined),
      isWatchedGroup: (id) => id === GROUP,
      hints: { put: async (key) => void stored.push(key) },
      onLifecycle: async () => undefined,
      clock,
      log: () => undefined,
    });
    const limits = { headersTimeoutMs: 400, requestTimeoutMs: 600 };
    const server = await createListenerServer({
      app,
      host: '127.0.0.1',
      port: 0,
      trustProxy: 'loopback',
      log: () => undefined,
      limits,
    });
    const check = checkOf(attack, async (input) => {
      stored = [];
      const status = await send(server.port, bytesOf(input));
      must(status === undefined || STATUSES.has(status), 'an answer of another kind', status);
      for (const key of stored) must(KEY.test(key), 'a hint of an improper name was stored', key);
      if (input.kind !== 'items' || input.forged) must(stored.length === 0, 'a forged hint was stored', stored);
      stored = [];
      const honest = await send(server.port, posted({ value: [...besideOf(input), item()] }, '/graph/notifications'));
      must(honest === 202, 'a true notification was refused', honest);
      must(stored.includes(`user:${ALICE}`), 'a true notification was lost', stored);
    });
    return { check, close: () => server.close(100) };
  },
};

function besideOf(input: Attack): unknown[] {
  return input.kind === 'items' ? input.beside : [];
}

function bytesOf(input: Attack): Buffer {
  if (input.kind === 'bytes') return Buffer.from(input.bytes);
  if (input.kind === 'request') {
    const { method, path, headers, body } = input;
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const head = `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${lines}content-length: ${body.length}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), body]);
  }
  const event = input.lifecycle ? { lifecycleEvent: 'missed' } : {};
  const truth = { ...item(randomUUID()), ...event };
  // A forger knows everything but the client state.
  const base = input.forged ? { ...truth, clientState: 'd'.repeat(43) } : truth;
  const { text } = mutate({ value: [base] }, input.edits);
  return posted(text, input.lifecycle ? '/graph/lifecycle' : '/graph/notifications');
}

function posted(body: unknown, path: string): Buffer {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const head = `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n`;
  return Buffer.concat([Buffer.from(`${head}content-length: ${bytes.length}\r\n\r\n`), bytes]);
}

/** Sends the bytes as they are; the status of the answer, undefined where the connection was closed without one. */
function send(port: number, bytes: Buffer): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text = `${text}${chunk.toString('latin1')}`.slice(0, 64);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      const status = /^HTTP\/1\.1 (\d{3})/.exec(text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, ''))?.[1];
      resolve(status === undefined ? undefined : Number(status));
    });
    socket.end(bytes);
  });
}
