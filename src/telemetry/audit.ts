/** Who gave an order, as far as that is known. */
export interface AuditOperator {
  /** What the kernel says of the process at the other end of the socket; missing where it could not be asked. */
  uid?: number | undefined;
  /** The account of that uid on this host. */
  name?: string | undefined;
  /** `kernel`: uid and name are proved. `claim`: only `claimed` is known, the command line's own word. */
  proof: 'kernel' | 'claim';
  claimed?: string | undefined;
  /** Why the kernel could not be asked. */
  why?: string | undefined;
}

/** One line of the audit log: one step that was tried, or one decision. */
export interface AuditRecord {
  /**
   * `step`: a write to a target. `decision`: what was decided, whether or not a step comes of it. `log`: something about
   * the log itself. Missing: a decision.
   */
  kind?: 'step' | 'decision' | 'log' | undefined;
  /** What asked: `notification`, `sweep`, `resync`, `operator`. */
  by: string;
  operator?: AuditOperator | undefined;
  /** Who the operator says to be: the command line's word, proved by nobody. */
  claimedUser?: string | undefined;
  action: string;
  oid?: string | undefined;
  upn?: string | undefined;
  target?: string | undefined;
  name?: string | undefined;
  before?: unknown;
  after?: unknown;
  /** The plan that this belongs to: its hash. */
  plan?: string | undefined;
  /** `done`, `failed`, or what was decided: `held`, `begun`, `ended`, `degraded` and the like. */
  outcome: string;
  error?: string | undefined;
  /** The same in every record and log line of one pass. */
  correlation?: string | undefined;
}

/** Append-only, hash-chained NDJSON. A record that cannot be written is thrown: nothing is done that cannot be told. */
export interface Audit {
  append(record: AuditRecord): void;
  /** Forces what was appended to disk, and keeps the head of the chain beside it. */
  flush(): void;
  close(): void;
}

export { openAudit } from './audit/open.js';

/** Writes nothing: for plans and dry runs. */
export const noAudit: Audit = { append: () => undefined, flush: () => undefined, close: () => undefined };
