import { MockAgent } from 'undici';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../../src/domain/clock.js';
import { createLakefsClient } from '../../../../src/targets/lakefs/client.js';
import { type CallReport, MAX_ANSWER_BYTES } from '../../../../src/targets/lakefs/transport.js';

const ORIGIN = 'https://lakefs.example.test';
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const signal = new AbortController().signal;

interface Reply {
  status?: number;
  text?: string;
  headers?: Record<string, string>;
  failure?: Error;
}

/** Waits for back-off end at once and are kept; the limit of a call (30 s) never comes. */
function createTestClock() {
  let nowMs = Date.UTC(2026, 10, 22);
  const sleeps: number[] = [];
  const clock: Clock = {
    now: () => nowMs,
    sleep(ms, off) {
      if (ms === 30_000 || ms === 5_000) {
        return new Promise((_, reject) => off?.addEventListener('abort', () => reject(off.reason as Error)));
      }
      sleeps.push(ms);
      nowMs += ms;
      return Promise.resolve();
    },
  };
  return { clock, sleeps };
}

/** A client whose calls are answered by these, one after the other, the last one for ever. */
function answering(...replies: Reply[]) {
  const agent = new MockAgent();
  agent.disableNetConnect();
  const { clock, sleeps } = createTestClock();
  const requests: { method: string; path: string; headers: Record<string, string> }[] = [];
  const reports: CallReport[] = [];
  const logged: string[] = [];
  agent
    .get(ORIGIN)
    .intercept({ path: () => true, method: () => true })
    .reply((options) => {
      requests.push({ method: options.method, path: options.path, headers: options.headers as Record<string, string> });
      const reply = replies[Math.min(requests.length, replies.length) - 1] ?? {};
      if (reply.failure) throw reply.failure;
      const { status = 200, text = '', headers = {} } = reply;
      return { statusCode: status, data: text, responseOptions: { headers } };
    })
    .persist();
  const client = createLakefsClient({
    endpoint: ORIGIN,
    accessKeyId: 'AKIATEST',
    secretAccessKey: SECRET,
    dispatcher: agent,
    clock,
    random: () => 1,
    log: (event, fields) => logged.push(JSON.stringify({ event, fields })),
    onCall: (report) => reports.push(report),
  });
  return { client, clock, requests, sleeps, reports, logged };
}

const GROUP = JSON.stringify({ id: 'g', creation_date: 1 });

function caught(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('expected a rejection');
    },
    (error: Error) => error,
  );
}

describe('a call', () => {
  it('signs in with key and secret, and names what it accepts', async () => {
    const text = JSON.stringify({ id: 'a/b', creation_date: 1 });
    const { client, requests, reports } = answering({ text });

    await client.getGroup('a/b', signal);

    const basic = Buffer.from(`AKIATEST:${SECRET}`).toString('base64');
    expect(requests[0]).toMatchObject({ method: 'GET', path: '/api/v1/auth/groups/a%2Fb' });
    expect(requests[0]?.headers).toEqual({ authorization: `Basic ${basic}`, accept: 'application/json' });
    expect(reports).toEqual([{ method: 'GET', route: '/auth/groups/{groupId}', status: 200, durationMs: 0 }]);
  });

  it('that is put off waits twice as long each time, up to a ceiling, and ends before the deadline', async () => {
    const { client, sleeps } = answering({ status: 429 });

    const error = await caught(client.listUsers(signal));

    expect(sleeps).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000, 10_000]);
    expect(error.name).toBe('SourceUnavailable');
    expect(error.message).toContain('asks for fewer calls');
  });

  it.each([500, 502, 504])('that makes something is not repeated after %i', async (status) => {
    const post = answering({ status, text: '{"message":"oops"}' });
    const put = answering({ status, text: '{"message":"oops"}' }, { status: 201 });

    const error = await caught(post.client.createUser({ id: 'x', invite: false }, signal));
    const added = await put.client.addMember('g', 'x', signal);

    expect(error.name).toBe('Busy');
    expect(post.requests).toHaveLength(1);
    expect(added).toBe(true);
  });

  it.each(['ECONNREFUSED', 'ENOTFOUND', 'UND_ERR_CONNECT_TIMEOUT'])(
    'that makes something is repeated after %s, when nothing was sent',
    async (code) => {
      const failure = Object.assign(new Error('no way'), { code });
      const { client, requests } = answering({ failure }, { status: 201, text: GROUP });

      expect(await client.createGroup({ name: 'g', description: '' }, signal)).toMatchObject({ id: 'g' });
      expect(requests).toHaveLength(2);
    },
  );

  it.each([
    ['CERT_HAS_EXPIRED', 'has expired'],
    ['CERT_NOT_YET_VALID', 'compare the clocks'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'is for other names'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'put that authority into CA_FILE'],
  ])('is not repeated after %s, and says what mends it', async (code, words) => {
    const { client, requests } = answering({ failure: Object.assign(new Error('tls'), { code }) });

    const error = await caught(client.listUsers(signal));

    expect(error.message).toContain(words);
    expect(requests).toHaveLength(1);
  });
});

