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

/**
 * What is unwell: `login`, the token endpoint cannot be asked; `credential`, it refuses ours; `permissions`, the token
 * lacks what every read needs; `graph`, Graph as a whole; `call`, nothing but this call.
 */
export type UnwellPart = 'login' | 'credential' | 'permissions' | 'graph' | 'call';

export interface UnavailableDetails {
  status?: number | undefined;
  transient?: boolean | undefined;
  about?: UnwellPart | undefined;
  /** What an operator can do, as a sentence without its full stop. */
  mend?: string | undefined;
  /** How long the other side wants to be left alone. */
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** Graph or the token endpoint cannot be asked, or answered something that nothing may be concluded from. */
export class GraphUnavailable extends SourceUnavailable {
  /** The HTTP status of the last answer; undefined where none came. */
  readonly status: number | undefined;
  /** Whether the same call may succeed a moment later. */
  readonly transient: boolean;
  /** Default: `call`. */
  readonly about: UnwellPart;
  readonly mend: string | undefined;
  readonly retryAfterMs: number | undefined;
  constructor(message: string, details: UnavailableDetails = {}) {
    super(message, { cause: details.cause });
    this.status = details.status;
    this.transient = details.transient ?? false;
    this.about = details.about ?? 'call';
    this.mend = details.mend;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/**
 * Whether this answer is Graph saying that the object is not there. A bare 404 is not: a proxy or a wrong base URL
 * gives those too, and somebody would be locked for it.
 */
export function saysNotFound(status: number, code: string | undefined): boolean {
  return status === 404 && code !== undefined && /(Resource|Item)NotFound$/i.test(code);
}
