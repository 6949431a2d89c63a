import type { GroupId, ObjectId } from './identity.js';
import type { LakefsPersonEntry } from './plan-lakefs-record.js';
import type { LakefsPersonSight } from './plan-lakefs-sight.js';
import type { LakefsWish } from './plan-lakefs-wish.js';
import type { LakefsPersonStep } from './step.js';

/** A lakeFS group that is ours, or will be by the time that somebody is put into it. */
export interface LakefsPlace {
  name: string;
  /** Nobody is put into it any more, and whoever is in it leaves. */
  closing: boolean;
}

export interface LakefsPersonInput {
  oid: ObjectId;
  wish: LakefsWish;
  known: LakefsPersonEntry | undefined;
  /** Where we put the person, and which lakeFS user that was. */
  recorded: ReadonlyMap<GroupId, string>;
  places: ReadonlyMap<GroupId, LakefsPlace>;
  /** Groups that are ours and cannot be told from another one now: what is on record there is kept. */
  kept?: ReadonlySet<GroupId> | undefined;
  sight: LakefsPersonSight;
  /** What happens to somebody without a lakeFS user: one is made under this id, invited, or waited for. */
  missing: { kind: 'pending' } | { kind: 'create' | 'invite'; user: string | undefined };
  /** lakeFS users that are never written to: our own. */
  untouchable: ReadonlySet<string>;
  /** Which other identity has this lakeFS user, as far as we know. */
  holderOf: (user: string) => ObjectId | undefined;
  now: number;
  confirmMs: number;
  /** When a notification reported that this identity was removed from a group, epoch ms. */
  removalReportedAt?: number | undefined;
  /** A plan or a dry run: nothing is applied, so nothing needs a second reading. */
  assumeConfirmed?: boolean | undefined;
}

/** What one person needs in lakeFS. */
export interface LakefsPersonPlan {
  steps: LakefsPersonStep[];
  /** It could not be told: to be tried again. */
  unknown?: string | undefined;
  conflict?: { what: string; remedy: string } | undefined;
  /** Should be a member of something and has no lakeFS user. */
  pending: boolean;
  /** The doubt to remember; removals wait until `recheckAt`. */
  suspicion?: LakefsPersonEntry['suspicion'];
  recheckAt?: number | undefined;
  /** Memberships that are there already and are the person's, and those on record that are not there any more. */
  seen: { group: GroupId; user: string }[];
  vanished: GroupId[];
}

type Seen = Extract<LakefsPersonSight, { certainty: 'present' }>;
type Known = Extract<LakefsWish, { kind: 'known' }>;
type Removal = Extract<LakefsPersonStep, { action: 'remove-member' }>;

const NOTHING: LakefsPersonPlan = { steps: [], pending: false, seen: [], vanished: [] };

/** The memberships to add and to remove for one identity. No I/O, no clock, no chance. */
export function planLakefsPerson(input: LakefsPersonInput): LakefsPersonPlan {
  const { wish, sight, known } = input;
  if (wish.kind === 'unknown') return { ...NOTHING, unknown: wish.why, suspicion: known?.suspicion };
  if (sight.certainty === 'unknown') return { ...NOTHING, unknown: sight.why, suspicion: suspicionAfter(input, wish) };
  const removals = removalsFor(input, wish, sight);
  // That a group closes was proved already; that somebody left one is proved by a second reading.
  const doubtful = removals.filter(({ group }) => !input.places.get(group)?.closing);
  const wait = doubtful.length > 0 ? waitFor(input, wish) : undefined;
  const waiting = new Set(wait ? doubtful.map(({ group }) => group) : []);
  const leaving = new Set(removals.filter(({ group }) => !waiting.has(group)).map(({ group }) => group));
  const additions = additionsFor(input, wish, sight, leaving);
  const added = new Set(additions.steps.flatMap((step) => (step.action === 'add-member' ? [step.group] : [])));
  const unread = [...sight.unread].find(([group]) => concerns(input, wish, group));
  const suspicion = wait?.suspicion ?? suspicionAfter(input, wish);
  const looksAgain = wait === undefined && suspicion !== undefined && input.recorded.size > 0;
  return {
    ...additions,
    steps: [...removals.filter(({ group }) => !waiting.has(group)), ...additions.steps],
    unknown: unread?.[1] ?? wish.lacks,
    suspicion,
    recheckAt: looksAgain ? suspicion.since + input.confirmMs : wait?.recheckAt,
    vanished: vanished(input, sight).filter((group) => !added.has(group)),
  };
}

function concerns({ recorded }: LakefsPersonInput, wish: Known, group: GroupId): boolean {
  return wish.wanted.has(group) || recorded.has(group);
}

/** Also a user that is not the person's any more leaves, since the person's name or address was changed. */
function removalsFor(input: LakefsPersonInput, wish: Known, sight: Seen): Removal[] {
  const { oid, places, recorded, untouchable } = input;
  const own = sight.match.kind === 'one' ? sight.match.user : undefined;
  return [...places].flatMap(([group, { name: groupName, closing }]) => {
    if (sight.unread.has(group) || (wish.unclear.has(group) && !closing)) return [];
    const stays = wish.wanted.has(group) && !closing;
    const record = recorded.get(group);
    // Where nobody can be found now, whoever was put there is kept until the person should leave.
    const leaving = stays ? [own === undefined ? undefined : record].filter((user) => user !== own) : [own, record];
    return [...new Set(leaving)].flatMap((user): Removal[] => {
      if (user === undefined || untouchable.has(user) || !sight.memberships.get(user)?.has(group)) return [];
      if (user !== record && isSomebodyElses(input, user)) return [];
      return [{ target: 'lakefs', action: 'remove-member', effect: 'revoke', oid, name: user, group, groupName }];
    });
  });
}

