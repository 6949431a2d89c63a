import type { DirectoryState } from './directory-state.js';

/** Questions on nesting, answered from the live state. */
export interface Membership {
  /** Every group above the object, at any depth. */
  groupsAbove(id: string): ReadonlySet<string>;
  /** Object ids below the group, sorted, so that paging by "after this id" never skips a stable member. */
  below(group: string, depth: 'direct' | 'transitive'): readonly string[];
}

/** Nesting over a directory; listings are kept until a membership changes. */
export function createMembership(state: DirectoryState): Membership {
  const listings = new Map<string, { version: number; ids: readonly string[] }>();

  function collect(start: string, next: (id: string) => ReadonlySet<string>): Set<string> {
    const found = new Set<string>();
    const open = [start];
    for (let id = open.pop(); id !== undefined; id = open.pop())
      for (const neighbour of next(id))
        if (!found.has(neighbour)) {
          found.add(neighbour);
          open.push(neighbour);
        }
    return found;
  }

  return {
    groupsAbove: (id) => collect(id, state.parentsOf),
    below(group, depth) {
      const key = `${depth} ${group}`;
      const version = state.membershipVersion();
      const kept = listings.get(key);
      if (kept?.version === version) return kept.ids;
      const ids = depth === 'direct' ? [...state.membersOf(group)] : [...collect(group, state.membersOf)];
      const sorted = ids.sort();
      listings.set(key, { version, ids: sorted });
      return sorted;
    },
  };
}
