import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestAuthority, type TestAuthority } from '../tls.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from './index.js';
import { type Client, createClient } from './test-client.js';

let authority: TestAuthority;
let node: ProxmoxSimulator;
let root: Client;

beforeEach(async () => {
  authority = await createTestAuthority();
  node = await startProxmoxSimulator({ authority });
  node.addGroup('admins-entra');
  node.addGroup('staff-entra');
  root = createClient({ url: node.url, ca: authority.cert, session: node.session('root@pam') });
});

afterEach(() => node.close());

describe('creating a user', () => {
  it('keeps what was given and answers null', async () => {
    const form = { userid: 'bob@entra', firstname: 'Bob', comment: 'a: 100 %\nü', groups: 'admins-entra,staff-entra' };

    const answer = await root('POST', '/access/users', { form });

    expect(answer.text).toBe('{"data":null}');
    expect(node.user('bob@entra')).toMatchObject({
      enabled: true,
      firstname: 'Bob',
      comment: 'a: 100 %\nü',
      groups: ['admins-entra', 'staff-entra'],
    });
  });

  it('takes groups as a JSON array and enable as a JSON boolean', async () => {
    await root('POST', '/access/users', { json: { userid: 'bob@entra', enable: false, groups: ['staff-entra'] } });

    expect(node.user('bob@entra')).toMatchObject({ enabled: false, groups: ['staff-entra'] });
  });

  it('answers 500 for an id that is taken, and treats another case as another id', async () => {
    node.addUser({ userid: 'bob@entra' });

    const again = await root('POST', '/access/users', { form: { userid: 'bob@entra' } });
    const other = await root('POST', '/access/users', { form: { userid: 'Bob@entra' } });

    expect(again.status).toBe(500);
    expect(again.message).toBe("create user failed: user 'bob@entra' already exists\n");
    expect(again.reason).toBe("create user failed: user 'bob@entra' already exists");
    expect(other.status).toBe(200);
  });

  it('writes nothing when a group is unknown', async () => {
    const answer = await root('POST', '/access/users', { form: { userid: 'bob@entra', groups: 'staff-entra,nope' } });

    expect(answer.message).toBe("create user failed: no such group 'nope'\n");
    expect(node.user('bob@entra')).toBeUndefined();
    expect(node.group('staff-entra')?.members).toEqual([]);
  });

  it.each([
    ['65 characters', 'userid', `${'a'.repeat(59)}@entra`],
    ['no realm', 'userid', 'bob'],
    ['a colon', 'userid', 'b:b@entra'],
    ['an apostrophe in the mail', 'email', "o'neil@example.com"],
    ['a mail of 255 characters', 'email', `${'a'.repeat(243)}@example.com`],
    ['a comment of 2,049 characters', 'comment', 'c'.repeat(2049)],
    ['a first name of 1,025 characters', 'firstname', 'f'.repeat(1025)],
    ['a negative expiry', 'expire', '-5'],
    ['a word for a flag', 'enable', 'maybe'],
    ['a parameter that does not exist', 'realm', 'entra'],
  ])('answers 400 for %s', async (_, parameter, value) => {
    const answer = await root('POST', '/access/users', { form: { userid: 'bob@entra', [parameter]: value } });

    expect(answer.status).toBe(400);
    expect(Object.keys(answer.errors)).toEqual([parameter]);
    expect(node.user('bob@entra')).toBeUndefined();
  });

  it('takes ids with apostrophes, plus, hash and a second at sign', async () => {
    for (const userid of ["o'neil@entra", 'a+b@entra', 'bob_x.de#EXT#@entra', 'bob@contoso.com@entra']) {
      const created = await root('POST', '/access/users', { form: { userid } });
      const read = await root('GET', `/access/users/${encodeURIComponent(userid)}`);

      expect([created.status, read.status]).toEqual([200, 200]);
    }
  });

  it('damages an id beyond ASCII, so that nobody reaches it by that name', async () => {
    await root('POST', '/access/users', { form: { userid: 'Müller@entra' } });

    const read = await root('GET', `/access/users/${encodeURIComponent('Müller@entra')}`);

    expect(read.message).toBe("no such user ('Müller@entra')\n");
  });

  it('turns a comma in an id into a ghost member of the group', async () => {
    await root('POST', '/access/users', { form: { userid: 'a,b@entra', groups: 'staff-entra' } });

    expect(node.group('staff-entra')?.members).toEqual(['b@entra']);
  });

  it('makes a ghost member a real one', async () => {
    node.addGroup('ghosts', { members: ['bob@entra'] });

    await root('POST', '/access/users', { form: { userid: 'bob@entra' } });

    expect(node.user('bob@entra')?.groups).toEqual(['ghosts']);
  });
});

