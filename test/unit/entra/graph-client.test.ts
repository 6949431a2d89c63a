import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Rejected, SourceUnavailable } from '../../../src/domain/errors.js';
import { readClaims } from '../../../src/entra/authentication-middleware.js';
import { GraphError, GraphUnavailable } from '../../../src/entra/graph-errors.js';
import { createTestGraph, GRAPH, guid, NOW } from './support.js';

const USER = `/v1.0/users/${guid(1)}`;
const PATH = `/users/${guid(1)}`;
const anything = z.unknown();
const ok = { id: guid(1) };

async function failureOf(work: Promise<unknown>): Promise<GraphUnavailable> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SourceUnavailable);
  return error as GraphUnavailable;
}

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  const pending = nock.pendingMocks();
  nock.abortPendingRequests();
  nock.cleanAll();
  nock.enableNetConnect();
  expect(pending).toEqual([]);
});

describe('a call to Graph', () => {
  it('carries the bearer, asks for JSON and reports itself', async () => {
    nock(GRAPH, { reqheaders: { authorization: 'Bearer token-1', accept: 'application/json' } })
      .get(USER)
      .reply(200, ok);
    const { graph, calls } = createTestGraph();

    const answer = await graph.get(PATH, z.object({ id: z.string() }));

    expect(answer).toEqual(ok);
    expect(calls).toEqual([{ method: 'GET', status: 200, ms: 0 }]);
  });

  it('sends bodies as JSON, and takes 204 for an answer', async () => {
    nock(GRAPH, { reqheaders: { 'content-type': 'application/json' } })
      .patch('/v1.0/subscriptions/s', { a: 1 })
      .reply(200, { b: 2 });
    nock(GRAPH).delete('/v1.0/subscriptions/s').reply(204);
    const { graph } = createTestGraph();

    const patched = await graph.patch('/subscriptions/s', { a: 1 }, anything);
    await graph.delete('/subscriptions/s');

    expect(patched).toEqual({ b: 2 });
  });

  it('works below the path of a reverse proxy', async () => {
    nock('https://proxy.test:8443').get(`/ms/v1.0${PATH}`).reply(200, ok);
    const { graph } = createTestGraph({ baseUrl: 'https://proxy.test:8443/ms/' });

    expect(await graph.get(PATH, anything)).toEqual(ok);
  });

  it('is never made over http', () => {
    expect(() => createTestGraph({ baseUrl: 'http://graph.example.test' })).toThrow(Rejected);
  });

  it('does not carry the bearer to another host, however it is asked', async () => {
    const { graph, calls } = createTestGraph();

    const failure = await failureOf(graph.get('https://evil.test/v1.0/users', anything));

    expect(failure.message).toContain('https://evil.test/v1.0/users');
    expect(calls).toEqual([]);
  });

  it('names the field when the answer has an unexpected shape', async () => {
    nock(GRAPH).get(USER).reply(200, { id: 7 });
    const { graph } = createTestGraph();

    const failure = await failureOf(graph.get(PATH, z.object({ id: z.string() })));

    expect(failure.message).toMatch(/unexpected shape: id: /);
  });
});