function isSomebodyElses({ oid, holderOf }: LakefsPersonInput, user: string): boolean {
  const holder = holderOf(user);
  return holder !== undefined && holder !== oid;
}

type Additions = Pick<LakefsPersonPlan, 'steps' | 'conflict' | 'pending' | 'seen' | 'vanished'>;

/** `leaving`: groups that a former user of the person leaves now. Where one is still in, the new one comes after it. */
function additionsFor(input: LakefsPersonInput, wish: Known, sight: Seen, leaving: ReadonlySet<GroupId>): Additions {
  const open = [...input.places].filter(([group, place]) => wish.wanted.has(group) && !place.closing);
  if (open.length === 0) return { ...NOTHING };
  const found = userFor(input, sight);
  if ('conflict' in found) return { ...NOTHING, conflict: found.conflict };
  if ('pending' in found) return { ...NOTHING, pending: true };
  const { user, steps } = found;
  const seen: Additions['seen'] = [];
  for (const [group, { name: groupName }] of open) {
    if (sight.unread.has(group)) continue;
    const former = input.recorded.get(group);
    if (former !== undefined && former !== user && !leaving.has(group) && isIn(sight, former, group)) continue;
    if (isIn(sight, user, group)) {
      if (former !== user) seen.push({ group, user });
    } else {
      const { oid } = input;
      steps.push({ target: 'lakefs', action: 'add-member', effect: 'grant', oid, name: user, group, groupName });
    }
  }
  return { ...NOTHING, steps, seen };
}

function isIn({ memberships }: Seen, user: string, group: GroupId): boolean {
  return memberships.get(user)?.has(group) === true;
}

type UserFor =
  | { user: string; steps: LakefsPersonStep[] }
  | { pending: true }
  | { conflict: { what: string; remedy: string } };

function userFor(input: LakefsPersonInput, sight: Seen): UserFor {
  const { oid, missing, untouchable } = input;
  const { match } = sight;
  if (match.kind === 'several') {
    const users = match.users.map((user) => `"${user}"`).join(', ');
    const what = `${match.strategy} finds several lakeFS users: ${users}`;
    return { conflict: { what, remedy: 'delete the ones that nobody uses, or change LAKEFS_MEMBER_MATCH' } };
  }
  if (match.kind === 'none') {
    // Nobody is made or invited a second time because a name or an address was changed.
    if (hasFormerUser(input, sight)) return { pending: true };
    if (missing.kind === 'pending' || missing.user === undefined) return { pending: true };
    const { user } = missing;
    const conflict = conflictOver(input, user);
    if (conflict) return { conflict };
    const invite = missing.kind === 'invite';
    return { user, steps: [{ target: 'lakefs', action: 'create-user', effect: 'create', oid, name: user, invite }] };
  }
  const { user } = match;
  if (untouchable.has(user)) {
    const what = `the lakeFS user "${user}" is the one that Entramox itself uses`;
    return { conflict: { what, remedy: 'give Entramox a lakeFS user of its own' } };
  }
  const conflict = conflictOver(input, user);
  return conflict ? { conflict } : { user, steps: [] };
}

/** Somebody whom we put into a group as a user that is there still. */
function hasFormerUser({ recorded }: LakefsPersonInput, sight: Seen): boolean {
  return [...recorded].some(([group, user]) => isIn(sight, user, group));
}

function conflictOver(input: LakefsPersonInput, user: string) {
  if (!isSomebodyElses(input, user)) return undefined;
  return {
    what: `the lakeFS user "${user}" belongs to another identity (${input.holderOf(user)})`,
    remedy: 'LAKEFS_MEMBER_MATCH finds one user for two people: put a way first that tells them apart, such as {oid}',
  };
}

/** On record, and lakeFS shows that it is not so (any more). */
function vanished({ recorded, places, kept }: LakefsPersonInput, sight: Seen): GroupId[] {
  return [...recorded].flatMap(([group, user]) => {
    if (sight.unread.has(group) || kept?.has(group)) return [];
    return places.has(group) && sight.memberships.get(user)?.has(group) ? [] : [group];
  });
}

interface Wait {
  suspicion: NonNullable<LakefsPersonEntry['suspicion']>;
  recheckAt: number;
}

/** A removal without proof waits for a second reading, as a lock does; undefined: it need not wait. */
function waitFor(input: LakefsPersonInput, wish: Known): Wait | undefined {
  if (wish.proved || input.assumeConfirmed) return undefined;
  const { now, confirmMs } = input;
  const before = currentSuspicion(input);
  if (before && now - before.since >= confirmMs) return undefined;
  const suspicion = before ?? { since: now, by: 'reading' as const };
  return { suspicion, recheckAt: suspicion.since + confirmMs };
}

/** A reported removal is the first of the two signs; an older one stands, unless a reading since then doubted it. */
function currentSuspicion({ known, now, removalReportedAt }: LakefsPersonInput): LakefsPersonEntry['suspicion'] {
  const before = known?.suspicion;
  // One that is ahead of the clock, because that was set back, would never be old enough.
  const stands = before && (before.since > now ? { ...before, since: now } : before);
  if (removalReportedAt === undefined || (stands && !stands.doubted)) return stands;
  return { since: Math.floor(Math.min(removalReportedAt, now)), by: 'notification' };
}

/** A reading right after a reported removal may be a stale one: for a moment it does not clear the doubt. */
function suspicionAfter(input: LakefsPersonInput, wish: Known): LakefsPersonEntry['suspicion'] {
  const before = currentSuspicion(input);
  if (!before || wish.proved || input.now - before.since >= input.confirmMs) return undefined;
  return { ...before, doubted: true };
}
