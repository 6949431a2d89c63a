import type { Context, Middleware } from '@microsoft/microsoft-graph-client';
import { Invariant } from '../domain/errors.js';

/** What every middleware of ours may rely on: the request as a URL, and an answer once the next one has run. */
export interface Exchange {
  url: URL;
  method: string;
  context: Context;
  signal: AbortSignal | undefined;
}

/** One link of the library's middleware chain, as a function. */
export function middleware(run: (exchange: Exchange, next: () => Promise<Response>) => Promise<Response>): Middleware {
  let following: Middleware | undefined;
  return {
    async execute(context) {
      const { request, options } = context;
      const url = new URL(typeof request === 'string' ? request : request.url);
      context.response = await run(
        { url, method: options?.method ?? 'GET', context, signal: options?.signal ?? undefined },
        async () => {
          await following?.execute(context);
          if (!context.response) throw new Invariant('the middleware chain ended without an answer');
          return context.response;
        },
      );
    },
    setNext(next) {
      following = next;
    },
  };
}
