import type { DecisionRecord } from '../ledger/document.js';
import type { Context } from './context.js';

/** So many are remembered; enough to tell a second operator what the first one did. */
const KEPT = 20;

/**
 * An operator's decision on a plan, in the audit log first, then in the ledger's memory (the caller saves it). Throws
 * where it cannot be audited; nothing is decided then. `what`: whom it concerns.
 */
export function recordDecision(ctx: Context, record: DecisionRecord, operator: string, what: unknown): void {
  const { hash, decision, claimedUser } = record;
  ctx.audit.append({
    kind: 'decision',
    by: operator,
    action: decision === 'approved' ? 'approve' : 'reject',
    claimedUser,
    name: hash,
    plan: hash,
    after: what,
    outcome: 'done',
  });
  ctx.audit.flush();
  const { guard } = ctx.ledger.data;
  guard.decisions = [...(guard.decisions ?? []), record].slice(-KEPT);
  ctx.ledger.changed();
}