describe('repeating a call', () => {
  it.each([429, 500, 502, 503, 504])('happens on status %i', async (status) => {
    nock(GRAPH)
      .get(USER)
      .reply(status, { error: { code: 'x', message: 'y' } });
    nock(GRAPH).get(USER).reply(200, ok);
    const { graph, clock, calls } = createTestGraph();

    expect(await graph.get(PATH, anything)).toEqual(ok);
    expect(clock.sleeps).toEqual([500]);
    expect(calls.map((call) => call.status)).toEqual([status, 200]);
  });

  it('happens on a cut connection', async () => {
    nock(GRAPH)
      .get(USER)
      .replyWithError(Object.assign(new Error('cut'), { code: 'ECONNRESET' }));
    nock(GRAPH).get(USER).reply(200, ok);
    const { graph, calls } = createTestGraph();

    expect(await graph.get(PATH, anything)).toEqual(ok);
    expect(calls.map((call) => call.status)).toEqual([0, 200]);
  });

  it('happens after an attempt that got no answer in time', async () => {
    nock(GRAPH).get(USER).delay(5_000).reply(200, { id: 'late' });
    nock(GRAPH).get(USER).reply(200, ok);
    const { graph } = createTestGraph({ timeoutMs: 50 });

    expect(await graph.get(PATH, anything)).toEqual(ok);
  });

  it('waits as long as Retry-After says, in seconds and as a date', async () => {
    nock(GRAPH).get(USER).reply(429, {}, { 'retry-after': '12' });
    const inTwentySeconds = new Date(NOW + 12_000 + 20_000).toUTCString();
    nock(GRAPH).get(USER).reply(503, {}, { 'retry-after': inTwentySeconds });
    nock(GRAPH).get(USER).reply(200, ok);
    const { graph, clock } = createTestGraph();

    await graph.get(PATH, anything);

    expect(clock.sleeps).toEqual([12_000, 20_000]);
  });

  it('does not wait for a Retry-After beyond all patience', async () => {
    nock(GRAPH).get(USER).reply(429, {}, { 'retry-after': '3600' });
    const { graph, clock } = createTestGraph();

    const failure = await failureOf(graph.get(PATH, anything));

    expect(failure.status).toBe(429);
    expect(failure.message).toContain('throttles');
    expect(clock.sleeps).toEqual([]);
  });

  it('ends, and then the source is unavailable with its last status', async () => {
    nock(GRAPH).get(USER).times(5).reply(503, '<html>Service Unavailable</html>', { 'content-type': 'text/html' });
    const { graph, clock, events } = createTestGraph();

    const failure = await failureOf(graph.get(PATH, anything));

    expect(failure.status).toBe(503);
    expect(clock.sleeps).toEqual([500, 1_000, 2_000, 4_000]);
    expect(events.at(-1)?.event).toBe('entra.call.failed');
  });

  it.each([400, 403, 404, 409])('does not happen on status %i', async (status) => {
    nock(GRAPH)
      .get(USER)
      .reply(status, { error: { code: 'Nope', message: 'No.' } });
    const { graph } = createTestGraph();

    await expect(graph.get(PATH, anything)).rejects.toMatchObject({ name: 'GraphError', status, code: 'Nope' });
  });

  it('happens for a new subscription on 429 alone', async () => {
    nock(GRAPH).post('/v1.0/subscriptions').reply(429, {}, { 'retry-after': '1' });
    nock(GRAPH).post('/v1.0/subscriptions').reply(503, {});
    const { graph } = createTestGraph();

    const failure = await failureOf(graph.post('/subscriptions', {}, anything));

    expect(failure.status).toBe(503);
  });

  it('does not happen for a new subscription on a cut connection, for it may have been made', async () => {
    nock(GRAPH)
      .post('/v1.0/subscriptions')
      .replyWithError(Object.assign(new Error('cut'), { code: 'ECONNRESET' }));
    const { graph, calls } = createTestGraph();

    await failureOf(graph.post('/subscriptions', {}, anything));

    expect(calls).toHaveLength(1);
  });

  it('happens for a POST that only reads', async () => {
    nock(GRAPH).post(`${USER}/checkMemberGroups`).reply(503, {});
    nock(GRAPH).post(`${USER}/checkMemberGroups`).reply(200, { value: [] });
    const { graph } = createTestGraph();

    expect(await graph.post(`${PATH}/checkMemberGroups`, { groupIds: [] }, anything)).toEqual({ value: [] });
  });

  it('takes a fresh token for each attempt', async () => {
    const tokens = ['first', 'second'];
    nock(GRAPH, { reqheaders: { authorization: 'Bearer first' } })
      .get(USER)
      .reply(503, {});
    nock(GRAPH, { reqheaders: { authorization: 'Bearer second' } })
      .get(USER)
      .reply(200, ok);
    const { graph } = createTestGraph({ credential: { getToken: async () => tokens.shift() ?? 'none' } });

    expect(await graph.get(PATH, anything)).toEqual(ok);
  });

  it('stops at once when the caller aborts while it waits', async () => {
    nock(GRAPH).get(USER).reply(503, {});
    const controller = new AbortController();
    const { graph, calls } = createTestGraph({
      clock: {
        now: () => NOW,
        sleep: (_ms, signal) =>
          new Promise((_, reject) => {
            signal?.addEventListener('abort', () => reject(signal.reason));
            controller.abort(new Error('the process is stopping'));
          }),
      },
    });

    await expect(graph.get(PATH, anything, { signal: controller.signal })).rejects.toThrow('the process is stopping');
    expect(calls).toHaveLength(1);
  });

  it('stops at once when the caller aborts in the middle of an exchange', async () => {
    const controller = new AbortController();
    nock(GRAPH).get(USER).delay(5_000).reply(200, ok);
    const { graph } = createTestGraph();
    const call = graph.get(PATH, anything, { signal: controller.signal });
    nock.emitter.on('no match', () => undefined);

    controller.abort(new Error('the process is stopping'));

    await expect(call).rejects.toThrow('the process is stopping');
    nock.cleanAll();
  });

  it('stops waiting for a token when the caller aborts', async () => {
    const controller = new AbortController();
    const { graph } = createTestGraph({ credential: { getToken: () => new Promise<string>(() => undefined) } });
    const call = graph.get(PATH, anything, { signal: controller.signal });

    controller.abort(new Error('the process is stopping'));

    await expect(call).rejects.toThrow('the process is stopping');
  });
});

