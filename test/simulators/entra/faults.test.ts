import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bed, startBed } from './harness.js';

interface Page {
  value: Record<string, unknown>[];
}

describe('faults of the Entra simulator', () => {
  let bed: Bed;
  let oid: string;
  let group: string;

  beforeEach(async () => {
    bed = await startBed();
    oid = bed.sim.directory.addUser({ userPrincipalName: 'alice@example.com', displayName: 'Alice' });
    group = bed.sim.directory.addGroup({ displayName: 'linux' });
    bed.sim.directory.addMember(group, oid);
  });

  afterEach(async () => {
    await bed.close();
  });

  function readUser() {
    return bed.call('GET', `/users/${oid}?$select=id,displayName,accountEnabled`);
  }

  it('fail as often as asked, for the calls that were meant, with the headers that were given', async () => {
    const fault = bed.sim.faults.failNext('GET /users/{id}', 503, 2, { 'Retry-After': '9' });

    const other = await bed.call('GET', '/users');
    const replies = [await readUser(), await readUser(), await readUser()];

    expect(other.status).toBe(200);
    expect(replies.map(({ status }) => status)).toEqual([503, 503, 200]);
    expect(replies[0]?.headers['retry-after']).toBe('9');
    expect(replies[0]?.body).toMatchObject({
      error: { code: 'ServiceUnavailable', innerError: { 'request-id': expect.any(String) } },
    });
    expect([fault.hits(), fault.remaining()]).toEqual([2, 0]);
  });

  it('throttle with 429 and Retry-After', async () => {
    bed.sim.faults.throttle(/^GET \/users\//, 3);

    const reply = await readUser();

    expect(reply.status).toBe(429);
    expect(reply.headers['retry-after']).toBe('3');
  });

  it('cut the connection without an answer', async () => {
    bed.sim.faults.dropConnection('*');

    await expect(readUser()).rejects.toThrow();
    expect(bed.sim.calls.summary()).toEqual({ 'GET /users/{id} dropped': 1 });
  });

  it('break JSON off in the middle', async () => {
    bed.sim.faults.garbage('/users/{id}');

    const reply = await readUser();

    expect(reply.status).toBe(200);
    expect(reply.body).toMatch(/^\{"@odata/);
  });

  it('stall a call and then answer it as usual', async () => {
    bed.sim.faults.stall('/users/{id}', 80);

    const reply = await readUser();

    expect(reply.status).toBe(200);
    expect(bed.sim.calls.list('/users/{id}')[0]?.durationMs).toBeGreaterThan(70);
  });

  it('freeze what is read about one user, in single reads, checks and listings', async () => {
    bed.sim.faults.freezeReads(oid, 3);
    bed.sim.directory.updateUser(oid, { accountEnabled: false });
    bed.sim.directory.removeMember(group, oid);
    const check = () => bed.call('POST', `/users/${oid}/checkMemberGroups`, { groupIds: [group] });

    const stale = await readUser();
    const staleCheck = await check();
    const staleList = await bed.call('GET', `/groups/${group}/members`);
    const fresh = await readUser();
    const freshCheck = await check();
    const freshList = await bed.call('GET', `/groups/${group}/members`);

    expect(stale.body).toMatchObject({ accountEnabled: true });
    expect(staleCheck.body).toMatchObject({ value: [group] });
    expect((staleList.body as Page).value).toHaveLength(1);
    expect(fresh.body).toMatchObject({ accountEnabled: false });
    expect(freshCheck.body).toMatchObject({ value: [] });
    expect((freshList.body as Page).value).toHaveLength(0);
  });

  it('answer 404 for a user that replicas have not heard of yet', async () => {
    const id = '11111111-1111-4111-8111-111111111111';
    bed.sim.faults.freezeReads(id, 1);
    bed.sim.directory.addUser({ id, userPrincipalName: 'bob@example.com' });

    const early = await bed.call('GET', `/users/${id}`);
    const later = await bed.call('GET', `/users/${id}`);

    expect([early.status, later.status]).toEqual([404, 200]);
  });

  it('null what is limited, in reads and listings', async () => {
    bed.sim.faults.limitInformation([oid], ['accountEnabled']);

    const read = await readUser();
    const listed = await bed.call('GET', '/users?$select=id,displayName,accountEnabled');

    expect(read.body).toMatchObject({ displayName: 'Alice', accountEnabled: null });
    expect((listed.body as Page).value).toEqual([{ id: oid, displayName: 'Alice', accountEnabled: null }]);
  });

  it('empty the listing of a group for as long as asked', async () => {
    bed.sim.faults.emptyGroup(group);

    const empty = await bed.call('GET', `/groups/${group}/members`);
    const full = await bed.call('GET', `/groups/${group}/members`);

    expect([empty, full].map((reply) => (reply.body as Page).value.length)).toEqual([0, 1]);
  });

  it('list soft-deleted users in their groups when told to', async () => {
    bed.sim.directory.softDeleteUser(oid);
    bed.sim.faults.listSoftDeleted(true);

    const reply = await bed.call('GET', `/groups/${group}/members?$select=id`);

    expect((reply.body as Page).value).toMatchObject([{ id: oid }]);
  });

  it('are all gone after clear', async () => {
    bed.sim.faults.failNext('*', 500, Infinity);
    bed.sim.faults.limitInformation('all');
    bed.sim.faults.freezeReads(oid, Infinity);
    bed.sim.directory.updateUser(oid, { displayName: 'New' });

    bed.sim.faults.clear();
    const reply = await readUser();

    expect(reply.body).toMatchObject({ displayName: 'New', accountEnabled: true });
  });

  it('leave a count of calls by template and status, with and without the items of batches', async () => {
    bed.sim.calls.clear();
    const requests = ['1', '2'].map((id) => ({ id, method: 'GET', url: `/users/${oid}` }));

    await bed.call('POST', '/$batch', { requests });
    await bed.call('GET', '/users/00000000-0000-0000-0000-000000000000');

    expect(bed.sim.calls.summary()).toEqual({
      'GET /users/{id} 200': 2,
      'GET /users/{id} 404': 1,
      'POST /$batch 200': 1,
    });
    expect(bed.sim.calls.count()).toBe(4);
    expect(bed.sim.calls.count('*', { outer: true })).toBe(2);
  });
});
