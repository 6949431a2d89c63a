import type { SimulatorClock } from './clock.js';
import { type DirectoryState, newId, type ObjectKind } from './directory-state.js';

/** Properties of a user as Graph names them; `id` and a name are made up where they are missing. */
export interface NewUser {
  id?: string;
  userPrincipalName: string;
  displayName?: string;
  givenName?: string;
  surname?: string;
  mail?: string | null;
  accountEnabled?: boolean;
  [property: string]: unknown;
}

export interface NewGroup {
  id?: string;
  displayName: string;
  /** `HiddenMembership` needs Member.Read.Hidden to be listed. */
  visibility?: 'Private' | 'Public' | 'HiddenMembership';
  [property: string]: unknown;
}

/** What an administrator does in Entra; every change raises the notifications that Graph would send. */
export interface DirectoryControl {
  /** Returns the object id. */
  addUser(user: NewUser): string;
  updateUser(oid: string, patch: Record<string, unknown>): void;
  /** Gone from /users, found in deletedItems, still linked to its groups. */
  softDeleteUser(oid: string): void;
  restoreUser(oid: string): void;
  /** Deletes for good, whether it was soft-deleted before or not. */
  hardDeleteUser(oid: string): void;
  /** Returns the group id. */
  addGroup(group: NewGroup): string;
  updateGroup(id: string, patch: Record<string, unknown>): void;
  /** For good: security groups have no bin here. */
  deleteGroup(id: string): void;
  /** A device or service principal, for listings of mixed types. Returns the object id. */
  addObject(kind: Exclude<ObjectKind, 'user' | 'group'>, displayName: string): string;
  /** A user, a group (nesting) or anything else. */
  addMember(group: string, member: string): void;
  removeMember(group: string, member: string): void;
  isMember(group: string, member: string): boolean;
  /** The properties as they are now, soft-deleted or not; undefined once deleted for good. */
  properties(id: string): Readonly<Record<string, unknown>> | undefined;
}

/** The administrator's verbs over a directory. Ids are taken and given in lower case. */
export function createControl(state: DirectoryState, clock: SimulatorClock): DirectoryControl {
  function upnIsTaken(upn: unknown, except?: string): boolean {
    const wanted = String(upn).toLowerCase();
    return [...state.objects.values()].some(
      (object) => object.id !== except && String(object.properties.userPrincipalName ?? '').toLowerCase() === wanted,
    );
  }
  const upns = new Map<string, string>();

  return {
    addUser({ id = newId(), ...given }) {
      const oid = id.toLowerCase();
      const upn = given.userPrincipalName.toLowerCase();
      const holder = upns.get(upn);
      if (holder && state.objects.has(holder) && upnIsTaken(upn))
        throw new Error(`user principal name ${given.userPrincipalName} is taken by ${holder}`);
      upns.set(upn, oid);
      state.add({
        kind: 'user',
        id: oid,
        properties: {
          id: oid,
          displayName: given.userPrincipalName.split('@')[0],
          mail: given.userPrincipalName.includes('#') ? null : given.userPrincipalName,
          accountEnabled: true,
          userType: given.userPrincipalName.includes('#EXT#') ? 'Guest' : 'Member',
          createdDateTime: isoSeconds(clock.now()),
          ...given,
        },
      });
      return oid;
    },
    updateUser(oid, patch) {
      if (patch.userPrincipalName !== undefined) {
        if (upnIsTaken(patch.userPrincipalName, oid))
          throw new Error(`user principal name ${String(patch.userPrincipalName)} is taken`);
        upns.set(String(patch.userPrincipalName).toLowerCase(), oid);
      }
      state.update(oid, patch);
    },
    softDeleteUser: (oid) => state.softDelete(oid, isoSeconds(clock.now())),
    restoreUser: (oid) => state.restore(oid),
    hardDeleteUser: (oid) => state.delete(oid),
    addGroup({ id = newId(), ...given }) {
      const gid = id.toLowerCase();
      state.add({
        kind: 'group',
        id: gid,
        properties: {
          id: gid,
          mailEnabled: false,
          mailNickname: given.displayName.replaceAll(/\W/g, ''),
          securityEnabled: true,
          groupTypes: [],
          createdDateTime: isoSeconds(clock.now()),
          ...given,
        },
      });
      return gid;
    },
    updateGroup: (id, patch) => state.update(id, patch),
    deleteGroup: (id) => state.delete(id),
    addObject(kind, displayName) {
      const id = newId();
      state.add({ kind, id, properties: { id, displayName } });
      return id;
    },
    addMember: (group, member) => state.link(group.toLowerCase(), member.toLowerCase()),
    removeMember: (group, member) => state.unlink(group.toLowerCase(), member.toLowerCase()),
    isMember: (group, member) => state.membersOf(group).has(member),
    properties: (id) => (state.objects.get(id) ?? state.softDeleted.get(id))?.properties,
  };
}

function isoSeconds(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}
