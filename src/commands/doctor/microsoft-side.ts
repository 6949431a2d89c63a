import { randomBytes } from 'node:crypto';
import type { Settings } from '../../config/settings.js';
import type { Clock } from '../../domain/clock.js';
import { createOperatorClient } from '../../operator/client.js';
import type { Log } from '../../telemetry/log.js';
import type { Graph } from '../parts/graph.js';
import { asker } from './ask-daemon.js';
import { subject } from './budget.js';
import type { Check } from './check.js';
import { checkListener } from './daemons.js';
import { checkEventHub } from './event-hub.js';
import { hubPorts } from './hub.js';
import { lookAtTheWay } from './microsoft.js';
import { checkTenant } from './tenant.js';
import { addressesOf, checkWatch } from './tenant-watch.js';

/** Asking a daemon that may not run. */
const TOKEN_MS = 1_000;

/** Everything of Microsoft, and how changes are heard of from there. */
export async function checkMicrosoft(
  { log, clock }: { log: Log; clock: Clock },
  settings: Settings,
  graph: Graph,
  signal: AbortSignal,
): Promise<Check[]> {
  const { listenerSocket, operatorSocket } = settings.paths;
  const isTold = addressesOf(settings).length > 0;
  const listener = isTold
    ? checkListener({ ask: [asker(listenerSocket, 'listener'), asker(operatorSocket, 'reconciler')] })
    : undefined;
  const held = listener?.then((seen) => seen.held) ?? Promise.resolve([]);
  const newToken = () => probeToken([listenerSocket, operatorSocket]);
  const way = lookAtTheWay({ settings, graph, newToken, now: clock.now }, signal);
  const { eventHub } = settings;
  const parts = await Promise.all([
    way.checks,
    checkTenant(
      {
        settings,
        graph,
        way,
        beside: {
          names: isTold ? ['subscription.live', 'subscription.others'] : [],
          look: async (inner) => (isTold ? checkWatch({ settings, graph, held, now: clock.now, log }, inner) : []),
        },
        now: clock.now,
      },
      signal,
    ),
    listener ? subject(['listener.reach', 'listener.ready'], signal, async () => (await listener).checks) : [],
    eventHub && settings.sources.includes('eventhub')
      ? subject(['eventhub.reach', 'eventhub.checkpoint'], signal, () =>
          checkEventHub(hubPorts(settings, eventHub, graph, clock), signal),
        )
      : [],
  ]);
  return parts.flat();
}

/**
 * A token that the running listener lets in from wherever it comes, since it may take handshakes of Graph's addresses
 * alone; else one that has everything in it that could be lost on the way.
 */
async function probeToken(sockets: readonly string[]): Promise<string> {
  for (const socket of sockets) {
    const client = createOperatorClient(socket, { timeoutMs: TOKEN_MS });
    const answer = await client.call('POST', '/endpoint/probe-token', {}).catch(() => undefined);
    const token = answer?.status === 200 ? (answer.body as { token?: unknown }).token : undefined;
    if (typeof token === 'string') return token;
  }
  return `Validation: <entramox&doctor> ${randomBytes(16).toString('hex')}`;
}
