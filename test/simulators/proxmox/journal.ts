/** Which calls a fault or a count is about; what is left out matches everything. */
export interface CallMatcher {
  method?: string;
  /** A template (`/access/users/{userid}`), a plain path, or a pattern for the decoded path. */
  path?: string | RegExp;
  status?: number;
}

/** One call that was answered, or whose connection was dropped (status 0). */
export interface CallRecord {
  readonly method: string;
  /** The endpoint's template, or the path itself where no endpoint has it. */
  readonly template: string;
  /** Decoded, without `/api2/json`. */
  readonly path: string;
  readonly status: number;
  /** User or full token id, or undefined before or without a login. */
  readonly authid: string | undefined;
}

export function matches(matcher: CallMatcher, call: Pick<CallRecord, 'method' | 'template' | 'path'>): boolean {
  if (matcher.method !== undefined && matcher.method.toUpperCase() !== call.method) return false;
  if (matcher.path === undefined) return true;
  if (typeof matcher.path !== 'string') return matcher.path.test(call.path);
  return matcher.path === call.template || matcher.path === call.path;
}

/** Remembers the calls that were made. */
export interface Journal {
  add(record: CallRecord): void;
  calls(matcher?: CallMatcher): CallRecord[];
  /** Successful rewrites of user.cfg. */
  readonly writes: number;
  countWrite(): void;
  reset(): void;
}

export function createJournal(): Journal {
  let records: CallRecord[] = [];
  let writes = 0;

  return {
    add: (record) => records.push(record),
    calls: (matcher = {}) =>
      records.filter(
        (record) => matches(matcher, record) && (matcher.status === undefined || matcher.status === record.status),
      ),
    get writes() {
      return writes;
    },
    countWrite() {
      writes += 1;
    },
    reset() {
      records = [];
      writes = 0;
    },
  };
}
