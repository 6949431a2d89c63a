import type { EndpointView } from '../listener/endpoint-health.js';
import type { ShownHub } from '../listener/event-hub/routes.js';
import type { ShownSubscription } from '../listener/subscriptions/routes.js';
import { createOperatorClient, DaemonUnreachable } from '../operator/client.js';
import type { ReconcilerStatus } from '../operator/status.js';
import { ExitCode, exitCodeOfStatus } from './exit-code.js';
import type { Io } from './io.js';
import { isListenerWanted } from './parts/listener-wanted.js';
import { shownGroups } from './render/groups.js';
import { renderStatus, type StatusView } from './render/status.js';
import { type CommonOptions, equip } from './settings-of.js';

/**
 * One screen with everything that matters; exit 3 while a plan is held, 4 when something could not be read or a
 * subscription is not alive or our answers are too slow, since changes are then seen late, 1 when something of somebody failed and is not done.
 */
export async function statusCommand(options: CommonOptions, io: Io): Promise<ExitCode> {
  const { settings, loaded } = equip('status', options, io);
  const { operatorSocket, listenerSocket } = settings.paths;
  const missing: string[] = [];
  const ask = async <T>(socket: string, path: string): Promise<T | undefined> => {
    try {
      const answer = await createOperatorClient(socket, { timeoutMs: 10_000 }).call('GET', path);
      return answer.status === 200 ? (answer.body as T) : undefined;
    } catch (error) {
      if (!(error instanceof DaemonUnreachable)) throw error;
      return undefined;
    }
  };
  const reconciler = await ask<ReconcilerStatus>(operatorSocket, '/status');
  if (!reconciler) missing.push(`the reconciler does not answer on ${operatorSocket}`);
  // `run` keeps the subscriptions in the same process and answers for them on the same socket.
  const subscriptions =
    (await ask<ShownSubscription[]>(operatorSocket, '/subscriptions')) ??
    (await ask<ShownSubscription[]>(listenerSocket, '/subscriptions'));
  const endpoint =
    (await ask<EndpointView>(operatorSocket, '/endpoint')) ?? (await ask<EndpointView>(listenerSocket, '/endpoint'));
  const eventHub =
    (await ask<ShownHub>(operatorSocket, '/event-hub')) ?? (await ask<ShownHub>(listenerSocket, '/event-hub'));
  // With poll alone, or nothing said, there is no listener on purpose; who may not read the configuration cannot tell.
  const isUnsaid = settings.entra.enforce && settings.sources.length === 0 && loaded.file === undefined;
  const wantsListener = isListenerWanted(settings) || isUnsaid;
  if (!subscriptions && wantsListener)
    missing.push('the listener does not answer: nothing is known of the subscriptions');
  const groups = reconciler?.groups && shownGroups(reconciler.groups, subscriptions, reconciler.catchUp !== undefined);
  const view: StatusView = { reconciler, subscriptions, endpoint, eventHub, groups, missing };
  if (options.json) io.out(JSON.stringify(view));
  else for (const line of renderStatus(view, io, Date.now())) io.out(line);
  if (!reconciler) return ExitCode.failed;
  const isTooSlow = endpoint !== undefined && endpoint.standing !== 'well';
  const isHubUnread = eventHub !== undefined && (eventHub.state === 'away' || eventHub.state === 'waiting');
  const isUnheard =
    isHubUnread || missing.length > 0 || subscriptions?.some(({ state }) => state !== 'live') === true || isTooSlow;
  return exitCodeOfStatus(reconciler, isUnheard);
}
