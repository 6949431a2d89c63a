/** Which calls a fault or a count is about; what is left out matches everything. */
export interface CallMatcher {
  method?: string;
  /** A template (`/access/users/{userid}`), a plain path, or a pattern for the decoded path. */
  path?: string | RegExp;
  status?: number;
}

/** One call that was answered, or whose connection was dropped (status 0). */
export interface AnsweredCall {
  readonly method: string;
  /** The endpoint's template, or the path itself where no endpoint has it. */
  readonly template: string;
  /** Decoded, below the base path of the API. */
  readonly path: string;
  readonly status: number;
}

export function matches(matcher: CallMatcher, call: Pick<AnsweredCall, 'method' | 'template' | 'path'>): boolean {
  if (matcher.method !== undefined && matcher.method.toUpperCase() !== call.method) return false;
  if (matcher.path === undefined) return true;
  if (typeof matcher.path !== 'string') return matcher.path.test(call.path);
  return matcher.path === call.template || matcher.path === call.path;
}

/** Remembers the calls that were made. */
export interface CallJournal<Call extends AnsweredCall> {
  add(call: Call): void;
  calls(matcher?: CallMatcher): Call[];
  reset(): void;
}

export function createCallJournal<Call extends AnsweredCall>(): CallJournal<Call> {
  let made: Call[] = [];
  return {
    add: (call) => made.push(call),
    calls: (matcher = {}) =>
      made.filter((call) => matches(matcher, call) && (matcher.status === undefined || matcher.status === call.status)),
    reset() {
      made = [];
    },
  };
}
