import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAddressRange } from '../../src/config/types/network.js';
import type { Clock } from '../../src/domain/clock.js';
import { createAllowList } from '../../src/listener/allow-list.js';
import { createAnswerTimes } from '../../src/listener/answer-times.js';
import { type Answered, createListenerApp, type ListenerAppOptions } from '../../src/listener/app.js';
import type { IntakeOutcome } from '../../src/listener/outcome.js';
import { createListenerServer, type ListenerServer, type ListenerServerOptions } from '../../src/listener/server.js';
import { openHintSink } from '../../src/queue/hint-sink.js';
import type { HintSink } from '../../src/queue/queue.js';
import type { EventCode } from '../../src/telemetry/events/index.js';
import { openLab } from '../lab/lab.js';
import { waitFor } from '../lab/wait.js';

const tenantId = randomUUID();
const subscriptionId = randomUUID();
const clientState = 's'.repeat(43);
const PATH = '/graph/notifications';
const clock: Clock = { now: Date.now, sleep: () => Promise.reject(new Error('nothing here sleeps')) };

interface Answer {
  status: number;
  retryAfter: string | undefined;
  body: string;
}

let dir: string;
let server: ListenerServer;
let agent: Agent;
let outcomes: IntakeOutcome[];
let answered: Answered[];
let events: { event: EventCode; fields: Record<string, unknown> }[];

async function listen(
  hints: HintSink,
  app: Partial<ListenerAppOptions> = {},
  options: Partial<ListenerServerOptions> = {},
): Promise<void> {
  const log = (event: EventCode, fields: Record<string, unknown> = {}) => void events.push({ event, fields });
  server = await createListenerServer({
    app: createListenerApp({
      tenantId,
      find: (id) => (id === subscriptionId ? { resource: '/users', clientState } : undefined),
      isWatchedGroup: () => true,
      hints,
      onLifecycle: async () => undefined,
      onOutcome: (outcome) => outcomes.push(outcome),
      onAnswered: (answer) => answered.push(answer),
      clock,
      log,
      ...app,
    }),
    host: '127.0.0.1',
    port: 0,
    trustProxy: false,
    log,
    ...options,
  });
}

function post(path: string, body: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: server.port,
        path,
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'], body: text }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const item = (id: string, change: Record<string, unknown> = {}) => ({
  changeType: 'updated',
  clientState,
  resource: `Users/${id}`,
  resourceData: { '@odata.type': '#Microsoft.Graph.User', id },
  subscriptionId,
  tenantId,
  ...change,
});
const notify = (ids: string[], headers: Record<string, string> = {}) =>
  post(PATH, JSON.stringify({ value: ids.map((id) => item(id)) }), headers);
const shakeHands = (token: string, headers: Record<string, string> = {}) =>
  post(`${PATH}?validationToken=${token}`, '', { 'content-type': 'text/plain; charset=utf-8', ...headers });
const pending = (spool: string) => new Set(readdirSync(join(spool, 'pending')));

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entramox-endpoint-'));
  agent = new Agent({ keepAlive: true, maxSockets: 32 });
  [outcomes, answered, events] = [[], [], []];
});
afterEach(async () => {
  agent.destroy();
  await server?.close(1000);
  await rm(dir, { recursive: true, force: true });
});

