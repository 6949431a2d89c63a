import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestAuthority, type TestAuthority } from '../tls.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from './index.js';
import { type Client, createClient } from './test-client.js';

let authority: TestAuthority;
let node: ProxmoxSimulator;
let root: Client;

beforeEach(async () => {
  authority = await createTestAuthority();
  node = await startProxmoxSimulator({ authority, version: '9.1.3' });
  root = createClient({ url: node.url, ca: authority.cert, session: node.session('root@pam') });
});

afterEach(() => node.close());

describe('tokens', () => {
  beforeEach(() => node.addUser({ userid: 'svc@pve' }));

  it('show their secret once, and echo numbers of a form as strings', async () => {
    const made = await root('POST', '/access/users/svc@pve/token/ci', { form: { privsep: '0', expire: '0' } });
    const listed = await root('GET', '/access/users/svc@pve/token');
    const read = await root('GET', '/access/users/svc@pve/token/ci');

    expect(made.data).toEqual({
      'full-tokenid': 'svc@pve!ci',
      info: { expire: '0', privsep: '0' },
      value: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
    });
    expect(listed.data).toEqual([{ tokenid: 'ci', expire: 0, privsep: 0 }]);
    expect(read.data).toEqual({ expire: 0, privsep: 0 });
  });

  it('are separated unless asked otherwise, and refused a second time', async () => {
    await root('POST', '/access/users/svc@pve/token/ci');

    const again = await root('POST', '/access/users/svc@pve/token/ci');
    const read = await root('GET', '/access/users/svc@pve/token/ci');

    expect([again.status, again.errors]).toEqual([400, { tokenid: 'Token already exists.' }]);
    expect(read.data).toMatchObject({ privsep: 1 });
  });

  it('need an id of two characters that starts with a letter', async () => {
    const answers = await Promise.all(
      ['b', '1bad', 'a'.repeat(200)].map((id) => root('POST', `/access/users/svc@pve/token/${id}`)),
    );

    expect(answers.map((answer) => answer.status)).toEqual([400, 400, 200]);
  });

  it('get a new secret for the same id on request, which kills the old one', async () => {
    const old = node.createToken('svc@pve', 'ci');

    const answer = await root('PUT', '/access/users/svc@pve/token/ci', { form: { regenerate: '1', comment: 'new' } });
    const { 'full-tokenid': id, value } = answer.data as Record<string, string>;
    const statuses = await Promise.all(
      [old, `${id}=${value}`].map(async (token) => {
        const client = createClient({ url: node.url, ca: authority.cert, token });
        return (await client('GET', '/version')).status;
      }),
    );

    expect(answer.data).toMatchObject({ comment: 'new', 'full-tokenid': 'svc@pve!ci' });
    expect(statuses).toEqual([401, 200]);
  });

  it('lose their ACL entries when they go', async () => {
    node.createToken('svc@pve', 'ci');
    node.setAcl({ path: '/', type: 'token', ugid: 'svc@pve!ci', roleid: 'PVEAuditor' });

    const gone = await root('DELETE', '/access/users/svc@pve/token/ci');
    const again = await root('DELETE', '/access/users/svc@pve/token/ci');

    expect([gone.status, node.acl()]).toEqual([200, []]);
    expect([again.status, again.message]).toEqual([
      500,
      "deleting token failed: no such token 'ci' for user 'svc@pve'\n",
    ]);
  });

  it('are made by their user with a ticket, and by no token for itself', async () => {
    const session = createClient({ url: node.url, ca: authority.cert, session: node.session('svc@pve') });
    const token = node.createToken('svc@pve', 'ci', { privsep: false });
    const byToken = createClient({ url: node.url, ca: authority.cert, token });

    const own = await session('POST', '/access/users/svc@pve/token/more');
    const other = await byToken('POST', '/access/users/svc@pve/token/evenmore');

    expect([own.status, other.status]).toEqual([200, 403]);
  });
});

