/** What a fault or a counter looks at. */
export interface CallFacts {
  method: string;
  /** With the query. */
  path: string;
  /** `/users/{id}`; `/unknown` where nothing matched. */
  template: string;
  inBatch: boolean;
}

/**
 * Which calls: `GET /users/{id}` (method and template), `/users/{id}` (template, any method), a pattern on
 * `METHOD /path?query`, or a function. `*` is every call.
 */
export type Matcher = string | RegExp | ((call: CallFacts) => boolean);

/** True where the call is one of those that the matcher means. */
export function matches(matcher: Matcher, call: CallFacts): boolean {
  if (typeof matcher === 'function') return matcher(call);
  if (matcher instanceof RegExp) return matcher.test(`${call.method} ${call.path}`);
  return matcher === '*' || matcher === call.template || matcher === `${call.method} ${call.template}`;
}
