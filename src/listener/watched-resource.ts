import { parseGuid } from '../domain/identity.js';

/** The object that a notification's `resource` names. */
export type NamedObject =
  | { kind: 'user'; userId: string }
  | { kind: 'group'; groupId: string }
  | { kind: 'member'; groupId: string; userId: string };

export type ResourceReading =
  | { kind: 'named'; object: NamedObject }
  /** The path is of a known shape and an id in it is no GUID. */
  | { kind: 'bad-id' }
  | { kind: 'other' };

/** Reads `Users/{id}`, `Groups/{id}` or `Groups/{g}/members/{u}`; case and a leading slash do not matter. */
export function readResource(resource: unknown): ResourceReading {
  if (typeof resource !== 'string' || resource.length > 200) return { kind: 'other' };
  const [collection, id, relation, member, ...rest] = resource.replace(/^\//, '').toLowerCase().split('/');
  if (rest.length > 0 || (collection !== 'users' && collection !== 'groups') || id === undefined) {
    return { kind: 'other' };
  }
  const first = parseGuid(id);
  if (relation === undefined) {
    if (!first) return { kind: 'bad-id' };
    const object: NamedObject =
      collection === 'users' ? { kind: 'user', userId: first } : { kind: 'group', groupId: first };
    return { kind: 'named', object };
  }
  if (collection !== 'groups' || relation !== 'members' || member === undefined) return { kind: 'other' };
  const second = parseGuid(member);
  if (!first || !second) return { kind: 'bad-id' };
  return { kind: 'named', object: { kind: 'member', groupId: first, userId: second } };
}

/** Whether a subscription on `watched` (`/groups`, `/groups/{id}`, `/users`, `/users/{id}`) can speak of this object. */
export function covers(watched: string, object: NamedObject): boolean {
  const [collection, id] = watched.replace(/^\//, '').toLowerCase().split('/');
  if (collection !== (object.kind === 'user' ? 'users' : 'groups')) return false;
  return id === undefined || id === (object.kind === 'user' ? object.userId : object.groupId);
}
