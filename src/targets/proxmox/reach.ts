import type { ObjectId } from '../../domain/identity.js';
import { type Need, type Rights, writeNeeds } from './rights.js';
import { shellQuote } from './text.js';

/** A user as far as it decides whether our token may write it. */
export interface Reachable {
  userid: string;
  comment: string;
  groups: readonly string[];
}

export interface ReachOptions {
  rights: Rights;
  /** The first is the base group. */
  managedGroups: readonly string[];
  ownerIn: (comment: string) => ObjectId | undefined;
}

/** To write any user at all; the set-up that we ask for grants it on the managed groups alone. */
const WRITE_ALL: Need = { path: '/access/groups', anyOf: ['User.Modify'] };

/**
 * Of these users, those that nobody marked and that our token may not write: PVE lets it write users of groups on which
 * it has User.Modify, and somebody who was there before us is usually in none of these.
 */
export async function outOfReach(
  { rights, managedGroups, ownerIn }: ReachOptions,
  users: readonly Reachable[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const doubtful = users.filter((user) => isStranger(user, managedGroups, ownerIn));
  if (doubtful.length === 0) return new Set();
  const needs = writeNeeds([...new Set(doubtful.flatMap(({ groups }) => groups))]);
  const missing = await rights.missing([WRITE_ALL, ...needs], signal);
  if (!missing.includes(WRITE_ALL)) return new Set();
  const closed = new Set(missing.map(({ group }) => group));
  const beyond = doubtful.filter(({ groups }) => groups.every((group) => closed.has(group)));
  return new Set(beyond.map(({ userid }) => userid));
}

/** Nobody's, and in none of the managed groups. */
export function isStranger(
  { comment, groups }: Pick<Reachable, 'comment' | 'groups'>,
  managedGroups: readonly string[],
  ownerIn: ReachOptions['ownerIn'],
): boolean {
  return ownerIn(comment) === undefined && !groups.some((group) => managedGroups.includes(group));
}

/** What root runs on a node, once, so that our token may write this user from then on. */
export function reachCommand(userid: string, managedGroups: readonly string[]): string {
  return `pveum user modify ${shellQuote(userid)} --groups ${managedGroups[0]} --append 1`;
}
