import { randomUUID } from 'node:crypto';

export type ObjectKind = 'user' | 'group' | 'device' | 'servicePrincipal';

/** A directory object; its properties as Graph names them, `id` always among them. */
export interface DirectoryObject {
  kind: ObjectKind;
  id: string;
  properties: Record<string, unknown>;
}

/** One thing that happened in the directory. */
export type Change =
  | {
      kind: 'object';
      objectKind: ObjectKind;
      id: string;
      what: 'created' | 'updated' | 'soft-deleted' | 'restored' | 'deleted';
    }
  | { kind: 'member'; group: string; member: string; memberKind: ObjectKind; what: 'added' | 'removed' }
  /** A link that ended because one of its ends was deleted for good: delta shows it, no notification does. */
  | { kind: 'unlinked'; group: string; member: string };

export interface JournalEntry {
  version: number;
  change: Change;
}

/** The tenant's directory: what is there, what was deleted, who is in what, and everything that ever happened. */
export interface DirectoryState {
  /** Objects that exist, without the soft-deleted. */
  readonly objects: ReadonlyMap<string, DirectoryObject>;
  readonly softDeleted: ReadonlyMap<string, DirectoryObject>;
  readonly journal: readonly JournalEntry[];
  version(): number;
  /** Direct members by object id, soft-deleted ones included: their links stay until they are deleted for good. */
  membersOf(group: string): ReadonlySet<string>;
  /** Groups that hold this object directly. */
  parentsOf(id: string): ReadonlySet<string>;
  /** Counts up with every change of a membership or of a group's existence. */
  membershipVersion(): number;
  add(object: DirectoryObject): void;
  update(id: string, patch: Record<string, unknown>): void;
  softDelete(id: string, at: string): void;
  restore(id: string): void;
  /** Deletes for good, with every link from and to the object. */
  delete(id: string): void;
  link(group: string, member: string): void;
  unlink(group: string, member: string): void;
}

const NONE: ReadonlySet<string> = new Set();

/** An empty directory that tells `onChange` of everything that happens in it. */
export function createDirectoryState(onChange: (change: Change) => void): DirectoryState {
  const objects = new Map<string, DirectoryObject>();
  const softDeleted = new Map<string, DirectoryObject>();
  const members = new Map<string, Set<string>>();
  const parents = new Map<string, Set<string>>();
  const journal: JournalEntry[] = [];
  let version = 0;
  let membershipVersion = 0;

  function record(change: Change): void {
    version += 1;
    journal.push({ version, change });
    onChange(change);
  }

  function existing(id: string): DirectoryObject {
    const object = objects.get(id);
    if (!object) throw new Error(`the simulated directory has no object ${id}`);
    return object;
  }

  function dropLink(group: string, member: string): boolean {
    const dropped = members.get(group)?.delete(member) ?? false;
    parents.get(member)?.delete(group);
    if (dropped) membershipVersion += 1;
    return dropped;
  }

  return {
    objects,
    softDeleted,
    journal,
    version: () => version,
    membersOf: (group) => members.get(group) ?? NONE,
    parentsOf: (id) => parents.get(id) ?? NONE,
    membershipVersion: () => membershipVersion,
    add(object) {
      if (objects.has(object.id) || softDeleted.has(object.id)) throw new Error(`object ${object.id} is there already`);
      objects.set(object.id, object);
      membershipVersion += 1;
      record({ kind: 'object', objectKind: object.kind, id: object.id, what: 'created' });
    },
    update(id, patch) {
      const object = existing(id);
      objects.set(id, { ...object, properties: { ...object.properties, ...patch } });
      record({ kind: 'object', objectKind: object.kind, id, what: 'updated' });
    },
    softDelete(id, at) {
      const object = existing(id);
      objects.delete(id);
      softDeleted.set(id, { ...object, properties: { ...object.properties, ...mangled(object, at) } });
      membershipVersion += 1;
      record({ kind: 'object', objectKind: object.kind, id, what: 'soft-deleted' });
    },
    restore(id) {
      const object = softDeleted.get(id);
      if (!object) throw new Error(`the simulated directory has no deleted object ${id}`);
      softDeleted.delete(id);
      objects.set(id, { ...object, properties: { ...object.properties, ...unmangled(object) } });
      membershipVersion += 1;
      record({ kind: 'object', objectKind: object.kind, id, what: 'restored' });
    },
    delete(id) {
      const object = objects.get(id) ?? softDeleted.get(id);
      if (!object) throw new Error(`the simulated directory has no object ${id}`);
      for (const group of [...(parents.get(id) ?? NONE)]) {
        dropLink(group, id);
        record({ kind: 'unlinked', group, member: id });
      }
      for (const member of [...(members.get(id) ?? NONE)]) dropLink(id, member);
      objects.delete(id);
      softDeleted.delete(id);
      membershipVersion += 1;
      record({ kind: 'object', objectKind: object.kind, id, what: 'deleted' });
    },
    link(group, member) {
      if (existing(group).kind !== 'group') throw new Error(`object ${group} is not a group`);
      const memberKind = existing(member).kind;
      const list = members.get(group) ?? new Set();
      if (list.has(member)) throw new Error(`object ${member} is a member of group ${group} already`);
      members.set(group, list.add(member));
      parents.set(member, (parents.get(member) ?? new Set()).add(group));
      membershipVersion += 1;
      record({ kind: 'member', group, member, memberKind, what: 'added' });
    },
    unlink(group, member) {
      const memberKind = (objects.get(member) ?? softDeleted.get(member))?.kind;
      if (!memberKind || !dropLink(group, member))
        throw new Error(`object ${member} is not a member of group ${group}`);
      record({ kind: 'member', group, member, memberKind, what: 'removed' });
    },
  };
}

/** A new object id. */
export function newId(): string {
  return randomUUID();
}

/** Entra frees the name of a deleted user by putting the object id before it. */
function mangled(object: DirectoryObject, at: string): Record<string, unknown> {
  const upn = object.properties.userPrincipalName;
  return { deletedDateTime: at, ...(typeof upn === 'string' && { userPrincipalName: `${prefix(object.id)}${upn}` }) };
}

function unmangled(object: DirectoryObject): Record<string, unknown> {
  const upn = object.properties.userPrincipalName;
  return {
    deletedDateTime: null,
    ...(typeof upn === 'string' && { userPrincipalName: upn.slice(prefix(object.id).length) }),
  };
}

function prefix(id: string): string {
  return id.replaceAll('-', '');
}
