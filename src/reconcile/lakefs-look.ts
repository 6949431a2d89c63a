import { setMaxListeners } from 'node:events';
import type { GroupId, ObjectId } from '../domain/identity.js';
import type { LakefsPlace } from '../domain/plan-lakefs-person.js';
import { isKnownInLakefs, recordedMemberships } from '../domain/plan-lakefs-record.js';
import type { LakefsPersonSight } from '../domain/plan-lakefs-sight.js';
import type { Reading } from '../domain/reading.js';
import type { PersonAsk } from '../targets/lakefs/observe.js';
import type { Assessment } from './assess.js';
import type { Context } from './context.js';
import { openDeadline } from './lakefs-patience.js';
import { lakefsRecord } from './lakefs-port.js';
import type { Prepared } from './prepare.js';

/** What lakeFS showed for one pass, and what is ours there. */
export interface LakefsLook {
  /** Plans of groups; only a sweep has any. */
  groups: readonly Prepared[];
  places: ReadonlyMap<GroupId, LakefsPlace>;
  /** Groups whose membership a reading tells. */
  readable: ReadonlySet<GroupId>;
  /** Of these nobody can tell who is in them. */
  unclear: ReadonlySet<GroupId>;
  /** undefined: lakeFS does not concern this person. */
  sight(oid: ObjectId): LakefsPersonSight | undefined;
  /** The lakeFS user that we use ourselves. */
  untouchable: ReadonlySet<string>;
  /** Groups of ours that cannot be told from somebody else's now. */
  kept?: ReadonlySet<GroupId> | undefined;
}

/** A look at lakeFS that goes on while the other targets are looked at. */
export interface LookUnderWay {
  /** What came of it. Nobody can be seen there where it is not over after so long; it ends then. */
  within(limitMs: number): Promise<LakefsLook | undefined>;
}

/** Begins `lookAtLakefs`. Nothing comes of an error before `within` is called. */
export function beginLook(
  ctx: Context,
  assessments: readonly Assessment[],
  unreadable: ReadonlySet<GroupId>,
  signal: AbortSignal,
): LookUnderWay {
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  setMaxListeners(0, either);
  const looking = lookAtLakefs(ctx, assessments, unreadable, either);
  looking.catch(() => undefined);
  return {
    async within(limitMs) {
      const deadline = openDeadline(limitMs, signal);
      deadline.signal.addEventListener('abort', () => ending.abort(deadline.signal.reason), { once: true });
      try {
        return await looking;
      } catch (error) {
        signal.throwIfAborted();
        if (!deadline.expired()) throw error;
        ctx.log('reconcile.lakefs.unread', { why: deadline.error.message });
        return unseen(ctx, assessments, unreadable, deadline.error.message);
      } finally {
        deadline.end();
      }
    },
  };
}

/** Whoever was asked about is unknown. */
function unseen(
  ctx: Context,
  assessments: readonly Assessment[],
  unreadable: ReadonlySet<GroupId>,
  why: string,
): LakefsLook {
  const readable = new Set(ctx.lakefs?.groups.ids() ?? []);
  const asked = new Set(asksOf(ctx, assessments, readable).map(({ oid }) => oid));
  const sight: LakefsPersonSight = { certainty: 'unknown', why };
  return {
    ...{ groups: [], places: new Map(), readable, untouchable: new Set() },
    unclear: unclearGroups(ctx, readable, unreadable),
    sight: (oid) => (asked.has(oid) ? sight : undefined),
  };
}

/** Looks at lakeFS for the people of a targeted pass who have something to do with it; undefined: nobody has. */
export async function lookAtLakefs(
  ctx: Context,
  assessments: readonly Assessment[],
  unreadable: ReadonlySet<GroupId>,
  signal: AbortSignal,
): Promise<LakefsLook | undefined> {
  const { lakefs: rules } = ctx;
  const { lakefs } = ctx.targets;
  if (!lakefs || !rules || rules.mode === 'policies-only') return undefined;
  const { groups } = lakefsRecord(ctx.ledger);
  const readable = new Set(rules.groups.ids());
  const known = Object.values(groups).filter(({ id }) => id !== undefined);
  const asks = asksOf(ctx, assessments, readable);
  if (known.length === 0 || asks.length === 0) return undefined;
  const byLakefsId = new Map(known.map(({ id, groupId }) => [id ?? '', groupId]));
  const sights = await lakefs.people(asks, byLakefsId, signal);
  const untouchable = await ownUsers(ctx, signal);
  return {
    groups: [],
    places: new Map(
      known.map(({ groupId, name, graceSince }) => [groupId, { name, closing: graceSince !== undefined }]),
    ),
    readable,
    unclear: unclearGroups(ctx, readable, unreadable),
    // Without knowing which user is ours nobody can tell whom to leave alone.
    sight: (oid) =>
      sights.has(oid) && 'why' in untouchable ? { certainty: 'unknown', ...untouchable } : sights.get(oid),
    untouchable: 'why' in untouchable ? new Set() : untouchable,
  };
}

/** Our own lakeFS user, or why it cannot be told. */
export async function ownUsers(ctx: Context, signal: AbortSignal): Promise<ReadonlySet<string> | { why: string }> {
  try {
    const own = await ctx.targets.lakefs?.ownUser(signal);
    return new Set(own === undefined ? [] : [own]);
  } catch (error) {
    signal.throwIfAborted();
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

/** Groups of ours of which nothing may be concluded: not read, or missing in the selection without proof so far. */
export function unclearGroups(
  ctx: Context,
  readable: ReadonlySet<GroupId>,
  unreadable: ReadonlySet<GroupId>,
): ReadonlySet<GroupId> {
  const open = Object.values(lakefsRecord(ctx.ledger).groups).filter(({ graceSince }) => graceSince === undefined);
  return new Set([...unreadable, ...open.map(({ groupId }) => groupId).filter((group) => !readable.has(group))]);
}

/** Whoever is in a group for lakeFS, was put into one, or waits for something there. */
function asksOf(ctx: Context, assessments: readonly Assessment[], readable: ReadonlySet<GroupId>): PersonAsk[] {
  const record = lakefsRecord(ctx.ledger);
  return assessments.flatMap(({ oid, reading, verdict }): PersonAsk[] => {
    if (verdict.kind === 'hold' || verdict.kind === 'confirm') return [];
    const isWanted =
      reading.certainty === 'present' &&
      [...reading.groups, ...(reading.unclear?.groups ?? [])].some((group) => readable.has(group));
    return isWanted || isKnownInLakefs(record, oid) ? [askOf(ctx, oid, reading)] : [];
  });
}

/** Who is asked about, by what. */
export function askOf(ctx: Context, oid: ObjectId, reading: Reading): PersonAsk {
  const recorded = [...new Set(recordedMemberships(lakefsRecord(ctx.ledger), oid).values())];
  if (reading.certainty !== 'present') return { oid, person: undefined, recorded };
  const { upn, mail } = reading.attributes;
  return { oid, person: { oid, upn, mail }, recorded };
}
