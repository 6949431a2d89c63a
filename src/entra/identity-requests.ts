import { Invariant } from '../domain/errors.js';
import { type GroupId, type ObjectId, parseGuid } from '../domain/identity.js';
import { type BatchItem, MAX_BATCH } from './batch.js';
import { USER_SELECT, userPath } from './user-schema.js';

/** Graph: user-checkmembergroups takes at most twenty ids. */
const MAX_CHECKED_GROUPS = 20;
const MAX_IDENTITIES = 10;

/** The ids as lower-case GUIDs. Throws Invariant for anything else: the configuration has been checked long before. */
export function objectIds(what: string, ids: readonly string[]): string[] {
  return ids.map((id) => {
    const guid = parseGuid(id);
    if (!guid) throw new Invariant(`${what} "${id}" is not an object id`);
    return guid;
  });
}

export function chunk<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
}

/** Names of the items of one identity inside a batch. */
export const userItem = (oid: ObjectId) => `user:${oid}`;
export const checkItem = (oid: ObjectId, index: number) => `check${index}:${oid}`;

/** Groups to be checked: those that everything rests on, and others that may fail by themselves. */
export interface CheckedGroups {
  groups: readonly GroupId[];
  more: readonly GroupId[];
}

/** What each checkMemberGroups asks; none mixes the two kinds. */
export function groupChecks({ groups, more }: CheckedGroups): { groupIds: GroupId[]; isMore: boolean }[] {
  const checksOf = (ids: readonly GroupId[], isMore: boolean) =>
    chunk(ids, MAX_CHECKED_GROUPS).map((groupIds) => ({ groupIds, isMore }));
  return [...checksOf(groups, false), ...checksOf(more, true)];
}

/** How many identities are read together: ten, or fewer where each needs several group checks. */
export function identitiesPerBatch(checked: CheckedGroups): number {
  return Math.min(MAX_IDENTITIES, Math.max(1, Math.floor(MAX_BATCH / (1 + groupChecks(checked).length))));
}

/** The batches that read these identities: one, unless a single identity needs more items than a batch takes. */
export function identityBatches(oids: readonly ObjectId[], checked: CheckedGroups): BatchItem[][] {
  const checks = groupChecks(checked);
  const items = oids.flatMap((oid): BatchItem[] => [
    { id: userItem(oid), method: 'GET', path: `${userPath(oid)}?$select=${USER_SELECT}` },
    ...checks.map(
      ({ groupIds }, index): BatchItem => ({
        id: checkItem(oid, index),
        method: 'POST',
        path: `${userPath(oid)}/checkMemberGroups`,
        body: { groupIds },
      }),
    ),
  ]);
  return chunk(items, MAX_BATCH);
}
