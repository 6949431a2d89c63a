import { join } from 'node:path';
import type { EventHubSettings, Settings } from '../../config/settings.js';
import type { Clock } from '../../domain/clock.js';
import { createCheckpointFile } from '../../listener/event-hub/checkpoint-file.js';
import { createTokenCredential } from '../../listener/event-hub/token-credential.js';
import type { Graph } from '../parts/graph.js';
import { within } from './budget.js';
import type { EventHubPorts } from './event-hub.js';

/** The client makes several exchanges to begin with. */
const HUB_MS = 8_000;

/** Asks the hub over the way that the listener takes, reads no event of it, and of the checkpoints the file alone. */
export function hubPorts(settings: Settings, hub: EventHubSettings, graph: Graph, clock: Clock): EventHubPorts {
  const { namespace, consumerGroup, connectionString } = hub;
  const proxy = graph.outbound.proxyFor(`https://${namespace}`);
  const transport = hub.transport ?? (proxy ? 'websocket' : 'amqp');
  const file = createCheckpointFile(join(settings.paths.listenerStateDir, 'event-hub-checkpoints.json'));
  return {
    place: `${namespace}/${hub.hub} (${consumerGroup}, ${transport}${proxy ? ` through ${proxy}` : ''})`,
    now: clock.now(),
    async checkpoints() {
      const seen = await file.read();
      return seen?.hub === `${namespace}/${hub.hub}/${consumerGroup}` ? seen.checkpoints : [];
    },
    async partitions(signal) {
      const { connectAzureHub } = await import('../../listener/event-hub/azure-hub.js');
      const connection = connectAzureHub({
        namespace,
        hub: hub.hub,
        consumerGroup,
        connectionString,
        credential: createTokenCredential(graph.credentialFor, clock),
        checkpoints: NO_CHECKPOINTS,
        webSocketAgent: transport === 'websocket' ? graph.outbound.agent : undefined,
      });
      try {
        return await within(HUB_MS, signal, () => connection.partitions());
      } finally {
        // A connection that is silent would keep us waiting for its end, too.
        connection.close().catch(() => undefined);
      }
    },
  };
}

/** Nothing is read, so nothing is asked of them. */
const NO_CHECKPOINTS = {
  damaged: false,
  list: () => [],
  of: () => undefined,
  put: () => Promise.resolve(),
  forget: () => Promise.resolve(),
};
