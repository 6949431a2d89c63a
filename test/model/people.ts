import type { ActionOf } from './actions.js';
import type { GroupName } from './settings.js';
import type { Person } from './truth.js';
import type { World } from './world.js';

/** The person of this number, whatever the number. */
export function personOf({ truth }: World, index: number): Person {
  const people = [...truth.people.values()];
  return people[index % people.length] as Person;
}

type Change = ActionOf<
  'join' | 'leave' | 'disable' | 'enable' | 'soft-delete' | 'restore' | 'hard-delete' | 'redescribe' | 'rename'
>;

/** One change of one person; nothing where it makes no sense. */
export function change(world: World, action: Change): undefined {
  const { directory } = world.entra;
  const person = personOf(world, action.person);
  const there = person.standing === 'there';
  switch (action.kind) {
    case 'join':
      if (!there || person.groups.has(action.group)) return;
      directory.addMember(world.groupIds[action.group], person.oid);
      person.groups.add(action.group);
      return;
    case 'leave':
      return leave(world, person, action.group);
    case 'disable':
    case 'enable':
      if (!there) return;
      person.enabled = action.kind === 'enable';
      directory.updateUser(person.oid, { accountEnabled: person.enabled });
      return;
    case 'soft-delete':
      if (!there) return;
      directory.softDeleteUser(person.oid);
      person.standing = 'soft-deleted';
      return;
    case 'restore':
      if (person.standing !== 'soft-deleted' || isTaken(world, person.upn, person)) return;
      directory.restoreUser(person.oid);
      person.standing = 'there';
      return;
    case 'hard-delete':
      if (person.standing === 'gone' || world.truth.people.size < 6) return;
      directory.hardDeleteUser(person.oid);
      person.standing = 'gone';
      person.groups.clear();
      return;
    case 'redescribe':
      if (there)
        directory.updateUser(person.oid, { displayName: `Dr. ${person.upn.slice(0, 20)}: née, ok`, mail: "o'x@y" });
      return;
    case 'rename':
      if (!there || isTaken(world, action.upn, person)) return;
      person.upn = action.upn;
      directory.updateUser(person.oid, { userPrincipalName: action.upn });
      return;
    default:
      return action satisfies never;
  }
}

/** Takes a person out of a group, where they are in it. */
export function leave(world: World, person: Person, group: GroupName): undefined {
  if (person.standing !== 'there' || !person.groups.has(group)) return;
  world.entra.directory.removeMember(world.groupIds[group], person.oid);
  person.groups.delete(group);
}

/** Entra tells names apart without regard to case. */
function isTaken({ truth }: World, upn: string, by?: Person): boolean {
  return [...truth.people.values()].some(
    (other) => other !== by && other.standing === 'there' && other.upn.toLowerCase() === upn.toLowerCase(),
  );
}

const MOST_PEOPLE = 22;

/** Somebody new, perhaps with a name that was another's. */
export function hire(world: World, { upn, group }: ActionOf<'hire'>): void {
  if (isTaken(world, upn) || world.truth.people.size >= MOST_PEOPLE) return;
  const oid = world.entra.directory.addUser(describe(upn));
  world.entra.directory.addMember(world.groupIds[group], oid);
  world.truth.people.set(oid, { oid, upn, standing: 'there', enabled: true, groups: new Set([group]) });
}

/** Puts one group into another, or takes it out. */
export function nest(world: World): void {
  const { everybody, team } = world.groupIds;
  const { directory } = world.entra;
  if (world.truth.nested) directory.removeMember(everybody, team);
  else directory.addMember(everybody, team);
  world.truth.nested = !world.truth.nested;
}

/** Properties of a new user of this name. */
export function describe(upn: string): {
  userPrincipalName: string;
  displayName: string;
  givenName: string;
  surname: string;
} {
  const name = upn.slice(0, upn.lastIndexOf('@'));
  return { userPrincipalName: upn, displayName: `${name} Example`, givenName: name, surname: 'Example' };
}
