import { messageOf } from '../../domain/errors.js';
import type { GroupId, ObjectId } from '../../domain/identity.js';
import type { MemberStrategy } from '../../domain/lakefs.js';
import type { LakefsPersonSight, UserMatch } from '../../domain/plan-lakefs-sight.js';
import type { LakefsClient } from './client.js';
import { fillTemplate, indexUsers, matchOf, type UserIndex } from './match-members.js';
import type { PersonAsk } from './observe.js';

export interface PeopleOptions {
  client: LakefsClient;
  strategies: readonly MemberStrategy[];
}

/**
 * Looks at a few people singly, without listing any group: their users, and which groups those are in. `places`: lakeFS
 * group -> Entra group, of those that are ours. Somebody who cannot be seen is unknown; rejects only when aborted.
 */
export async function observePeople(
  options: PeopleOptions,
  asks: readonly PersonAsk[],
  places: ReadonlyMap<string, GroupId>,
  signal: AbortSignal,
): Promise<Map<ObjectId, LakefsPersonSight>> {
  let listing: Promise<UserIndex> | undefined;
  const list = () => {
    listing ??= options.client.listUsers(signal).then(indexUsers);
    return listing;
  };
  const sights = await Promise.all(
    asks.map(async (ask): Promise<[ObjectId, LakefsPersonSight]> => {
      try {
        return [ask.oid, await observeOne(options, ask, places, list, signal)];
      } catch (error) {
        signal.throwIfAborted();
        return [ask.oid, { certainty: 'unknown', why: messageOf(error) }];
      }
    }),
  );
  return new Map(sights);
}

async function observeOne(
  options: PeopleOptions,
  ask: PersonAsk,
  places: ReadonlyMap<string, GroupId>,
  list: () => Promise<UserIndex>,
  signal: AbortSignal,
): Promise<LakefsPersonSight> {
  const memberships = new Map<string, ReadonlySet<GroupId>>();
  const look = async (user: string): Promise<boolean> => {
    const groups = await options.client.listUserGroups(user, signal);
    memberships.set(user, new Set((groups ?? []).flatMap(({ id }) => places.get(id) ?? [])));
    return groups !== undefined;
  };
  const there: string[] = [];
  for (const user of new Set(ask.recorded)) if (await look(user)) there.push(user);
  const match = await matchOne(options, ask, there, list, signal);
  if (match.kind === 'one' && !memberships.has(match.user)) await look(match.user);
  return { certainty: 'present', match, memberships, unread: new Map() };
}

/** Who was matched before and is still there is the same user; a sweep, which lists all, may see it otherwise. */
async function matchOne(
  { client, strategies }: PeopleOptions,
  { person, recorded }: PersonAsk,
  there: readonly string[],
  list: () => Promise<UserIndex>,
  signal: AbortSignal,
): Promise<UserMatch> {
  const [only] = there;
  if (only !== undefined && new Set(recorded).size === 1) return { kind: 'one', user: only };
  if (!person) return { kind: 'none' };
  for (const strategy of strategies) {
    const value = fillTemplate(strategy, person);
    if (value === undefined) continue;
    const users =
      strategy.field === 'id'
        ? ((await client.getUser(value, signal))?.id ?? [])
        : (await list()).find(strategy.field, value);
    const match = matchOf(strategy, [users].flat());
    if (match) return match;
  }
  return { kind: 'none' };
}
