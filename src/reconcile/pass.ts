import { randomBytes } from 'node:crypto';
import { messageOf } from '../domain/errors.js';
import type { SweepRecord } from '../ledger/document.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Audit, AuditOperator, AuditRecord } from '../telemetry/audit.js';
import type { Log } from '../telemetry/log.js';
import type { Context } from './context.js';
import { type Decision, decisionsBetween, forgetting } from './entry-decisions.js';

type Auditing = Pick<Context, 'audit' | 'log' | 'dryRun'>;

/** What began a pass. */
export interface Beginning {
  by: 'notification' | 'sweep' | 'resync' | 'operator';
  operator?: AuditOperator | undefined;
  /** Default: one of its own. */
  correlation?: string | undefined;
}

/**
 * The same context for one pass: every log line and audit record of it carries one correlation id and the operator who
 * asked, and what the pass decides about somebody is audited as it enters the ledger.
 */
export function inPass(ctx: Context, { by, operator, correlation = newCorrelation() }: Beginning): Context {
  const log: Log = (event, fields) => ctx.log(event, { ...fields, correlation });
  const audit: Audit = {
    ...ctx.audit,
    append: (record) => ctx.audit.append({ ...record, operator: record.operator ?? operator, correlation }),
  };
  const passing = { ...ctx, log, audit };
  return { ...passing, ledger: auditedLedger(passing, by) };
}

/** 16 hex digits, not seen before. */
export function newCorrelation(): string {
  return randomBytes(8).toString('hex');
}

/**
 * Writes a decision into the audit log; to be used where nothing hangs on it any more. One that cannot be written is
 * told in the log, and the next step will find that nothing can be audited. `flush`: it is on disk when this returns.
 */
export function auditDecision(ctx: Auditing, record: AuditRecord, flush = false): void {
  if (ctx.dryRun) return;
  try {
    ctx.audit.append(record);
    if (flush) ctx.audit.flush();
  } catch (error) {
    ctx.log('core.audit.unwritten', { record, error: messageOf(error) });
  }
}

/** How a sweep ended, as one decision: also that it found nothing to do, or could not read its sources. */
export function auditSweep(ctx: Auditing, by: string, record: SweepRecord | undefined): void {
  if (!record) return;
  const { result, identities, applied, failed, why } = record;
  const after = { identities, applied, failed };
  auditDecision(ctx, { kind: 'decision', by, action: 'sweep', after, outcome: result, error: why }, true);
}

/** A ledger that tells what is decided about identities. The entry goes in first, so that it is never lost. */
function auditedLedger(ctx: Context, by: string): Ledger {
  const { ledger } = ctx;
  const tell = (decision: Decision) => auditDecision(ctx, { by, ...decision });
  return {
    ...ledger,
    get data() {
      return ledger.data;
    },
    put(entry) {
      const before = ledger.entry(entry.oid);
      ledger.put(entry);
      for (const decision of decisionsBetween(before, entry)) tell(decision);
    },
    drop(oid) {
      const before = ledger.entry(oid);
      ledger.drop(oid);
      if (before) tell(forgetting(before));
    },
  };
}
