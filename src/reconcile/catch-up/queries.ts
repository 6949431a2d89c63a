import { type GroupId, isMadeFromUserid, type ObjectId } from '../../domain/identity.js';
import { type DeltaQuery, deltaPath, MAX_FILTERED } from '../../entra/delta-hints.js';

/** What is to be watched now. */
export interface Watched {
  groups: readonly GroupId[];
  /** Everybody who is or may be in scope; undefined: not known yet, since no sweep has finished. */
  users: readonly ObjectId[] | undefined;
}

/**
 * The queries of a round. Groups by their ids, in as many queries as that takes: a query over all groups of a tenant
 * would have to read every member of every group once. Users by id where one query holds them, otherwise the whole
 * collection. A query over users that is asked already stays while it covers everybody, so that not each leaver costs
 * a new beginning.
 */
export function wantedQueries({ groups, users }: Watched, asked: readonly DeltaQuery[]): DeltaQuery[] {
  return [usersQuery(users, asked), ...slices(unique(groups)).map((ids): DeltaQuery => ({ kind: 'groups', ids }))];
}

function usersQuery(users: readonly ObjectId[] | undefined, asked: readonly DeltaQuery[]): DeltaQuery {
  const before = asked.find(({ kind }) => kind === 'users');
  if (users === undefined) return before ?? { kind: 'users', ids: undefined };
  const ids = unique(users.filter((oid) => !isMadeFromUserid(oid)));
  if (ids.length === 0 || ids.length > MAX_FILTERED) return { kind: 'users', ids: undefined };
  const covered = before?.ids !== undefined && ids.every((id) => before.ids?.includes(id));
  return covered ? before : { kind: 'users', ids };
}

/** Whether both ask for the same. */
export function isSameQuery(a: DeltaQuery, b: DeltaQuery): boolean {
  return deltaPath(a) === deltaPath(b);
}

/** Ids that `query` is for and that none of `others`, of the same kind, watches; none where there are no others. */
export function uncovered(query: DeltaQuery, others: readonly DeltaQuery[], { users }: Watched): readonly string[] {
  if (others.length === 0 || others.some(({ ids }) => ids === undefined)) return [];
  const watched = new Set(others.flatMap(({ ids }) => ids ?? []));
  return (query.ids ?? users ?? []).filter((id) => !watched.has(id));
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids)].sort();
}

function slices(ids: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / MAX_FILTERED) }, (_, index) =>
    ids.slice(index * MAX_FILTERED, (index + 1) * MAX_FILTERED),
  );
}
