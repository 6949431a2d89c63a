import { messageOf, SourceUnavailable } from '../domain/errors.js';
import type { GroupId, ObjectId } from '../domain/identity.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';
import { peopleInLakefs } from '../domain/plan-lakefs-record.js';
import type { GroupReading, PresentReading, Reading, ScopeReading, UnknownReading } from '../domain/reading.js';
import type { SweepRecord } from '../ledger/document.js';
import { type Assessment, type AssessOptions, assess, keepUnreadable } from './assess.js';
import { watchClock } from './clock-watch.js';
import type { Context } from './context.js';
import { compareWithTargets } from './disagreement.js';
import { awaitsFirstRun, type FirstPlan, firstPlanOf, keepFirstPlan } from './first-run.js';
import { noteGroupReading } from './health-groups.js';
import type { Clearance } from './held.js';
import { doubtsInLakefs } from './lakefs-doubts.js';
import { lakefsRecord } from './lakefs-port.js';
import { beginLakefs } from './lakefs-selection.js';
import { seeLakefs } from './lakefs-sweep.js';
import { noteProxmoxProblems } from './proxmox-problems.js';
import { suspectInLakefs } from './remember.js';
import { type Outcome, settleAll } from './settle.js';
import { summarise } from './summarise.js';

export interface SweepOptions {
  /** false: a plan; nothing is written. */
  apply: boolean;
  by?: 'sweep' | 'approval' | undefined;
  progress?: ((text: string, done?: number, all?: number) => void) | undefined;
}

export interface SweepReport {
  record: SweepRecord;
  outcomes: Outcome[];
  /** What the guard said; of the whole, so also of those that were held before. */
  clearance: Clearance;
  /** The plan that the first run on this host waits with; nothing was written. */
  firstPlan?: FirstPlan | undefined;
}

/**
 * The wide pass: every configured group, every owned identity that is in none of them (read one by one), one look at
 * each target, one plan, one guard; ends due countdowns. Throws SourceUnavailable when the scope cannot be read at all.
 */
export async function sweep(whole: Context, options: SweepOptions, signal: AbortSignal): Promise<SweepReport> {
  const ctx = listingOnce(whole);
  const startedAt = ctx.clock.now();
  const begun = ctx.locks.mark();
  // A dry run writes nothing anyway, and tells what it would have done.
  const waits = awaitsFirstRun(ctx) && !(options.apply && ctx.dryRun);
  const write = options.apply && !ctx.dryRun && !waits;
  ctx.log('reconcile.sweep.started', {});
  options.progress?.('reading the directory');
  await watchClock(ctx);
  if (write) await ctx.targets.proxmox?.tend?.(signal);
  const lacking = [...(await noteProxmoxProblems(ctx, signal)), ...(await compareWithTargets(ctx, signal))];
  const forLakefs = await beginLakefs(ctx, { write }, signal);
  const scope = await readScopeTwiceWhereEmptied(ctx, options, signal);
  const unreadable = unreadableGroups(ctx, scope, ctx.policy.enforce ? ctx.policy.groupIds : []);
  const unreadForLakefs = new Set(unreadableGroups(ctx, scope, forLakefs?.rules.groups.ids() ?? []).keys());
  // A tombstone asks for nothing more, unless somebody opened its Proxmox user again.
  const isOver = ({ oid, state }: LedgerEntry) => state === 'deleted' && !ctx.records.reopened?.has(oid);
  const missing = ctx.ledger
    .entries()
    .filter((entry) => !isOver(entry) && !isListed(ctx, scope, entry.oid))
    .map((entry) => entry.oid);
  const missingInLakefs = [...peopleInLakefs(lakefsRecord(ctx.ledger))].filter(
    (oid) => forLakefs && !scope.identities.has(oid),
  );
  // A listing may still show somebody who was deleted: nothing is given back to a leaver on its word alone.
  const returning = [...scope.identities.keys()].filter((oid) => hasLeft(ctx, oid));
  const singly = [...new Set([...missing, ...returning, ...missingInLakefs])];
  const isSingly = new Set(singly);
  options.progress?.(`reading ${singly.length} identities one by one`);
  const listed = [...scope.identities.values()].filter(({ oid }) => !isSingly.has(oid));
  const readings = [...listed, ...(await readSingly(ctx, singly, signal))];
  // Somebody whose countdown ran out may be back in a group that cannot be read.
  const assessing: AssessOptions = { endsCountdowns: unreadable.size === 0, assumeConfirmed: !write };
  const unread = { accounts: unreadable, lakefs: unreadForLakefs };
  const assessments = await confirmDepartures(ctx, readings, unread, assessing, signal);
  options.progress?.(`looking at the targets for ${assessments.length} identities`);
  const manner = { by: options.by ?? 'sweep', priority: 0, begun, sweep: true } as const;
  const progress = (done: number, all: number) => options.progress?.('applying', done, all);
  const looking = { unreadable: unreadForLakefs, endsCountdowns: true };
  const inLakefs = forLakefs && (await seeLakefs(ctx, forLakefs, assessments, looking, signal));
  lacking.push(...(inLakefs?.lacking ?? []));
  const lakefs = inLakefs?.look ?? ('none' as const);
  const settling = { ...assessing, manner, apply: options.apply && !waits, progress, lakefs };
  const { outcomes, clearance } = await settleAll(ctx, assessments, settling, signal);
  // A pass that was stopped half-way says nothing about the whole.
  signal.throwIfAborted();
  for (const { result } of outcomes) ctx.metrics.reconciles.inc({ by: manner.by, result });
  const firstPlan = waits ? firstPlanOf(outcomes) : undefined;
  const unreadCount = new Set([...unreadable.keys(), ...unreadForLakefs]).size;
  const record = summarise(ctx, { startedAt, unreadable: unreadCount, lacking, firstPlan }, outcomes);
  if (write) await remember(ctx, scope, record);
  else if (options.apply) await rememberUnwritten(ctx, record, firstPlan);
  ctx.log('reconcile.sweep.finished', { ...record });
  return { record, outcomes, clearance, firstPlan };
}