describe('what Graph kept for four hours and sends at once', () => {
  it('is taken whole: nothing refused, nothing lost, and no more waits for the disk than the connections can bring', async () => {
    const POSTS = 2_000;
    const ITEMS = 10;
    const users = Array.from({ length: 5_000 }, () => randomUUID());
    const sink = await openHintSink({ dir, clock });
    let waiting = 0;
    let most = 0;
    const times = createAnswerTimes({ clock, monotonicMs: () => performance.now() });
    await listen(
      {
        async put(key, reason) {
          waiting += 1;
          most = Math.max(most, waiting);
          await sink.put(key, reason).finally(() => {
            waiting -= 1;
          });
        },
      },
      {
        onAnswered: ({ durationMs, isGraphs }) => isGraphs && times.record(durationMs),
        // That a slow disk gets 503 is another test's matter.
        storeWithinMs: 60_000,
      },
    );

    const statuses = await Promise.all(
      Array.from({ length: POSTS }, async (_, post) => {
        // Each user comes four times, as changes do that were retried and repeated.
        const ids = Array.from({ length: ITEMS }, (_, n) => users[(post * ITEMS + n) % users.length] ?? '');
        return (await notify(ids)).status;
      }),
    );

    const there = pending(dir);
    expect(new Set(statuses)).toEqual(new Set([202]));
    expect(users.filter((id) => !there.has(`user-${id}`))).toEqual([]);
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(POSTS * ITEMS);
    expect(most).toBeLessThanOrEqual(32 * ITEMS);
    await waitFor('every answer in the watch', () => times.view().answers === POSTS);
    expect(times.view().standing).toBe('well');
  });
});

describe('a disk that blocks', () => {
  const unavailable = freezingUnavailable();

  it('is answered 503 rather than late, and turns away at once whoever comes on top of too many', async () => {
    const ends: (() => void)[] = [];
    const put = () => new Promise<void>((resolve) => ends.push(resolve));
    await listen({ put }, { storeWithinMs: 100, maxWaiting: 8 });

    const late = await Promise.all(Array.from({ length: 8 }, () => notify([randomUUID()])));
    const reached = ends.length;
    const turnedAway = await Promise.all(Array.from({ length: 50 }, () => notify([randomUUID()])));
    for (const end of ends) end();
    await new Promise((resolve) => setImmediate(resolve));
    const again = notify([randomUUID()]);
    await waitFor('the next hint at the disk', () => ends.length === reached + 1);
    ends.at(-1)?.();

    expect(new Set([...late, ...turnedAway].map(({ status, retryAfter }) => `${status} ${retryAfter}`))).toEqual(
      new Set(['503 10']),
    );
    expect(reached).toBe(8);
    expect((await again).status).toBe(202);
    expect(outcomes.filter((outcome) => outcome === 'late')).toHaveLength(58);
    // Said once for each source, not fifty times.
    expect(events.filter(({ event }) => event === 'listener.hint.unstored')).toHaveLength(1);
    expect(events.find(({ event }) => event === 'listener.hint.unstored')?.fields.error).toContain(
      'not durable within 0.1 s of the request: is the disk of SPOOL_DIR blocked?',
    );
  });

  it.skipIf(unavailable)(
    `keeps nobody waiting while its file system is frozen, and takes everything once it is thawed${unavailable ? ` (skipped: ${unavailable})` : ''}`,
    async () => {
      const disk = mountDisk(dir);
      try {
        await listen(await openHintSink({ dir: disk.path, clock }), { storeWithinMs: 300, maxWaiting: 20 });
        const [before, during, after] = [
          [randomUUID()],
          Array.from({ length: 30 }, () => randomUUID()),
          [randomUUID()],
        ];
        const first = await notify(before);

        disk.freeze();
        const blocked = await Promise.all(during.map((id) => notify([id])));
        // The event loop is free, so Graph's handshakes are still answered.
        const handshake = await shakeHands('while-frozen');
        disk.thaw();
        const { value: last } = await waitFor('202', async () => {
          const answer = await notify(after);
          return answer.status === 202 ? answer : undefined;
        });

        const there = pending(disk.path);
        expect([first.status, last.status]).toEqual([202, 202]);
        expect(new Set(blocked.map(({ status }) => status))).toEqual(new Set([503]));
        expect([handshake.status, handshake.body]).toEqual([200, 'while-frozen']);
        expect([...before, ...after].every((id) => there.has(`user-${id}`))).toBe(true);
        // Those that waited became durable after all, those turned away left no trace.
        await waitFor(
          'the twenty that waited',
          () => during.filter((id) => pending(disk.path).has(`user-${id}`)).length === 20,
        );
      } finally {
        disk.thaw();
        await server.close(1000);
        disk.remove();
      }
    },
  );
});

