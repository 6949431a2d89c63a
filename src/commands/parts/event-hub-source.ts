import { join } from 'node:path';
import type { EventHubSettings, Settings } from '../../config/settings.js';
import { openCheckpoints } from '../../listener/event-hub/checkpoints.js';
import { createHubConsumer, type HubConsumerOptions } from '../../listener/event-hub/consumer.js';
import { startHubReader } from '../../listener/event-hub/reader.js';
import type { ShownHub } from '../../listener/event-hub/routes.js';
import { createTokenCredential } from '../../listener/event-hub/token-credential.js';
import type { Unready } from '../../operator/health.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { systemClock } from '../../telemetry/system-clock.js';
import type { Graph } from './graph.js';

export interface EventHubSource {
  view(): ShownHub;
  unready(): Unready[];
  measure(): void;
  stop(): Promise<void>;
}

/** A partition that is moved, or a proxy that is restarted, is back by then. */
const TROUBLE_MS = 60_000;

/** Reads the hub until it is stopped. Resolves once its checkpoints are known; the hub itself may be away. */
export async function startEventHubSource(
  settings: Settings,
  hub: EventHubSettings,
  graph: Graph,
  intake: Omit<HubConsumerOptions, 'checkpoints' | 'consumerGroup' | 'clock' | 'log' | 'onOutcome'>,
  log: Log,
  metrics: Metrics,
): Promise<EventHubSource> {
  const { namespace, consumerGroup, connectionString } = hub;
  const proxy = graph.outbound.proxyFor(`https://${namespace}`);
  const transport = hub.transport ?? (proxy ? 'websocket' : 'amqp');
  const checkpoints = await openCheckpoints({
    path: join(settings.paths.listenerStateDir, 'event-hub-checkpoints.json'),
    hub: `${namespace}/${hub.hub}/${consumerGroup}`,
    clock: systemClock,
    log,
  });
  const consumer = createHubConsumer({
    ...intake,
    checkpoints,
    consumerGroup,
    clock: systemClock,
    log,
    onOutcome: (outcome) => metrics.notifications.inc({ outcome }),
  });
  const credential = createTokenCredential(graph.credentialFor, systemClock);
  // Evaluated here for the first time: whoever reads no hub pays nothing for the client.
  const { connectAzureHub } = await import('../../listener/event-hub/azure-hub.js');
  const reader = startHubReader({
    connect: () =>
      connectAzureHub({
        namespace,
        hub: hub.hub,
        consumerGroup,
        connectionString,
        credential,
        checkpoints,
        webSocketAgent: transport === 'websocket' ? graph.outbound.agent : undefined,
      }),
    consumer,
    clock: systemClock,
    log,
  });
  const where = `${namespace}/${hub.hub}`;
  return {
    view() {
      const { since, lastEventAt, ...rest } = consumer.standing.view();
      return {
        hub: where,
        consumerGroup,
        transport,
        ...rest,
        since: iso(since),
        lastEventAt: lastEventAt === undefined ? undefined : iso(lastEventAt),
      };
    },
    unready() {
      const { state, since, problem } = consumer.standing.view();
      if (state === 'reading' || systemClock.now() - since < TROUBLE_MS) return [];
      return [
        {
          condition: 'event-hub',
          detail: `${where}: ${words(state)}${problem ? `: ${problem}` : ''}`,
          since: iso(since),
        },
      ];
    },
    measure() {
      const { state, lastEventAt } = consumer.standing.view();
      metrics.eventHubUnwell.set(state === 'reading' ? 0 : 1);
      if (lastEventAt !== undefined) metrics.eventHubLastEventSeconds.set(lastEventAt / 1000);
    },
    stop: () => reader.stop(),
  };
}

function words(state: 'starting' | 'away' | 'waiting'): string {
  if (state === 'waiting') return 'its events wait, since the spool takes nothing';
  return state === 'away' ? 'the event hub cannot be read' : 'the event hub was not reached yet';
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
