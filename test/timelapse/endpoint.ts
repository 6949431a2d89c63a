import type { VirtualTime } from '../model/virtual-time.js';
import type { PostResult, Transport } from '../simulators/entra/transport.js';
import type { Injected } from './inject.js';
import { NOTIFICATIONS_URL, PUBLIC_URL } from './settings.js';

/** Who answers at our public address, if anybody does. */
export interface Endpoint {
  /** undefined: the process is down, or died before it answered. */
  answer(path: string, contentType: string, body: string): Promise<Injected | undefined>;
  /** Whether packets reach us at all; otherwise they are dropped on the way. */
  reachable(): boolean;
  /** How long an answer takes, virtual ms. */
  delayMs(): number;
}

/** The way from Graph to webhooks, in virtual time. Other services answer everything. */
export function createVirtualTransport(time: VirtualTime, ours: Endpoint): Transport {
  const clock = time.clockOf(() => true);
  const never = new Promise<never>(() => undefined);
  const waited = async (ms: number, result: (durationMs: number) => PostResult): Promise<PostResult> => {
    const startedAt = time.now();
    await clock.sleep(ms);
    return result(time.now() - startedAt);
  };

  return {
    async post(url, contentType, body, limitMs) {
      if (!url.startsWith(PUBLIC_URL)) return foreign(url);
      if (!ours.reachable()) return waited(limitMs, (durationMs) => ({ kind: 'timeout', durationMs }));
      const delayMs = ours.delayMs();
      if (delayMs >= limitMs) return waited(limitMs, (durationMs) => ({ kind: 'timeout', durationMs }));
      if (delayMs > 0) await clock.sleep(delayMs);
      const answered = new AbortController();
      const answer = await Promise.race([
        ours.answer(url.slice(PUBLIC_URL.length), contentType, body).finally(() => answered.abort()),
        // A process that dies over a request answers no more.
        clock.sleep(limitMs - delayMs, answered.signal).catch(() => never),
      ]);
      if (answer === undefined && !answered.signal.aborted) return { kind: 'timeout', durationMs: limitMs };
      if (!answer)
        return { kind: 'unreachable', why: `connect ECONNREFUSED ${NOTIFICATIONS_URL}`, durationMs: delayMs };
      return { kind: 'answered', ...answer, durationMs: delayMs };
    },
    close: async () => undefined,
  };
}

function foreign(url: string): PostResult {
  const text = new URL(url).searchParams.get('validationToken') ?? '';
  return { kind: 'answered', status: 200, contentType: 'text/plain', text, durationMs: 0 };
}