describe('the watch over our own answers', () => {
  it('times each, says which kind it was, and counts as Graph would only what Graph sent', async () => {
    await listen(await openHintSink({ dir, clock }));

    await notify([randomUUID()]);
    await shakeHands('abc');
    await post('/graph/lifecycle', '{"value":[]}');
    await post(PATH, JSON.stringify({ value: [item(randomUUID(), { clientState: 'wrong' })] }));

    await waitFor('four answers', () => answered.length === 4);
    expect(answered.map(({ kind, status, isGraphs }) => [kind, status, isGraphs])).toEqual([
      ['notification', 202, true],
      ['handshake', 200, false],
      ['lifecycle', 202, false],
      ['notification', 202, false],
    ]);
  });

  it('tells of an answer over two seconds, and takes three for what Graph calls slow', async () => {
    let uptime = 0;
    const times = createAnswerTimes({ clock, monotonicMs: () => uptime });
    await listen(
      {
        async put() {
          uptime += 3_001;
        },
      },
      {
        monotonicMs: () => uptime,
        onAnswered: ({ durationMs, isGraphs }) => isGraphs && times.record(durationMs),
      },
    );

    const { status } = await notify([randomUUID()]);

    await waitFor('the answer in the watch', () => times.view().answers === 1);
    expect(status).toBe(202);
    expect(times.view()).toMatchObject({ over2s: 1, over3s: 1, standing: 'slow' });
    expect(events.filter(({ event }) => event === 'listener.answer.slow')).toHaveLength(1);
  });

  it('counts an answer for which Graph did not wait', async () => {
    let uptime = 0;
    await listen({ put: () => new Promise(() => undefined) }, { monotonicMs: () => uptime, storeWithinMs: 60_000 });
    const socket = connect(server.port, '127.0.0.1');
    const body = JSON.stringify({ value: [item(randomUUID())] });
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await waitFor('the item', () => outcomes.includes('accepted'));

    uptime = 10_500;
    socket.destroy();

    await waitFor('an answer', () => answered.length === 1);
    expect(answered[0]).toMatchObject({ kind: 'notification', durationMs: 10_500, isGraphs: true });
  });
});

