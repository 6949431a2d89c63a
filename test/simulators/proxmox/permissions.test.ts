import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestAuthority, type TestAuthority } from '../tls.js';
import { type Prepared, type ProxmoxSimulator, startProxmoxSimulator } from './index.js';
import { type Client, createClient } from './test-client.js';

let authority: TestAuthority;
let node: ProxmoxSimulator;

beforeEach(async () => {
  authority = await createTestAuthority();
  node = await startProxmoxSimulator({ authority });
});

afterEach(() => node.close());

function clientOf(token: string): Client {
  return createClient({ url: node.url, ca: authority.cert, token });
}

/** A token without privilege separation whose user has the given privileges on the given paths. */
function holder(name: string, ...grants: [path: string, privileges: string[], propagate?: boolean][]): Client {
  node.addUser({ userid: `${name}@pve` });
  for (const [index, [path, privileges, propagate]] of grants.entries()) {
    node.addRole(`${name}-${index}`, privileges);
    node.setAcl({ path, type: 'user', ugid: `${name}@pve`, roleid: `${name}-${index}`, propagate });
  }
  return clientOf(node.createToken(`${name}@pve`, 'tk', { privsep: false }));
}

function ids(data: unknown): string[] {
  return (data as { userid?: string; groupid?: string }[]).map((entry) => entry.userid ?? entry.groupid ?? '').sort();
}

describe('a token without rights', () => {
  it('gets short lists and an empty map of rights, never a 403, and does not even see its own user', async () => {
    node.addGroup('staff-entra');
    const nobody = holder('nobody');

    const lists = await Promise.all(['users', 'groups', 'acl'].map((name) => nobody('GET', `/access/${name}`)));
    const rights = await nobody('GET', '/access/permissions');

    expect(lists.map((list) => list.text)).toEqual(['{"data":[]}', '{"data":[]}', '{"data":[]}']);
    expect([rights.status, rights.text]).toEqual([200, '{"data":{}}']);
  });

  it('sees its own user with a ticket', async () => {
    node.addUser({ userid: 'bob@entra' });
    const bob = createClient({ url: node.url, ca: authority.cert, session: node.session('bob@entra') });

    const list = await bob('GET', '/access/users');

    expect(ids(list.data)).toEqual(['bob@entra']);
  });
});

describe('rights of a group', () => {
  it('show the members of that group only', async () => {
    node.addGroup('staff-entra', { members: ['bob@entra'] });
    node.addUser({ userid: 'bob@entra' });
    node.addUser({ userid: 'eve@entra' });
    const auditor = holder('auditor', ['/access/groups/staff-entra', ['Sys.Audit']]);

    const users = await auditor('GET', '/access/users');

    expect(ids(users.data)).toEqual(['bob@entra']);
  });

  it('reach deeper paths only when they propagate', async () => {
    node.addGroup('staff-entra');
    const flat = holder('flat', ['/access/groups', ['Sys.Audit'], false]);
    const deep = holder('deep', ['/access', ['Sys.Audit']]);

    const [byFlat, byDeep] = [await flat('GET', '/access/groups'), await deep('GET', '/access/groups')];
    const all = await flat('GET', '/access/users');

    expect(ids(byFlat.data)).toEqual([]);
    expect(ids(byDeep.data)).toEqual(['staff-entra']);
    expect(ids(all.data)).toEqual(['deep@pve', 'flat@pve', 'root@pam']);
  });

  it('are replaced by a deeper entry, overridden by an entry of the user, and beaten by NoAccess', async () => {
    node.addGroup('crew', { members: ['bob@pve'] });
    const bob = holder('bob');
    node.setAcl({ path: '/', type: 'group', ugid: 'crew', roleid: 'PVEAuditor' });
    node.setAcl({ path: '/vms', type: 'group', ugid: 'crew', roleid: 'PVEVMUser' });
    node.setAcl({ path: '/vms', type: 'user', ugid: 'bob@pve', roleid: 'PVETemplateUser' });
    node.setAcl({ path: '/storage', type: 'group', ugid: 'crew', roleid: 'NoAccess' });
    node.setAcl({ path: '/storage', type: 'group', ugid: 'crew', roleid: 'Administrator' });

    const rights = (await bob('GET', '/access/permissions')).data as Record<string, Record<string, number>>;

    expect(Object.keys(rights['/vms'] ?? {}).sort()).toEqual(['VM.Audit', 'VM.Clone']);
    expect(rights['/storage']).toBeUndefined();
    expect(rights['/nodes']).toMatchObject({ 'Sys.Audit': 1 });
  });
});

