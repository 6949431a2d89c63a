import type { Agent } from 'node:https';
import type { TokenCredential } from '@azure/core-auth';
import {
  EventHubConsumerClient,
  type EventHubConsumerClientOptions,
  earliestEventPosition,
  RetryMode,
} from '@azure/event-hubs';
import WebSocket from 'ws';
import { createAzureCheckpointStore } from './azure-checkpoint-store.js';
import type { Checkpoints } from './checkpoints.js';
import type { HubConnection } from './hub.js';
import { lastOf } from './hub-trouble.js';

export interface AzureHubOptions {
  namespace: string;
  hub: string;
  consumerGroup: string;
  /** A secret; without it `credential` is asked for tokens. */
  connectionString: string | undefined;
  credential: TokenCredential;
  checkpoints: Checkpoints;
  /** Present: WebSockets on port 443 by this agent, which knows the proxy and the roots. Absent: AMQP on port 5671. */
  webSocketAgent: Agent | undefined;
}

/** Each may be 1 MiB, and as many again wait in the client. */
const EVENTS_AT_ONCE = 20;
/**
 * After this time without events the client gives an empty list. It is also how long it may take to notice that the
 * connection was cut, since only then a new one is made.
 */
const WAIT_SECONDS = 3;
/** After a failure that the client does not get over by itself; our own back-off comes on top. */
const REOPEN_MS = 2000;

/**
 * A connection by Microsoft's client. Every partition is subscribed to on its own: there is nobody to share them with,
 * and each then comes back by itself after a failure, without the balancing that asks the hub for its state first.
 */
export function connectAzureHub(options: AzureHubOptions): HubConnection {
  const { hub, consumerGroup, connectionString, webSocketAgent } = options;
  const store = createAzureCheckpointStore(options.checkpoints);
  const clientOptions: EventHubConsumerClientOptions = {
    retryOptions: {
      maxRetries: 2,
      retryDelayInMs: 500,
      maxRetryDelayInMs: 5000,
      timeoutInMs: 15_000,
      mode: RetryMode.Exponential,
    },
    loadBalancingOptions: {
      strategy: 'greedy',
      updateIntervalInMs: REOPEN_MS,
      partitionOwnershipExpirationIntervalInMs: 60_000,
    },
    ...(webSocketAgent
      ? { webSocketOptions: { webSocket: WebSocket, webSocketConstructorOptions: { agent: webSocketAgent } } }
      : {}),
  };
  const client = connectionString
    ? new EventHubConsumerClient(consumerGroup, connectionString, hub, store, clientOptions)
    : new EventHubConsumerClient(consumerGroup, options.namespace, hub, options.credential, store, clientOptions);
  return {
    async partitions() {
      try {
        return await client.getPartitionIds();
      } catch (error) {
        throw lastOf(error);
      }
    },
    read(partition, handlers) {
      const subscription = client.subscribe(
        partition,
        {
          async processEvents(events, context) {
            const last = events.at(-1);
            await handlers.onEvents(partition, events, async () => {
              if (last) await context.updateCheckpoint(last);
            });
          },
          processError: (error) => handlers.onTrouble(partition, error),
        },
        {
          // The oldest that is kept: a partition in which nothing happened yet has no checkpoint, and starting at its end
          // would skip whatever comes while we are away.
          startPosition: earliestEventPosition,
          maxBatchSize: EVENTS_AT_ONCE,
          prefetchCount: EVENTS_AT_ONCE,
          maxWaitTimeInSeconds: WAIT_SECONDS,
          skipParsingBodyAsJson: true,
        },
      );
      return { stop: () => subscription.close() };
    },
    close: () => client.close(),
  };
}
