import { z } from 'zod';
import { type GroupId, type ObjectId, parseGuid } from '../domain/identity.js';
import type { DeltaRound } from './delta-pages.js';
import type { GraphClient } from './graph-client.js';
import { objectIds } from './identity-requests.js';
import { USER_SELECT } from './user-schema.js';

/** What a delta query watches. */
export interface DeltaQuery {
  kind: 'users' | 'groups';
  /** Only these objects; undefined: the whole collection. */
  ids: readonly string[] | undefined;
}

/** What somebody should look at: ids and nothing else. A delta is a hint, as a notification is. */
export interface DeltaHints {
  users: ReadonlySet<ObjectId>;
  groups: ReadonlySet<GroupId>;
  /** Where the next round starts; worth something only once the ids are safe. */
  link: string;
  /** Calls to Graph that it took. */
  requests: number;
}

/** Delta queries as sources of hints. Both throw what `GraphClient.getDelta` throws. */
export interface DeltaSource {
  /** A place to go on from: whatever changes after this call was made is told by `follow`. */
  begin(query: DeltaQuery, signal: AbortSignal): Promise<Pick<DeltaHints, 'link' | 'requests'>>;
  /** What changed since the link was given. Throws DeltaLost where Graph does not know the link any more. */
  follow(kind: DeltaQuery['kind'], link: string, signal: AbortSignal): Promise<DeltaHints>;
}

/** Graph takes at most so many ids in the filter of a delta query (Graph: delta-query-overview). */
export const MAX_FILTERED = 50;

/** What is asked for at the beginning. The options are baked into every link that follows, so it serves this query alone. */
export function deltaPath({ kind, ids }: DeltaQuery): string {
  const select = kind === 'users' ? USER_SELECT : 'id,displayName,members';
  const filter = objectIds(kind === 'users' ? 'the user' : 'the group', ids ?? [])
    .map((id) => `id eq '${id}'`)
    .join(' or ');
  return `/${kind}/delta?$select=${select}${filter === '' ? '' : `&$filter=${encodeURIComponent(filter)}`}`;
}

/**
 * Only selected properties are tracked, so for users those that a reading is made of, for groups the members. A first
 * round over named objects is read whole; over the whole collection of users it starts from now. For groups Graph is
 * known to leave out changes of members after `$deltatoken=latest`, so that is never asked for them.
 */
export function createDeltaSource(graph: Pick<GraphClient, 'getDelta'>): DeltaSource {
  return {
    async begin(query, signal) {
      const fromNow = query.kind === 'users' && query.ids === undefined;
      const start = fromNow ? `${deltaPath(query)}&$deltatoken=latest` : deltaPath(query);
      const { deltaLink, requests } = await graph.getDelta(start, z.unknown(), { signal });
      return { link: deltaLink, requests };
    },
    async follow(kind, link, signal) {
      const round = await graph.getDelta(link, itemSchema, { signal });
      return kind === 'users' ? hintsOfUsers(round) : hintsOfGroups(round);
    },
  };
}

/** An object where Graph follows its description, a string as notifications have it. */
const removed = z
  .union([z.string(), z.object({})])
  .nullish()
  .catch(undefined);

/** What cannot be understood of an item only costs that item: catch-up must not stand still because of it. */
const guid = z.unknown().transform((value) => parseGuid(value));
const itemSchema = z
  .object({ id: guid, '@removed': removed, 'members@delta': z.unknown().optional() })
  .catch({ id: undefined });
const memberSchema = z.object({ id: guid, '@odata.type': z.string().nullish().catch(undefined) });

type Item = z.infer<typeof itemSchema>;

/** Removed or changed, all the same: only a reading tells what became of somebody. */
function hintsOfUsers({ items, deltaLink, requests }: DeltaRound<Item>): DeltaHints {
  const users = new Set(items.flatMap(({ id }) => (id === undefined ? [] : [id])));
  return { users, groups: new Set(), link: deltaLink, requests };
}

/**
 * Members who joined or left; a member that is a group makes both it and the group around it to be looked at, and so
 * does a group that is gone, or whose members nobody understands. A member without a type is taken for a user: notifications name no types at all.
 */
function hintsOfGroups({ items, deltaLink, requests }: DeltaRound<Item>): DeltaHints {
  const users = new Set<ObjectId>();
  const groups = new Set<GroupId>();
  for (const { id: group, 'members@delta': members, '@removed': gone } of items) {
    const isList = Array.isArray(members);
    const isUnclear = !isList && members !== undefined && members !== null;
    if (group !== undefined && (gone || isUnclear)) groups.add(group);
    for (const member of isList ? members : []) {
      const { id, '@odata.type': type } = memberSchema.safeParse(member).data ?? {};
      const kind = type?.toLowerCase().replace('#microsoft.graph.', '') ?? 'user';
      if (id === undefined) continue;
      if (kind === 'user') users.add(id);
      if (kind !== 'group') continue;
      groups.add(id);
      if (group !== undefined) groups.add(group);
    }
  }
  return { users, groups, link: deltaLink, requests };
}