describe('privilege separation', () => {
  it('gives a token only what user and token both hold', async () => {
    node.addUser({ userid: 'svc@pve' });
    const token = node.createToken('svc@pve', 'tk');
    node.setAcl({ path: '/', type: 'user', ugid: 'svc@pve', roleid: 'PVEAuditor' });
    const alone = await clientOf(token)('GET', '/access/permissions');

    node.setAcl({ path: '/vms', type: 'token', ugid: 'svc@pve!tk', roleid: 'PVEVMAdmin' });
    const both = await clientOf(token)('GET', '/access/permissions');

    expect(alone.text).toBe('{"data":{}}');
    expect(both.data).toEqual({ '/vms': { 'VM.Audit': 1 } });
  });
});

describe('User.Modify on all of /access/groups', () => {
  it('is as good as root: it makes a token of root that holds everything', async () => {
    const clerk = holder('clerk', ['/access/groups', ['User.Modify']]);

    const made = await clerk('POST', '/access/users/root@pam/token/oops', { form: { privsep: '0' } });
    const { 'full-tokenid': id, value } = made.data as Record<string, string>;
    const rights = await clientOf(`${id}=${value}`)('GET', '/access/permissions', { query: { path: '/' } });

    expect((rights.data as Record<string, object>)['/']).toMatchObject({ 'Permissions.Modify': 1, 'Sys.Modify': 1 });
  });
});

