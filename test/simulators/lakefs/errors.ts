/** An answer that is no success. Without a message it has no body, as 429 has none. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly text: string | undefined,
    readonly extra: Readonly<Record<string, unknown>> = {},
  ) {
    super(text ?? `status ${status}`);
  }

  /** The same with more in its body. */
  and(extra: Readonly<Record<string, unknown>>): ApiError {
    return new ApiError(this.status, this.text, extra);
  }
}

export const notFound = (what = 'not found'): ApiError => new ApiError(404, what);
export const exists = (): ApiError => new ApiError(409, 'Already exists');
export const badRequest = (why: string): ApiError => new ApiError(400, why);
export const notImplemented = (): ApiError => new ApiError(501, 'Not Implemented');
export const wrongCredentials = (): ApiError => new ApiError(401, 'error authenticating request');
/** lakeFS says 401 for this too, never 403. */
export const insufficientPermissions = (): ApiError => new ApiError(401, 'insufficient permissions');
