import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bed, startBed } from './harness.js';

interface Page {
  '@odata.count'?: number;
  '@odata.nextLink'?: string;
  value: Record<string, unknown>[];
}

const EVENTUAL = { ConsistencyLevel: 'eventual' };
const CAST = 'microsoft.graph.user?$count=true&$select=id,userPrincipalName,accountEnabled';

describe('the directory of the Entra simulator', () => {
  let bed: Bed;

  beforeEach(async () => {
    bed = await startBed();
  });

  afterEach(async () => {
    await bed.close();
  });

  it('leaves accountEnabled out unless it is selected', async () => {
    const oid = bed.sim.directory.addUser({ userPrincipalName: 'alice@example.com' });

    const usual = await bed.call('GET', `/users/${oid}`);
    const selected = await bed.call('GET', `/users/${oid}?$select=id,accountEnabled`);

    expect(usual.body).toMatchObject({ id: oid, userPrincipalName: 'alice@example.com' });
    expect(usual.body).not.toHaveProperty('accountEnabled');
    expect(selected.body).toEqual({
      '@odata.context': expect.stringContaining('$metadata#users/$entity'),
      id: oid,
      accountEnabled: true,
    });
  });

  it('refuses to select what a user does not have', async () => {
    const oid = bed.sim.directory.addUser({ userPrincipalName: 'alice@example.com' });

    const reply = await bed.call('GET', `/users/${oid}?$select=id,shoeSize`);

    expect(reply.status).toBe(400);
    expect(reply.body).toMatchObject({ error: { code: 'BadRequest' } });
  });

  it('finds a user by principal name whatever the case, with quotes doubled', async () => {
    const oid = bed.sim.directory.addUser({ userPrincipalName: "o'hara@example.com" });
    bed.sim.directory.addUser({ userPrincipalName: 'other@example.com' });

    const filter = encodeURIComponent("userPrincipalName eq 'O''Hara@example.com'");
    const reply = await bed.call('GET', `/users?$filter=${filter}&$select=id`);

    expect((reply.body as Page).value).toEqual([{ id: oid }]);
  });

  it('pages a transitive listing of users through nested groups, each of them once', async () => {
    const { directory } = bed.sim;
    const top = directory.addGroup({ displayName: 'top' });
    const middle = directory.addGroup({ displayName: 'middle' });
    directory.addMember(top, middle);
    directory.addMember(middle, top);
    const oids = Array.from({ length: 25 }, (_, index) =>
      directory.addUser({ userPrincipalName: `user${index}@example.com` }),
    );
    for (const [index, oid] of oids.entries()) directory.addMember(index % 2 ? top : middle, oid);

    const pages: Page[] = [];
    let link: string | undefined = `/groups/${top}/transitiveMembers/${CAST}&$top=10`;
    while (link && pages.length < 10) {
      const reply = await bed.call('GET', link, undefined, EVENTUAL);
      pages.push(reply.body as Page);
      link = (reply.body as Page)['@odata.nextLink'];
    }

    expect(pages.map((page) => page.value.length)).toEqual([10, 10, 5]);
    expect(pages[0]?.['@odata.count']).toBe(25);
    expect(pages.flatMap((page) => page.value.map(({ id }) => id)).sort()).toEqual([...oids].sort());
  });

  it('neither skips nor repeats a stable member when others come and go between two pages', async () => {
    const { directory } = bed.sim;
    const group = directory.addGroup({ displayName: 'busy' });
    const oids = Array.from({ length: 12 }, (_, index) =>
      directory.addUser({ userPrincipalName: `user${index}@example.com` }),
    ).sort();
    for (const oid of oids) directory.addMember(group, oid);
    const path = `/groups/${group}/members/${CAST}&$top=6`;

    const first = await bed.call('GET', path, undefined, EVENTUAL);
    directory.removeMember(group, oids[0] ?? '');
    directory.removeMember(group, oids[5] ?? '');
    const second = await bed.call('GET', (first.body as Page)['@odata.nextLink'] ?? '', undefined, EVENTUAL);

    const seen = [first, second].flatMap((reply) => (reply.body as Page).value.map(({ id }) => id));
    expect(seen).toEqual(oids);
  });

  it.each([
    ['without the eventual header', {}, '?$count=true'],
    ['without $count=true', EVENTUAL, ''],
  ])('refuses a cast %s', async (_, headers, query) => {
    const group = bed.sim.directory.addGroup({ displayName: 'linux' });

    const reply = await bed.call('GET', `/groups/${group}/members/microsoft.graph.user${query}`, undefined, headers);

    expect(reply.status).toBe(400);
    expect(reply.body).toMatchObject({ error: { code: 'Request_UnsupportedQuery' } });
  });

  it('refuses pages of more than 999', async () => {
    const reply = await bed.call('GET', '/users?$top=1000');

    expect(reply.status).toBe(400);
    expect(reply.body).toMatchObject({ error: { code: 'Request_UnsupportedQuery' } });
  });

  it('lists members of mixed types with their type, without service principals', async () => {
    const { directory } = bed.sim;
    const group = directory.addGroup({ displayName: 'mixed' });
    const user = directory.addUser({ userPrincipalName: 'alice@example.com' });
    const device = directory.addObject('device', 'laptop');
    const principal = directory.addObject('servicePrincipal', 'robot');
    for (const member of [user, device, principal]) directory.addMember(group, member);

    const reply = await bed.call('GET', `/groups/${group}/members?$select=id,userPrincipalName`);

    const types = (reply.body as Page).value.map((object) => [object.id, object['@odata.type']]);
    expect(new Map(types as [string, string][])).toEqual(
      new Map([
        [user, '#microsoft.graph.user'],
        [device, '#microsoft.graph.device'],
      ]),
    );
  });

  it('answers checkMemberGroups through nesting and refuses 21 groups', async () => {
    const { directory } = bed.sim;
    const [outer, inner, foreign] = ['outer', 'inner', 'foreign'].map((displayName) =>
      directory.addGroup({ displayName }),
    ) as [string, string, string];
    const oid = directory.addUser({ userPrincipalName: 'alice@example.com' });
    directory.addMember(outer, inner);
    directory.addMember(inner, oid);
    const path = `/users/${oid}/checkMemberGroups`;

    const found = await bed.call('POST', path, { groupIds: [foreign, outer, inner] });
    const tooMany = await bed.call('POST', path, { groupIds: Array.from({ length: 21 }, () => outer) });

    expect(found.body).toMatchObject({ value: [outer, inner] });
    expect(tooMany.status).toBe(400);
  });

  it('moves a soft-deleted user to deletedItems and brings it back with its groups', async () => {
    const { directory } = bed.sim;
    const group = directory.addGroup({ displayName: 'linux' });
    const oid = directory.addUser({ userPrincipalName: 'alice@example.com' });
    directory.addMember(group, oid);

    directory.softDeleteUser(oid);
    const gone = await bed.call('GET', `/users/${oid}`);
    const check = await bed.call('POST', `/users/${oid}/checkMemberGroups`, { groupIds: [group] });
    const deleted = await bed.call('GET', `/directory/deletedItems/${oid}`);
    const bin = await bed.call('GET', '/directory/deletedItems/microsoft.graph.user?$select=id,deletedDateTime');
    const listed = await bed.call('GET', `/groups/${group}/members`);
    directory.restoreUser(oid);
    const back = await bed.call('POST', `/users/${oid}/checkMemberGroups`, { groupIds: [group] });

    expect(gone.status).toBe(404);
    expect(gone.body).toMatchObject({ error: { code: 'Request_ResourceNotFound' } });
    expect(check.status).toBe(404);
    expect(deleted.body).toMatchObject({ id: oid, deletedDateTime: expect.stringMatching(/Z$/) });
    expect((bin.body as Page).value).toEqual([{ id: oid, deletedDateTime: expect.any(String) }]);
    expect((listed.body as Page).value).toEqual([]);
    expect(back.body).toMatchObject({ value: [group] });
    expect(directory.properties(oid)).toMatchObject({ userPrincipalName: 'alice@example.com' });
  });

  it('knows nothing of a user that was deleted for good', async () => {
    const oid = bed.sim.directory.addUser({ userPrincipalName: 'alice@example.com' });

    bed.sim.directory.softDeleteUser(oid);
    bed.sim.directory.hardDeleteUser(oid);
    const user = await bed.call('GET', `/users/${oid}`);
    const item = await bed.call('GET', `/directory/deletedItems/${oid}`);

    expect([user.status, item.status]).toEqual([404, 404]);
  });

  it('refuses to list deleted items without a cast', async () => {
    const reply = await bed.call('GET', '/directory/deletedItems');

    expect(reply.status).toBe(400);
  });

  it('shows the groups of a user, direct and above', async () => {
    const { directory } = bed.sim;
    const outer = directory.addGroup({ displayName: 'outer' });
    const inner = directory.addGroup({ displayName: 'inner' });
    const oid = directory.addUser({ userPrincipalName: 'alice@example.com' });
    directory.addMember(outer, inner);
    directory.addMember(inner, oid);

    const direct = await bed.call('GET', `/users/${oid}/memberOf?$select=id`);
    const above = await bed.call(
      'GET',
      `/users/${oid}/transitiveMemberOf/microsoft.graph.group?$count=true&$select=id,displayName`,
      undefined,
      EVENTUAL,
    );

    expect((direct.body as Page).value).toEqual([{ '@odata.type': '#microsoft.graph.group', id: inner }]);
    expect((above.body as Page).value.map(({ displayName }) => displayName).sort()).toEqual(['inner', 'outer']);
  });

  it('empties a group of hidden membership for callers without the role', async () => {
    const { directory, credentials } = bed.sim;
    const group = directory.addGroup({ displayName: 'secret', visibility: 'HiddenMembership' });
    directory.addMember(group, directory.addUser({ userPrincipalName: 'alice@example.com' }));

    const without = await bed.call('GET', `/groups/${group}/members`);
    credentials.setRoles(['GroupMember.Read.All', 'User.Read.All', 'Member.Read.Hidden']);
    const withRole = await bed.call('GET', `/groups/${group}/members`);

    expect((without.body as Page).value).toHaveLength(0);
    expect((withRole.body as Page).value).toHaveLength(1);
  });

  it('lists the groups below a group at any depth, with what kind each is, and ends at a circle', async () => {
    const { directory } = bed.sim;
    const top = directory.addGroup({ displayName: 'top' });
    const middle = directory.addGroup({ displayName: 'middle' });
    const rule = { groupTypes: ['DynamicMembership'], membershipRule: 'user.city -eq "Bern"' };
    const bottom = directory.addGroup({ displayName: 'bottom', ...rule });
    directory.addMember(top, middle);
    directory.addMember(middle, bottom);
    directory.addMember(bottom, directory.addUser({ userPrincipalName: 'alice@example.com' }));
    const cast = 'microsoft.graph.group?$count=true&$select=id,groupTypes,membershipRule';

    const list = () => bed.call('GET', `/groups/${top}/transitiveMembers/${cast}`, undefined, EVENTUAL);
    const before = (await list()).body as Page;
    directory.addMember(bottom, top);
    const circle = (await list()).body as Page;
    const asUser = await bed.call('GET', `/users/${middle}`);

    expect(before['@odata.count']).toBe(2);
    expect(before.value).toContainEqual({ id: middle, groupTypes: [], membershipRule: null });
    expect(before.value).toContainEqual({ id: bottom, ...rule });
    expect(circle.value.map(({ id }) => id)).toEqual([top, middle, bottom].sort());
    expect(asUser.status).toBe(404);
  });

  it('gives limited information on members without a role on users, and 403 on a user itself', async () => {
    const { directory, credentials } = bed.sim;
    const group = directory.addGroup({ displayName: 'linux' });
    const oid = directory.addUser({ userPrincipalName: 'alice@example.com' });
    directory.addMember(group, oid);
    credentials.setRoles(['GroupMember.Read.All']);

    const listed = await bed.call('GET', `/groups/${group}/members/${CAST}`, undefined, EVENTUAL);
    const single = await bed.call('GET', `/users/${oid}`);

    expect((listed.body as Page).value).toEqual([{ id: oid, userPrincipalName: null, accountEnabled: null }]);
    expect(single.status).toBe(403);
    expect(single.body).toMatchObject({ error: { code: 'Authorization_RequestDenied' } });
  });
});
