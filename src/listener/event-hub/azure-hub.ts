import type { Agent } from 'node:https';
import type { TokenCredential } from '@azure/core-auth';
import {
  EventHubConsumerClient,
  type EventHubConsumerClientOptions,
  earliestEventPosition,
  type PartitionContext,
  type ReceivedEventData,
  RetryMode,
  type Subscription,
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

/** Each may be 1 MiB. */
const EVENTS_AT_ONCE = 20;
/**
 * When events are not taken within this time their link is given up, and made again once they are. The client asks for
 * more events with every wait that brings none and never takes that back, so that after a quiet day the hub may send
 * hundreds of thousands, which all would wait in memory while our spool is blocked.
 */
const HOLD_MS = 5000;
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
      let stopped = false;
      let subscription = subscribe();

      function subscribe(): Subscription {
        return client.subscribe(
          partition,
          { processEvents: take, processError: (error) => handlers.onTrouble(partition, error) },
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
      }

      async function take(events: readonly ReceivedEventData[], context: PartitionContext): Promise<void> {
        const last = events.at(-1);
        let given: Promise<unknown> | undefined;
        const timer = setTimeout(() => {
          given = Promise.allSettled([subscription.close()]);
        }, HOLD_MS);
        try {
          await handlers.onEvents(partition, events, async () => {
            if (last) await context.updateCheckpoint(last);
          });
        } finally {
          clearTimeout(timer);
          if (given) {
            await given;
            if (!stopped) subscription = subscribe();
          }
        }
      }

      return {
        stop() {
          stopped = true;
          return subscription.close();
        },
      };
    },
    close: () => client.close(),
  };
}
