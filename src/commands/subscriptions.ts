import type { ShownSubscription } from '../listener/subscriptions/routes.js';
import { type Answer, createOperatorClient, DaemonUnreachable } from '../operator/client.js';
import { ExitCode } from './exit-code.js';
import type { Io } from './io.js';
import { refusal } from './parts/refusal.js';
import { namedBySource, sourceOf } from './render/subscription-source.js';
import { type CommonOptions, equip } from './settings-of.js';

export type SubscriptionsVerb = 'list' | 'renew' | 'delete';

/** Shows, renews or deletes the subscriptions of the running listener; exit 4 where one is not as it should be. */
export async function subscriptionsCommand(verb: SubscriptionsVerb, options: CommonOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('status', options, io);
  if (!settings.entra.enforce) {
    io.err('GRAPH_ENFORCE is false: Graph is not asked, so there are no subscriptions');
    if (options.json) io.out('[]');
    return verb === 'list' ? ExitCode.done : ExitCode.usage;
  }
  const { operatorSocket, listenerSocket } = settings.paths;
  const answer = await askEither(listenerSocket, operatorSocket, verb);
  if (answer.status !== 200) return refusal(answer, io);
  const subscriptions = answer.body as ShownSubscription[];
  if (options.json) io.out(JSON.stringify(subscriptions.map((one) => ({ ...one, source: sourceOf(one) }))));
  else if (verb === 'delete') io.out(afterDeletion(subscriptions));
  else if (subscriptions.length === 0) io.out('no subscriptions');
  else for (const subscription of subscriptions) io.out(render(subscription));
  const unwell = subscriptions.some(({ state, problem }) => problem || (verb !== 'delete' && state !== 'live'));
  return unwell ? ExitCode.degraded : ExitCode.done;
}

function render(subscription: ShownSubscription): string {
  const { resource, id, state, expiresAt, touchedAt, touchedBy, gap, lastGap, problem } = subscription;
  const standing =
    expiresAt === undefined ? state : `${state}, ${state === 'expired' ? 'expired' : 'expires'} ${expiresAt}`;
  const parts = [
    resource,
    id ?? '-',
    sourceOf(subscription),
    standing,
    touchedAt && `touched ${touchedAt}${touchedBy ? ` (${touchedBy})` : ''}`,
    gap && `NOT COVERED since ${gap.since} (${gap.kind})`,
    lastGap && `last gap ${lastGap.seconds} s until ${lastGap.to} (${lastGap.kind})`,
    problem && `! ${problem}`,
  ];
  return parts.filter(Boolean).join('  ');
}

function afterDeletion(subscriptions: readonly ShownSubscription[]): string {
  const left = subscriptions.filter(({ state }) => state !== 'missing');
  if (left.length > 0)
    return `still there: ${namedBySource(left)
      .map(({ resource }) => resource)
      .join(', ')}`;
  return 'all are deleted; a listener that runs makes them anew at its next look (SUBSCRIPTION_CRON)';
}

/** The listener's own socket, or that of `run`. */
async function askEither(listenerSocket: string, operatorSocket: string, verb: SubscriptionsVerb): Promise<Answer> {
  const reasons: string[] = [];
  for (const [socket, daemon] of [
    [listenerSocket, 'listener'],
    [operatorSocket, 'reconciler'],
  ] as const) {
    try {
      const client = createOperatorClient(socket, { daemon });
      const answer =
        verb === 'list'
          ? await client.call('GET', '/subscriptions')
          : await client.call('POST', `/subscriptions/${verb}`, {});
      if (answer.status !== 404) return answer;
      reasons.push(`the ${daemon} on ${socket} keeps no subscriptions`);
    } catch (error) {
      if (!(error instanceof DaemonUnreachable)) throw error;
      reasons.push(error.message);
    }
  }
  throw new Error(reasons.join('; '));
}
