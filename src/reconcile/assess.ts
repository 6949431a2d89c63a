import { type Desired, desiredOf } from '../domain/desired.js';
import type { ObjectId } from '../domain/identity.js';
import { judge, type Verdict } from '../domain/lifecycle.js';
import type { Reading } from '../domain/reading.js';
import type { Context } from './context.js';

/** One reading and what it means for its identity. */
export interface Assessment {
  oid: ObjectId;
  reading: Reading;
  desired: Desired;
  verdict: Verdict;
}

export interface AssessOptions {
  sweep: boolean;
  /** When notifications reported removals, epoch ms. */
  removalReports?: ReadonlyMap<ObjectId, number> | undefined;
  /** Identities whose departure must not be concluded in this pass, with why. */
  withheld?: ReadonlyMap<ObjectId, string> | undefined;
}

/** Judges readings. Nothing is written and nothing is asked. */
export function assess(ctx: Context, readings: readonly Reading[], options: AssessOptions): Assessment[] {
  return readings.map((reading) => {
    const { oid } = reading;
    const desired = withhold(desiredOf(reading, ctx.policy), options.withheld?.get(oid));
    return { oid, reading, desired, verdict: judgeDesired(ctx, oid, desired, options) };
  });
}

/** The verdict on what is desired, with what the ledger remembers now. */
export function judgeDesired(ctx: Context, oid: ObjectId, desired: Desired, options: AssessOptions): Verdict {
  return judge(oid, ctx.ledger.entry(oid), desired, ctx.policy, {
    now: ctx.clock.now(),
    sweep: options.sweep,
    removalReportedAt: options.removalReports?.get(oid),
  });
}

/**
 * Identities that seem to have left only because a group they were in cannot be read any more (deleted, hidden): for
 * them nothing may be concluded. Asks Graph for those groups; cheap, since departures are rare.
 */
export async function withheldDepartures(
  ctx: Context,
  readings: readonly Reading[],
  signal: AbortSignal,
): Promise<ReadonlyMap<ObjectId, string>> {
  const suspects = readings.filter((reading) => {
    const entry = ctx.ledger.entry(reading.oid);
    const settled = entry?.state === 'grace' || entry?.state === 'deleted';
    return entry && !settled && entry.groups.length > 0 && desiredOf(reading, ctx.policy).kind === 'outsider';
  });
  const configured = new Set(ctx.policy.groupIds);
  const groupsOf = (oid: ObjectId) => (ctx.ledger.entry(oid)?.groups ?? []).filter((group) => configured.has(group));
  const groups = [...new Set(suspects.flatMap((reading) => groupsOf(reading.oid)))];
  const withheld = new Map<ObjectId, string>();
  if (groups.length === 0) return withheld;
  const existing = await ctx.directory.existingGroups(groups, signal);
  for (const { oid } of suspects) {
    const gone = groupsOf(oid).filter((group) => !existing.has(group));
    if (gone.length > 0) withheld.set(oid, `group ${gone[0]} cannot be read any more`);
  }
  return withheld;
}

function withhold(desired: Desired, why: string | undefined): Desired {
  return why !== undefined && desired.kind === 'outsider' ? { kind: 'unknown', why } : desired;
}
