import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SourceUnavailable } from '../../../src/domain/errors.js';
import { createSubscriptionApi } from '../../../src/entra/subscription-api.js';
import { createTestGraph, GRAPH, guid, NOW, never } from './support.js';

const ID = guid(1, 5);
const HOUR_MS = 3_600_000;
const ONE = `/v1.0/subscriptions/${ID}`;

const wanted = {
  resource: `/groups/${guid(1, 9)}`,
  changeType: 'updated,deleted',
  notificationUrl: 'https://listener.example.org/graph/notifications',
  lifecycleNotificationUrl: 'https://listener.example.org/graph/lifecycle',
  expiresAt: NOW + 72 * HOUR_MS,
  clientState: 'state-of-32-bytes',
};

function shown(overrides: Record<string, unknown> = {}) {
  return {
    id: ID,
    resource: wanted.resource,
    applicationId: guid(9),
    changeType: wanted.changeType,
    clientState: null,
    notificationUrl: wanted.notificationUrl,
    lifecycleNotificationUrl: wanted.lifecycleNotificationUrl,
    expirationDateTime: '2026-11-23T09:00:00Z',
    ...overrides,
  };
}

function refusal(code: string, message: string) {
  return { error: { code, message, innerError: { 'request-id': 'r' } } };
}

function setUp() {
  const { graph, clock, calls } = createTestGraph();
  return { api: createSubscriptionApi(graph, clock), calls };
}

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  const pending = nock.pendingMocks();
  nock.cleanAll();
  nock.enableNetConnect();
  expect(pending).toEqual([]);
});

describe('create', () => {
  it('sends what is wanted and reads back what Graph made of it', async () => {
    let body: unknown;
    nock(GRAPH)
      .post('/v1.0/subscriptions', (sent) => {
        body = sent;
        return true;
      })
      .reply(201, shown({ expirationDateTime: '2026-11-22T02:00:00.1234567-07:00' }));
    const { api } = setUp();

    const outcome = await api.create(wanted, never());

    expect(body).toEqual({
      changeType: 'updated,deleted',
      notificationUrl: wanted.notificationUrl,
      lifecycleNotificationUrl: wanted.lifecycleNotificationUrl,
      resource: wanted.resource,
      expirationDateTime: '2026-11-23T09:00:00.000Z',
      clientState: 'state-of-32-bytes',
      latestSupportedTlsVersion: 'v1_2',
    });
    expect(outcome).toEqual({
      kind: 'created',
      subscription: {
        id: ID,
        resource: wanted.resource,
        changeType: wanted.changeType,
        notificationUrl: wanted.notificationUrl,
        lifecycleNotificationUrl: wanted.lifecycleNotificationUrl,
        expiresAt: Date.parse('2026-11-22T09:00:00.123Z'),
      },
    });
  });

  it('never asks for more than the maximum lifetime less an hour', async () => {
    let asked = '';
    nock(GRAPH)
      .post('/v1.0/subscriptions', (sent) => {
        asked = sent.expirationDateTime;
        return true;
      })
      .reply(201, shown());
    const { api } = setUp();

    await api.create({ ...wanted, expiresAt: NOW + 365 * 24 * HOUR_MS }, never());

    expect((Date.parse(asked) - NOW) / 60_000).toBe(41_760 - 60);
  });

  it.each([
    ['Conflict', `Subscription Id ${ID.toUpperCase()} already exists for the requested combination`, ID],
    ['ObjectIdentifierInUse', `Resource ${guid(7)}: Subscription Id ${ID} already exists`, ID],
    ['Conflict', `There is one: ${ID}`, ID],
    ['Conflict', `Either ${guid(7)} or ${guid(8)}`, undefined],
    ['Conflict', '', undefined],
  ])('reads the id of the one that exists from a 409 (%s, "%s")', async (code, message, existingId) => {
    nock(GRAPH).post('/v1.0/subscriptions').reply(409, refusal(code, message));
    const { api } = setUp();

    expect(await api.create(wanted, never())).toEqual({ kind: 'exists', existingId });
  });

  it.each<[number, string, string, string, RegExp]>([
    [
      403,
      'Forbidden',
      'Subscription limit of 100 per app and tenant exceeded.',
      wanted.resource,
      /quota.*100 for one app/,
    ],
    [
      403,
      'ExtensionError',
      'Operation: Create; Exception: [Status Code: Forbidden; Reason: ]',
      wanted.resource,
      /Group\.Read\.All/,
    ],
    [
      401,
      'ExtensionError',
      'Operation: Create; Exception: [Status Code: Unauthorized; Reason: ]',
      '/users',
      /User\.Read\.All/,
    ],
    [403, 'Authorization_RequestDenied', 'Insufficient privileges.', '/users', /may not watch \/users.*admin consent/],
  ])('explains a %i %s "%s" on %s', async (status, code, message, resource, expected) => {
    nock(GRAPH)
      .post('/v1.0/subscriptions')
      .times(status === 401 ? 1 : 1)
      .reply(status, refusal(code, message));
    const { api } = setUp();

    const outcome = await api.create({ ...wanted, resource }, never());

    expect(outcome).toMatchObject({ kind: 'forbidden', explanation: expect.stringMatching(expected) });
  });

  it.each([
    ['Subscription validation request timed out.', /no answer within 10 seconds/],
    [
      'Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request.',
      /not with 200/,
    ],
    ["Subscription validation request failed. HTTP status code is 'Forbidden'.", /refused with Forbidden.*firewall/],
    ["Subscription validation request failed. HTTP status code is 'NotFound'.", /path is not known/],
    ["Subscription validation request failed. HTTP status code is 'BadGateway'.", /does not reach the listener/],
    ["Subscription validation request failed. HTTP status code is 'Gone'.", /answered Gone instead of 200/],
    [
      'Subscription validation request failed. Response must exactly match validationToken query parameter.',
      /was not the validation token/,
    ],
    ['Subscription validation request failed. The remote certificate is invalid.', /publicly trusted chain/],
    ['Subscription validation request failed. The remote name could not be resolved.', /DNS/],
    ['Subscription validation request failed.', /handshake failed/],
  ])('tells from "%s" why the endpoint failed', async (message, expected) => {
    nock(GRAPH).post('/v1.0/subscriptions').reply(400, refusal('ValidationError', message));
    const { api } = setUp();

    const outcome = await api.create(wanted, never());

    expect(outcome).toMatchObject({ kind: 'endpoint-failed', explanation: expect.stringMatching(expected) });
    expect(JSON.stringify(outcome)).toContain('listener.example.org');
  });

  it('throws what nobody can handle', async () => {
    const message = "Invalid 'changeType' attribute: 'created'.";
    nock(GRAPH).post('/v1.0/subscriptions').reply(400, refusal('InvalidRequest', message));
    const { api } = setUp();

    await expect(api.create(wanted, never())).rejects.toMatchObject({ name: 'GraphError', status: 400 });
  });

  it('is not tried twice when Graph is unwell', async () => {
    nock(GRAPH).post('/v1.0/subscriptions').reply(503);
    const { api, calls } = setUp();

    await expect(api.create(wanted, never())).rejects.toThrow(SourceUnavailable);
    expect(calls).toHaveLength(1);
  });
});

