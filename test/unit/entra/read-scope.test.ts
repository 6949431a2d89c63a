import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SourceUnavailable } from '../../../src/domain/errors.js';
import { createEntraDirectory } from '../../../src/entra/directory.js';
import { createTestGraph, GRAPH, guid, never, notFound, serveBatches, userBody } from './support.js';

const ADMINS = guid(1, 9);
const STAFF = guid(2, 9);
const pathOf = (group: string) => `/v1.0/groups/${group}/transitiveMembers/microsoft.graph.user`;

interface Page {
  value: unknown[];
  count?: number | undefined;
  next?: string;
}

/** Serves the pages of a group's listing; `next` of each leads to the following one. */
function serveGroup(group: string, ...pages: Page[]) {
  pages.forEach((page, index) => {
    nock(GRAPH, { reqheaders: { consistencylevel: 'eventual' } })
      .get(pathOf(group))
      .query((query) => (index === 0 ? query.$skiptoken === undefined : query.$skiptoken === String(index)))
      .reply(200, {
        value: page.value,
        ...(page.count === undefined ? {} : { '@odata.count': page.count }),
        ...(index < pages.length - 1 ? { '@odata.nextLink': `${GRAPH}${pathOf(group)}?$skiptoken=${index + 1}` } : {}),
        ...(page.next ? { '@odata.nextLink': page.next } : {}),
      });
  });
}

function serveMembers(group: string, ...members: unknown[]) {
  serveGroup(group, { value: members, count: members.length });
}

function setUp(groups: string[], users: string[] = []) {
  const { graph, log, events, calls } = createTestGraph();
  return { directory: createEntraDirectory({ graph, groups, users, log }), events, calls };
}

const user = (n: number, overrides: Record<string, unknown> = {}) => userBody(guid(n), overrides);

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  nock.abortPendingRequests();
  nock.cleanAll();
  nock.enableNetConnect();
});

