/** Who calls, as the access token says. */
export interface Caller {
  appId: string;
  roles: ReadonlySet<string>;
}

/** One Graph request, whether it came by itself or as an item of a `$batch`. */
export interface Incoming {
  method: string;
  /** Below `/v1.0`, without the query, still percent-encoded. */
  path: string;
  query: URLSearchParams;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: unknown;
  inBatch: boolean;
  caller: Caller;
}

/** One Graph answer. `body` is sent as JSON, `text` as it is. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
  text?: string;
  /** The connection is cut instead of answering. */
  drop?: true;
}

/** What one request and its answer looked like, for contract checks. */
export interface Exchange {
  method: string;
  /** Below `/v1.0`, with the query. */
  path: string;
  requestHeaders: Readonly<Record<string, string>>;
  requestBody: unknown;
  status: number;
  responseHeaders: Readonly<Record<string, string>>;
  responseBody: unknown;
  inBatch: boolean;
}

export type Handler = (incoming: Incoming, id: string) => Answer | Promise<Answer>;

export interface Route {
  method: string;
  /** `/users/{id}/checkMemberGroups`; at most one `{id}`. */
  template: string;
  handle: Handler;
}
