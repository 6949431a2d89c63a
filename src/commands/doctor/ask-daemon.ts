import { createOperatorClient } from '../../operator/client.js';
import { EXCHANGE_MS } from './budget.js';

/** Asks a daemon of this host over its socket, within the time of one exchange. */
export function asker(
  socket: string,
  daemon: 'listener' | 'reconciler',
): (path: string) => ReturnType<ReturnType<typeof createOperatorClient>['call']> {
  return (path) => createOperatorClient(socket, { timeoutMs: EXCHANGE_MS, daemon }).call('GET', path);
}
