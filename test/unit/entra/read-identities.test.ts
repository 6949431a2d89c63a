import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Invariant, SourceUnavailable } from '../../../src/domain/errors.js';
import { createEntraDirectory } from '../../../src/entra/directory.js';
import { createTestGraph, GRAPH, guid, never, notFound, type SubResponse, serveBatches, userBody } from './support.js';

const ALICE = guid(1);
const BOB = guid(2);
const ADMINS = guid(1, 9);
const STAFF = guid(2, 9);
/** What an answer may hold beside what was asked for: a group of somebody else, and the garbled id of one of ours. */
const UNASKED = [guid(99, 9), `"${STAFF}"`];

interface World {
  users?: Record<string, SubResponse>;
  groups?: Record<string, SubResponse | string[]>;
  deleted?: Record<string, SubResponse>;
}

/** Answers each item of a batch from a small world; whoever is not in it is not found. */
function serve(world: World) {
  return serveBatches(({ url, body }) => {
    const oid = /[0-9a-f-]{36}/.exec(url)?.[0] ?? '';
    if (url.startsWith('/directory/deletedItems/')) return world.deleted?.[oid] ?? notFound();
    if (!url.endsWith('/checkMemberGroups')) return world.users?.[oid] ?? notFound();
    const member = world.groups?.[oid];
    if (!member) return notFound();
    if (!Array.isArray(member)) return member;
    return { status: 200, body: { value: member.filter((id) => body?.groupIds.includes(id) || UNASKED.includes(id)) } };
  });
}

function directory(groups = [ADMINS, STAFF], overrides: Parameters<typeof createTestGraph>[0] = {}) {
  const { graph, log, calls, clock } = createTestGraph(overrides);
  return { directory: createEntraDirectory({ graph, groups, users: [], log }), calls, clock };
}

const found = (oid: string, overrides: Record<string, unknown> = {}) => ({
  status: 200,
  body: userBody(oid, overrides),
});

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

