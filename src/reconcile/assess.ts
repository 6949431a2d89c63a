import { type Desired, desiredOf } from '../domain/desired.js';
import { type GroupId, isMadeFromUserid, type ObjectId } from '../domain/identity.js';
import { judge, type Verdict } from '../domain/lifecycle.js';
import type { Reading } from '../domain/reading.js';
import type { Context } from './context.js';
import { heldBackFor } from './disagreement.js';

/** One reading and what it means for its identity. */
export interface Assessment {
  oid: ObjectId;
  reading: Reading;
  desired: Desired;
  verdict: Verdict;
}

export interface AssessOptions {
  /** Whether countdowns that have run out end now: only in a sweep that could read everything. */
  endsCountdowns: boolean;
  /** When notifications reported removals, epoch ms. */
  removalReports?: ReadonlyMap<ObjectId, number> | undefined;
  /** A plan or a dry run: a departure shows as what it would become; nothing is applied, so nothing needs a second reading. */
  assumeConfirmed?: boolean | undefined;
}

/** Judges readings. Nothing is written and nothing is asked. */
export function assess(ctx: Context, readings: readonly Reading[], options: AssessOptions): Assessment[] {
  return readings.map((item) => {
    const reading = believable(ctx, item);
    const { oid } = reading;
    const desired = desiredOf(reading, ctx.policy);
    return { oid, reading, desired, verdict: judgeDesired(ctx, oid, desired, options) };
  });
}

/** Entra cannot prove somebody absent whom it never named: with the realm as the source they got ids of our making. */
function believable(ctx: Context, reading: Reading): Reading {
  if (!ctx.policy.enforce || reading.certainty !== 'absent' || reading.evidence !== 'not-found') return reading;
  if (!isMadeFromUserid(reading.oid)) return reading;
  return { certainty: 'unknown', oid: reading.oid, why: NAMED_BY_THE_REALM };
}

const NAMED_BY_THE_REALM =
  'this identity comes from the Proxmox realm (GRAPH_ENFORCE=false) and Entra does not know it: it keeps what it has, ' +
  'whatever happens in Entra, until it is handed over; "The Proxmox realm as the source" in docs/operations.md says how';

/** The verdict on what is desired, with what the ledger remembers now. */
export function judgeDesired(ctx: Context, oid: ObjectId, desired: Desired, options: AssessOptions): Verdict {
  const sure = options.assumeConfirmed && desired.kind === 'outsider' ? { ...desired, positive: true } : desired;
  const heldBack = heldBackFor(ctx, oid, desired);
  if (heldBack !== undefined) return { kind: 'hold', why: heldBack };
  return judge(oid, ctx.ledger.entry(oid), sure, ctx.policy, {
    now: ctx.clock.now(),
    sweep: options.endsCountdowns,
    removalReportedAt: options.removalReports?.get(oid),
  });
}

/**
 * Whoever was in a group that cannot be read now counts as still in it: nobody is locked or loses a role because a
 * page failed or a group was deleted. What Entra says of the person (deleted, disabled) counts all the same.
 */
export function keepUnreadable(
  ctx: Context,
  readings: readonly Reading[],
  isUnreadable: (group: GroupId) => boolean,
): Reading[] {
  return readings.map((reading) => {
    if (reading.certainty !== 'present') return reading;
    const entry = ctx.ledger.entry(reading.oid);
    const groups = entry?.groupsUnknown && ctx.policy.enforce ? ctx.policy.groupIds : (entry?.groups ?? []);
    const kept = groups.filter(isUnreadable);
    // Whoever is disabled gets nothing by a group, so such a group may count without being known.
    if (entry?.groupsUnknown && kept.length > 0 && reading.enabled) {
      const why = `the ledger was rebuilt, and the group ${kept[0]}, which may hold this person, cannot be read`;
      return { certainty: 'unknown', oid: reading.oid, why };
    }
    return kept.length === 0 ? reading : { ...reading, groups: [...new Set([...reading.groups, ...kept])] };
  });
}

/**
 * The readings of targeted work, completed by `keepUnreadable`. Asks Graph for the groups that somebody seems to have
 * left whether they are there at all; cheap, since departures are rare.
 */
export async function completeReadings(
  ctx: Context,
  readings: readonly Reading[],
  signal: AbortSignal,
): Promise<Reading[]> {
  const configured = new Set(ctx.policy.enforce ? ctx.policy.groupIds : []);
  const lost = readings.flatMap((reading) => {
    if (reading.certainty !== 'present') return [];
    const entry = ctx.ledger.entry(reading.oid);
    const known = entry?.groupsUnknown ? [...configured] : (entry?.groups ?? []);
    return known.filter((group) => configured.has(group) && !reading.groups.includes(group));
  });
  if (lost.length === 0) return [...readings];
  const existing = await ctx.directory.existingGroups([...new Set(lost)], signal);
  const gone = new Set(lost.filter((group) => !existing.has(group)));
  for (const group of gone)
    ctx.log('reconcile.group.unreadable', { group, why: 'it is gone or cannot be read any more' });
  return keepUnreadable(ctx, readings, (group) => gone.has(group));
}
