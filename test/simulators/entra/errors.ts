import { randomUUID } from 'node:crypto';
import type { Answer } from './types.js';

/** A refusal in Graph's words; handlers throw it, the server turns it into an answer. */
export class GraphFailure extends Error {
  override readonly name = 'GraphFailure';
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

/** 404 as Graph words it for a directory object. */
export function notFound(id: string): GraphFailure {
  return new GraphFailure(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  );
}

/** 400 for an option or a cast that this kind of query does not take. */
export function unsupportedQuery(message: string): GraphFailure {
  return new GraphFailure(400, 'Request_UnsupportedQuery', message);
}

/** The body that Graph puts around every error. */
export function errorBody(code: string, message: string, clientRequestId?: string): unknown {
  const requestId = randomUUID();
  return {
    error: {
      code,
      message,
      innerError: {
        date: new Date().toISOString().slice(0, 19),
        'request-id': requestId,
        'client-request-id': clientRequestId ?? requestId,
      },
    },
  };
}

/** The answer for whatever a handler threw; anything but a GraphFailure is a bug of the simulator and says so. */
export function answerOf(error: unknown, clientRequestId?: string): Answer {
  if (error instanceof GraphFailure)
    return {
      status: error.status,
      headers: { ...error.headers },
      body: errorBody(error.code, error.message, clientRequestId),
    };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { status: 500, body: errorBody('SimulatorBug', text, clientRequestId) };
}
