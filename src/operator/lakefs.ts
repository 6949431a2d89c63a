import type { LakefsGroupEntry, LakefsPersonEntry } from '../domain/plan-lakefs-record.js';
import type { Context } from '../reconcile/context.js';
import { lakefsRecord } from '../reconcile/lakefs-port.js';
import { iso } from './views.js';

/** A lakeFS group of ours, as it is told. Times are ISO 8601 in UTC. */
export interface LakefsGroupView {
  /** The Entra group. */
  group: string;
  displayName: string;
  /** Its name in lakeFS, where that is another one: lakeFS renames no groups. */
  name: string;
  /** People whom we put in. */
  members: number;
  policies: readonly string[];
  permission?: string | undefined;
  origin: LakefsGroupEntry['origin'];
  /** Gone from Entra, or not selected any more: when it is deleted, or that it is kept. */
  ends?: { since: string; deleteAt?: string | undefined } | undefined;
  /** Members who are nobody of ours, put in by hand; they stay. */
  strangers?: { users: readonly string[]; count: number } | undefined;
  conflict?: { what: string; remedy: string } | undefined;
  problem?: string | undefined;
}

/** lakeFS in the status. */
export interface LakefsView {
  mode: string;
  groups: LakefsGroupView[];
  /** Entra groups for which nothing is made before a person settles something. */
  conflicts: { group: string; displayName: string; what: string; remedy: string; since: string }[];
  /** Members for whom lakeFS has no user yet; the first hundred, and how many there are. */
  pending: { oid: string; upn: string; since: string }[];
  pendingCount: number;
  /** People who are no identities elsewhere, and whose memberships fail or need a decision. */
  people: { oid: string; upn: string; conflict?: { what: string; remedy: string } | undefined; problem?: string }[];
}

const SHOWN = 100;

/** From memory; undefined where lakeFS is no target. */
export function lakefsView(ctx: Pick<Context, 'lakefs' | 'ledger'>): LakefsView | undefined {
  if (!ctx.lakefs) return undefined;
  const { groups, people, conflicts = {} } = lakefsRecord(ctx.ledger);
  const waiting = Object.values(people).filter(isPending);
  const unwell = Object.values(people).filter(({ oid, conflict, problem }) => {
    // Whoever is an identity is told among those.
    return (conflict || problem) && !ctx.ledger.entry(oid);
  });
  return {
    mode: ctx.lakefs.mode,
    groups: Object.values(groups)
      .sort((a, b) => (a.displayName < b.displayName ? -1 : 1))
      .map(groupView),
    conflicts: Object.entries(conflicts).map(([group, note]) => ({ group, ...note, since: iso(note.since) })),
    pending: waiting.slice(0, SHOWN).map(({ oid, upn, pendingSince }) => ({ oid, upn, since: iso(pendingSince) })),
    pendingCount: waiting.length,
    people: unwell.slice(0, SHOWN).map(({ oid, upn, conflict, problem }) => ({
      ...{ oid, upn, conflict: conflict && { what: conflict.what, remedy: conflict.remedy } },
      ...(problem === undefined ? {} : { problem }),
    })),
  };
}

function isPending(person: LakefsPersonEntry): person is LakefsPersonEntry & { pendingSince: number } {
  return person.pendingSince !== undefined;
}

function groupView(entry: LakefsGroupEntry): LakefsGroupView {
  const { groupId: group, displayName, name, members, policies, acl, origin, graceSince, deleteAt, conflict } = entry;
  const deletion = deleteAt === undefined ? {} : { deleteAt: iso(deleteAt) };
  return {
    ...{ group, displayName, name, members: Object.keys(members).length, policies, permission: acl, origin },
    ends: graceSince === undefined ? undefined : { since: iso(graceSince), ...deletion },
    conflict: conflict && { what: conflict.what, remedy: conflict.remedy },
    strangers: entry.strangers,
    problem: entry.problem,
  };
}
