import { randomBytes } from 'node:crypto';
import { type GroupRecord, OWN_USER, type State, type UserRecord } from './state.js';

/** A group as a test looks at it. */
export interface GroupView {
  id: string;
  name: string;
  description: string;
  /** User ids, sorted. */
  members: string[];
  /** Sorted. */
  policies: string[];
  acl: string | undefined;
}

export interface NewGroup {
  name: string;
  description?: string;
  members?: readonly string[];
  policies?: readonly string[];
  acl?: string;
}

export interface NewUser {
  id: string;
  friendlyName?: string;
  email?: string;
}

export interface AccessKey {
  accessKeyId: string;
  secretAccessKey: string;
}

/** How people come to have a user in lakeFS, which decides what their user looks like. */
export type SignIn = 'cloud' | 'oidc' | 'saml-oid' | 'saml-upn' | 'scim';

/** Looks at groups and people and changes them as an administrator would in the browser. */
export interface Control {
  groups(): GroupView[];
  /** By name. */
  group(name: string): GroupView | undefined;
  users(): UserRecord[];
  addGroup(group: NewGroup): GroupView;
  /** By name; changes what is given. */
  setGroup(name: string, change: Partial<NewGroup>): void;
  removeGroup(name: string): void;
  addUser(user: NewUser): void;
  /** A user as signing in by this way makes it; gives its id. */
  addPerson(person: { oid: string; upn: string; mail?: string | undefined }, by: SignIn): string;
  removeUser(id: string): void;
  addPolicy(id: string): void;
  /** A key of a user; by default of our own user, who may do everything. */
  createKey(options?: { userId?: string; permissions?: readonly string[] }): AccessKey;
  revokeKey(accessKeyId: string): void;
}

export function createControl(state: State): Control {
  const named = (name: string): GroupRecord | undefined =>
    [...state.groups.values()].find((group) => group.name === name);

  function existing(name: string): GroupRecord {
    const group = named(name);
    if (group === undefined) throw new Error(`the simulated lakeFS has no group ${name}`);
    return group;
  }

  function change(group: GroupRecord, { name, description, members, policies, acl }: Partial<NewGroup>): void {
    for (const id of members ?? []) state.user(id);
    for (const id of policies ?? []) state.policy(id);
    if (name !== undefined) group.name = name;
    if (description !== undefined) group.description = description;
    if (members !== undefined) group.members = new Set(members);
    if (policies !== undefined) group.policies = new Set(policies);
    if (acl !== undefined) group.acl = acl;
  }

  return {
    groups: () => [...state.groups.values()].map(view).sort((a, b) => (a.name < b.name ? -1 : 1)),
    group(name) {
      const group = named(name);
      return group && view(group);
    },
    users: () => [...state.users.values()],
    addGroup(group) {
      const record = state.createGroup(group.name, group.description);
      change(record, group);
      return view(record);
    },
    setGroup: (name, changes) => change(existing(name), changes),
    removeGroup: (name) => void state.groups.delete(existing(name).id),
    addUser: (user) => void state.createUser(user),
    addPerson(person, by) {
      const user = userOf(person, by);
      state.createUser(user);
      return user.id;
    },
    removeUser: state.deleteUser,
    addPolicy: (id) => void state.policies.add(id),
    createKey({ userId = OWN_USER, permissions } = {}) {
      state.user(userId);
      const accessKeyId = `AKIA${randomBytes(8).toString('hex').toUpperCase()}`;
      const secretAccessKey = randomBytes(24).toString('base64');
      const held = permissions === undefined ? ('*' as const) : new Set(permissions);
      state.keys.set(accessKeyId, { accessKeyId, secretAccessKey, userId, permissions: held });
      return { accessKeyId, secretAccessKey };
    },
    revokeKey: (accessKeyId) => void state.keys.delete(accessKeyId),
  };
}

function view({ id, name, description = '', members, policies, acl }: GroupRecord): GroupView {
  return { id, name, description, members: [...members].sort(), policies: [...policies].sort(), acl };
}

function userOf({ oid, upn, mail }: { oid: string; upn: string; mail?: string | undefined }, by: SignIn): NewUser {
  switch (by) {
    case 'cloud':
      return { id: `waad|${oid}`, friendlyName: upn, email: (mail ?? upn).toLowerCase() };
    case 'oidc':
      // The subject is another for each application, and nothing in Graph tells it.
      return { id: randomBytes(32).toString('base64url'), friendlyName: upn };
    case 'saml-oid':
      return { id: oid };
    case 'saml-upn':
      return { id: upn };
    case 'scim':
      return { id: randomBytes(12).toString('hex'), friendlyName: upn, email: (mail ?? upn).toLowerCase() };
    default:
      return by satisfies never;
  }
}