describe('a service token that is contained in its managed groups', () => {
  let prepared: Prepared;
  let service: Client;

  beforeEach(() => {
    prepared = node.prepareFor({ realm: 'entra', groups: ['members', 'admins'], roles: { admins: 'PVEAdmin' } });
    service = clientOf(prepared.token);
    node.addUser({ userid: 'bob@entra', groups: ['members-entra'] });
    node.addGroup('local');
    node.addUser({ userid: 'eve@entra', groups: ['local'] });
  });

  it('names its groups with the realm and holds exactly the few rights it needs', async () => {
    const rights = await service('GET', '/access/permissions');

    expect(prepared.groupIds).toEqual(['members-entra', 'admins-entra']);
    expect(rights.data).toEqual({
      '/access/groups': { 'Sys.Audit': 1 },
      '/access/groups/members-entra': { 'User.Modify': 1 },
      '/access/groups/admins-entra': { 'User.Modify': 1 },
      '/access/realm/entra': { 'Realm.AllocateUser': 1 },
    });
  });

  it('sees everybody', async () => {
    const users = await service('GET', '/access/users', { query: { full: '1' } });

    expect(ids(users.data)).toEqual(['bob@entra', 'entramox@pve', 'eve@entra', 'root@pam']);
  });

  it('creates users of its realm in its groups, and nowhere else', async () => {
    const good = await service('POST', '/access/users', { form: { userid: 'al@entra', groups: 'members-entra' } });
    const groupless = await service('POST', '/access/users', { form: { userid: 'a1@entra' } });
    const foreign = await service('POST', '/access/users', { form: { userid: 'a2@entra', groups: 'local' } });
    const realm = await service('POST', '/access/users', { form: { userid: 'a3@pve', groups: 'members-entra' } });

    expect(good.status).toBe(200);
    expect(groupless.message).toBe('Permission check failed (/access/groups, User.Modify)\n');
    expect(foreign.message).toBe('Permission check failed (/access/groups/local, User.Modify)\n');
    expect(realm.message).toBe('Permission check failed (/access/realm/pve, Realm.AllocateUser)\n');
    expect([groupless, foreign, realm].map((answer) => answer.status)).toEqual([403, 403, 403]);
  });

  it('is told of a malformed id by a 500, because rights are looked at before parameters', async () => {
    const answer = await service('POST', '/access/users', { form: { userid: 'bob', groups: 'members-entra' } });

    expect([answer.status, answer.message]).toEqual([500, "value 'bob' does not look like a valid user name\n"]);
  });

  it('updates members when it names groups, and is refused when it names none', async () => {
    const appended = { enable: '0', groups: 'members-entra', append: '1' };

    const named = await service('PUT', '/access/users/bob@entra', { form: appended });
    const bare = await service('PUT', '/access/users/bob@entra', { form: { enable: '1' } });
    const emptied = await service('PUT', '/access/users/bob@entra', { form: { groups: '' } });

    expect(named.status).toBe(200);
    expect([bare.status, bare.message]).toEqual([403, 'Permission check failed (/access/groups, User.Modify)\n']);
    expect(emptied.status).toBe(403);
    expect(node.user('bob@entra')).toMatchObject({ enabled: false, groups: ['members-entra'] });
  });

  it('moves a member between its groups in one call', async () => {
    await service('PUT', '/access/users/bob@entra', { form: { groups: 'admins-entra' } });

    expect(node.user('bob@entra')?.groups).toEqual(['admins-entra']);
  });

  it('can neither pull in nor touch who is no member, root least of all', async () => {
    const pulled = { form: { groups: 'members-entra', append: '1' } };

    const answers = [
      await service('PUT', '/access/users/eve@entra', pulled),
      await service('PUT', '/access/users/root@pam', { form: { enable: '0', groups: 'members-entra' } }),
      await service('POST', '/access/users/root@pam/token/tk', { form: { privsep: '0' } }),
      await service('DELETE', '/access/users/eve@entra'),
      await service('GET', '/access/users/nobody@entra/token'),
      await service('PUT', '/access/acl', { form: { path: '/', roles: 'Administrator', tokens: prepared.tokenId } }),
      await service('POST', '/access/groups', { form: { groupid: 'more' } }),
      await service('POST', '/access/roles', { form: { roleid: 'more' } }),
    ];

    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 403));
    expect(node.user('eve@entra')?.groups).toEqual(['local']);
    expect(node.user('root@pam')).toMatchObject({ enabled: true, tokenIds: [] });
  });

  it('deletes members of its realm', async () => {
    const answer = await service('DELETE', '/access/users/bob@entra');

    expect(answer.status).toBe(200);
    expect(node.user('bob@entra')).toBeUndefined();
  });

  it('gives members of a managed group the role that was put on it', async () => {
    await service('PUT', '/access/users/bob@entra', { form: { groups: 'members-entra,admins-entra' } });
    const bob = createClient({ url: node.url, ca: authority.cert, session: node.session('bob@entra') });

    const rights = await bob('GET', '/access/permissions', { query: { path: '/vms/101' } });

    expect((rights.data as Record<string, object>)['/vms/101']).toMatchObject({ 'VM.PowerMgmt': 1 });
  });
});

describe('rights of others', () => {
  it('are shown to holders of Sys.Audit on /access only', async () => {
    const auditor = holder('auditor', ['/access', ['Sys.Audit']]);
    const nobody = holder('nobody');

    const shown = await auditor('GET', '/access/permissions', { query: { userid: 'auditor@pve!tk' } });
    const refused = await nobody('GET', '/access/permissions', { query: { userid: 'auditor@pve' } });

    expect(shown.data).toMatchObject({ '/access': { 'Sys.Audit': 1 } });
    expect([refused.status, refused.message]).toEqual([403, 'Permission check failed (/access, Sys.Audit)\n']);
  });
});
