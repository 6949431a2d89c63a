import { messageOf } from '../domain/errors.js';
import type { GroupId, ObjectId } from '../domain/identity.js';
import type { LakefsSelection } from '../domain/lakefs.js';
import type { IdentityPlan } from '../domain/plan.js';
import { type GroupWish, type LakefsGroupPlan, planLakefsGroup } from '../domain/plan-lakefs-group.js';
import type { LakefsPlace } from '../domain/plan-lakefs-person.js';
import type { LakefsGroupEntry } from '../domain/plan-lakefs-record.js';
import type { LakefsPersonSight } from '../domain/plan-lakefs-sight.js';
import type { Reading } from '../domain/reading.js';
import type { GroupAsk, LakefsSurvey } from '../targets/lakefs/observe.js';
import type { Assessment } from './assess.js';
import type { Context } from './context.js';
import { askOf, type LakefsLook, ownUsers, unclearGroups } from './lakefs-look.js';
import { besideEntry } from './lakefs-people.js';
import { type LakefsRules, lakefsRecord } from './lakefs-port.js';
import type { LakefsSweep } from './lakefs-selection.js';
import type { Prepared } from './prepare.js';

/** The name of what hinders lakeFS as a whole. */
const TARGET = 'lakefs';

export interface LakefsLookOptions {
  unreadable: ReadonlySet<GroupId>;
  /** Whether countdowns of groups that ran out end now. */
  endsCountdowns: boolean;
}

/** What a sweep saw of lakeFS; `lacking`: what it could not do, in words. */
export interface LakefsSeen {
  look: LakefsLook | undefined;
  lacking: string[];
}

/**
 * Looks at lakeFS as a whole and plans its groups. Where it cannot be seen nobody is touched there; where it has no
 * groups at all, nobody waits for it either.
 */
export async function seeLakefs(
  ctx: Context,
  { selection, rules }: LakefsSweep,
  assessments: readonly Assessment[],
  options: LakefsLookOptions,
  signal: AbortSignal,
): Promise<LakefsSeen> {
  const { lakefs } = ctx.targets;
  const lacking = selection.certainty === 'unknown' ? [`lakeFS: ${selection.why}`] : [];
  if (!lakefs) return { look: undefined, lacking };
  const wishes = wishesOf(ctx, selection);
  const asks = [...wishes].map(([groupId, wish]) => groupAsk(ctx, rules, groupId, wish));
  const readable = new Set(rules.groups.ids());
  const unclear = unclearGroups(ctx, readable, options.unreadable);
  let survey: LakefsSurvey;
  try {
    survey = await lakefs.survey(asks, signal);
    const own = await ownUsers(ctx, signal);
    if ('why' in own) throw new Error(own.why);
    ctx.problems.delete(TARGET);
    const seen = asks.map((ask) => prepareGroup(ctx, rules, survey, ask, wishes.get(ask.groupId), options));
    const groups = seen.map(({ prepared }) => prepared);
    const people = rules.mode === 'policies-only' ? [] : assessments;
    const readings = new Map(people.map(({ oid, reading }) => [oid, reading]));
    noteStrangers(ctx, survey, groups, people);
    const look: LakefsLook = {
      ...{ groups, readable, unclear, untouchable: own },
      kept: new Set(asks.flatMap(({ groupId }) => (survey.group(groupId).certainty === 'foreign' ? [groupId] : []))),
      places: new Map(seen.flatMap(({ prepared, place }) => (place ? [[prepared.assessment.oid, place]] : []))),
      sight: (oid) => sightOf(ctx, survey, oid, readings.get(oid)),
    };
    return { look, lacking: [...lacking, ...troubles(groups)] };
  } catch (error) {
    signal.throwIfAborted();
    const why = messageOf(error);
    ctx.problems.set(TARGET, why);
    ctx.log('reconcile.lakefs.unread', { why });
    // Every one of them would be tried again and again.
    if (lakefs.hasNoGroups(error)) return { look: undefined, lacking: [...lacking, why] };
    return { look: blindLook(ctx, readable, unclear, why), lacking: [...lacking, why] };
  }
}

/** So many are named. */
const STRANGERS_NAMED = 10;

/** Tells in each group's plan which of its members are nobody whom this sweep knows. */
function noteStrangers(
  ctx: Context,
  survey: LakefsSurvey,
  groups: readonly Prepared[],
  people: readonly Assessment[],
): void {
  const known = new Set(
    Object.values(lakefsRecord(ctx.ledger).groups).flatMap(({ members }) => Object.values(members)),
  );
  for (const { oid, reading } of people) {
    const sight = survey.person(askOf(ctx, oid, reading));
    if (sight.certainty === 'present' && sight.match.kind === 'one') known.add(sight.match.user);
  }
  for (const { plan } of groups) {
    const entry = plan?.lakefsGroup?.entry;
    const members = plan && survey.members(plan.oid);
    if (!plan || !entry || !members) continue;
    const users = members.filter((user) => !known.has(user)).sort();
    const strangers = users.length > 0 ? { users: users.slice(0, STRANGERS_NAMED), count: users.length } : undefined;
    plan.lakefsGroup = { entry: { ...entry, strangers } };
  }
}

function sightOf(ctx: Context, survey: LakefsSurvey, oid: ObjectId, reading: Reading | undefined) {
  return reading && survey.person(askOf(ctx, oid, reading));
}

