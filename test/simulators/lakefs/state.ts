import { randomUUID } from 'node:crypto';
import { badRequest, exists, notFound } from './errors.js';

/** Which kind of lakeFS: with policies and opaque ids, with names as ids, with ACLs, or without groups at all. */
export type Flavour = 'cloud' | 'names' | 'simplified' | 'none';

export interface GroupRecord {
  id: string;
  name: string;
  description: string | undefined;
  creationDate: number;
  members: Set<string>;
  policies: Set<string>;
  acl: string | undefined;
}

export interface UserRecord {
  id: string;
  creationDate: number;
  friendlyName: string | undefined;
  email: string | undefined;
}

export interface KeyRecord {
  accessKeyId: string;
  secretAccessKey: string;
  userId: string;
  /** `*`: everything. */
  permissions: ReadonlySet<string> | '*';
}

const POLICIES = [
  'AuthFullAccess',
  'AuthManageOwnCredentials',
  'FSFullAccess',
  'FSReadAll',
  'FSReadWriteAll',
  'RepoManagementFullAccess',
  'RepoManagementReadAll',
];

const BUILT_IN: Readonly<Record<'policies' | 'acls', Readonly<Record<string, readonly string[] | string>>>> = {
  policies: {
    Admins: ['AuthFullAccess', 'FSFullAccess', 'RepoManagementFullAccess'],
    SuperUsers: ['AuthManageOwnCredentials', 'FSFullAccess', 'RepoManagementReadAll'],
    Developers: ['AuthManageOwnCredentials', 'FSReadWriteAll', 'RepoManagementReadAll'],
    Viewers: ['AuthManageOwnCredentials', 'FSReadAll'],
  },
  acls: { Admins: 'Admin', Supers: 'Super', Writers: 'Write', Readers: 'Read' },
};

/** The user that the first key belongs to. */
export const OWN_USER = 'entramox-sync';

export type State = ReturnType<typeof createState>;

/** What a lakeFS server remembers of people, as its set-up leaves it. */
export function createState(flavour: Flavour, nowSeconds: () => number) {
  const groups = new Map<string, GroupRecord>();
  const users = new Map<string, UserRecord>();
  const policies = new Set<string>(flavour === 'simplified' || flavour === 'none' ? [] : POLICIES);
  const keys = new Map<string, KeyRecord>();

  function createGroup(name: string, description: string | undefined): GroupRecord {
    if (name === '') throw badRequest('group id is empty');
    if (name.includes('%')) throw badRequest("Group name cannot contain '%'");
    if ([...groups.values()].some((group) => group.name === name)) throw exists();
    const id = flavour === 'cloud' ? randomUUID() : name;
    const parts = { members: new Set<string>(), policies: new Set<string>(), acl: undefined };
    const group: GroupRecord = { id, name, description, creationDate: nowSeconds(), ...parts };
    groups.set(id, group);
    return group;
  }

  function createUser(user: Pick<UserRecord, 'id'> & Partial<Omit<UserRecord, 'creationDate'>>): UserRecord {
    if (user.id === '') throw badRequest('user id is empty');
    if (users.has(user.id)) throw exists();
    const record = { friendlyName: undefined, email: undefined, ...user, creationDate: nowSeconds() };
    users.set(user.id, record);
    return record;
  }

  function deleteUser(id: string): void {
    if (!users.delete(id)) throw notFound('user not found');
    for (const group of groups.values()) group.members.delete(id);
  }

  createUser({ id: OWN_USER });
  if (flavour !== 'none') {
    const builtIn = flavour === 'simplified' ? BUILT_IN.acls : BUILT_IN.policies;
    for (const [name, gives] of Object.entries(builtIn)) {
      const group = createGroup(name, undefined);
      if (typeof gives === 'string') group.acl = gives;
      else for (const policy of gives) group.policies.add(policy);
      if (name === 'Admins') group.members.add(OWN_USER);
    }
  }

  return {
    groups,
    users,
    policies,
    keys,
    createGroup,
    createUser,
    deleteUser,
    group(id: string): GroupRecord {
      const group = groups.get(id);
      if (group === undefined) throw notFound('group not found');
      return group;
    },
    user(id: string): UserRecord {
      const user = users.get(id);
      if (user === undefined) throw notFound('user not found');
      return user;
    },
    policy(id: string): string {
      if (!policies.has(id)) throw notFound('policy not found');
      return id;
    },
  };
}
