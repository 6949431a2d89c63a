import { setTimeout as sleep } from 'node:timers/promises';
import type { AccessTokens } from './access-tokens.js';
import type { Call } from './calls.js';
import type { Dispatcher } from './dispatch.js';
import { errorBody } from './errors.js';
import type { Strike } from './faults.js';
import { answerLogin, loginTemplate } from './login-server.js';
import type { CallFacts } from './matcher.js';
import type { RawRequest } from './server.js';
import type { TokenEndpointOptions } from './token-endpoint.js';
import type { Answer } from './types.js';

export interface FrontDoorOptions {
  dispatcher: Dispatcher;
  strike(call: CallFacts): Strike;
  record(call: Call): void;
  tokens: AccessTokens;
  login: TokenEndpointOptions;
}

const GRAPH = '/v1.0';

/** Sends a request to the login side or, once its bearer and body are in order, to Graph. */
export function createFrontDoor(options: FrontDoorOptions): (request: RawRequest) => Promise<Answer> {
  async function atLogin(request: RawRequest, template: string): Promise<Answer> {
    const startedAt = performance.now();
    const facts = { method: request.method, path: request.path, template, inBatch: false };
    const strike = options.strike(facts);
    if (strike.stallMs > 0) await sleep(strike.stallMs, undefined, { ref: false });
    const answer = strike.answer ?? answerLogin(facts, request.path, request.rawBody, options.login);
    options.record({ ...facts, at: Date.now(), status: answer.status, durationMs: performance.now() - startedAt });
    return answer;
  }

  function refuse(request: RawRequest, answer: Answer): Answer {
    const path = request.path.slice(GRAPH.length);
    options.record({
      method: request.method,
      path,
      template: options.dispatcher.templateOf({ method: request.method, path }),
      inBatch: false,
      at: Date.now(),
      status: answer.status,
      durationMs: 0,
    });
    return answer;
  }

  return async (request) => {
    const template = loginTemplate(request.path);
    if (template) return atLogin(request, template);
    if (!request.path.startsWith(`${GRAPH}/`))
      return refuse(request, { status: 404, body: errorBody('BadRequest', 'Invalid version.') });
    const caller = options.tokens.judge(request.headers.authorization);
    if ('status' in caller) return refuse(request, caller);
    const body = readBody(request);
    if (!body.ok) return refuse(request, { status: 400, body: errorBody('BadRequest', body.why) });
    return options.dispatcher.dispatch({
      method: request.method,
      path: request.path.slice(GRAPH.length),
      query: request.query,
      headers: request.headers,
      body: body.value,
      inBatch: false,
      caller,
    });
  };
}

function readBody(request: RawRequest): { ok: true; value: unknown } | { ok: false; why: string } {
  if (request.rawBody === '') return { ok: true, value: undefined };
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    return { ok: false, why: `The content type '${request.headers['content-type'] ?? ''}' is not supported.` };
  try {
    return { ok: true, value: JSON.parse(request.rawBody) };
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false, why: 'Unable to read JSON request payload.' };
    throw error;
  }
}
