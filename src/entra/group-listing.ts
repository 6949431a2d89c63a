import { messageOf } from '../domain/errors.js';
import type { GroupId } from '../domain/identity.js';
import { GROUP_GONE, groupGone, membersHidden } from './cause-words.js';
import type { GraphClient } from './graph-client.js';
import { GraphError, saysNotFound } from './graph-errors.js';
import { type GraphUser, isOtherType, USER_SELECT, userSchema } from './user-schema.js';

/** Graph: list transitive members; the largest page it gives. */
const PAGE_SIZE = 999;

export type GroupListing =
  | { kind: 'listed'; users: GraphUser[] }
  /** `cause` is what was thrown; undefined where the listing itself was at fault. */
  | { kind: 'unknown'; why: string; mend?: string | undefined; cause?: unknown };

/**
 * Every user in a group, directly or through nested groups, complete or not at all. The cast to users is an advanced
 * query, which needs ConsistencyLevel and $count; the count is compared with what the pages held.
 */
export async function listGroup(graph: GraphClient, group: GroupId, signal: AbortSignal): Promise<GroupListing> {
  const path =
    `/groups/${encodeURIComponent(group)}/transitiveMembers/microsoft.graph.user` +
    `?$count=true&$select=${USER_SELECT}&$top=${PAGE_SIZE}`;
  try {
    const headers = { ConsistencyLevel: 'eventual' };
    const { items, count } = await graph.getAllPages(path, userSchema, { signal, headers });
    const other = items.find((item) => isOtherType(item['@odata.type']));
    if (other) return { kind: 'unknown', why: `its listing held ${other.id}, a ${other['@odata.type']} and no user` };
    const users = [...new Map(items.map((user) => [user.id, user])).values()];
    if (count === undefined) return { kind: 'unknown', why: 'Graph gave no count to check its listing against' };
    if (count !== users.length) {
      return { kind: 'unknown', why: `Graph counts ${count} members, its pages held ${users.length}` };
    }
    return { kind: 'listed', users };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'unknown', ...explain(error, group), cause: error };
  }
}

function explain(error: unknown, group: GroupId): { why: string; mend?: string } {
  if (!(error instanceof GraphError)) return { why: messageOf(error) };
  if (saysNotFound(error.status, error.code)) return { why: GROUP_GONE, mend: groupGone(group).mend };
  if (error.status === 403) {
    const needs = 'GroupMember.Read.All and User.Read.All, and Member.Read.Hidden for a group with hidden members';
    return {
      why: `Graph refuses to list it (${error.code}); the app needs ${needs}`,
      mend: membersHidden(group).mend,
    };
  }
  return { why: error.message };
}