describe('readScope', () => {
  it('asks for the transitive users of a group as an advanced query with large pages', async () => {
    let query: Record<string, unknown> = {};
    nock(GRAPH, { reqheaders: { consistencylevel: 'eventual' } })
      .get(pathOf(ADMINS))
      .query((asked) => {
        query = asked;
        return true;
      })
      .reply(200, { value: [], '@odata.count': 0 });
    const { directory } = setUp([ADMINS]);

    const scope = await directory.readScope(never());

    expect(query).toEqual({
      $count: 'true',
      $select: 'id,userPrincipalName,accountEnabled,displayName,givenName,surname,mail',
      $top: '999',
    });
    expect(scope.groups.get(ADMINS)).toEqual({ certainty: 'present', members: 0 });
  });

  it('gives each identity the union of its groups', async () => {
    serveMembers(ADMINS, user(1));
    serveMembers(STAFF, user(1), user(2));
    const { directory } = setUp([ADMINS, STAFF]);

    const { groups, identities } = await directory.readScope(never());

    expect([...groups.values()]).toEqual([
      { certainty: 'present', members: 1 },
      { certainty: 'present', members: 2 },
    ]);
    expect(identities.get(guid(1))).toMatchObject({ certainty: 'present', groups: [ADMINS, STAFF] });
    expect(identities.get(guid(2))).toMatchObject({ certainty: 'present', groups: [STAFF] });
  });

  it('reads 5,000 users of one group with six calls', async () => {
    const everybody = Array.from({ length: 5_000 }, (_, n) => user(n + 1));
    const pages = Array.from({ length: 6 }, (_, n) => ({
      value: everybody.slice(n * 999, (n + 1) * 999),
      count: 5_000,
    }));
    serveGroup(STAFF, ...pages);
    const { directory, calls } = setUp([STAFF]);

    const { identities } = await directory.readScope(never());

    expect(identities.size).toBe(5_000);
    expect(calls).toHaveLength(6);
  });

  it('takes a user that comes on two pages for one', async () => {
    serveGroup(STAFF, { value: [user(1), user(2)], count: 3 }, { value: [user(2), user(3)] });
    const { directory } = setUp([STAFF]);

    expect((await directory.readScope(never())).groups.get(STAFF)).toEqual({ certainty: 'present', members: 3 });
  });

  it('knows nothing of an identity without accountEnabled, but the group is read', async () => {
    serveMembers(
      STAFF,
      user(1),
      { '@odata.type': '#microsoft.graph.user', id: guid(2), accountEnabled: null },
      { id: guid(3) },
    );
    const { directory } = setUp([STAFF]);

    const { groups, identities } = await directory.readScope(never());

    expect(groups.get(STAFF)).toEqual({ certainty: 'present', members: 3 });
    expect([1, 2, 3].map((n) => identities.get(guid(n))?.certainty)).toEqual(['present', 'unknown', 'unknown']);
  });

  const graphError = (code: string) => ({ error: { code, message: 'No.' } });
  it.each<[string, () => void, RegExp]>([
    ['403', () => nock(GRAPH).get(pathOf(STAFF)).query(true).reply(403, graphError('Denied')), /GroupMember.Read.All/],
    [
      'gone',
      () => nock(GRAPH).get(pathOf(STAFF)).query(true).reply(404, graphError('Request_ResourceNotFound')),
      /gone/,
    ],
    [
      '400',
      () => nock(GRAPH).get(pathOf(STAFF)).query(true).reply(400, graphError('Request_UnsupportedQuery')),
      /UnsupportedQuery/,
    ],
    [
      'a failing second page',
      () => {
        serveGroup(STAFF, { value: [user(1)], count: 2, next: `${GRAPH}${pathOf(STAFF)}?$skiptoken=9` });
        nock(GRAPH).get(pathOf(STAFF)).query({ $skiptoken: '9' }).times(5).reply(500);
      },
      /500/,
    ],
    [
      'a page elsewhere',
      () => serveGroup(STAFF, { value: [], count: 0, next: 'https://evil.test/v1.0/x' }),
      /evil.test/,
    ],
    [
      'a count that is too large',
      () => serveGroup(STAFF, { value: [user(1)], count: 2 }),
      /counts 2 members, its pages held 1/,
    ],
    ['a count that is too small', () => serveGroup(STAFF, { value: [user(1), user(2)], count: 1 }), /counts 1/],
    ['no count', () => serveGroup(STAFF, { value: [user(1)] }), /no count/],
    [
      'an item without id',
      () => serveGroup(STAFF, { value: [{ accountEnabled: true }], count: 1 }),
      /unexpected shape/,
    ],
    ['an id that is a path', () => serveMembers(STAFF, { ...user(1), id: '../me' }), /not an object id/],
    ['a device', () => serveMembers(STAFF, { '@odata.type': '#microsoft.graph.device', id: guid(1) }), /device/],
  ])('does not know a group that answers with %s, and reads the other one', async (_what, serve, why) => {
    serveMembers(ADMINS, user(7));
    serve();
    const { directory, events } = setUp([STAFF, ADMINS]);

    const { groups, identities } = await directory.readScope(never());

    expect(groups.get(STAFF)).toMatchObject({ certainty: 'unknown', why: expect.stringMatching(why) });
    expect(groups.get(ADMINS)).toEqual({ certainty: 'present', members: 1 });
    expect([...identities.keys()]).toEqual([guid(7)]);
    expect(events.filter(({ event }) => event === 'entra.group.unknown').map(({ fields }) => fields.group)).toEqual([
      STAFF,
    ]);
  });

  it('reads the configured users that no group lists, and leaves out those that are not there', async () => {
    serveMembers(STAFF, user(1));
    const batches = serveBatches(({ url }) => {
      if (url.includes(guid(2)) && url.endsWith('Groups')) return { status: 200, body: { value: [] } };
      if (url.startsWith(`/users/${guid(2)}?`)) return { status: 200, body: user(2) };
      return notFound();
    });
    const { directory } = setUp([STAFF], [guid(1), guid(2), guid(3)]);

    const { identities } = await directory.readScope(never());

    expect([...identities.keys()]).toEqual([guid(1), guid(2)]);
    expect(batches.flat().some(({ url }) => url.includes(guid(1)))).toBe(false);
  });

  it('reads singly whom two groups show in two states', async () => {
    serveMembers(ADMINS, user(1));
    serveMembers(STAFF, user(1, { accountEnabled: false }));
    serveBatches(({ url }) => ({
      status: 200,
      body: url.endsWith('Groups') ? { value: [STAFF] } : user(1, { accountEnabled: false }),
    }));
    const { directory } = setUp([ADMINS, STAFF]);

    const { identities } = await directory.readScope(never());

    expect(identities.get(guid(1))).toMatchObject({ certainty: 'present', enabled: false, groups: [STAFF] });
  });

  it('lists two groups at a time', async () => {
    const ids = [1, 2, 3, 4, 5].map((n) => guid(n, 9));
    let running = 0;
    let most = 0;
    for (const id of ids) {
      nock(GRAPH)
        .get(pathOf(id))
        .query(true)
        .reply(200, async () => {
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setTimeout(resolve, 10));
          running -= 1;
          return { value: [], '@odata.count': 0 };
        });
    }
    const { directory } = setUp(ids);

    await directory.readScope(never());

    expect(most).toBe(2);
  });

  it('throws when nothing could be read because Graph is not there, and does not try every group', async () => {
    nock(GRAPH)
      .persist()
      .get(/transitiveMembers/)
      .reply(503, '<html>');
    const { directory, calls } = setUp(Array.from({ length: 30 }, (_, n) => guid(n + 1, 9)));

    await expect(directory.readScope(never())).rejects.toThrow(SourceUnavailable);
    expect(calls.length).toBeLessThanOrEqual(4 * 5);
  });

  it('throws when only users are configured and Graph is not there', async () => {
    nock(GRAPH).persist().post('/v1.0/$batch').reply(503, '<html>');
    const { directory } = setUp([], [guid(1)]);

    await expect(directory.readScope(never())).rejects.toThrow(SourceUnavailable);
  });

  it('ends when it is aborted in the middle of a listing', async () => {
    const controller = new AbortController();
    nock(GRAPH)
      .get(pathOf(STAFF))
      .query(true)
      .reply(200, () => {
        controller.abort(new Error('the process is stopping'));
        return { value: [], '@odata.count': 0, '@odata.nextLink': `${GRAPH}${pathOf(STAFF)}?$skiptoken=1` };
      });
    const { directory } = setUp([STAFF]);

    await expect(directory.readScope(controller.signal)).rejects.toThrow('the process is stopping');
  });
});