describe('reading users', () => {
  it('lists groups as comma text and tokens as an array or null only when asked for everything', async () => {
    node.addUser({ userid: 'bob@entra', groups: ['staff-entra', 'admins-entra'] });
    node.createToken('bob@entra', 'cli');
    node.addUser({ userid: 'eve@entra' });

    const full = await root('GET', '/access/users', { query: { full: '1' } });
    const short = await root('GET', '/access/users');

    const byId = new Map((full.data as { userid: string }[]).map((user) => [user.userid, user]));
    expect(byId.get('bob@entra')).toEqual({
      userid: 'bob@entra',
      enable: 1,
      expire: 0,
      groups: 'admins-entra,staff-entra',
      tokens: [{ tokenid: 'cli', expire: 0, privsep: 1 }],
    });
    expect(byId.get('eve@entra')).toMatchObject({ groups: '', tokens: null });
    expect((short.data as object[])[0]).not.toHaveProperty('groups');
  });

  it('shows one user with groups as an array and tokens as an object or null', async () => {
    node.addUser({ userid: 'bob@entra', groups: ['staff-entra'] });

    const without = await root('GET', '/access/users/bob@entra');
    node.createToken('bob@entra', 'cli', { privsep: false });
    const withToken = await root('GET', '/access/users/bob@entra');

    expect(without.data).toEqual({ enable: 1, expire: 0, groups: ['staff-entra'], tokens: null });
    expect(withToken.data).toMatchObject({ tokens: { cli: { expire: 0, privsep: 0 } } });
  });

  it('filters by enabled and knows no other filter', async () => {
    node.addUser({ userid: 'bob@entra', enabled: false });

    const disabled = await root('GET', '/access/users', { query: { enabled: '0' } });
    const byRealm = await root('GET', '/access/users', { query: { realm: 'entra' } });

    expect((disabled.data as { userid: string }[]).map((user) => user.userid)).toEqual(['bob@entra']);
    expect(byRealm.status).toBe(400);
  });

  it('comes in no order', async () => {
    for (let index = 0; index < 50; index += 1) node.addUser({ userid: `u${index}@entra` });

    const lists = await Promise.all([1, 2, 3].map(() => root('GET', '/access/users')));

    const orders = lists.map((list) => (list.data as { userid: string }[]).map((user) => user.userid).join());
    expect(new Set(orders).size).toBe(3);
  });
});

describe('updating a user', () => {
  beforeEach(() => node.addUser({ userid: 'bob@entra', comment: 'old', email: 'b@x.de', groups: ['staff-entra'] }));

  it('keeps what is absent or JSON null and sets empty what is empty', async () => {
    await root('PUT', '/access/users/bob@entra', { json: { comment: null, email: '', enable: 0 } });

    expect(node.user('bob@entra')).toMatchObject({
      comment: 'old',
      email: '',
      enabled: false,
      groups: ['staff-entra'],
    });
  });

  it('replaces groups, appends to them only when asked, and empties them by an empty list', async () => {
    await root('PUT', '/access/users/bob@entra', { form: { groups: 'admins-entra', append: '1' } });
    const appended = node.user('bob@entra')?.groups;
    await root('PUT', '/access/users/bob@entra', { form: { groups: 'admins-entra' } });
    const replaced = node.user('bob@entra')?.groups;
    await root('PUT', '/access/users/bob@entra', { form: { groups: '' } });
    const emptied = node.user('bob@entra')?.groups;

    expect(appended).toEqual(['admins-entra', 'staff-entra']);
    expect(replaced).toEqual(['admins-entra']);
    expect(emptied).toEqual([]);
  });

  it('refuses append without groups', async () => {
    const answer = await root('PUT', '/access/users/bob@entra', { form: { append: '1' } });

    expect(answer.status).toBe(400);
    expect(answer.reason).toBe('Parameter verification failed.');
    expect(Object.keys(answer.errors)).toEqual(['groups']);
  });

  it('is all or nothing when a group is unknown', async () => {
    const answer = await root('PUT', '/access/users/bob@entra', {
      form: { comment: 'new', groups: 'admins-entra,nope' },
    });

    expect(answer.status).toBe(500);
    expect(answer.message).toBe("update user failed: no such group 'nope'\n");
    expect(node.user('bob@entra')).toMatchObject({ comment: 'old', groups: ['staff-entra'] });
    expect(node.writes).toBe(0);
  });
});

describe('deleting a user', () => {
  it('takes memberships, tokens and ACL entries along, so that a successor of that name inherits none', async () => {
    node.addUser({ userid: 'bob@entra', groups: ['staff-entra'] });
    node.createToken('bob@entra', 'cli');
    node.setAcl({ path: '/', type: 'user', ugid: 'bob@entra', roleid: 'Administrator' });
    node.setAcl({ path: '/', type: 'token', ugid: 'bob@entra!cli', roleid: 'Administrator' });

    await root('DELETE', '/access/users/bob@entra');
    node.addUser({ userid: 'bob@entra' });

    expect(node.acl()).toEqual([]);
    expect(node.user('bob@entra')).toMatchObject({ groups: [], tokenIds: [] });
  });

  it('answers 500 for an unknown user, but 200 to root with a ticket', async () => {
    node.addUser({ userid: 'svc@pve' });
    const token = node.createToken('svc@pve', 'tk', { privsep: false });
    node.setAcl({ path: '/', type: 'user', ugid: 'svc@pve', roleid: 'Administrator' });
    const administrator = createClient({ url: node.url, ca: authority.cert, token });

    const refused = await administrator('DELETE', '/access/users/nobody@entra');
    const byRoot = await root('DELETE', '/access/users/nobody@entra');

    expect([refused.status, refused.message]).toEqual([500, "no such user ('nobody@entra')\n"]);
    expect(byRoot.status).toBe(200);
  });
});
