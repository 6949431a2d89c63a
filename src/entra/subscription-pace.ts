import type { Clock } from '../domain/clock.js';
import type { SubscriptionApi } from './subscription.js';

const WINDOW_MS = 20_000;

/**
 * Calls in 20 s: a sixth of what Graph allows for one app in one tenant (throttling-limits: 500 reads by id, 500 writes,
 * 25 listings, 1,000 reauthorizations), since a failing call is repeated up to four times and others may use the app.
 */
export const SUBSCRIPTION_PACE = { read: 83, write: 83, list: 4, reauthorize: 166 } as const;

type CallKind = keyof typeof SUBSCRIPTION_PACE;

/** The same calls, each of which waits until it stays below the documented rates. */
export function paceSubscriptions(api: SubscriptionApi, clock: Clock): SubscriptionApi {
  const turn = createTurns(clock);
  return {
    create: (wanted, signal) => turn('write', signal).then(() => api.create(wanted, signal)),
    get: (id, signal) => turn('read', signal).then(() => api.get(id, signal)),
    list: (signal) => turn('list', signal).then(() => api.list(signal)),
    renew: (id, expiresAt, signal) => turn('write', signal).then(() => api.renew(id, expiresAt, signal)),
    delete: (id, signal) => turn('write', signal).then(() => api.delete(id, signal)),
    reauthorize: (id, signal) => turn('reauthorize', signal).then(() => api.reauthorize(id, signal)),
  };
}

function createTurns(clock: Clock): (kind: CallKind, signal: AbortSignal) => Promise<void> {
  const taken: Record<CallKind, number[]> = { read: [], write: [], list: [], reauthorize: [] };
  return async (kind, signal) => {
    for (;;) {
      signal.throwIfAborted();
      const now = clock.now();
      // What lies ahead was counted before the clock was set back; waiting for it could take for ever.
      taken[kind] = taken[kind].filter((at) => at <= now && now - at < WINDOW_MS);
      const [first] = taken[kind];
      if (first === undefined || taken[kind].length < SUBSCRIPTION_PACE[kind]) {
        taken[kind].push(now);
        return;
      }
      await clock.sleep(first + WINDOW_MS - now, signal);
    }
  };
}
