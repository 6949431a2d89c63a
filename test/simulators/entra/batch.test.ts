import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bed, startBed } from './harness.js';

interface Responses {
  responses: { id: string; status: number; headers: Record<string, string>; body?: unknown }[];
}

const JSON_HEADERS = { 'Content-Type': 'application/json' };

describe('$batch of the Entra simulator', () => {
  let bed: Bed;

  beforeEach(async () => {
    bed = await startBed();
  });

  afterEach(async () => {
    await bed.close();
  });

  function byId(body: unknown): Map<string, Responses['responses'][number]> {
    return new Map((body as Responses).responses.map((response) => [response.id, response]));
  }

  it('answers items in another order than asked, each with its own status', async () => {
    const group = bed.sim.directory.addGroup({ displayName: 'linux' });
    const oid = bed.sim.directory.addUser({ userPrincipalName: 'alice@example.com' });
    bed.sim.directory.addMember(group, oid);

    const reply = await bed.call('POST', '/$batch', {
      requests: [
        { id: '1', method: 'GET', url: `/users/${oid}?$select=id,accountEnabled` },
        {
          id: '2',
          method: 'POST',
          url: `/users/${oid}/checkMemberGroups`,
          headers: JSON_HEADERS,
          body: { groupIds: [group] },
        },
        { id: '3', method: 'GET', url: '/users/00000000-0000-0000-0000-000000000000' },
      ],
    });

    expect(reply.status).toBe(200);
    expect((reply.body as Responses).responses.map(({ id }) => id)).not.toEqual(['1', '2', '3']);
    const answers = byId(reply.body);
    expect(answers.get('1')?.body).toMatchObject({ id: oid, accountEnabled: true });
    expect(answers.get('2')?.body).toMatchObject({ value: [group] });
    expect(answers.get('3')?.status).toBe(404);
  });

  it('throttles single items with Retry-After among their headers', async () => {
    const oid = bed.sim.directory.addUser({ userPrincipalName: 'alice@example.com' });
    bed.sim.faults.throttle('GET /users/{id}', 7);
    const url = `/users/${oid}?$select=id`;

    const reply = await bed.call('POST', '/$batch', {
      requests: ['a', 'b'].map((id) => ({ id, method: 'GET', url })),
    });

    const statuses = (reply.body as Responses).responses.map(({ status }) => status).sort();
    const throttled = (reply.body as Responses).responses.find(({ status }) => status === 429);
    expect(reply.status).toBe(200);
    expect(statuses).toEqual([200, 429]);
    expect(throttled?.headers['Retry-After']).toBe('7');
  });

  it('fails what depends on a failed item with 424', async () => {
    const url = '/users/00000000-0000-0000-0000-000000000000';

    const reply = await bed.call('POST', '/$batch', {
      requests: [
        { id: '1', method: 'GET', url },
        { id: '2', method: 'GET', url: '/users', dependsOn: ['1'] },
      ],
    });

    expect(byId(reply.body).get('2')?.status).toBe(424);
  });

  it.each([
    ['21 items', Array.from({ length: 21 }, (_, index) => ({ id: String(index), method: 'GET', url: '/users' }))],
    ['no items', []],
    ['one id twice', [1, 2].map(() => ({ id: 'same', method: 'GET', url: '/users' }))],
    ['an absolute address', [{ id: '1', method: 'GET', url: 'https://graph.microsoft.com/v1.0/users' }]],
    ['a body without its content type', [{ id: '1', method: 'POST', url: '/users/x/checkMemberGroups', body: {} }]],
  ])('refuses a batch with %s', async (_, requests) => {
    const reply = await bed.call('POST', '/$batch', { requests });

    expect(reply.status).toBe(400);
    expect(reply.body).toMatchObject({ error: { code: 'BadRequest' } });
  });

  it('takes headers per item, so that a cast works inside', async () => {
    const group = bed.sim.directory.addGroup({ displayName: 'linux' });
    const url = `/groups/${group}/transitiveMembers/microsoft.graph.user?$count=true&$select=id`;

    const reply = await bed.call('POST', '/$batch', {
      requests: [
        { id: 'with', method: 'GET', url, headers: { ConsistencyLevel: 'eventual' } },
        { id: 'without', method: 'GET', url },
      ],
    });

    expect(byId(reply.body).get('with')?.status).toBe(200);
    expect(byId(reply.body).get('without')?.status).toBe(400);
  });
});
