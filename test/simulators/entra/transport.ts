import { Agent, errors, request } from 'undici';

/** How a POST to a webhook ended. */
export type PostResult =
  | { kind: 'answered'; status: number; contentType: string; text: string; durationMs: number }
  | { kind: 'timeout'; durationMs: number }
  | { kind: 'unreachable'; why: string; durationMs: number };

export interface Transport {
  /** Posts once; a redirect is an answer like any other. The limit covers connecting, answering and the body. */
  post(url: string, contentType: string, body: string, limitMs: number): Promise<PostResult>;
  close(): Promise<void>;
}

const MAX_BODY_CHARACTERS = 10_000;

/** HTTPS to webhooks, trusting only these roots, on connections of its own. */
export function createTransport(trusted: readonly string[]): Transport {
  const agent = new Agent({ connect: { ca: [...trusted] }, connections: 64, keepAliveTimeout: 30_000 });
  return {
    async post(url, contentType, body, limitMs) {
      const startedAt = performance.now();
      const took = () => performance.now() - startedAt;
      const signal = AbortSignal.timeout(limitMs);
      try {
        const answer = await request(url, {
          method: 'POST',
          dispatcher: agent,
          headers: { 'content-type': contentType, 'user-agent': 'Microsoft Graph change notifications (simulator)' },
          body,
          signal,
        });
        const text = (await answer.body.text()).slice(0, MAX_BODY_CHARACTERS);
        const type = answer.headers['content-type'];
        return {
          kind: 'answered',
          status: answer.statusCode,
          contentType: Array.isArray(type) ? (type[0] ?? '') : (type ?? ''),
          text,
          durationMs: took(),
        };
      } catch (error) {
        if (signal.aborted || error instanceof errors.ConnectTimeoutError)
          return { kind: 'timeout', durationMs: took() };
        const why = error instanceof Error ? `${error.message}` : String(error);
        return { kind: 'unreachable', why, durationMs: took() };
      }
    },
    close: () => agent.destroy(),
  };
}
