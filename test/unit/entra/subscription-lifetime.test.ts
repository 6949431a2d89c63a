import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSubscriptionApi } from '../../../src/entra/subscription-api.js';
import { createTestGraph, GRAPH, guid, NOW, never } from './support.js';

const ID = guid(1, 5);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const GROUP = guid(1, 9);

const wanted = {
  resource: `/groups/${GROUP}`,
  changeType: 'updated,deleted',
  notificationUrl: 'https://listener.example.org/graph/notifications',
  lifecycleNotificationUrl: 'https://listener.example.org/graph/lifecycle',
  expiresAt: NOW + 72 * HOUR_MS,
  clientState: 'state-of-32-bytes',
};

function shown(expirationDateTime: string): Record<string, unknown> {
  const { resource, changeType, notificationUrl } = wanted;
  return { id: ID, resource, changeType, notificationUrl, clientState: null, expirationDateTime };
}

const refusal = (message: string, code = 'InvalidRequest') => ({ error: { code, message } });

/** A Graph whose clock differs from ours, and that allows so many minutes. Gives what it was asked for, in minutes. */
function limited(
  minutes: number,
  clockMs = 0,
  text = `Subscription expiration can only be ${minutes} minutes in the future.`,
) {
  const asked: number[] = [];
  const answer = (_uri: string, body: unknown): [number, Record<string, unknown>] => {
    const { expirationDateTime } = body as { expirationDateTime: string };
    const at = Date.parse(expirationDateTime);
    asked.push((at - NOW) / MINUTE_MS);
    if (at - (NOW + clockMs) > minutes * MINUTE_MS) return [400, refusal(text)];
    return [201, shown(expirationDateTime)];
  };
  nock(GRAPH).persist().post('/v1.0/subscriptions').reply(answer);
  nock(GRAPH).persist().patch(`/v1.0/subscriptions/${ID}`).reply(answer);
  return asked;
}

function setUp() {
  const { graph, clock } = createTestGraph();
  return createSubscriptionApi(graph, clock);
}

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

describe('an expiry that is too far ahead for Graph', () => {
  it('is asked for earlier, with a margin, and from then on', async () => {
    const asked = limited(1440);
    const api = setUp();

    const first = await api.create(wanted, never());
    await api.create(wanted, never());
    await api.renew(ID, wanted.expiresAt, never());

    expect(first).toMatchObject({ kind: 'created', subscription: { expiresAt: NOW + 23 * HOUR_MS } });
    expect(asked).toEqual([72 * 60, 1380, 1380, 1380]);
  });

  it('is asked for earlier by a renewal as well', async () => {
    const asked = limited(4230);
    const api = setUp();

    const renewed = await api.renew(ID, NOW + 96 * HOUR_MS, never());

    expect(renewed?.expiresAt).toBe(NOW + 4170 * MINUTE_MS);
    expect(asked).toEqual([96 * 60, 4170]);
  });

  it('is never learned to be shorter than the shortest that there is', async () => {
    const asked = limited(50, 0, 'Subscription expiration can only be 0 minutes in the future.');
    const api = setUp();
    await api.create(wanted, never());

    await api.create(wanted, never());

    expect(asked).toEqual([4320, 45, 45]);
  });

  it('is read with a separator, and halved where no number is named', async () => {
    const separated = limited(1440, 0, 'Subscription expiration can only be 1,440 minutes in the future');
    await setUp().create(wanted, never());
    nock.cleanAll();
    const unnamed = limited(1440, 0, 'Subscription expiration cannot exceed the maximum.');

    await setUp().create(wanted, never());

    expect(separated).toEqual([4320, 1380]);
    expect(unnamed).toEqual([4320, 2160, 1080]);
  });

  it('is halved where our clock is ahead, and that is not remembered', async () => {
    const asked = limited(41_760, -27 * 24 * HOUR_MS);
    const api = setUp();

    await api.create(wanted, never());
    await api.create({ ...wanted, expiresAt: NOW + 24 * HOUR_MS }, never());

    expect(asked).toEqual([4320, 2160, 1440]);
  });

  it('is given up with a word on the clock where the shortest is too long', async () => {
    const asked = limited(41_760, -60 * 24 * HOUR_MS);

    await expect(setUp().create(wanted, never())).rejects.toThrow(/is the clock of this host ahead/);

    expect(asked.at(-1)).toBe(45);
    expect(asked.length).toBeLessThan(10);
  });
});

describe('a creation for something that is not there', () => {
  it.each([
    [404, 'ExtensionError', 'Operation: Create; Exception: [Status Code: NotFound; Reason: Not Found]'],
    [404, 'ResourceNotFound', `Resource '${GROUP}' does not exist.`],
    [400, 'InvalidRequest', `The group with id ${GROUP} does not exist.`],
    [400, 'ExtensionError', 'Operation: Create; Exception: [Status Code: NotFound; Reason: ]'],
  ])('is told from a missing permission (%i %s "%s")', async (status, code, message) => {
    nock(GRAPH).post('/v1.0/subscriptions').reply(status, refusal(message, code));

    const outcome = await setUp().create(wanted, never());

    expect(outcome).toMatchObject({
      kind: 'no-object',
      explanation: expect.stringMatching(new RegExp(`no group ${GROUP} in Entra ID.*ENTRA_GROUP_IDS`)),
    });
  });

  it('names the setting of users for a user', async () => {
    nock(GRAPH).post('/v1.0/subscriptions').reply(404, refusal('Not found', 'ResourceNotFound'));

    const outcome = await setUp().create({ ...wanted, resource: `/users/${GROUP}` }, never());

    expect(outcome).toMatchObject({ explanation: expect.stringMatching(/no user .*ENTRA_USER_IDS/) });
  });

  it('is not what a 404 of our own endpoint means', async () => {
    const text = "Subscription validation request failed. HTTP status code is 'NotFound'.";
    nock(GRAPH).post('/v1.0/subscriptions').reply(400, refusal(text, 'ExtensionError'));

    const outcome = await setUp().create(wanted, never());

    expect(outcome).not.toMatchObject({ kind: 'no-object' });
  });
});