/** A dry run is remembered by this process alone; that the first run waits is on the disk, and nothing else of it. */
async function rememberUnwritten(ctx: Context, record: SweepRecord, firstPlan: FirstPlan | undefined): Promise<void> {
  // An operator may have let it go while this sweep was still planning it.
  const waits = awaitsFirstRun(ctx);
  ctx.ledger.data.lastSweep = record;
  if (!firstPlan || !waits) return;
  keepFirstPlan(ctx, firstPlan);
  await ctx.ledger.save();
}

/** The comparison of the records and the plan rest on one listing of Proxmox. */
function listingOnce(ctx: Context): Context {
  const { proxmox } = ctx.targets;
  return proxmox?.listedOnce ? { ...ctx, targets: { ...ctx.targets, proxmox: proxmox.listedOnce() } } : ctx;
}

function hasLeft(ctx: Context, oid: ObjectId): boolean {
  const state = ctx.ledger.entry(oid)?.state;
  return state === 'grace' || state === 'deleted';
}

/** A group that had members and now reads empty is believed only when a second reading agrees. */
async function readScopeTwiceWhereEmptied(
  ctx: Context,
  options: SweepOptions,
  signal: AbortSignal,
): Promise<ScopeReading> {
  const first = await ctx.directory.readScope(signal);
  const emptied = [...first.groups]
    .filter(([group, reading]) => isEmptied(ctx, group, reading))
    .map(([group]) => group);
  if (emptied.length === 0) return first;
  ctx.log('reconcile.group.emptied', { groups: emptied });
  if (!options.apply) return first;
  await ctx.clock.sleep(ctx.policy.confirmBeforeLockMs, signal);
  const second = await ctx.directory.readScope(signal, emptied);
  const identities = new Map(first.identities);
  for (const [oid, reading] of second.identities) identities.set(oid, merge(identities.get(oid), reading));
  return { groups: new Map([...first.groups, ...second.groups]), identities };
}

function isEmptied(ctx: Context, group: GroupId, reading: GroupReading): boolean {
  const before = ctx.ledger.data.groups[group]?.members ?? 0;
  return reading.certainty === 'present' && reading.members === 0 && before > 0;
}

function merge(
  known: PresentReading | UnknownReading | undefined,
  again: PresentReading | UnknownReading,
): PresentReading | UnknownReading {
  if (known?.certainty !== 'present' || again.certainty !== 'present') return known ?? again;
  return { ...again, groups: [...new Set([...known.groups, ...again.groups])] };
}

