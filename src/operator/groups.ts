import { groupsBelow, isNeverRead } from '../domain/group-tree.js';
import type { GroupId } from '../domain/identity.js';
import type { Context } from '../reconcile/context.js';

/** A configured group, as it is told. What is not known yet is missing. */
export interface GroupView {
  id: GroupId;
  displayName?: string | undefined;
  kind?: 'assigned' | 'dynamic' | undefined;
  /** Its members show only with Member.Read.Hidden. */
  hidden?: boolean | undefined;
  /** People in it, directly or by nesting, at the last sweep that could read it. */
  members?: number | undefined;
  /** Groups below it at any depth, and how many of those are dynamic. */
  nested?: { groups: number; dynamic: number } | undefined;
  /** Why what is nested could not be read at the last try; what stands in `nested` is older then. */
  unread?: string | undefined;
}

/** Every configured group, and every one that lakeFS is given, from memory; undefined where the source has no groups. */
export function groupViews({
  policy,
  groups,
  ledger,
  lakefs,
}: Pick<Context, 'policy' | 'groups' | 'ledger' | 'lakefs'>) {
  if (!groups) return undefined;
  return [...new Set([...policy.groupIds, ...(lakefs?.groups.ids() ?? [])])].map((id): GroupView => {
    const branch = groups.tree()?.get(id);
    const members = ledger.data.groups[id]?.members;
    if (!branch) return { id, members };
    const { facts, below } = branch;
    const all = groupsBelow(branch);
    return {
      id,
      displayName: facts?.displayName,
      kind: facts?.kind,
      hidden: facts?.hidden,
      members,
      nested: isNeverRead(branch)
        ? undefined
        : { groups: all.length, dynamic: all.filter(({ kind }) => kind === 'dynamic').length },
      unread: below.certainty === 'unknown' ? below.why : undefined,
    };
  });
}
