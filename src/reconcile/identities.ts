import type { ObjectId } from '../domain/identity.js';
import type { Manner } from './apply.js';
import { assess, completeReadings } from './assess.js';
import type { Context } from './context.js';
import { awaitsFirstRun } from './first-run.js';
import { type Outcome, settle } from './settle.js';

export interface IdentitiesOptions {
  by: Manner['by'];
  apply: boolean;
  /** When notifications reported removals, epoch ms. */
  removalReports?: ReadonlyMap<ObjectId, number> | undefined;
}

/**
 * Brings a few identities true: one read of the directory for all, then the path that a sweep takes too. Nobody else
 * works on them meanwhile. Throws SourceUnavailable when the directory cannot be asked at all.
 */
export async function reconcileIdentities(
  ctx: Context,
  oids: readonly ObjectId[],
  options: IdentitiesOptions,
  signal: AbortSignal,
): Promise<Outcome[]> {
  return ctx.locks.hold(oids, async () => {
    const begun = ctx.locks.mark();
    const readings = await completeReadings(ctx, await ctx.directory.readIdentities(oids, signal), signal);
    // While the first run waits nothing is remembered either, so a second reading would never find the first.
    const write = options.apply && !ctx.dryRun && !awaitsFirstRun(ctx);
    const assessing = { endsCountdowns: false, removalReports: options.removalReports, assumeConfirmed: !write };
    const manner: Manner = { by: options.by, priority: 1, begun, sweep: false };
    const assessments = assess(ctx, readings, assessing);
    // From here on these readings are the newest, also where the pass fails half-way.
    const known = readings.filter(({ certainty }) => certainty !== 'unknown');
    if (write) ctx.locks.touch(known.map(({ oid }) => oid));
    const outcomes = await settle(ctx, assessments, { ...assessing, manner, apply: options.apply }, signal);
    for (const { result } of outcomes) ctx.metrics.reconciles.inc({ by: options.by, result });
    return outcomes;
  });
}

/**
 * The identities that a change of one group may concern: those listed in it that we do not know to be, and those we
 * know to be in it that are not listed. Throws SourceUnavailable or Error when the group cannot be read.
 */
export async function identitiesOfGroup(ctx: Context, group: string, signal: AbortSignal): Promise<ObjectId[]> {
  const scope = await ctx.directory.readScope(signal, [group]);
  const reading = scope.groups.get(group);
  if (reading?.certainty !== 'present') {
    throw new Error(`group ${group} cannot be read: ${reading?.why ?? 'it is missing in the listing'}`);
  }
  const knownIn = (oid: ObjectId) => {
    const entry = ctx.ledger.entry(oid);
    return entry?.state === 'active' && entry.groups.includes(group);
  };
  const joined = [...scope.identities.keys()].filter((oid) => !knownIn(oid));
  const left = ctx.ledger.entries().filter((entry) => entry.groups.includes(group) && !scope.identities.has(entry.oid));
  return [...new Set([...joined, ...left.map((entry) => entry.oid)])];
}