/** Listed in a group for lakeFS alone says nothing of an identity: whether it left the others is asked singly. */
function isListed({ policy }: Context, { identities }: ScopeReading, oid: ObjectId): boolean {
  const reading = identities.get(oid);
  if (!reading) return false;
  if (!policy.enforce || reading.certainty === 'unknown' || policy.userIds.includes(oid)) return true;
  return reading.groups.some((group) => policy.groupIds.includes(group));
}

function unreadableGroups(ctx: Context, scope: ScopeReading, groups: readonly GroupId[]): Map<GroupId, string> {
  const unreadable = new Map<GroupId, string>();
  for (const group of groups) {
    const why = noteGroupReading(ctx, group, scope.groups.get(group));
    if (why !== undefined) unreadable.set(group, why);
  }
  return unreadable;
}

/** Those that no listing showed, one by one. When they cannot be asked for they are unknown; the listings still count. */
async function readSingly(ctx: Context, oids: readonly ObjectId[], signal: AbortSignal): Promise<Reading[]> {
  try {
    return await ctx.directory.readIdentities(oids, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SourceUnavailable)) throw error;
    ctx.log('reconcile.source.unavailable', { error: error.message });
    return oids.map((oid) => ({ certainty: 'unknown', oid, why: error.message }));
  }
}

/** First signs of departures are settled within the sweep: all suspects are read once more after the pause. */
async function confirmDepartures(
  ctx: Context,
  readings: readonly Reading[],
  unread: { accounts: ReadonlyMap<GroupId, string>; lakefs: ReadonlySet<GroupId> },
  options: AssessOptions,
  signal: AbortSignal,
): Promise<Assessment[]> {
  const judgeAll = (all: readonly Reading[]) =>
    assess(
      ctx,
      keepUnreadable(ctx, all, (group) => unread.accounts.has(group)),
      options,
    );
  const first = judgeAll(readings);
  const suspects = first.flatMap(({ oid, verdict }) => (verdict.kind === 'confirm' ? [{ oid, verdict }] : []));
  const doubts = options.assumeConfirmed ? [] : doubtsInLakefs(ctx, first, unread.lakefs);
  if (suspects.length + doubts.length === 0) return first;
  for (const { verdict } of suspects) {
    ctx.ledger.put(verdict.entry);
    suspectInLakefs(ctx, verdict.entry);
  }
  const latest = Math.max(...[...suspects.map(({ verdict }) => verdict), ...doubts].map(({ recheckAt }) => recheckAt));
  await ctx.clock.sleep(Math.max(0, latest - ctx.clock.now()), signal);
  const again = await readSingly(ctx, [...new Set([...suspects, ...doubts].map(({ oid }) => oid))], signal);
  const second = new Map(judgeAll(again).map((item) => [item.oid, item]));
  return first.map((item) => second.get(item.oid) ?? item);
}

async function remember(ctx: Context, scope: ScopeReading, record: SweepRecord): Promise<void> {
  const { data } = ctx.ledger;
  for (const [group, reading] of scope.groups) {
    if (reading.certainty === 'present') data.groups[group] = { members: reading.members, at: record.finishedAt };
  }
  data.lastSweep = record;
  // It waited, and FIRST_RUN=apply lets it go.
  if (data.firstRun?.state === 'waiting') data.firstRun = { state: 'begun', at: record.startedAt };
  if (record.result === 'done') data.lastGoodSweepAt = record.finishedAt;
  ctx.ledger.changed();
  await ctx.ledger.save();
  ctx.metrics.sweepSeconds.observe((record.finishedAt - record.startedAt) / 1000);
  if (record.result === 'done') ctx.metrics.sweepLastSuccessSeconds.set(record.finishedAt / 1000);
}

/** The record of a sweep that could not read its source, for status and health. */
export async function rememberFailedSweep(
  ctx: Context,
  startedAt: number,
  error: unknown,
  failOpen: boolean,
): Promise<void> {
  const degraded = failOpen && error instanceof SourceUnavailable;
  const record: SweepRecord = {
    startedAt,
    finishedAt: ctx.clock.now(),
    result: degraded ? 'degraded' : 'failed',
    identities: 0,
    applied: 0,
    failed: 0,
    why: messageOf(error),
  };
  ctx.log('reconcile.sweep.failed', { ...record });
  ctx.ledger.data.lastSweep = record;
  if (ctx.dryRun) return;
  ctx.ledger.changed();
  await ctx.ledger.save();
}
