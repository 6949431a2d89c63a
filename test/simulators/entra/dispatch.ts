import { setTimeout as sleep } from 'node:timers/promises';
import { answerBatch } from './batch.js';
import type { Call } from './calls.js';
import { answerOf, GraphFailure } from './errors.js';
import type { Strike } from './faults.js';
import type { CallFacts } from './matcher.js';
import { pathWithQuery } from './paging.js';
import type { Answer, Exchange, Incoming, Route } from './types.js';

export interface DispatcherOptions {
  routes: readonly Route[];
  strike(call: CallFacts): Strike;
  record(call: Call): void;
  onExchange: ((exchange: Exchange) => void) | undefined;
}

export interface Dispatcher {
  /** Runs one Graph request through faults, routes and the record of calls. */
  dispatch(incoming: Incoming): Promise<Answer>;
  /** What a call is named in counters, `/unknown` for one that nobody answers. */
  templateOf(call: { method: string; path: string }): string;
}

/** A dispatcher over these routes; `$batch` dispatches its items through the same one. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const compiled = options.routes.map((route) => ({ route, pattern: patternOf(route.template) }));

  function find(incoming: { method: string; path: string }): {
    route: Route | undefined;
    id: string;
    template: string;
  } {
    let template = '/unknown';
    for (const { route, pattern } of compiled) {
      const found = pattern.exec(incoming.path);
      if (!found) continue;
      template = route.template;
      if (route.method === incoming.method) return { route, id: found[1] ?? '', template };
    }
    return { route: undefined, id: '', template };
  }

  function templateOf(call: { method: string; path: string }): string {
    return call.path === '/$batch' ? '/$batch' : find(call).template;
  }

  async function handle(incoming: Incoming, found: ReturnType<typeof find>): Promise<Answer> {
    try {
      if (incoming.path === '/$batch') {
        if (incoming.inBatch || incoming.method !== 'POST') throw unknownPath(incoming);
        return await answerBatch(incoming, dispatch);
      }
      if (!found.route) throw unknownPath(incoming);
      return await found.route.handle(incoming, decode(found.id));
    } catch (error) {
      return answerOf(error, incoming.headers['client-request-id']);
    }
  }

  async function dispatch(incoming: Incoming): Promise<Answer> {
    const startedAt = performance.now();
    const found = find(incoming);
    const template = templateOf(incoming);
    const path = pathWithQuery(incoming);
    const facts: CallFacts = { method: incoming.method, path, template, inBatch: incoming.inBatch };
    const strike = options.strike(facts);
    if (strike.stallMs > 0) await sleep(strike.stallMs, undefined, { ref: false });
    const answer = strike.answer ?? (await handle(incoming, found));
    options.record({ ...facts, at: Date.now(), status: answer.status, durationMs: performance.now() - startedAt });
    if (!strike.answer && !answer.drop)
      options.onExchange?.({
        method: incoming.method,
        path,
        requestHeaders: incoming.headers,
        requestBody: incoming.body,
        status: answer.status,
        responseHeaders: answer.headers ?? {},
        responseBody: answer.body,
        inBatch: incoming.inBatch,
      });
    return answer;
  }

  return { dispatch, templateOf };
}

function patternOf(template: string): RegExp {
  const escaped = template.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&').replace('{id}', '([^/]+)');
  return new RegExp(`^${escaped}/?$`, 'i');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) throw new GraphFailure(400, 'BadRequest', `'${text}' is not well encoded.`);
    throw error;
  }
}

function unknownPath(incoming: Incoming): GraphFailure {
  return new GraphFailure(
    400,
    'BadRequest',
    `Resource not found for the segment '${incoming.path}' with ${incoming.method}.`,
  );
}