describe('groups', () => {
  it('are made, changed, shown and removed, each unknown or known one told by its text', async () => {
    const made = await root('POST', '/access/groups', { form: { groupid: 'staff', comment: 'c'.repeat(5000) } });
    const again = await root('POST', '/access/groups', { form: { groupid: 'staff' } });
    node.addUser({ userid: 'bob@entra', groups: ['staff'] });
    await root('PUT', '/access/groups/staff', { form: { comment: 'short' } });
    const shown = await root('GET', '/access/groups/staff');
    const list = await root('GET', '/access/groups');
    const unknown = await Promise.all(
      ['GET', 'PUT', 'DELETE'].map((method) => root(method, '/access/groups/nope').then((answer) => answer.message)),
    );

    expect([made.status, again.message]).toEqual([200, "create group failed: group 'staff' already exists\n"]);
    expect(shown.data).toEqual({ comment: 'short', members: ['bob@entra'] });
    expect(list.data).toEqual([{ groupid: 'staff', comment: 'short', users: 'bob@entra' }]);
    expect(unknown).toEqual([
      "group 'nope' does not exist\n",
      "update group failed: group 'nope' does not exist\n",
      "delete group failed: group 'nope' does not exist\n",
    ]);
  });

  it('take memberships and ACL entries along when they go', async () => {
    node.addGroup('staff');
    node.addUser({ userid: 'bob@entra', groups: ['staff'] });
    node.setAcl({ path: '/vms', type: 'group', ugid: 'staff', roleid: 'PVEVMUser' });

    await root('DELETE', '/access/groups/staff');

    expect([node.user('bob@entra')?.groups, node.acl(), node.groups()]).toEqual([[], [], []]);
  });

  it('show members that do not exist', async () => {
    node.addGroup('staff', { members: ['ghost@entra'] });

    const shown = await root('GET', '/access/groups/staff');

    expect(shown.data).toEqual({ members: ['ghost@entra'] });
  });

  it('refuse names with other characters', async () => {
    const answer = await root('POST', '/access/groups', { form: { groupid: 'two words' } });

    expect([answer.status, Object.keys(answer.errors)]).toEqual([400, ['groupid']]);
  });
});

describe('roles', () => {
  it('are listed with their privileges, the built-in ones as special', async () => {
    node.addRole('Mine', ['VM.Audit']);

    const list = (await root('GET', '/access/roles')).data as { roleid: string }[];
    const administrator = await root('GET', '/access/roles/Administrator');

    expect(list.find((role) => role.roleid === 'Mine')).toEqual({ roleid: 'Mine', privs: 'VM.Audit', special: 0 });
    expect(list.find((role) => role.roleid === 'NoAccess')).toEqual({ roleid: 'NoAccess', privs: '', special: 1 });
    expect(administrator.data).toMatchObject({ 'Permissions.Modify': 1, 'VM.GuestAgent.Audit': 1 });
  });

  it('are emptied by a change without privileges', async () => {
    node.addRole('Mine', ['VM.Audit']);

    await root('PUT', '/access/roles/Mine', { form: { privs: 'VM.Clone', append: '1' } });
    const appended = node.roles().Mine;
    await root('PUT', '/access/roles/Mine');

    expect(appended).toEqual(['VM.Audit', 'VM.Clone']);
    expect(node.roles().Mine).toEqual([]);
  });

  it('refuse removed privileges, reserved names, doubles and changes of built-in ones', async () => {
    const answers = [
      await root('POST', '/access/roles', { form: { roleid: 'Old', privs: 'VM.Monitor' } }),
      await root('POST', '/access/roles', { form: { roleid: 'pveMine' } }),
      await root('POST', '/access/roles', { form: { roleid: 'PVEAdmin' } }),
      await root('PUT', '/access/roles/PVEAdmin', { form: { privs: '' } }),
      await root('DELETE', '/access/roles/Nope'),
    ];

    expect(answers.map((answer) => answer.status)).toEqual([400, 400, 500, 500, 500]);
    expect(answers[0]?.errors.privs).toContain("invalid privilege 'VM.Monitor'");
    expect(answers.slice(2).map((answer) => answer.message)).toEqual([
      "create role failed: role 'PVEAdmin' already exists\n",
      "auto-generated role 'PVEAdmin' cannot be modified\n",
      "delete role failed: role 'Nope' does not exist\n",
    ]);
  });

  it('take the ACL entries that use them along', async () => {
    node.addRole('Mine', ['VM.Audit']);
    node.addGroup('staff');
    node.setAcl({ path: '/', type: 'group', ugid: 'staff', roleid: 'Mine' });

    await root('DELETE', '/access/roles/Mine');

    expect(node.acl()).toEqual([]);
  });
});

