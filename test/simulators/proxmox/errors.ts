/** An answer of 400 or above; the message is what the API says, without its trailing newline. */
export class ApiError extends Error {
  readonly status: number;
  /** Texts by parameter, as a 400 carries them. */
  readonly errors: Readonly<Record<string, string>> | undefined;
  /** true: the HTTP layer refuses before the API sees the call, so the body is empty and only the reason phrase speaks. */
  readonly bodiless: boolean;

  constructor(status: number, message: string, options: { errors?: Record<string, string>; bodiless?: boolean } = {}) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.errors = options.errors;
    this.bodiless = options.bodiless ?? false;
  }
}

/** Nearly everything that goes wrong in Proxmox VE is a 500 whose text alone tells what it is. */
export function fault(text: string): ApiError {
  return new ApiError(500, text);
}

/** 400 with one text per parameter. */
export function invalid(errors: Record<string, string>): ApiError {
  return new ApiError(400, 'Parameter verification failed.', { errors });
}

/** 403; `what` is `path, privilege`, and some checks leave it out. */
export function forbidden(what?: string): ApiError {
  return new ApiError(403, what === undefined ? 'Permission check failed' : `Permission check failed (${what})`);
}

/** 401 of the HTTP layer: an empty body after a delay. */
export function unauthenticated(reason: 'No ticket' | 'Authentication failed!'): ApiError {
  return new ApiError(401, reason, { bodiless: true });
}

/** A request that the HTTP layer does not take (501, 506). */
export function refused(status: number, reason: string): ApiError {
  return new ApiError(status, reason, { bodiless: true });
}

/** The same failure under the name of the operation that held the lock, always 500. */
export function within(operation: string, error: ApiError): ApiError {
  const details = Object.entries(error.errors ?? {}).map(([name, text]) => `${name}: ${text}`);
  const text = error.errors === undefined ? error.message : [`${error.status} ${error.message}`, ...details].join('\n');
  return fault(`${operation}: ${text}`);
}
