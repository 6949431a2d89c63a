import { messageOf, SourceUnavailable } from '../domain/errors.js';
import type { GroupId, ObjectId } from '../domain/identity.js';
import type { Claim } from '../queue/queue.js';
import type { Manner } from './apply.js';
import { assess, completeReadings } from './assess.js';
import type { Context } from './context.js';
import { awaitsFirstRun } from './first-run.js';
import type { BranchOf, GroupProof } from './group-standing.js';
import { GroupUnreadable, noteGroupReading } from './health-groups.js';
import { goneForLakefs, goneFromLakefs } from './lakefs-doubts.js';
import { lakefsRecord } from './lakefs-port.js';
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
    const unreadable = await goneForLakefs(ctx, readings, signal);
    const assessing = { endsCountdowns: false, removalReports: options.removalReports, assumeConfirmed: !write };
    const manner: Manner = { by: options.by, priority: 1, begun, sweep: false };
    const assessments = assess(ctx, readings, assessing);
    // From here on these readings are the newest, also where the pass fails half-way.
    const known = readings.filter(({ certainty }) => certainty !== 'unknown');
    if (write) ctx.locks.touch(known.map(({ oid }) => oid));
    const outcomes = await settle(ctx, assessments, { ...assessing, manner, apply: options.apply, unreadable }, signal);
    for (const { result } of outcomes) ctx.metrics.reconciles.inc({ by: options.by, result });
    return outcomes;
  });
}

/** What a change of a group makes us look at. */
export type GroupConcern =
  | { kind: 'identities'; oids: ObjectId[] }
  /** Too many to be looked at one by one. */
  | { kind: 'everybody' };

/** Above so many differences a sweep is cheaper, and asks the guard as one plan. */
const MANY = 500;

/**
 * The identities that a change of one group may concern, also where it is only nested below a configured one or was
 * until a moment ago: in each configured group above it those listed that we do not know to be in it, and those known
 * to be in it that are not listed. Since listings lag behind single readings, also everybody in the group now and,
 * where it left a branch, everybody whom we know in that one, as far as they are few enough to be read singly. `since`:
 * when the change was told, epoch ms. Throws SourceUnavailable when a configured group cannot be read.
 */
export async function identitiesOfGroup(
  ctx: Context,
  { group, since }: { group: GroupId; since: number },
  signal: AbortSignal,
): Promise<GroupConcern> {
  const changed = (await ctx.groups?.refresh(signal, since)) ?? [];
  const branches = branchesOf(ctx, group, changed);
  const found = new Set<ObjectId>();
  const addFew = (oids: readonly ObjectId[]) => {
    if (oids.length <= MANY) for (const oid of oids) found.add(oid);
  };
  const known = branches.map(({ configured }) => configured);
  // What becomes of a group of lakeFS that is gone is decided by a sweep, which reads which groups there should be.
  if ((await goneFromLakefs(ctx, known, signal)).length > 0) return { kind: 'everybody' };
  for (const configured of known) {
    for (const oid of await differencesIn(ctx, configured, signal)) found.add(oid);
  }
  if (found.size > MANY) return { kind: 'everybody' };
  for (const { configured, how } of branches) {
    if (how === 'left') addFew(knownIn(ctx, configured));
  }
  if (!branches.some(({ how }) => how === 'itself')) {
    // It may be deleted, or not be ours to read: then those above tell what became of its people.
    const { identities } = await ctx.directory.readScope(signal, [group]);
    addFew([...identities.keys()]);
  }
  return { kind: 'identities', oids: [...found] };
}

/** The configured groups to be looked at for this one, and those whose branch was just found to be another one. */
function branchesOf(ctx: Context, group: GroupId, changed: readonly GroupId[]): BranchOf[] {
  const known = ctx.groups?.branchesOf(group) ?? [{ configured: group, how: 'itself' as const }];
  const more = changed.filter((configured) => !known.some((branch) => branch.configured === configured));
  return [...known, ...more.map((configured): BranchOf => ({ configured, how: 'below' }))];
}

async function differencesIn(ctx: Context, group: GroupId, signal: AbortSignal): Promise<ObjectId[]> {
  const scope = await ctx.directory.readScope(signal, [group]);
  const why = noteGroupReading(ctx, group, scope.groups.get(group));
  if (why !== undefined) throw new GroupUnreadable(`group ${group} cannot be read: ${why}`);
  const inLakefs = lakefsRecord(ctx.ledger).groups[group]?.members;
  const isForAccounts = ctx.policy.groupIds.includes(group);
  const isActiveIn = (oid: ObjectId) => {
    const entry = ctx.ledger.entry(oid);
    const isKnown = !isForAccounts || (entry?.state === 'active' && entry.groups.includes(group));
    return isKnown && (!inLakefs || Object.hasOwn(inLakefs, oid));
  };
  const joined = [...scope.identities.keys()].filter((oid) => !isActiveIn(oid));
  const left = knownIn(ctx, group).filter((oid) => !scope.identities.has(oid));
  return [...joined, ...left];
}

function knownIn(ctx: Context, group: GroupId): ObjectId[] {
  const known = ctx.ledger.entries().flatMap(({ oid, groups }) => (groups.includes(group) ? [oid] : []));
  return [...new Set([...known, ...Object.keys(lakefsRecord(ctx.ledger).groups[group]?.members ?? {})])];
}

/**
 * Those of these outcomes whose id is no user's and is a group's, or may be: a member is told by its id alone. Only ids
 * that Graph shows no user for, and that are not ours, are asked about; one that cannot be read at all only once. Never
 * throws: what cannot be asked is unknown.
 */
export async function groupsAmong(
  ctx: Context,
  outcomes: ReadonlyMap<ObjectId, Outcome>,
  claims: ReadonlyMap<ObjectId, Pick<Claim, 'attempts'>>,
  signal: AbortSignal,
): Promise<ReadonlyMap<ObjectId, 'group' | 'unknown'>> {
  const found = new Map<ObjectId, 'group' | 'unknown'>();
  const certaintyOf = (oid: ObjectId) => outcomes.get(oid)?.prepared.assessment.reading.certainty;
  const strangers = [...outcomes.values()].flatMap(({ oid, prepared: { assessment } }) => {
    const { reading } = assessment;
    const isNoUser = reading.certainty === 'absent' && reading.evidence === 'not-found';
    const isUnclear = reading.certainty === 'unknown' && claims.get(oid)?.attempts === 0;
    return (isNoUser || isUnclear) && !ctx.ledger.entry(oid) ? [oid] : [];
  });
  if (!ctx.groups || strangers.length === 0) return found;
  let proofs: ReadonlyMap<string, GroupProof> = new Map();
  try {
    proofs = await ctx.groups.whichAreGroups(strangers, signal);
  } catch (error) {
    // However it fails, the others of the batch are settled, or their keys would count as in work for good.
    if (!(error instanceof SourceUnavailable || signal.aborted)) {
      ctx.log('reconcile.loop.failed', { error: messageOf(error) });
    }
  }
  for (const oid of strangers) {
    const proof = proofs.get(oid) ?? 'unknown';
    if (proof === 'group') found.set(oid, proof);
    // What cannot be read as a user is tried again anyway.
    else if (proof === 'unknown' && certaintyOf(oid) === 'absent') found.set(oid, proof);
  }
  return found;
}
