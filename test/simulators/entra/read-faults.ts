import type { DirectoryObject, DirectoryState } from './directory-state.js';
import type { Membership } from './membership.js';

/** What Entra lies about while a fault is on: all of it has been seen or is documented. */
export interface ReadFaults {
  /**
   * Answers the next `reads` calls about this user as of now, whatever happens to it meanwhile (eventual consistency).
   * For an id that does not exist yet the reads are 404. Infinity lasts until `thawReads`.
   */
  freezeReads(oid: string, reads: number): void;
  thawReads(oid: string): void;
  /** "Limited information": these properties (default: all but the id) read null. */
  limitInformation(oids: readonly string[] | 'all', properties?: readonly string[]): void;
  /** The next `times` listings of the people of this group say that it is empty. */
  emptyGroup(group: string, times?: number): void;
  /** The next `times` listings of this group leave these out, and count without them. */
  loseMembers(group: string, oids: readonly string[], times?: number): void;
  /** Lists soft-deleted users in their groups, as a lagging index does. */
  listSoftDeleted(on: boolean): void;
  clear(): void;
}

interface Frozen {
  object: DirectoryObject | undefined;
  softDeleted: DirectoryObject | undefined;
  direct: ReadonlySet<string>;
  above: ReadonlySet<string>;
  left: number;
}

/** The directory as callers see it: the truth, bent by the read faults. One `look` is one call about one user. */
export interface DirectoryView {
  look(id: string): {
    object: DirectoryObject | undefined;
    softDeleted: DirectoryObject | undefined;
    direct: ReadonlySet<string>;
    above: ReadonlySet<string>;
  };
  /** The objects of one listing of a group, sorted by id. A listing of its groups is none of its people: no fault. */
  list(group: string, depth: 'direct' | 'transitive', cast?: 'user' | 'group'): DirectoryObject[];
  /** All objects of a kind, sorted by id. */
  all(kind: DirectoryObject['kind']): DirectoryObject[];
  /** Whether the property must read null. */
  hidden(id: string, property: string): boolean;
}

/** The read faults and the view that they bend. */
export function createView(
  state: DirectoryState,
  membership: Membership,
): { readFaults: ReadFaults; view: DirectoryView } {
  const frozen = new Map<string, Frozen>();
  const emptied = new Map<string, number>();
  const losing = new Map<string, { oids: ReadonlySet<string>; left: number }>();
  let limited: { oids: ReadonlySet<string> | 'all'; properties: ReadonlySet<string> | 'all' }[] = [];
  let showSoftDeleted = false;

  function live(id: string): Omit<Frozen, 'left'> {
    return {
      object: state.objects.get(id),
      softDeleted: state.softDeleted.get(id),
      direct: state.parentsOf(id),
      above: membership.groupsAbove(id),
    };
  }

  function spend(id: string, entry: Frozen): void {
    entry.left -= 1;
    if (entry.left <= 0) frozen.delete(id);
  }

  /** Whom this listing leaves out. */
  function lose(group: string): ReadonlySet<string> | undefined {
    const entry = losing.get(group);
    if (!entry || entry.left <= 0) return undefined;
    entry.left -= 1;
    return entry.oids;
  }

  return {
    readFaults: {
      freezeReads(oid, reads) {
        const now = live(oid);
        frozen.set(oid, { ...now, direct: new Set(now.direct), above: new Set(now.above), left: reads });
      },
      thawReads(oid) {
        frozen.delete(oid);
      },
      limitInformation(oids, properties) {
        limited.push({
          oids: oids === 'all' ? 'all' : new Set(oids),
          properties: properties ? new Set(properties) : 'all',
        });
      },
      emptyGroup(group, times = 1) {
        emptied.set(group, times);
      },
      loseMembers(group, oids, times = 1) {
        losing.set(group, { oids: new Set(oids), left: times });
      },
      listSoftDeleted(on) {
        showSoftDeleted = on;
      },
      clear() {
        frozen.clear();
        emptied.clear();
        losing.clear();
        limited = [];
        showSoftDeleted = false;
      },
    },
    view: {
      look(id) {
        const entry = frozen.get(id);
        if (!entry) return live(id);
        spend(id, entry);
        return entry;
      },
      list(group, depth, cast) {
        if (cast === 'group') {
          return [...membership.below(group, depth)].flatMap((id) => state.objects.get(id) ?? []).sort(byId);
        }
        const empty = emptied.get(group) ?? 0;
        if (empty > 0) {
          emptied.set(group, empty - 1);
          return [];
        }
        const lost = lose(group);
        const found: DirectoryObject[] = [];
        for (const id of membership.below(group, depth)) {
          if (frozen.has(id) || lost?.has(id)) continue;
          const object = state.objects.get(id) ?? (showSoftDeleted ? state.softDeleted.get(id) : undefined);
          if (object) found.push(object);
        }
        if (frozen.size === 0) return found;
        for (const [id, entry] of [...frozen]) {
          const memberOf = depth === 'direct' ? entry.direct : entry.above;
          if (entry.object && memberOf.has(group)) found.push(entry.object);
          const liveIn = depth === 'direct' ? state.parentsOf(id) : membership.groupsAbove(id);
          if (memberOf.has(group) || liveIn.has(group)) spend(id, entry);
        }
        return found.sort(byId);
      },
      all(kind) {
        const found = [...state.objects.values()].filter((object) => object.kind === kind && !frozen.has(object.id));
        for (const [id, entry] of [...frozen]) {
          if (entry.object?.kind === kind) found.push(entry.object);
          spend(id, entry);
        }
        return found.sort(byId);
      },
      hidden: (id, property) =>
        limited.some(
          ({ oids, properties }) =>
            (oids === 'all' || oids.has(id)) && (properties === 'all' || properties.has(property)),
        ),
    },
  };
}

function byId(left: DirectoryObject, right: DirectoryObject): number {
  return left.id < right.id ? -1 : left.id > right.id ? 1 : 0;
}
