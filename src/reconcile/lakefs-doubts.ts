import { SourceUnavailable } from '../domain/errors.js';
import type { GroupId, ObjectId } from '../domain/identity.js';
import { recordedMemberships } from '../domain/plan-lakefs-record.js';
import { lakefsWishOf } from '../domain/plan-lakefs-wish.js';
import type { Reading } from '../domain/reading.js';
import type { Assessment } from './assess.js';
import type { Context } from './context.js';
import { unclearGroups } from './lakefs-look.js';
import { lakefsRecord } from './lakefs-port.js';
import { suspect } from './lakefs-remember.js';

/**
 * People whom we put into a group of lakeFS and whom these readings, without proof, do not show in it any more: with
 * when a second reading may settle it. The first sign is noted in the ledger's memory.
 */
export function doubtsInLakefs(
  ctx: Context,
  assessments: readonly Assessment[],
  unreadable: ReadonlySet<GroupId>,
): { oid: ObjectId; recheckAt: number }[] {
  if (!ctx.lakefs || !ctx.targets.lakefs) return [];
  const readable = new Set(ctx.lakefs.groups.ids());
  const unclear = unclearGroups(ctx, readable, unreadable);
  return assessments.flatMap(({ oid, reading, verdict }) => {
    if (verdict.kind === 'hold' || verdict.kind === 'confirm') return [];
    const wish = lakefsWishOf(reading, ctx.policy, readable, unclear);
    if (wish.kind === 'unknown' || wish.proved) return [];
    const { groups, people } = lakefsRecord(ctx.ledger);
    const left = [...recordedMemberships({ groups, people }, oid).keys()].some(
      (group) => groups[group]?.graceSince === undefined && !wish.unclear.has(group) && !wish.wanted.has(group),
    );
    if (!left) return [];
    const upn = reading.certainty === 'present' ? reading.attributes.upn : (people[oid]?.upn ?? oid);
    suspect(ctx, oid, upn, { since: ctx.clock.now(), by: 'reading' });
    const since = lakefsRecord(ctx.ledger).people[oid]?.suspicion?.since ?? ctx.clock.now();
    return [{ oid, recheckAt: since + ctx.policy.confirmBeforeLockMs }];
  });
}

/** Groups that somebody of these seems to have left and that are gone altogether, or cannot be read any more. */
export async function goneForLakefs(
  ctx: Context,
  readings: readonly Reading[],
  signal: AbortSignal,
): Promise<ReadonlySet<GroupId>> {
  if (!ctx.lakefs || !ctx.targets.lakefs) return new Set();
  const record = lakefsRecord(ctx.ledger);
  const lost = readings.flatMap((reading) => {
    if (reading.certainty !== 'present' || !reading.enabled) return [];
    return [...recordedMemberships(record, reading.oid).keys()].filter((group) => !reading.groups.includes(group));
  });
  if (lost.length === 0) return new Set();
  try {
    const existing = await ctx.directory.existingGroups([...new Set(lost)], signal);
    return new Set(lost.filter((group) => !existing.has(group)));
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SourceUnavailable)) throw error;
    // What cannot be told of a group for lakeFS keeps nobody from being locked elsewhere.
    ctx.log('reconcile.lakefs.unread', { why: error.message });
    return new Set(lost);
  }
}

/** Those of these groups that are watched for lakeFS alone and that Entra does not show any more. */
export async function goneFromLakefs(
  ctx: Context,
  groups: readonly GroupId[],
  signal: AbortSignal,
): Promise<GroupId[]> {
  const own = new Set(ctx.lakefs && ctx.targets.lakefs ? ctx.lakefs.groups.ids() : []);
  const asked = groups.filter((group) => own.has(group) && !ctx.policy.groupIds.includes(group));
  if (asked.length === 0) return [];
  const existing = await ctx.directory.existingGroups(asked, signal);
  return asked.filter((group) => !existing.has(group));
}
