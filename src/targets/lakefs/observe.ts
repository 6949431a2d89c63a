import PQueue from 'p-queue';
import { messageOf } from '../../domain/errors.js';
import type { GroupId, ObjectId } from '../../domain/identity.js';
import { LAKEFS_BUILT_IN_GROUPS, LAKEFS_PERMISSIONS, type MemberStrategy } from '../../domain/lakefs.js';
import type { LakefsGroupEntry } from '../../domain/plan-lakefs-record.js';
import type { LakefsGroupSight, LakefsPersonSight, PoliciesReading } from '../../domain/plan-lakefs-sight.js';
import type { LakefsClient } from './client.js';
import { LakefsError } from './errors.js';
import { groupMarkedIn } from './marks.js';
import { indexUsers, matchUser, type Person } from './match-members.js';
import type { LakefsGroup } from './schema.js';

/** One Entra group that lakeFS is looked at for. */
export interface GroupAsk {
  groupId: GroupId;
  /** The name that it has or would get. */
  name: string;
  entry: LakefsGroupEntry | undefined;
  /** A group of this name without a mark is ours all the same. */
  takes: 'adopted' | 'found' | undefined;
}

/** One person that lakeFS is asked about. Who is gone from Entra has no attributes, and is known by what we put in. */
export interface PersonAsk {
  oid: ObjectId;
  person: Person | undefined;
  /** The lakeFS users that we put somewhere for this person. */
  recorded: readonly string[];
}

/** What a sweep saw of lakeFS, all at one time. */
export interface LakefsSurvey {
  simplified: boolean;
  group(groupId: GroupId): LakefsGroupSight;
  person(ask: PersonAsk): LakefsPersonSight;
  /** The lakeFS users in a group; undefined where they were not read. */
  members(groupId: GroupId): readonly string[] | undefined;
}

export interface ObserveOptions {
  client: LakefsClient;
  strategies: readonly MemberStrategy[];
  /** Whether members, and whether policies are ours to look after. */
  members: boolean;
  policies: boolean;
}

/** lakeFS answers reads side by side; more would only meet its rate limits. */
const READS_AT_A_TIME = 4;

/**
 * One listing of groups and users, and the members and policies of each group of ours. What one group does not show is
 * unknown there alone. Throws LakefsError or SourceUnavailable where the listings themselves cannot be read.
 */
export async function survey(
  options: ObserveOptions,
  asks: readonly GroupAsk[],
  signal: AbortSignal,
): Promise<LakefsSurvey> {
  const { client, strategies, members, policies } = options;
  const groups = await client.listGroups(signal);
  const index = indexUsers(members ? await client.listUsers(signal) : []);
  const simplified = policies ? await isSimplified(client, signal) : false;
  const found = new Map(asks.map((ask) => [ask.groupId, findGroup(groups, ask)]));
  const queue = new PQueue({ concurrency: READS_AT_A_TIME });
  const sights = new Map<GroupId, LakefsGroupSight>();
  const unread = new Map<GroupId, string>();
  const memberships = new Map<string, Set<GroupId>>();
  await queue.addAll(
    [...found].map(([groupId, finding]) => async () => {
      if (finding.certainty !== 'present') {
        sights.set(groupId, finding);
        return;
      }
      const users = members ? await readMembers(client, finding.id, signal) : undefined;
      if (users && 'why' in users) unread.set(groupId, users.why);
      const listed = users && 'ids' in users ? users.ids : undefined;
      for (const user of listed ?? []) memberships.set(user, (memberships.get(user) ?? new Set()).add(groupId));
      const rights = policies ? await readRights(client, finding.id, simplified, signal) : UNASKED;
      sights.set(groupId, { ...finding, members: listed, policies: rights });
    }),
  );
  return {
    simplified,
    group: (groupId) => sights.get(groupId) ?? { certainty: 'unknown', why: 'it was not looked at' },
    person: ({ person }) => ({
      certainty: 'present',
      match: person ? matchUser(index, strategies, person) : { kind: 'none' },
      memberships,
      unread,
    }),
    members(groupId) {
      const sight = sights.get(groupId);
      return sight?.certainty === 'present' ? sight.members : undefined;
    },
  };
}

const UNASKED: PoliciesReading = { certainty: 'unasked' };