describe('the ACL', () => {
  beforeEach(() => {
    node.addGroup('staff');
    node.addUser({ userid: 'bob@entra' });
  });

  it('takes many holders and roles at once, again without harm, and normalises the path', async () => {
    const form = { path: 'vms//101/', roles: 'PVEVMUser,PVEAuditor', groups: 'staff', users: 'bob@entra' };

    await root('PUT', '/access/acl', { form });
    await root('PUT', '/access/acl', { form });
    const list = await root('GET', '/access/acl');

    expect(list.data).toHaveLength(4);
    expect(list.data).toContainEqual({
      path: '/vms/101',
      type: 'group',
      ugid: 'staff',
      roleid: 'PVEVMUser',
      propagate: 1,
    });
  });

  it('takes entries off again and does not mind missing ones or unknown paths', async () => {
    node.setAcl({ path: '/', type: 'group', ugid: 'staff', roleid: 'PVEAuditor' });
    const form = { path: '/', roles: 'PVEAuditor', groups: 'staff', delete: '1' };

    const first = await root('PUT', '/access/acl', { form });
    const second = await root('PUT', '/access/acl', { form: { ...form, path: '/nowhere' } });

    expect([first.status, second.status, node.acl()]).toEqual([200, 200, []]);
  });

  it.each([
    [{ roles: 'Nope', groups: 'staff' }, "ACL update failed: role 'Nope' does not exist\n"],
    [{ roles: 'PVEAdmin', groups: 'nope' }, "ACL update failed: group 'nope' does not exist\n"],
    [{ roles: 'PVEAdmin', users: 'no@entra' }, "ACL update failed: user 'no@entra' does not exist\n"],
    [{ roles: 'PVEAdmin', tokens: 'bob@entra!ci' }, "ACL update failed: no such token 'ci' for user 'bob@entra'\n"],
  ])('answers 500 to %o', async (form, message) => {
    const answer = await root('PUT', '/access/acl', { form: { path: '/', ...form } });

    expect([answer.status, answer.message]).toEqual([500, message]);
  });

  it('refuses unknown paths and entries for nobody', async () => {
    const path = await root('PUT', '/access/acl', { form: { path: '/nowhere', roles: 'PVEAdmin', groups: 'staff' } });
    const holder = await root('PUT', '/access/acl', { form: { path: '/', roles: 'PVEAdmin' } });

    expect([path.status, Object.keys(path.errors)]).toEqual([400, ['path']]);
    expect([holder.status, Object.keys(holder.errors).sort()]).toEqual([400, ['groups', 'tokens', 'users']]);
  });

  it('lets who only allocates a pool give away no more than it holds there', async () => {
    node.addRole('PoolKeeper', ['Pool.Allocate', 'Pool.Audit']);
    node.setAcl({ path: '/pool/lab', type: 'user', ugid: 'bob@entra', roleid: 'PoolKeeper' });
    const bob = createClient({ url: node.url, ca: authority.cert, session: node.session('bob@entra') });

    const own = await bob('PUT', '/access/acl', { form: { path: '/pool/lab', roles: 'PVEPoolUser', groups: 'staff' } });
    const more = await bob('PUT', '/access/acl', { form: { path: '/pool/lab', roles: 'PVEAdmin', groups: 'staff' } });
    const elsewhere = await bob('PUT', '/access/acl', { form: { path: '/', roles: 'PVEPoolUser', groups: 'staff' } });

    expect([own.status, more.status, elsewhere.status]).toEqual([200, 500, 403]);
    expect(more.message).toMatch(/^ACL update failed: 400 Parameter verification failed\.\nrole: Cannot add role /);
  });
});

describe('realms and the rest', () => {
  it('shows a realm with its secret and digest, and tells an unknown one by its text', async () => {
    node.addRealm('entra', { comment: 'Entra', settings: { 'client-id': 'c', 'client-key': 'k' } });

    const shown = await root('GET', '/access/domains/entra');
    const unknown = await root('GET', '/access/domains/nope');

    expect(shown.data).toEqual({
      type: 'openid',
      comment: 'Entra',
      'client-id': 'c',
      'client-key': 'k',
      digest: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    expect([unknown.status, unknown.message]).toEqual([500, "domain 'nope' does not exist\n"]);
  });

  it('tells its version as it was started with', async () => {
    const answer = await root('GET', '/version');

    expect(answer.data).toMatchObject({ version: '9.1.3', release: '9.1' });
  });

  it('shows resources and the state of the cluster by privilege', async () => {
    node.addUser({ userid: 'bob@entra' });
    node.setAcl({ path: '/vms/101', type: 'user', ugid: 'bob@entra', roleid: 'PVEVMUser' });
    const bob = createClient({ url: node.url, ca: authority.cert, session: node.session('bob@entra') });

    const resources = await bob('GET', '/cluster/resources', { query: { type: 'qemu' } });
    const status = await bob('GET', '/cluster/status');
    const rootStatus = await root('GET', '/cluster/status');

    expect((resources.data as { vmid: number }[]).map((entry) => entry.vmid)).toEqual([101]);
    expect([status.status, status.message]).toEqual([403, 'Permission check failed (/, Sys.Audit)\n']);
    expect(rootStatus.status).toBe(200);
  });
});
