import { afterEach, describe, expect, it } from 'vitest';
import { type LakefsSimulator, type LakefsSimulatorOptions, startLakefsSimulator } from './index.js';

let open: LakefsSimulator[] = [];

afterEach(async () => {
  await Promise.all(open.map((server) => server.close()));
  open = [];
});

interface Answer {
  status: number;
  type: string | null;
  body: unknown;
}

interface Page {
  results: { id: string }[];
  pagination: Record<string, unknown>;
}

async function start(options: Partial<LakefsSimulatorOptions> = {}) {
  const server = await startLakefsSimulator({ flavour: 'names', ...options });
  open.push(server);
  async function call(method: string, path: string, body?: unknown, key = server.key): Promise<Answer> {
    const basic = Buffer.from(`${key.accessKeyId}:${key.secretAccessKey}`).toString('base64');
    const response = await fetch(`${server.url}/api/v1${path}`, {
      method,
      redirect: 'manual',
      headers: {
        authorization: `Basic ${basic}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const type = response.headers.get('content-type');
    return { status: response.status, type, body: type === 'application/json' ? JSON.parse(text) : text };
  }
  return { server, call };
}

describe('the simulated lakeFS', () => {
  it('has its own groups and our user from the start, in each of its kinds', async () => {
    const kinds = [];
    for (const flavour of ['cloud', 'names', 'simplified', 'none'] as const) {
      const { server } = await start({ flavour });
      kinds.push(server.groups().map(({ name }) => name));
      expect(server.users().map(({ id }) => id)).toEqual(['entramox-sync']);
    }

    expect(kinds).toEqual([
      ['Admins', 'Developers', 'SuperUsers', 'Viewers'],
      ['Admins', 'Developers', 'SuperUsers', 'Viewers'],
      ['Admins', 'Readers', 'Supers', 'Writers'],
      [],
    ]);
  });

  it('pages by an offset that is not part of what follows, and does not fill in how many it gives at most', async () => {
    const { server, call } = await start();
    for (let index = 0; index < 150; index += 1) server.addUser({ id: `user ${String(index).padStart(3, '0')}` });

    const first = (await call('GET', '/auth/users?prefix=user')).body as Page;
    const offset = String(first.pagination.next_offset);
    const second = (await call('GET', `/auth/users?prefix=user&after=${encodeURIComponent(offset)}`)).body as Page;

    expect(first.pagination).toEqual({ has_more: true, next_offset: 'user 099', results: 100, max_per_page: 0 });
    expect(second.pagination).toEqual({ has_more: false, next_offset: '', results: 50, max_per_page: 0 });
    expect(second.results[0]?.id).toBe('user 100');
  });

  it.each([
    ['amount=1001', 400],
    ['amount=x', 400],
    ['colour=red', 400],
    ['amount=0', 200],
    ['amount=-1', 200],
    ['amount=1000', 200],
  ])('answers a listing with %s by %i', async (query, status) => {
    const { call } = await start();

    expect((await call('GET', `/auth/groups?${query}`)).status).toBe(status);
  });

  it('sends no content-type where it sends no body', async () => {
    const { server, call } = await start();
    server.addGroup({ name: 'X' });

    const put = await call('PUT', '/auth/groups/X/policies/FSReadAll');
    const gone = await call('DELETE', '/auth/groups/X/policies/FSReadAll');

    expect([put, gone]).toEqual([
      { status: 201, type: null, body: '' },
      { status: 204, type: null, body: '' },
    ]);
  });

  it.each([
    ['a group without an id', {}, 400],
    ['a group with what no group has', { id: 'X', colour: 'red' }, 400],
    ['a group whose name holds a %', { id: '1%' }, 400],
    ['a group that is there', { id: 'Admins' }, 409],
    ['a body that is no object', [], 400],
  ])('refuses %s', async (_, body, status) => {
    const { call } = await start();

    const answer = await call('POST', '/auth/groups', body);

    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({ message: expect.any(String) });
  });

  it('says 401 for a wrong key, and for one that may not, before it says that it has no groups', async () => {
    const { server, call } = await start({ flavour: 'none' });
    const limited = server.createKey({ permissions: ['auth:ListUsers'] });

    const wrong = await call('GET', '/auth/groups', undefined, { accessKeyId: 'x', secretAccessKey: 'y' });
    const refused = await call('GET', '/auth/groups', undefined, limited);
    const none = await call('GET', '/auth/groups');
    const users = await call('GET', '/auth/users', undefined, limited);

    expect([wrong.status, refused.status, none.status, users.status]).toEqual([401, 401, 501, 200]);
    expect(refused.body).toEqual({ message: 'insufficient permissions' });
  });

  it('counts whatever is no GET, also what it refuses', async () => {
    const { server, call } = await start();

    await call('GET', '/auth/groups');
    await call('PUT', '/auth/groups/X/members/nobody');
    await call('POST', '/auth/groups', { id: 'Admins' });

    expect(server.nonGets).toBe(2);
    expect(server.calls({ status: 404 }).map(({ template }) => template)).toEqual([
      '/auth/groups/{groupId}/members/{userId}',
    ]);
  });

  it('makes people look as their way of signing in does', async () => {
    const { server } = await start();
    const person = { oid: '11111111-2222-4333-8444-555555555555', upn: 'Alice@example.com' };

    const ids = (['cloud', 'oidc', 'saml-oid', 'saml-upn', 'scim'] as const).map((by) => server.addPerson(person, by));

    expect(ids[0]).toBe(`waad|${person.oid}`);
    expect(ids.slice(2, 4)).toEqual([person.oid, person.upn]);
    const [, , oidc, , , scim] = server.users();
    expect(oidc).toMatchObject({ friendlyName: person.upn, email: undefined });
    expect(scim).toMatchObject({ friendlyName: person.upn, email: 'alice@example.com' });
  });

  it('shows a page for people outside of its API, as lakeFS does', async () => {
    const { server, call } = await start();

    const page = await fetch(`${server.url}/elsewhere/auth/groups`);

    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html']);
    expect((await call('GET', '/nothing/here')).status).toBe(400);
  });
});