async function isSimplified(client: LakefsClient, signal: AbortSignal): Promise<boolean> {
  try {
    await client.listPolicies(signal);
    return false;
  } catch (error) {
    if (error instanceof LakefsError && error.kind === 'no-policies') return true;
    // Whoever may not list all policies may still attach them.
    if (error instanceof LakefsError && error.kind === 'refused') return false;
    throw error;
  }
}

async function readMembers(
  client: LakefsClient,
  id: string,
  signal: AbortSignal,
): Promise<{ ids: string[] } | { why: string }> {
  try {
    return { ids: (await client.listMembers(id, signal)).map((user) => user.id) };
  } catch (error) {
    signal.throwIfAborted();
    return { why: messageOf(error) };
  }
}

async function readRights(
  client: LakefsClient,
  id: string,
  simplified: boolean,
  signal: AbortSignal,
): Promise<PoliciesReading> {
  try {
    if (!simplified) return { certainty: 'present', policies: await client.listGroupPolicies(id, signal) };
    const acl = await client.getAcl(id, signal);
    return { certainty: 'simplified', permission: LAKEFS_PERMISSIONS.find((each) => each === acl) };
  } catch (error) {
    signal.throwIfAborted();
    return { certainty: 'unknown', why: messageOf(error) };
  }
}

type Finding =
  | { certainty: 'present'; id: string; name: string; origin: LakefsGroupEntry['origin'] }
  | Exclude<LakefsGroupSight, { certainty: 'present' }>;

const BUILT_IN = new Set(LAKEFS_BUILT_IN_GROUPS.map((name) => name.toLowerCase()));

/** Whether lakeFS made this group at its set-up; nothing is ever written to it. */
export function isBuiltIn(name: string): boolean {
  return BUILT_IN.has(name.toLowerCase());
}

/** The lakeFS group that stands for an Entra group: by our mark, by what we remember, and by its name at last. */
export function findGroup(groups: readonly LakefsGroup[], { groupId, name, entry, takes }: GroupAsk): Finding {
  if (isBuiltIn(name)) {
    const what = `"${name}" is a group that lakeFS made at its set-up, and those are never touched`;
    return { certainty: 'foreign', what, remedy: 'give the lakeFS group another name with LAKEFS_MAPPING_FILE' };
  }
  const marked = groups.filter((group) => groupMarkedIn(group.description) === groupId && !isProtected(group));
  // Whoever may make groups can copy a mark; the one that we know by its id stays ours.
  const known = marked.filter(({ id }) => id === entry?.id);
  const [first, second] = known.length > 0 ? known : marked;
  if (first && second) {
    const names = marked.map((group) => `"${group.name}" (${group.id})`).join(', ');
    const what = `several lakeFS groups carry the mark of the Entra group ${groupId}: ${names}`;
    return { certainty: 'foreign', what, remedy: 'delete all of them but one' };
  }
  if (first) return { certainty: 'present', id: first.id, name: first.name, origin: 'made' };
  // What is not marked has to be what we remember, or what an operator gave us.
  const ours = entry?.origin !== 'made' ? groups.find(({ id }) => id === entry?.id) : undefined;
  if (ours && takes && isFree(ours)) return { certainty: 'present', id: ours.id, name: ours.name, origin: takes };
  const named = groups.find((group) => group.name === name || group.id === name);
  if (!named) return { certainty: 'absent' };
  if (takes && isFree(named)) return { certainty: 'present', id: named.id, name: named.name, origin: takes };
  return inTheWay(named);
}

function isProtected({ id, name }: LakefsGroup): boolean {
  return isBuiltIn(id) || isBuiltIn(name);
}

function isFree(group: LakefsGroup): boolean {
  return !isProtected(group) && groupMarkedIn(group.description) === undefined;
}

function inTheWay({ name, description }: LakefsGroup): Finding {
  const owner = groupMarkedIn(description);
  if (owner !== undefined) {
    return {
      certainty: 'foreign',
      what: `the lakeFS group "${name}" stands for another Entra group, ${owner}`,
      remedy: 'give one of the two another name with LAKEFS_MAPPING_FILE',
    };
  }
  return {
    certainty: 'foreign',
    what: `there is a lakeFS group "${name}" that Entramox did not make`,
    remedy:
      'if it is to be looked after, add its Entra group to LAKEFS_ADOPT_GROUP_IDS; else choose another name, or delete it',
  };
}
