import { messageOf } from '../domain/errors.js';
import type { ObjectId } from '../domain/identity.js';
import type { Verdict } from '../domain/lifecycle.js';
import type { IdentityPlan } from '../domain/plan.js';
import type { Step } from '../domain/step.js';
import type { Audit, AuditRecord } from '../telemetry/audit.js';
import { type Applied, applyPlans, type Manner } from './apply.js';
import type { Context } from './context.js';
import type { Prepared } from './prepare.js';
import { remember } from './remember.js';

/**
 * Locks those who left or are suspended although the ledger or the audit log cannot be written: an open account of
 * somebody who left is a breach, and a lock can be undone. Nothing else is done, above all nothing is made and nothing
 * deleted. What was proved and what the guard let through is all that comes here. Each lock is told before it is done,
 * to the audit log or, where that refuses too, to the log, which the journal keeps. The ledger knows in memory; after a
 * crash the next reading finds the same.
 */
export async function lockUnremembered(
  ctx: Context,
  prepared: readonly Prepared[],
  applied: ReadonlyMap<ObjectId, Applied>,
  { manner, cause }: { manner: Manner; cause: Error },
  signal: AbortSignal,
): Promise<void> {
  const open = new Map(
    prepared.flatMap((item) => {
      const plan = locksOf(item, applied);
      return plan ? [[plan.oid, { ...item, plan }] as const] : [];
    }),
  );
  if (open.size === 0) return;
  const audit = insistentAudit(ctx);
  for (const { plan } of open.values()) {
    const { oid, entry } = plan;
    const why = `${entry.state}: ${entry.reason ?? ''}; ${messageOf(cause)}`;
    audit.append({
      kind: 'decision',
      by: manner.by,
      action: 'lock-unremembered',
      oid,
      upn: entry.upn,
      outcome: 'begun',
      error: why,
    });
  }
  audit.flush();
  await applyPlans(
    { ...ctx, audit },
    [...open.values()].map(({ plan }) => plan),
    manner,
    signal,
    (plan, state) => {
      const item = open.get(plan.oid);
      if (item) remember(ctx, item, state);
    },
  );
}

/** The steps of a leaver's plan that take access away and were not tried yet. */
function locksOf({ assessment: { verdict }, plan }: Prepared, applied: ReadonlyMap<ObjectId, Applied>) {
  if (!plan || !(isLeaving(verdict) || plan.beside === 'person')) return undefined;
  const tried = applied.get(plan.oid);
  const isOpen = (step: Step) =>
    (step.effect === 'lock' || step.effect === 'revoke') &&
    !tried?.steps.includes(step) &&
    !tried?.failures.some(({ target }) => target === step.target);
  const steps = plan.steps.filter(isOpen);
  return steps.length > 0 ? ({ ...plan, steps } satisfies IdentityPlan) : undefined;
}

function isLeaving(verdict: Verdict): boolean {
  return verdict.kind === 'settle' && (verdict.wanted.presence === 'grace' || verdict.wanted.presence === 'suspended');
}

/** Never refuses a record: what the audit log does not take stands in the log. */
function insistentAudit({ audit, log }: Context): Audit {
  const tell = (error: unknown, record?: AuditRecord) =>
    log('reconcile.lock.unremembered', { record, error: messageOf(error) });
  return {
    append(record) {
      try {
        audit.append(record);
      } catch (error) {
        tell(error, record);
      }
    },
    flush() {
      try {
        audit.flush();
      } catch (error) {
        tell(error);
      }
    },
    close: () => audit.close(),
  };
}
