import { messageOf } from '../domain/errors.js';
import type { ConflictRecord, LedgerEntry } from '../domain/ledger-entry.js';
import { type IdentityPlan, releasesToRemember } from '../domain/plan.js';
import { recordedMemberships } from '../domain/plan-lakefs-record.js';
import { type Applied, type Failure, takeoverConflict } from './apply.js';
import type { Context } from './context.js';
import { spendApprovals } from './held.js';
import { lakefsRecord } from './lakefs-port.js';
import {
  rememberGroup,
  rememberGroupIntent,
  rememberMembersIntent,
  rememberPerson,
  suspect,
} from './lakefs-remember.js';
import type { Prepared } from './prepare.js';

/** Suspicions, names of accounts about to be made and the guard's window reach the disk before anything is done. */
export async function rememberIntents(ctx: Context, prepared: readonly Prepared[], by: string): Promise<void> {
  let acts = false;
  for (const { assessment, plan } of prepared) {
    const { verdict } = assessment;
    if (verdict.kind === 'confirm') {
      ctx.ledger.put(verdict.entry);
      suspectInLakefs(ctx, verdict.entry);
    }
    if (plan) rememberGroupIntent(ctx, plan, by);
    if (plan) rememberMembersIntent(ctx, plan);
    acts ||= verdict.kind === 'confirm' || (plan?.steps.length ?? 0) > 0;
    if (plan?.beside) continue;
    if (!plan?.steps.some((step) => step.effect === 'create')) continue;
    const { names, retired } = plan.entry;
    ctx.ledger.put({ ...(ctx.ledger.entry(plan.oid) ?? plan.entry), names, retired });
  }
  if (acts) await ctx.ledger.save();
}

/** What came of a plan: its first real failure, and what a person must decide. */
export interface Conclusion {
  failure: Failure | undefined;
  conflicts: readonly ConflictRecord[];
}

/**
 * A creation that somebody else's account stopped is a conflict, not a failure: trying again would not help. So is a
 * user out of our reach who was never ours.
 * `known`: what the ledger held before, which tells since when a conflict is there.
 */
export function conclude(
  plan: IdentityPlan,
  applied: Applied | undefined,
  known: LedgerEntry | undefined,
  now: number,
): Conclusion {
  const failures = applied?.failures ?? [];
  const conflicts = failures.flatMap((failure): ConflictRecord[] => {
    const conflict = takeoverConflict(failure);
    if (!conflict) return [];
    const { message: what, remedy } = conflict;
    const earlier = known?.conflicts.find((item) => item.target === failure.target && item.what === what);
    return [{ target: failure.target, what, remedy, since: earlier?.since ?? now }];
  });
  return {
    failure: failures.find((failure) => !takeoverConflict(failure)),
    conflicts: [...plan.conflicts, ...conflicts],
  };
}

/**
 * The outcome in the ledger; in memory, the caller saves it. Also after a failure the person is in the state that the
 * reading proved: a countdown that began does not begin anew with each attempt, and one that a return ended does not
 * go on. Only a deletion is not remembered before all of it is done and every target was seen.
 */
export function remember(ctx: Context, prepared: Prepared, applied: Applied | undefined): void {
  const { plan } = prepared;
  if (!plan || applied?.overtaken) return;
  if (applied?.stopped && applied.steps.length === 0) return;
  rememberPerson(ctx, prepared.assessment, plan, applied);
  if (plan.beside) {
    rememberBeside(ctx, plan, applied);
    return;
  }
  const known = ctx.ledger.entry(plan.oid);
  const { failure, conflicts } = conclude(plan, applied, known, ctx.clock.now());
  const complete = failure === undefined && !applied?.stopped;
  if (complete && applied) spendApprovals(ctx, plan);
  const undone = plan.entry.state === 'deleted' && !(complete && plan.unknown.length === 0);
  const lifecycle = undone && known ? known : plan.entry;
  const { names, retired } = namesAfter(prepared, plan, applied);
  const released = releasesToRemember(known, plan.entry);
  const nothingMade = !names.linux && !names.proxmox && !released;
  const problem = failure && `${failure.target}: ${messageOf(failure.error)}`;
  const problemSince = problem === undefined ? undefined : (known?.problemSince ?? ctx.clock.now());
  if (complete && nothingMade && lifecycle.state !== 'active') ctx.ledger.drop(plan.oid);
  else ctx.ledger.put({ ...lifecycle, names, released, retired, conflicts, problem, problemSince });
}

/** Nothing of it is kept among the identities. */
function rememberBeside(ctx: Context, plan: IdentityPlan, applied: Applied | undefined): void {
  if (plan.beside === 'group') rememberGroup(ctx, plan, applied);
  if (applied && applied.failures.length === 0 && !applied.stopped) spendApprovals(ctx, plan);
}

/** Who is doubted as an identity is doubted in lakeFS since then, so that both end with the same second reading. */
export function suspectInLakefs(ctx: Context, { oid, upn, suspicion: doubt }: LedgerEntry): void {
  if (doubt && recordedMemberships(lakefsRecord(ctx.ledger), oid).size > 0) suspect(ctx, oid, upn, doubt);
}

/** Where a creation or a first write was refused nothing is ours, and the name that was written down for it is free again. */
function namesAfter(
  { assessment: { verdict } }: Prepared,
  plan: IdentityPlan,
  applied: Applied | undefined,
): Pick<LedgerEntry, 'names' | 'retired'> {
  const { names, retired } = plan.entry;
  const before = verdict.kind === 'settle' ? verdict.entry : plan.entry;
  const refused = new Set(applied?.failures.filter((failure) => takeoverConflict(failure)).map((item) => item.target));
  return {
    names: {
      linux: refused.has('linux') ? before.names.linux : names.linux,
      proxmox: refused.has('proxmox') ? before.names.proxmox : names.proxmox,
    },
    retired: refused.has('proxmox') ? before.retired : retired,
  };
}