describe('the other calls', () => {
  const gone = refusal('ResourceNotFound', 'The object was not found.');

  it('reads one, with a date without offset taken for UTC', async () => {
    nock(GRAPH)
      .get(ONE)
      .reply(200, shown({ expirationDateTime: '2026-11-23T09:00:00', lifecycleNotificationUrl: null }));
    const { api } = setUp();

    expect(await api.get(ID, never())).toMatchObject({
      expiresAt: Date.parse('2026-11-23T09:00:00Z'),
      lifecycleNotificationUrl: undefined,
    });
  });

  it('takes a date that was never set for no answer, since nothing could be done with it', async () => {
    nock(GRAPH)
      .get(ONE)
      .reply(200, shown({ expirationDateTime: '0001-01-01T00:00:00Z' }));
    const { api } = setUp();

    await expect(api.get(ID, never())).rejects.toThrow(/is not a date/);
  });

  it('renews with the expiry alone and returns what Graph answers, even where it changed nothing', async () => {
    nock(GRAPH).patch(ONE, { expirationDateTime: '2026-11-24T09:00:00.000Z' }).reply(200, shown());
    const { api } = setUp();

    const renewed = await api.renew(ID, NOW + 96 * HOUR_MS, never());

    expect(renewed?.expiresAt).toBe(Date.parse('2026-11-23T09:00:00Z'));
  });

  it('reads the expiry where a renewal is answered without one', async () => {
    nock(GRAPH).patch(ONE).reply(204);
    nock(GRAPH).get(ONE).reply(200, shown());
    const { api } = setUp();

    expect((await api.renew(ID, NOW + HOUR_MS, never()))?.id).toBe(ID);
  });

  it('lists all pages', async () => {
    nock(GRAPH)
      .get('/v1.0/subscriptions')
      .reply(200, { value: [shown()], '@odata.nextLink': `${GRAPH}/v1.0/subscriptions?$skiptoken=1` });
    nock(GRAPH)
      .get('/v1.0/subscriptions')
      .query({ $skiptoken: '1' })
      .reply(200, { value: [shown({ id: guid(2, 5) })] });
    const { api } = setUp();

    expect((await api.list(never())).map(({ id }) => id)).toEqual([ID, guid(2, 5)]);
  });

  it('deletes and reauthorises', async () => {
    nock(GRAPH).delete(ONE).reply(204);
    nock(GRAPH).post(`${ONE}/reauthorize`).reply(204);
    const { api } = setUp();

    expect(await api.delete(ID, never())).toBe(true);
    expect(await api.reauthorize(ID, never())).toBe(true);
  });

  it('says of one that is gone that it is gone', async () => {
    nock(GRAPH).get(ONE).reply(404, gone);
    nock(GRAPH).patch(ONE).reply(404, gone);
    nock(GRAPH).delete(ONE).reply(404, gone);
    nock(GRAPH).post(`${ONE}/reauthorize`).reply(404, gone);
    const { api } = setUp();

    expect(await api.get(ID, never())).toBeUndefined();
    expect(await api.renew(ID, NOW + HOUR_MS, never())).toBeUndefined();
    expect(await api.delete(ID, never())).toBe(false);
    expect(await api.reauthorize(ID, never())).toBe(false);
  });

  it('does not take the 404 of a proxy for gone', async () => {
    nock(GRAPH).get(ONE).reply(404, '<html>nginx</html>', { 'content-type': 'text/html' });
    const { api } = setUp();

    await expect(api.get(ID, never())).rejects.toThrow(SourceUnavailable);
  });

  it('puts an id into the path as one segment, whatever it is', async () => {
    nock(GRAPH).delete('/v1.0/subscriptions/..%2Fusers%2Fx').reply(404, gone);
    const { api } = setUp();

    expect(await api.delete('../users/x', never())).toBe(false);
  });
});
