import type { LakefsPermission } from '../../../../src/domain/lakefs.js';
import type { LakefsClient } from '../../../../src/targets/lakefs/client.js';
import { LakefsError, type LakefsErrorKind } from '../../../../src/targets/lakefs/errors.js';

export interface FakeLakefsGroup {
  id: string;
  name: string;
  description: string;
  members: Set<string>;
  policies: Set<string>;
  acl?: string | undefined;
}

/** A lakeFS with opaque group ids, as on Cloud. */
export interface FakeLakefs {
  client: LakefsClient;
  groups: Map<string, FakeLakefsGroup>;
  users: Map<string, { id: string; email?: string; friendlyName?: string }>;
  policies: Set<string>;
  /** Every write, in order: `add-member alice Data`. */
  writes: string[];
  /** Every call, by its name. */
  calls: string[];
  /** Thrown in place of an answer, where it gives something. */
  fault: (call: string) => unknown;
  kind: 'policies' | 'acls' | 'none';
  group(name: string): FakeLakefsGroup;
  addGroup(name: string, change?: Partial<FakeLakefsGroup>): FakeLakefsGroup;
  addUser(id: string, change?: { email?: string; friendlyName?: string }): void;
}

export const OWN_USER = 'entramox';

export function createFakeLakefs(): FakeLakefs {
  let made = 0;
  const groups: FakeLakefs['groups'] = new Map();
  const users: FakeLakefs['users'] = new Map();
  const policies = new Set(['FSReadAll', 'AuthManageOwnCredentials', 'FSFullAccess']);
  const refuse = (kind: LakefsErrorKind, status: number, text: string) => new LakefsError(text, status, text, kind);

  function call(name: string, write?: string): void {
    lakefs.calls.push(name);
    const error = lakefs.fault(write ?? name);
    if (error !== undefined) throw error;
    const isAboutGroups = name !== 'listUsers' && name !== 'getUser' && name !== 'currentUser' && name !== 'createUser';
    if (lakefs.kind === 'none' && isAboutGroups) throw refuse('no-rbac', 501, 'this lakeFS has no RBAC');
    if (write) lakefs.writes.push(write);
  }
  function requirePolicies(): void {
    if (lakefs.kind === 'acls') throw refuse('no-policies', 501, 'Not Implemented');
  }
  function groupOf(id: string): FakeLakefsGroup {
    const group = groups.get(id);
    if (!group) throw refuse('not-found', 404, `no group ${id}`);
    return group;
  }
  const viewOf = ({ id, name, description }: FakeLakefsGroup) => ({ id, name, description });
  const userView = (id: string) => {
    const user = users.get(id);
    return { id, friendlyName: user?.friendlyName, email: user?.email };
  };
  const nameOf = (id: string) => groups.get(id)?.name ?? id;

  const client: LakefsClient = {
    host: 'lakefs.example.com',
    accessKeyId: 'key',
    async listGroups() {
      call('listGroups');
      return [...groups.values()].map(viewOf);
    },
    async getGroup(id) {
      call('getGroup');
      const group = groups.get(id);
      return group && viewOf(group);
    },
    async createGroup({ name, description }) {
      call('createGroup', `create-group ${name}`);
      if ([...groups.values()].some((group) => group.name === name)) throw refuse('exists', 409, 'Already exists');
      return viewOf(lakefs.addGroup(name, { description }));
    },
    async deleteGroup(id) {
      call('deleteGroup', `delete-group ${nameOf(id)}`);
      return groups.delete(id);
    },
    async listMembers(id) {
      call('listMembers');
      return [...groupOf(id).members].map(userView);
    },
    async addMember(id, user) {
      call('addMember', `add-member ${user} ${nameOf(id)}`);
      const group = groupOf(id);
      if (!users.has(user)) throw refuse('not-found', 404, `no user ${user}`);
      const had = group.members.has(user);
      group.members.add(user);
      return !had;
    },
    async removeMember(id, user) {
      call('removeMember', `remove-member ${user} ${nameOf(id)}`);
      return groups.get(id)?.members.delete(user) ?? false;
    },
    async listGroupPolicies(id) {
      call('listGroupPolicies');
      requirePolicies();
      return [...groupOf(id).policies].sort();
    },
    async attachPolicy(id, policy) {
      call('attachPolicy', `attach-policy ${policy} ${nameOf(id)}`);
      requirePolicies();
      if (!policies.has(policy)) throw refuse('not-found', 404, `no policy ${policy}`);
      groupOf(id).policies.add(policy);
      return true;
    },
    async detachPolicy(id, policy) {
      call('detachPolicy', `detach-policy ${policy} ${nameOf(id)}`);
      return groupOf(id).policies.delete(policy);
    },
    async listPolicies() {
      call('listPolicies');
      requirePolicies();
      return [...policies];
    },
    async listUsers() {
      call('listUsers');
      return [...users.keys()].map(userView);
    },
    async getUser(id) {
      call('getUser');
      return users.has(id) ? userView(id) : undefined;
    },
    async listUserGroups(id) {
      call('listUserGroups');
      if (!users.has(id)) return undefined;
      return [...groups.values()].filter(({ members }) => members.has(id)).map(viewOf);
    },
    async createUser({ id, invite }) {
      call('createUser', `${invite ? 'invite' : 'create-user'} ${id}`);
      if (users.has(id)) throw refuse('exists', 409, 'Already exists');
      users.set(id, { id });
      return userView(id);
    },
    async getAcl(id) {
      call('getAcl');
      return groupOf(id).acl;
    },
    async setAcl(id, permission: LakefsPermission) {
      call('setAcl', `set-acl ${nameOf(id)} ${permission}`);
      groupOf(id).acl = permission;
    },
    async currentUser() {
      call('currentUser');
      return { id: OWN_USER, friendlyName: undefined, email: undefined };
    },
    async capabilities() {
      call('capabilities');
      return { canInvite: true };
    },
    close: async () => undefined,
  };

  const lakefs: FakeLakefs = {
    client,
    groups,
    users,
    policies,
    writes: [],
    calls: [],
    fault: () => undefined,
    kind: 'policies',
    group(name) {
      const group = [...groups.values()].find((each) => each.name === name);
      if (!group) throw new Error(`there is no lakeFS group ${name}`);
      return group;
    },
    addGroup(name, change = {}) {
      made += 1;
      const blank = { description: '', members: new Set<string>(), policies: new Set<string>() };
      const group: FakeLakefsGroup = { id: `g-${made}`, name, ...blank, ...change };
      groups.set(group.id, group);
      return group;
    },
    addUser(id, change = {}) {
      users.set(id, { id, ...change });
    },
  };
  lakefs.addUser(OWN_USER);
  lakefs.addGroup('Admins', { members: new Set([OWN_USER]), policies: new Set(['AuthFullAccess']) });
  return lakefs;
}