describe('a refused token', () => {
  const claims = { access_token: { nbf: { essential: true, value: '1700000000' } } };
  const challenge = `Bearer realm="", authorization_uri="https://login.test", error="insufficient_claims", claims="${Buffer.from(JSON.stringify(claims)).toString('base64')}"`;

  function credentialOf(seen: unknown[]) {
    return {
      getToken: async (wish?: unknown) => {
        seen.push(wish);
        return wish ? 'better' : 'worse';
      },
    };
  }

  it('is replaced once by one with the claims that Graph asks for', async () => {
    nock(GRAPH, { reqheaders: { authorization: 'Bearer worse' } })
      .get(USER)
      .reply(401, {}, { 'www-authenticate': challenge });
    nock(GRAPH, { reqheaders: { authorization: 'Bearer better' } })
      .get(USER)
      .reply(200, ok);
    const seen: unknown[] = [];
    const { graph } = createTestGraph({ credential: credentialOf(seen) });

    expect(await graph.get(PATH, anything)).toEqual(ok);
    expect(seen).toEqual([undefined, { claims: JSON.stringify(claims) }]);
  });

  it('is renewed past the cache where Graph asks for nothing', async () => {
    nock(GRAPH, { reqheaders: { authorization: 'Bearer worse' } })
      .get(USER)
      .reply(401, {});
    nock(GRAPH, { reqheaders: { authorization: 'Bearer better' } })
      .get(USER)
      .reply(200, ok);
    const seen: unknown[] = [];
    const { graph } = createTestGraph({ credential: credentialOf(seen) });

    expect(await graph.get(PATH, anything)).toEqual(ok);
    expect(seen).toEqual([undefined, { forceRefresh: true }]);
  });

  it('makes the source unavailable when the second one is refused too', async () => {
    nock(GRAPH)
      .get(USER)
      .twice()
      .reply(401, { error: { code: 'InvalidAuthenticationToken', message: 'Access token validation failure.' } });
    const { graph } = createTestGraph({ credential: credentialOf([]) });

    const failure = await failureOf(graph.get(PATH, anything));

    expect(failure.status).toBe(401);
    expect(failure.message).toContain('InvalidAuthenticationToken');
  });

  it('is not sent twice where there is no other (a ready bearer)', async () => {
    nock(GRAPH).get(USER).reply(401, {});
    const { graph } = createTestGraph();

    expect((await failureOf(graph.get(PATH, anything))).status).toBe(401);
  });

  it.each([null, 'Bearer', 'Bearer claims="%%%"', 'Bearer claims=""', 'Bearer claims="MTIz"'])(
    'finds no claims in %s',
    (header) => {
      expect(readClaims(header)).toBeUndefined();
    },
  );

  it('makes the source unavailable when there is no token at all, without asking Graph', async () => {
    const noToken = new GraphUnavailable('no access token: the client secret has expired');
    const { graph, calls } = createTestGraph({ credential: { getToken: () => Promise.reject(noToken) } });

    await expect(graph.get(PATH, anything)).rejects.toBe(noToken);
    expect(calls).toEqual([]);
  });
});