describe('an allow-list of addresses', () => {
  const GRAPH = '52.159.23.209';
  const isAllowed = createAllowList([GRAPH, '2603:1000::/24'].flatMap((entry) => readAddressRange(entry) ?? []));

  it('refuses anybody else with 403 before a byte of the body is read, and says so once in a while', async () => {
    await listen(await openHintSink({ dir, clock }), { isAllowed });
    const socket = connect(server.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    // Says that a megabyte follows, and sends none of it.
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n`,
    );
    await waitFor('an answer', () => text.includes('\r\n\r\n'));
    socket.destroy();
    const more = await Promise.all([notify([randomUUID()]), shakeHands('stranger')]);

    expect(text).toMatch(/^HTTP\/1\.1 403 /);
    expect(more.map(({ status, body }) => [status, body])).toEqual([
      [403, ''],
      [403, ''],
    ]);
    expect(outcomes).toEqual(['foreign-address', 'foreign-address', 'foreign-address']);
    expect(events.filter(({ event }) => event === 'listener.address.refused')).toHaveLength(1);
    expect(pending(dir).size).toBe(0);
  });

  it.each<[string, number]>([
    [GRAPH, 202],
    ['2603:1000:0:1::5', 202],
    [`203.0.113.5, ${GRAPH}`, 202],
    ['203.0.113.5', 403],
    // What a stranger claims stands before what the proxy adds.
    [`${GRAPH}, 203.0.113.5`, 403],
    ['nonsense', 403],
    ['', 403],
  ])('judges the client that the trusted proxy names: X-Forwarded-For "%s" gets %d', async (forwarded, expected) => {
    await listen(await openHintSink({ dir, clock }), { isAllowed }, { trustProxy: ['loopback'] });

    const answer = await notify([randomUUID()], forwarded === '' ? {} : { 'x-forwarded-for': forwarded });

    expect(answer.status).toBe(expected);
  });

  it('believes no X-Forwarded-For without a trusted proxy', async () => {
    await listen(await openHintSink({ dir, clock }), { isAllowed });

    expect((await notify([randomUUID()], { 'x-forwarded-for': GRAPH })).status).toBe(403);
  });

  it('answers the token of our own probe from wherever it comes, and only a handshake', async () => {
    await listen(await openHintSink({ dir, clock }), { isAllowed, isOwnToken: (token) => token === 'ours' });

    const [ours, theirs] = [await shakeHands('ours'), await shakeHands('theirs')];

    expect([ours.status, ours.body, theirs.status]).toEqual([200, 'ours', 403]);
  });

  it('in the program keeps Graph out where it does not name it, while our own probe gets through; status tells', async () => {
    const lab = await openLab({ settings: { GRAPH_ADDRESSES: '192.0.2.1', TRUST_PROXY: 'loopback' } });
    try {
      lab.start('listen');
      await waitFor('refused handshakes', () => lab.log().includes('listener.address.refused'));
      await waitFor('Graph refuses the subscription', () =>
        lab.log().includes('listener.subscription.endpoint-failed'),
      );
      const without = lab.log();
      const status = await lab.entramox('status');
      lab.setSettings({ GRAPH_ADDRESSES: '192.0.2.1 127.0.0.0/8' });
      await lab.stopAll();
      lab.start('listen');

      await waitFor('subscriptions', () => lab.entra.subscriptions().length >= 3);

      expect(without).not.toContain('listener.endpoint.unready');
      expect(without).not.toContain('listener.endpoint.public-unreachable');
      expect(status.stdout).toContain(
        'Answers to Graph: no notification in the last 10 minutes; only the 1 ranges of GRAPH_ADDRESSES may knock',
      );
    } finally {
      await lab.close();
    }
  });
});

/** Why no file system can be frozen here; undefined where one can. */
function freezingUnavailable(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root to mount and freeze a file system';
  for (const tool of ['losetup', 'mkfs.ext4', 'fsfreeze']) {
    if (spawnSync('which', [tool]).status !== 0) return `${tool} is not installed`;
  }
  if (!existsSync('/dev/loop-control')) return 'this machine has no loop devices';
  return spawnSync('losetup', ['-f']).status === 0 ? undefined : 'no loop device is to be had here';
}

/** A small ext4 of its own, frozen for at most twenty seconds whatever becomes of the test. */
function mountDisk(parent: string): { path: string; freeze(): void; thaw(): void; remove(): void } {
  const [image, path] = [join(parent, 'disk.img'), join(parent, 'disk')];
  execFileSync('truncate', ['-s', '16M', image]);
  execFileSync('mkfs.ext4', ['-q', '-F', image]);
  mkdirSync(path);
  execFileSync('mount', ['-o', 'loop', image, path]);
  let frozen = false;
  let guard: ReturnType<typeof spawn> | undefined;
  return {
    path,
    freeze() {
      guard = spawn('sh', ['-c', 'sleep 20; fsfreeze -u "$0"', path], { detached: true, stdio: 'ignore' });
      guard.unref();
      execFileSync('fsfreeze', ['-f', path]);
      frozen = true;
    },
    thaw() {
      if (!frozen) return;
      frozen = false;
      execFileSync('fsfreeze', ['-u', path]);
      if (guard?.pid !== undefined) process.kill(-guard.pid);
    },
    remove: () => execFileSync('umount', [path]),
  };
}
