import type { SubscriptionView } from '../listener/subscriptions/keeper.js';
import { type Answer, createOperatorClient, DaemonUnreachable } from '../operator/client.js';
import { ExitCode } from './exit-code.js';
import type { Io } from './io.js';
import { refusal } from './parts/refusal.js';
import { type CommonOptions, equip } from './settings-of.js';

export type SubscriptionsVerb = 'list' | 'renew' | 'delete';

/** Shows, renews or deletes the subscriptions of the running listener. */
export async function subscriptionsCommand(verb: SubscriptionsVerb, options: CommonOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('status', options, 'stderr');
  const { operatorSocket, listenerSocket } = settings.paths;
  const answer = await askEither([listenerSocket, operatorSocket], verb);
  if (answer.status !== 200) return refusal(answer, io);
  const subscriptions = answer.body as SubscriptionView[];
  if (options.json) io.out(JSON.stringify(subscriptions));
  else if (subscriptions.length === 0) io.out('no subscriptions');
  else {
    for (const { resource, id, expiresAt, problem } of subscriptions) {
      const expiry = expiresAt === undefined ? 'never made' : `expires ${new Date(expiresAt).toISOString()}`;
      io.out(`${resource}  ${id ?? '-'}  ${expiry}${problem ? `  ${problem}` : ''}`);
    }
  }
  return subscriptions.some((item) => item.problem) ? ExitCode.degraded : ExitCode.done;
}

/** The listener's own socket, or that of `run`. */
async function askEither(sockets: readonly string[], verb: SubscriptionsVerb): Promise<Answer> {
  const reasons: string[] = [];
  for (const socket of sockets) {
    try {
      const client = createOperatorClient(socket);
      const answer =
        verb === 'list'
          ? await client.call('GET', '/subscriptions')
          : await client.call('POST', `/subscriptions/${verb}`, {});
      if (answer.status !== 404) return answer;
      reasons.push(`${socket} keeps no subscriptions`);
    } catch (error) {
      if (!(error instanceof DaemonUnreachable)) throw error;
      reasons.push(error.message);
    }
  }
  throw new Error(reasons.join('; '));
}
