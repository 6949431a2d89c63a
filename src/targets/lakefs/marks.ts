import { type GroupId, parseGuid } from '../../domain/identity.js';

const MARK = /(?:^|\s)entra:([0-9a-f-]{36})(?=\s|$)/gi;

/** What stands in the description of a group that we made: whose it is, by the Entra group's object id. */
export function markOfGroup(group: GroupId): string {
  return `entra:${group}`;
}

/** The Entra group that a description names; undefined where it names none, or several. */
export function groupMarkedIn(description: string): GroupId | undefined {
  const found = new Set([...description.matchAll(MARK)].flatMap(([, id]) => parseGuid(id) ?? []));
  return found.size === 1 ? [...found][0] : undefined;
}
