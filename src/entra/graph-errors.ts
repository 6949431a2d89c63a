import { SourceUnavailable } from '../domain/errors.js';

/** Graph understood the call and refused it: a 4xx with Graph's own error object in it. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
  constructor(
    message: string,
    readonly status: number,
    /** Graph's code, such as `Request_ResourceNotFound`. */
    readonly code: string,
    /** Graph's own text, without our words around it. */
    readonly graphMessage: string,
    readonly requestId: string | undefined,
  ) {
    super(message);
  }
}

/** Graph or the token endpoint cannot be asked, or answered something that nothing may be concluded from. */
export class GraphUnavailable extends SourceUnavailable {
  /** The HTTP status of the last answer; undefined where none came. */
  readonly status: number | undefined;
  /** Whether the same call may succeed a moment later. */
  readonly transient: boolean;
  constructor(message: string, options: { status?: number; transient?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.status = options.status;
    this.transient = options.transient ?? false;
  }
}

/**
 * Whether this answer is Graph saying that the object is not there. A bare 404 is not: a proxy or a wrong base URL
 * gives those too, and somebody would be locked for it.
 */
export function saysNotFound(status: number, code: string | undefined): boolean {
  return status === 404 && code !== undefined && /(Resource|Item)NotFound$/i.test(code);
}