describe('readIdentities', () => {
  it('reads attributes, state and groups of an identity in one call', async () => {
    const batches = serve({ users: { [ALICE]: found(ALICE) }, groups: { [ALICE]: [STAFF] } });
    const { directory: entra, calls } = directory();

    const readings = await entra.readIdentities([ALICE], never());

    expect(readings).toEqual([
      {
        certainty: 'present',
        oid: ALICE,
        attributes: {
          upn: 'user-0001@example.test',
          displayName: 'A Person',
          givenName: 'A',
          surname: 'Person',
          mail: undefined,
        },
        enabled: true,
        groups: [STAFF],
      },
    ]);
    expect(calls).toHaveLength(1);
    expect(batches[0]?.map(({ method, url, body }) => ({ method, url, body }))).toEqual([
      {
        method: 'GET',
        url: `/users/${ALICE}?$select=id,userPrincipalName,accountEnabled,displayName,givenName,surname,mail`,
        body: undefined,
      },
      { method: 'POST', url: `/users/${ALICE}/checkMemberGroups`, body: { groupIds: [ADMINS, STAFF] } },
    ]);
  });

  it('reads ten identities in a call, and answers in the order asked, doubles included', async () => {
    const oids = Array.from({ length: 25 }, (_, n) => guid(n + 1));
    const users = Object.fromEntries(oids.map((oid) => [oid, found(oid)]));
    const batches = serve({ users, groups: Object.fromEntries(oids.map((oid) => [oid, []])) });
    const { directory: entra } = directory();
    const asked = [...oids.toReversed(), oids[0] ?? ''];

    const readings = await entra.readIdentities(asked, never());

    expect(readings.map(({ oid }) => oid)).toEqual(asked);
    expect(readings.every(({ certainty }) => certainty === 'present')).toBe(true);
    expect(batches.map((batch) => batch.length).toSorted((a, b) => b - a)).toEqual([20, 20, 10]);
  });

  it('asks for more than twenty groups in several checks, with fewer identities in a call', async () => {
    const groups = Array.from({ length: 45 }, (_, n) => guid(n + 1, 9));
    const oids = Array.from({ length: 6 }, (_, n) => guid(n + 1));
    const mine = [groups[0] ?? '', groups[44] ?? ''];
    const batches = serve({
      users: Object.fromEntries(oids.map((oid) => [oid, found(oid)])),
      groups: Object.fromEntries(oids.map((oid) => [oid, mine])),
    });
    const { directory: entra } = directory(groups);

    const readings = await entra.readIdentities(oids, never());

    expect(readings.every((reading) => reading.certainty === 'present' && reading.groups.length === 2)).toBe(true);
    expect(batches.map((batch) => batch.length)).toEqual([20, 4]);
    expect(batches.flat().every(({ body }) => (body?.groupIds.length ?? 0) <= 20)).toBe(true);
  });

  it('keeps the items of one identity together', async () => {
    const groups = Array.from({ length: 25 }, (_, n) => guid(n + 1, 9));
    const oids = Array.from({ length: 10 }, (_, n) => guid(n + 1));
    const batches = serve({
      users: Object.fromEntries(oids.map((oid) => [oid, found(oid)])),
      groups: Object.fromEntries(oids.map((oid) => [oid, []])),
    });
    const { directory: entra } = directory(groups);

    await entra.readIdentities(oids, never());

    expect(batches.map((batch) => batch.length)).toEqual([18, 12]);
  });

  it('reads an identity whose checks fill more than one call', async () => {
    const groups = Array.from({ length: 500 }, (_, n) => guid(n + 1, 9));
    const batches = serve({ users: { [ALICE]: found(ALICE) }, groups: { [ALICE]: [groups[499] ?? ''] } });
    const { directory: entra } = directory(groups);

    const [reading] = await entra.readIdentities([ALICE], never());

    expect(reading).toMatchObject({ certainty: 'present', groups: [groups[499]] });
    expect(batches.map((batch) => batch.length)).toEqual([20, 6]);
  });

  it('works without any configured group', async () => {
    const batches = serve({ users: { [ALICE]: found(ALICE) } });
    const { directory: entra } = directory([]);

    const [reading] = await entra.readIdentities([ALICE], never());

    expect(reading).toMatchObject({ certainty: 'present', groups: [] });
    expect(batches).toHaveLength(1);
    expect(batches[0]).toHaveLength(1);
  });

  it('sees that an account is disabled', async () => {
    serve({ users: { [ALICE]: found(ALICE, { accountEnabled: false }) }, groups: { [ALICE]: [] } });
    const { directory: entra } = directory();

    expect((await entra.readIdentities([ALICE], never()))[0]).toMatchObject({ certainty: 'present', enabled: false });
  });

  it('tells a soft-deleted identity from one that nobody knows, in one more call', async () => {
    const deleted = { [ALICE]: { status: 200, body: { '@odata.type': '#microsoft.graph.user', id: ALICE } } };
    const batches = serve({ deleted });
    const { directory: entra } = directory();

    const readings = await entra.readIdentities([ALICE, BOB], never());

    expect(readings).toEqual([
      { certainty: 'absent', oid: ALICE, evidence: 'soft-deleted' },
      { certainty: 'absent', oid: BOB, evidence: 'not-found' },
    ]);
    expect(batches).toHaveLength(2);
  });

  it('ignores groups that it did not ask for', async () => {
    serve({ users: { [ALICE]: found(ALICE) }, groups: { [ALICE]: [guid(99, 9), STAFF] } });
    const { directory: entra } = directory();

    expect((await entra.readIdentities([ALICE], never()))[0]).toMatchObject({ groups: [STAFF] });
  });

  it('concludes nothing from groups of which one is garbled: it may be the one that keeps somebody in scope', async () => {
    serve({ users: { [ALICE]: found(ALICE) }, groups: { [ALICE]: UNASKED } });
    const { directory: entra } = directory();

    expect((await entra.readIdentities([ALICE], never()))[0]).toMatchObject({ certainty: 'unknown' });
  });

  it('compares ids without case', async () => {
    const group = 'ABCDEF00-0000-4000-8000-0000000000AA';
    nock(GRAPH)
      .post('/v1.0/$batch')
      .reply(200, {
        responses: [
          { id: `user:${ALICE}`, status: 200, body: userBody(ALICE.toUpperCase()) },
          { id: `check0:${ALICE}`, status: 200, body: { value: [group] } },
        ],
      });
    const { directory: entra } = directory([group]);

    const [reading] = await entra.readIdentities([ALICE.toUpperCase()], never());

    expect(reading).toMatchObject({ certainty: 'present', oid: ALICE, groups: [group.toLowerCase()] });
  });

  const refused = { status: 403, body: { error: { code: 'Authorization_RequestDenied', message: 'no' } } };
  it.each<[string, World, RegExp]>([
    ['accountEnabled is null', { users: { [ALICE]: found(ALICE, { accountEnabled: null }) } }, /accountEnabled/],
    [
      'accountEnabled is missing',
      { users: { [ALICE]: found(ALICE, { accountEnabled: undefined }) } },
      /accountEnabled/,
    ],
    ['accountEnabled is text', { users: { [ALICE]: found(ALICE, { accountEnabled: 'false' }) } }, /accountEnabled/],
    ['the UPN is null', { users: { [ALICE]: found(ALICE, { userPrincipalName: null }) } }, /userPrincipalName/],
    ['the UPN is empty', { users: { [ALICE]: found(ALICE, { userPrincipalName: ' ' }) } }, /userPrincipalName/],
    ['another user is answered', { users: { [ALICE]: found(BOB) } }, /another user/],
    [
      'the object is no user',
      { users: { [ALICE]: found(ALICE, { '@odata.type': '#microsoft.graph.device' }) } },
      /no user/,
    ],
    ['the answer has no id', { users: { [ALICE]: { status: 200, body: {} } } }, /unexpected shape/],
    ['the answer has no body', { users: { [ALICE]: { status: 200 } } }, /unexpected shape/],
    ['the user is refused', { users: { [ALICE]: refused } }, /403 Authorization_RequestDenied.*User.Read.All/],
    ['a proxy says 404', { users: { [ALICE]: { status: 404, body: '<html>' } } }, /404/],
    [
      'Graph says 404 for another reason',
      { users: { [ALICE]: { status: 404, body: { error: { code: 'UnknownError', message: '' } } } } },
      /404 UnknownError/,
    ],
    ['the group check is 404', { users: { [ALICE]: found(ALICE) }, groups: {} }, /its groups.*404/],
    [
      'the group check is refused',
      { users: { [ALICE]: found(ALICE) }, groups: { [ALICE]: refused } },
      /its groups.*403/,
    ],
    [
      'the group check is no list',
      { users: { [ALICE]: found(ALICE) }, groups: { [ALICE]: { status: 200, body: { value: null } } } },
      /its groups/,
    ],
    ['the user is gone but its groups are there', { groups: { [ALICE]: [STAFF] } }, /replicas disagree/],
    ['deletedItems is refused', { deleted: { [ALICE]: refused } }, /deletedItems.*403.*User.Read.All/],
    ['deletedItems is unwell', { deleted: { [ALICE]: { status: 503 } } }, /deletedItems.*503/],
    [
      'deletedItems shows another user',
      { deleted: { [ALICE]: { status: 200, body: { '@odata.type': '#microsoft.graph.user', id: BOB } } } },
      /not this user/,
    ],
    [
      'deletedItems shows no object at all',
      { deleted: { [ALICE]: { status: 200, body: { '@odata.type': '#microsoft.graph.user' } } } },
      /not this user/,
    ],
  ])('knows nothing when %s', async (_what, world, why) => {
    serve({ groups: { [ALICE]: [] }, ...world, ...(world.users ? {} : { groups: world.groups ?? {} }) });
    const { directory: entra } = directory();

    const [reading] = await entra.readIdentities([ALICE], never());

    expect(reading).toMatchObject({ certainty: 'unknown', oid: ALICE, why: expect.stringMatching(why) });
  });

  it('takes a soft-deleted group for no user, and not for the proof that a user was deleted', async () => {
    serve({ deleted: { [ALICE]: { status: 200, body: { '@odata.type': '#microsoft.graph.group', id: ALICE } } } });
    const { directory: entra } = directory();

    const [reading] = await entra.readIdentities([ALICE], never());

    expect(reading).toEqual({ certainty: 'absent', oid: ALICE, evidence: 'not-found' });
  });

  it('keeps the trouble of one identity away from the others', async () => {
    serve({
      users: { [ALICE]: { status: 503 }, [BOB]: found(BOB) },
      groups: { [ALICE]: [], [BOB]: [ADMINS] },
    });
    const { directory: entra } = directory();

    const readings = await entra.readIdentities([ALICE, BOB], never());

    expect(readings.map(({ certainty }) => certainty)).toEqual(['unknown', 'present']);
  });

  it('never puts anything but an object id into a path', async () => {
    const batches = serve({ users: { [ALICE]: found(ALICE) }, groups: { [ALICE]: [] } });
    const { directory: entra } = directory();

    const readings = await entra.readIdentities(['../groups', 'alice@example.test', ALICE], never());

    expect(readings.map(({ certainty }) => certainty)).toEqual(['unknown', 'unknown', 'present']);
    expect(batches.flat().every(({ url }) => url.includes(ALICE))).toBe(true);
  });

  it('throws when Graph cannot be asked at all', async () => {
    nock(GRAPH).persist().post('/v1.0/$batch').reply(503, '<html>');
    const { directory: entra } = directory();

    await expect(entra.readIdentities([ALICE, BOB], never())).rejects.toThrow(SourceUnavailable);
  });

  it('keeps what it has read when Graph goes away in the middle, and does not wait for every rest', async () => {
    const oids = Array.from({ length: 60 }, (_, n) => guid(n + 1));
    let calls = 0;
    nock(GRAPH)
      .persist()
      .post('/v1.0/$batch')
      .reply((_uri, body) => {
        calls += 1;
        if (calls > 1) return [503, '<html>'];
        const { requests } = body as { requests: { id: string; url: string }[] };
        const responses = requests.map(({ id, url }) => ({
          id,
          status: 200,
          body: url.endsWith('Groups') ? { value: [] } : userBody(/[0-9a-f-]{36}/.exec(url)?.[0] ?? ''),
        }));
        return [200, { responses }];
      });
    const { directory: entra } = directory();

    const readings = await entra.readIdentities(oids, never());

    expect(readings.filter(({ certainty }) => certainty === 'present')).toHaveLength(10);
    expect(readings.filter(({ certainty }) => certainty === 'unknown')).toHaveLength(50);
    expect(calls).toBeLessThanOrEqual(11);
  });

  it('throws the reason of the abort, not a reading', async () => {
    const controller = new AbortController();
    controller.abort(new Error('the process is stopping'));
    const { directory: entra } = directory();

    await expect(entra.readIdentities([ALICE], controller.signal)).rejects.toThrow('the process is stopping');
  });

  it('asks nothing for nobody', async () => {
    const { directory: entra, calls } = directory();

    expect(await entra.readIdentities([], never())).toEqual([]);
    expect(calls).toEqual([]);
  });

  it('does not start with a configured group that is no id', () => {
    expect(() => directory(['linux-admins'])).toThrow(Invariant);
  });
});

describe('groups that are read beside the configured ones', () => {
  const TEAM = guid(3, 9);

  it('that Graph does not tell of leave what accounts rest on certain', async () => {
    serveBatches(({ url, body }) => {
      if (!url.endsWith('/checkMemberGroups')) return found(ALICE);
      if (body?.groupIds.includes(TEAM)) return { status: 429, body: {} };
      return { status: 200, body: { value: [STAFF] } };
    });
    const { graph, log } = createTestGraph();
    const entra = createEntraDirectory({ graph, groups: [STAFF], moreGroups: () => [TEAM, STAFF], users: [], log });

    const readings = await entra.readIdentities([ALICE], never());

    const unclear = { groups: [TEAM], why: expect.any(String) };
    expect(readings).toMatchObject([{ certainty: 'present', groups: [STAFF], unclear }]);
  });
});