describe('a lakeFS that is down', () => {
  it('costs the first call its patience, and those after it next to nothing', async () => {
    const { client, requests, sleeps } = answering({
      failure: Object.assign(new Error('no way'), { code: 'ECONNRESET' }),
    });
    await caught(client.listUsers(signal));
    const [asked, waited] = [requests.length, sleeps.length];

    const errors: Error[] = [];
    for (let number = 0; number < 50; number += 1) errors.push(await caught(client.listMembers(`g${number}`, signal)));
    const write = await caught(client.addMember('g', 'x', signal));

    expect(requests.length - asked).toBe(2);
    expect(sleeps).toHaveLength(waited);
    expect(new Set(errors.map(({ name }) => name))).toEqual(new Set(['SourceUnavailable']));
    expect(errors.at(-1)?.message).toContain('left alone for a moment');
    expect(write.name).toBe('Busy');
  });

  it('is asked again after a while: once at first, later with patience', async () => {
    const { client, clock, requests } = answering(
      ...Array.from({ length: 12 }, () => ({ status: 503 })),
      ...[{ status: 503 }, { status: 429 }, { text: GROUP }],
    );
    for (const id of ['a', 'b', 'c', 'd']) await caught(client.getGroup(id, signal));
    const asked = requests.length;
    await clock.sleep(31_000);
    await caught(client.getGroup('e', signal));
    await clock.sleep(301_000);

    expect(await client.getGroup('g', signal)).toMatchObject({ id: 'g' });
    expect([asked, requests.length]).toEqual([12, 15]);
  });

  it('for one thing alone takes nothing from the others', async () => {
    const { client, requests } = answering(
      ...Array.from({ length: 10 }, () => ({ status: 500, text: '{"message":"oops"}' })),
      ...Array.from({ length: 5 }, () => ({ status: 500, text: '{"message":"oops"}' })),
      ...[{ text: GROUP }, { status: 503 }, { text: GROUP }],
    );
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f'])
      expect((await caught(client.getGroup(id, signal))).message).toContain('500');

    expect(await client.getGroup('g', signal)).toMatchObject({ id: 'g' });
    expect(await client.getGroup('g', signal)).toMatchObject({ id: 'g' });
    expect(requests).toHaveLength(18);
  });
});

describe('an answer', () => {
  it('that is longer than anything lakeFS says is not read', async () => {
    const headers = { 'content-length': String(MAX_ANSWER_BYTES + 1) };

    const error = await caught(answering({ text: '{}', headers }).client.listUsers(signal));

    expect(error.message).toContain(`longer than the ${MAX_ANSWER_BYTES} bytes`);
  });

  it('404 counts as "not there" in the words of lakeFS alone', async () => {
    const lakefs = answering({ status: 404, text: '{"message":"not found"}' });
    const proxy = answering({ status: 404, text: '<html>Not Found</html>' });

    expect(await lakefs.client.getGroup('x', signal)).toBeUndefined();
    expect(await lakefs.client.removeMember('x', 'y', signal)).toBe(false);
    expect((await caught(proxy.client.getGroup('x', signal))).name).toBe('SourceUnavailable');
    expect((await caught(proxy.client.removeMember('x', 'y', signal))).name).toBe('Busy');
  });

  it('about another one than was asked for is nothing', async () => {
    const text = JSON.stringify({ id: 'Admins', name: 'Admins', description: 'x', creation_date: 1 });
    const { client } = answering({ text });

    expect((await caught(client.getGroup('g', signal))).message).toContain('told about "Admins"');
    expect((await caught(client.getUser('waad|1', signal))).message).toContain('told about "Admins"');
    expect((await caught(client.createGroup({ name: 'g', description: 'entra:1' }, signal))).name).toBe('Busy');
    expect(await client.createGroup({ name: 'Admins', description: 'x' }, signal)).toMatchObject({ id: 'Admins' });
  });

  it.each([
    [401, '{"message":"KEY and SECRET and BASIC"}'],
    [500, '{"message":"KEY and SECRET and BASIC"}'],
    [418, 'KEY and SECRET and BASIC'],
    [200, 'KEY and SECRET and BASIC'],
  ])('%i that repeats the secret gets it into no error and no log', async (status, text) => {
    const basic = Buffer.from(`AKIATEST:${SECRET}`).toString('base64');
    const echo = text.replace('SECRET', SECRET).replace('BASIC', basic);
    const { client, logged } = answering({ status, text: echo });

    const error = await caught(client.listUsers(signal));

    for (const said of [error.message, ...logged]) {
      expect(said).not.toContain(SECRET);
      expect(said).not.toContain(basic);
    }
    expect(error.message).toContain('[redacted]');
  });
});

describe('whoever gives up waiting', () => {
  const GAVE_UP = new DOMException('too long', 'TimeoutError');

  /** Each wait for back-off takes so long, and then the caller has had enough. */
  function impatient(afterMs: number) {
    const { client, clock, requests } = answering({ status: 503, text: '{}' });
    const { sleep, now } = clock;
    const caller = new AbortController();
    const startedAt = now();
    clock.sleep = async (ms, off) => {
      await sleep(ms, off);
      if (now() - startedAt >= afterMs) caller.abort(GAVE_UP);
      off?.throwIfAborted();
    };
    return { client, requests, caller };
  }

  it('after a long silence leaves the next caller one attempt, as an outage does', async () => {
    const { client, requests, caller } = impatient(6_000);
    await expect(client.listGroups(caller.signal)).rejects.toBe(GAVE_UP);
    const before = requests.length;

    await expect(client.listGroups(signal)).rejects.toThrow(/503/);

    expect(requests.length - before).toBe(1);
  });

  it('after a moment says nothing of the server', async () => {
    const { client, requests, caller } = impatient(400);
    await expect(client.listGroups(caller.signal)).rejects.toBe(GAVE_UP);
    const before = requests.length;

    await expect(client.listGroups(signal)).rejects.toThrow(/503/);

    expect(requests.length - before).toBeGreaterThan(1);
  });
});
