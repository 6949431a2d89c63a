import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDeltaSource, type DeltaQuery, deltaPath } from '../../../src/entra/delta-hints.js';
import { DeltaLost } from '../../../src/entra/delta-pages.js';
import { createTestGraph, GRAPH } from './support.js';

const signal = new AbortController().signal;
const oid = (n: number) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
const [ALICE, BOB, CAROL] = [oid(1), oid(2), oid(3)] as const;
const [LINUX, NESTED] = [oid(17), oid(18)] as const;
const link = (kind: string, token: string) => `${GRAPH}/v1.0/${kind}/delta?$deltatoken=${token}`;
const user = (id: string, removed?: unknown) => ({
  '@odata.type': '#microsoft.graph.user',
  id,
  ...(removed === undefined ? {} : { '@removed': removed }),
});

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  expect(nock.pendingMocks()).toEqual([]);
  nock.cleanAll();
  nock.enableNetConnect();
});

/** A round from a link over these pages. */
function pages(kind: 'users' | 'groups', ...values: unknown[][]): void {
  values.forEach((value, index) => {
    const last = index === values.length - 1;
    nock(GRAPH)
      .get(`/v1.0/${kind}/delta`)
      .query({ $deltatoken: `page-${index}` })
      .reply(200, {
        value,
        [last ? '@odata.deltaLink' : '@odata.nextLink']: link(kind, last ? 'next' : `page-${index + 1}`),
      });
  });
}

function follow(kind: 'users' | 'groups') {
  return createDeltaSource(createTestGraph().graph).follow(kind, link(kind, 'page-0'), signal);
}

describe('where a delta query begins', () => {
  const begin = (query: DeltaQuery) => createDeltaSource(createTestGraph().graph).begin(query, signal);
  const SELECT = 'id,userPrincipalName,accountEnabled,displayName,givenName,surname,mail';

  it('takes all users from now on, with the properties that a reading is made of', async () => {
    nock(GRAPH)
      .get('/v1.0/users/delta')
      .query({ $select: SELECT, $deltatoken: 'latest' })
      .reply(200, { value: [], '@odata.deltaLink': link('users', 'a') });

    const begun = await begin({ kind: 'users', ids: undefined });

    expect(begun).toEqual({ link: link('users', 'a'), requests: 1 });
  });

  it('reads named users once, and never only "latest"', async () => {
    nock(GRAPH)
      .get('/v1.0/users/delta')
      .query({ $select: SELECT, $filter: `id eq '${ALICE}' or id eq '${BOB}'` })
      .reply(200, { value: [user(ALICE)], '@odata.nextLink': link('users', 'more') });
    nock(GRAPH)
      .get('/v1.0/users/delta')
      .query({ $deltatoken: 'more' })
      .reply(200, { value: [user(BOB)], '@odata.deltaLink': link('users', 'b') });

    const begun = await begin({ kind: 'users', ids: [ALICE, BOB] });

    expect(begun).toEqual({ link: link('users', 'b'), requests: 2 });
  });

  it('reads the members of named groups once, since Graph leaves changes of members out after "latest"', async () => {
    nock(GRAPH)
      .get('/v1.0/groups/delta')
      .query({ $select: 'id,displayName,members', $filter: `id eq '${LINUX}'` })
      .reply(200, { value: [], '@odata.deltaLink': link('groups', 'a') });

    const begun = await begin({ kind: 'groups', ids: [LINUX] });

    expect(begun.link).toBe(link('groups', 'a'));
  });

  it('puts nothing into a filter that is not an object id', () => {
    expect(() => deltaPath({ kind: 'groups', ids: ["x' or id ne '"] })).toThrow('is not an object id');
  });
});

describe('what a delta tells of users', () => {
  it('names everybody once, whatever became of them, over all pages', async () => {
    const [restored, gone] = [{ id: ALICE }, { id: BOB, '@removed': { reason: 'changed' } }];
    pages(
      'users',
      [restored, gone],
      [
        { id: ALICE, accountEnabled: false },
        { id: CAROL, '@removed': 'deleted' },
      ],
    );

    const hints = await follow('users');

    expect([...hints.users]).toEqual([ALICE, BOB, CAROL]);
    expect(hints).toMatchObject({ link: link('users', 'next'), requests: 2 });
  });

  it('is not stopped by an item that nobody understands', async () => {
    pages('users', [null, 'x', { id: 7 }, { id: '../../x' }, {}, { id: ALICE.toUpperCase(), '@removed': 3 }]);

    const hints = await follow('users');

    expect([...hints.users]).toEqual([ALICE]);
  });
});

describe('what a delta tells of groups', () => {
  it.each([
    ['an object', { reason: 'deleted' }],
    ['a string', 'deleted'],
  ])('names who joined and who left, also with the removal as %s', async (_, removed) => {
    pages('groups', [{ id: LINUX, 'members@delta': [user(ALICE), user(BOB, removed)] }]);

    const hints = await follow('groups');

    expect([...hints.users].sort()).toEqual([ALICE, BOB]);
    expect(hints.groups.size).toBe(0);
  });

  it('puts the members of one group together that are split over rows and pages', async () => {
    pages(
      'groups',
      [
        { id: LINUX, 'members@delta': [user(ALICE)] },
        { id: LINUX, 'members@delta': [user(BOB)] },
      ],
      [{ id: LINUX, 'members@delta': [user(CAROL, { reason: 'deleted' }), user(ALICE, { reason: 'deleted' })] }],
    );

    const hints = await follow('groups');

    expect([...hints.users].sort()).toEqual([ALICE, BOB, CAROL]);
  });

  it('has a nested group looked at, and the group around it', async () => {
    pages('groups', [{ id: LINUX, 'members@delta': [{ '@odata.type': '#microsoft.graph.group', id: NESTED }] }]);

    const hints = await follow('groups');

    expect([...hints.groups].sort()).toEqual([LINUX, NESTED]);
    expect(hints.users.size).toBe(0);
  });

  it('takes a member without a type for a user, and leaves devices and service principals alone', async () => {
    const others = ['device', 'servicePrincipal', 'orgContact'].map((type, n) => ({
      '@odata.type': `#microsoft.graph.${type}`,
      id: oid(100 + n),
    }));
    pages('groups', [{ id: LINUX, 'members@delta': [{ id: ALICE }, ...others, null] }]);

    const hints = await follow('groups');

    expect([...hints.users]).toEqual([ALICE]);
    expect(hints.groups.size).toBe(0);
  });

  it('has a deleted group looked at, and no group of which only the name changed', async () => {
    pages('groups', [
      { id: LINUX, '@removed': { reason: 'deleted' } },
      { id: NESTED, displayName: 'another name' },
    ]);

    const hints = await follow('groups');

    expect([...hints.groups]).toEqual([LINUX]);
  });

  it('has a group looked at whose changes nobody understands', async () => {
    pages('groups', [
      { id: LINUX, 'members@delta': { changed: 3 } },
      { id: NESTED, 'members@delta': null },
    ]);

    const hints = await follow('groups');

    expect([...hints.groups]).toEqual([LINUX]);
  });

  it('says that the place is lost where Graph does', async () => {
    nock(GRAPH)
      .get('/v1.0/groups/delta')
      .query(true)
      .reply(410, { error: { code: 'syncStateNotFound', message: 'gone' } });

    await expect(follow('groups')).rejects.toThrow(DeltaLost);
  });
});
