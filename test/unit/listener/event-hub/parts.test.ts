import { describe, expect, it, vi } from 'vitest';
import { createAzureCheckpointStore } from '../../../../src/listener/event-hub/azure-checkpoint-store.js';
import { explainHubTrouble } from '../../../../src/listener/event-hub/hub-trouble.js';
import { retireSubscriptions } from '../../../../src/listener/event-hub/leftovers.js';
import { explainedForHub } from '../../../../src/listener/event-hub/subscription-api.js';
import { createTokenCredential } from '../../../../src/listener/event-hub/token-credential.js';
import type { SubscriptionStore } from '../../../../src/listener/subscriptions/store.js';
import { createTestClock, createTestLog } from '../../queue/fixtures.js';

const SCOPE = 'https://eventhubs.azure.net//.default';

describe('the credential for the client of Event Hubs', () => {
  it('asks our own credential for the scope that the client names, and tells when the token ends', async () => {
    const clock = createTestClock();
    const token = `x.${Buffer.from(JSON.stringify({ exp: clock.time / 1000 + 3600 })).toString('base64url')}.y`;
    const credentialFor = vi.fn((_scope: string) => ({ getToken: async () => token }));
    const credential = createTokenCredential(credentialFor, clock);

    const first = await credential.getToken(SCOPE);
    await credential.getToken([SCOPE]);

    expect(first).toEqual({ token, expiresOnTimestamp: clock.time + 3_600_000 });
    expect(credentialFor.mock.calls).toEqual([[SCOPE]]);
  });

  it('is asked again soon where a token does not say when it ends', async () => {
    const clock = createTestClock();
    const credential = createTokenCredential(() => ({ getToken: async () => 'opaque' }), clock);

    const got = await credential.getToken(SCOPE);

    expect(got?.expiresOnTimestamp).toBe(clock.time + 10 * 60_000);
  });

  it('passes on why there is none', async () => {
    const refused = () => ({ getToken: () => Promise.reject(new Error('the client secret has expired')) });
    const credential = createTokenCredential(refused, createTestClock());

    await expect(credential.getToken(SCOPE)).rejects.toThrow('the client secret has expired');
  });
});

describe('what the client knows of us', () => {
  it('grants every claim, and forgets all of them with the process', async () => {
    const checkpoints = {
      damaged: false,
      list: () => [],
      of: () => undefined,
      put: async () => undefined,
      forget: async () => undefined,
    };
    const claim = {
      fullyQualifiedNamespace: 'n',
      eventHubName: 'h',
      consumerGroup: 'g',
      ownerId: 'us',
      partitionId: '0',
    };
    const store = createAzureCheckpointStore(checkpoints);

    const granted = await store.claimOwnership([claim]);
    const again = await store.claimOwnership([{ ...claim, etag: 'an older one' }]);
    const successor = await createAzureCheckpointStore(checkpoints).listOwnership('n', 'h', 'g');

    expect(granted).toMatchObject([{ ownerId: 'us', partitionId: '0' }]);
    expect(again).toHaveLength(1);
    expect(await store.listOwnership('n', 'h', 'g')).toHaveLength(1);
    expect(successor).toEqual([]);
  });

  it('stores and gives back checkpoints under the names that the client uses', async () => {
    const put = vi.fn(async () => undefined);
    const kept = { partition: '1', offset: '4096', sequenceNumber: 7, storedAt: 1 };
    const store = createAzureCheckpointStore({
      damaged: false,
      list: () => [kept],
      of: () => kept,
      put,
      forget: async () => undefined,
    });
    const names = { fullyQualifiedNamespace: 'n', eventHubName: 'h', consumerGroup: 'g' };

    await store.updateCheckpoint({ ...names, partitionId: '1', offset: '4200', sequenceNumber: 8 });
    const listed = await store.listCheckpoints('n', 'h', 'g');

    expect(put.mock.calls).toEqual([[{ partition: '1', offset: '4200', sequenceNumber: 8 }]]);
    expect(listed).toEqual([{ ...names, partitionId: '1', offset: '4096', sequenceNumber: 7 }]);
  });
});

describe('the trouble with a hub', () => {
  const failed = (code: string, message: string) => Object.assign(new Error(message), { code });

  it.each([
    ['UnauthorizedError', 'no claim', 'refused', 'Azure Event Hubs Data Receiver'],
    ['MessagingEntityNotFoundError', 'no such hub', 'not-found', 'EVENTHUB_NAME'],
    ['ReceiverDisconnectedError', 'New receiver', 'taken', 'consumer group $Default'],
    ['ArgumentError', "The supplied offset '9' is invalid", 'position', 'offset'],
    ['ECONNREFUSED', 'connect', 'away', 'ECONNREFUSED'],
  ])('is told by its code %s', (code, message, kind, words) => {
    const wrapped = new AggregateError([failed('ECONNRESET', 'earlier'), failed(code, message)]);

    const trouble = explainHubTrouble(wrapped, '$Default');

    expect(trouble.kind).toBe(kind);
    expect(trouble.text).toContain(words);
  });
});

describe('subscriptions that send to a hub', () => {
  it('say what to mend at the hub where Graph could not send there', async () => {
    const api = { create: async () => ({ kind: 'endpoint-failed' as const, explanation: 'Graph tried it' }) };
    const wanted = {
      resource: '/users',
      changeType: 'updated',
      notificationUrl: '',
      lifecycleNotificationUrl: '',
      expiresAt: 0,
      clientState: '',
    };

    const outcome = await explainedForHub(api as never).create(wanted, AbortSignal.timeout(1000));

    expect(outcome).toMatchObject({ kind: 'endpoint-failed' });
    expect(JSON.stringify(outcome)).toContain('Azure Event Hubs Data Sender');
    expect(JSON.stringify(outcome)).toContain('Graph tried it');
  });

  it('are deleted at Graph once their source is given up, each for itself', async () => {
    const { log, events } = createTestLog();
    const records = [
      { id: 'one', resource: '/users' },
      { id: null, resource: '/groups' },
      { id: 'bad', resource: '/x' },
    ];
    const removed: string[] = [];
    const store = { list: () => records, remove: async (resource: string) => void removed.push(resource) };
    const deleted: string[] = [];
    const api = {
      async delete(id: string) {
        if (id === 'bad') throw new Error('Graph is away');
        deleted.push(id);
        return true;
      },
    };

    await retireSubscriptions(store as unknown as SubscriptionStore, api, log, AbortSignal.timeout(1000));

    expect(deleted).toEqual(['one']);
    expect(removed).toEqual(['/users', '/groups']);
    expect(events.map(({ event }) => event)).toEqual(['listener.subscription.deleted', 'listener.subscription.failed']);
  });
});
