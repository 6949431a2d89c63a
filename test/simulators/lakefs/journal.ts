/** Which calls a fault or a count is about; what is left out matches everything. */
export interface CallMatcher {
  method?: string;
  /** A template (`/auth/groups/{groupId}`), a decoded path, or a pattern for the decoded path. */
  path?: string | RegExp;
  status?: number;
}

/** One call that was answered, or whose connection was dropped (status 0). */
export interface CallRecord {
  readonly method: string;
  /** The endpoint's template, or the path itself where no endpoint has it. */
  readonly template: string;
  /** Decoded, below the base path. */
  readonly path: string;
  readonly status: number;
  /** undefined before or without a login. */
  readonly accessKeyId: string | undefined;
}

export function matches(matcher: CallMatcher, call: Pick<CallRecord, 'method' | 'template' | 'path'>): boolean {
  if (matcher.method !== undefined && matcher.method.toUpperCase() !== call.method) return false;
  if (matcher.path === undefined) return true;
  if (typeof matcher.path !== 'string') return matcher.path.test(call.path);
  return matcher.path === call.template || matcher.path === call.path;
}

export interface Journal {
  add(record: CallRecord): void;
  calls(matcher?: CallMatcher): CallRecord[];
  reset(): void;
}

/** Remembers the calls that were made. */
export function createJournal(): Journal {
  let records: CallRecord[] = [];
  return {
    add: (record) => records.push(record),
    calls: (matcher = {}) =>
      records.filter(
        (record) => matches(matcher, record) && (matcher.status === undefined || matcher.status === record.status),
      ),
    reset() {
      records = [];
    },
  };
}