/** Nobody can be seen, and whoever should be in a group waits. */
function blindLook(
  ctx: Context,
  readable: ReadonlySet<GroupId>,
  unclear: ReadonlySet<GroupId>,
  why: string,
): LakefsLook {
  const { groups } = lakefsRecord(ctx.ledger);
  const known = new Set(Object.values(groups).flatMap(({ members }) => Object.keys(members)));
  const sight: LakefsPersonSight = { certainty: 'unknown', why };
  const places = new Map(Object.values(groups).map((entry) => [entry.groupId, placeOf(entry)]));
  return {
    groups: [],
    places,
    readable,
    unclear,
    untouchable: new Set(),
    sight: (oid) => (known.has(oid) ? sight : undefined),
  };
}

/** Every group that is selected, and every one of ours. Without a complete selection nothing becomes of any. */
function wishesOf(ctx: Context, selection: LakefsSelection): Map<GroupId, GroupWish | undefined> {
  const { groups, conflicts = {} } = lakefsRecord(ctx.ledger);
  const ours = Object.keys(groups);
  if (selection.certainty === 'unknown') return new Map(ours.map((group) => [group, undefined]));
  const wishes = new Map<GroupId, GroupWish>(
    [...ours, ...Object.keys(conflicts)].map((group) => [group, { kind: 'unwanted' }]),
  );
  for (const conflict of selection.conflicts) wishes.set(conflict.groupId, { kind: 'blocked', conflict });
  for (const wanted of selection.wanted) wishes.set(wanted.groupId, { kind: 'wanted', wanted });
  return wishes;
}

function displayNameOf(wish: GroupWish | undefined): string | undefined {
  if (wish?.kind === 'wanted') return wish.wanted.displayName;
  return wish?.kind === 'blocked' ? wish.conflict.displayName : undefined;
}

function groupAsk(ctx: Context, rules: LakefsRules, groupId: GroupId, wish: GroupWish | undefined): GroupAsk {
  const entry = lakefsRecord(ctx.ledger).groups[groupId];
  const name = wish?.kind === 'wanted' ? wish.wanted.lakefsName : (entry?.name ?? '');
  const takes = rules.mode === 'policies-only' ? 'found' : rules.adopt.has(groupId) ? 'adopted' : undefined;
  // A group that was given to us stays ours for as long as it is remembered.
  const kept = entry && entry.origin !== 'made' ? entry.origin : undefined;
  return { groupId, name, entry, takes: takes ?? kept };
}

function prepareGroup(
  ctx: Context,
  rules: LakefsRules,
  survey: LakefsSurvey,
  { groupId, entry }: GroupAsk,
  wish: GroupWish | undefined,
  { endsCountdowns }: LakefsLookOptions,
): { prepared: Prepared; place: LakefsPlace | undefined } {
  const sight = survey.group(groupId);
  const unknown = sight.certainty === 'unknown' ? sight.why : undefined;
  const part: LakefsGroupPlan = wish
    ? planLakefsGroup({
        ...{ wish, entry, sight, endsCountdowns },
        ...{ mode: rules.mode, simplified: survey.simplified, deleteAfterMs: rules.deleteAfterMs },
        ...{ confirmMs: ctx.policy.confirmBeforeLockMs, now: ctx.clock.now() },
      })
    : { steps: [], entry, unknown };
  const name = displayNameOf(wish) ?? entry?.displayName ?? groupId;
  const remembered = part.entry ?? entry;
  // Where people may be put, and what they leave: groups as they will be when their plans are done.
  const isThere = sight.certainty === 'present' || part.steps.some(({ action }) => action === 'create-group');
  const place = remembered && isThere ? placeOf(remembered) : undefined;
  return { prepared: preparedGroup(ctx, groupId, name, part), place };
}

/** A group's plan in the shape of a person's, so that guard, approval, lanes and audit treat it alike. */
function preparedGroup(ctx: Context, groupId: GroupId, name: string, part: LakefsGroupPlan): Prepared {
  const isEnding = part.entry?.graceSince !== undefined;
  const reason = isEnding ? 'gone from Entra, or not selected any more' : undefined;
  const entry = { ...besideEntry(ctx, groupId, `group ${name}`, reason), displayName: name };
  const conflicts = part.conflict
    ? [{ target: 'lakefs' as const, ...part.conflict, since: part.entry?.conflict?.since ?? ctx.clock.now() }]
    : [];
  const plan: IdentityPlan = {
    ...{ oid: groupId, steps: part.steps, conflicts, entry: { ...entry, conflicts } },
    unknown: part.unknown === undefined ? [] : [{ target: 'lakefs', why: part.unknown }],
    beside: 'group',
    lakefsGroup: { entry: part.entry },
  };
  const entitlement = { sudo: false, linuxGroups: [], pveGroups: [] };
  const why = 'it is a group';
  return {
    assessment: {
      oid: groupId,
      reading: { certainty: 'unknown', oid: groupId, why },
      desired: { kind: 'unknown', why },
      verdict: { kind: 'settle', entry: plan.entry, wanted: { presence: 'active', entitlement } },
    },
    plan,
  };
}

function placeOf({ name, graceSince }: LakefsGroupEntry): LakefsPlace {
  return { name, closing: graceSince !== undefined };
}

/** What could not be seen of single groups. */
function troubles(groups: readonly Prepared[]): string[] {
  const unread = groups.flatMap(({ plan }) => plan?.unknown.map(({ why }) => `${plan.entry.upn}: ${why}`) ?? []);
  return unread.length > 0 ? [`${unread.length} lakeFS groups unreadable, the first because: ${unread[0]}`] : [];
}