describe('a strange answer', () => {
  it('is an error of Graph when it carries one, with its request id', async () => {
    const innerError = { 'request-id': 'req-7', date: '2026-11-20T09:00:00' };
    nock(GRAPH)
      .get(USER)
      .reply(403, { error: { code: 'Authorization_RequestDenied', message: 'Insufficient.', innerError } });
    const { graph } = createTestGraph();

    const error = await graph.get(PATH, anything).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(GraphError);
    expect(error).toMatchObject({ status: 403, code: 'Authorization_RequestDenied', requestId: 'req-7' });
    expect((error as Error).message).toContain('req-7');
  });

  it('is no proof of absence when a 404 is not from Graph', async () => {
    nock(GRAPH).get(USER).reply(404, '<html>nginx</html>', { 'content-type': 'text/html' });
    const { graph } = createTestGraph();

    const failure = await failureOf(graph.get(PATH, anything));

    expect(failure.message).toContain('text/html instead of JSON');
  });

  it('is not followed when it is a redirect', async () => {
    nock(GRAPH).get(USER).reply(302, '', { location: 'https://evil.test/steal' });
    const { graph, calls } = createTestGraph();

    const failure = await failureOf(graph.get(PATH, anything));

    expect(failure.message).toContain('redirected to evil.test');
    expect(calls).toHaveLength(1);
  });

  it('is refused when it is HTML with status 200', async () => {
    nock(GRAPH).get(USER).reply(200, '<html>Welcome to the guest network</html>', { 'content-type': 'text/html' });
    const { graph } = createTestGraph();

    expect((await failureOf(graph.get(PATH, anything))).message).toContain('text/html instead of JSON');
  });

  it('is asked for again when its JSON ends in the middle', async () => {
    nock(GRAPH).get(USER).reply(200, '{"value":[{"id":"', { 'content-type': 'application/json' });
    nock(GRAPH).get(USER).reply(200, ok);
    const { graph } = createTestGraph();

    expect(await graph.get(PATH, anything)).toEqual(ok);
  });

  it.each(['{"value":[{"id":"', '{"value":}'])('is refused when its JSON stays broken (%s)', async (text) => {
    nock(GRAPH).persist().get(USER).reply(200, text, { 'content-type': 'application/json' });
    const { graph } = createTestGraph();

    const failure = await failureOf(graph.get(PATH, anything));

    nock.cleanAll();
    expect(failure.message).toContain('broken');
  });

  it('is refused when it is not UTF-8', async () => {
    nock(GRAPH)
      .get(USER)
      .times(5)
      .reply(200, Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), { 'content-type': 'application/json' });
    const { graph } = createTestGraph();

    expect((await failureOf(graph.get(PATH, anything))).message).toContain('not UTF-8');
  });

  it('is cut off when it is larger than allowed', async () => {
    nock(GRAPH)
      .get(USER)
      .reply(200, JSON.stringify({ id: 'x'.repeat(5_000) }));
    const { graph } = createTestGraph({ maxBytes: 1_000 });

    expect((await failureOf(graph.get(PATH, anything))).message).toContain('more than 1000 bytes');
  });
});
