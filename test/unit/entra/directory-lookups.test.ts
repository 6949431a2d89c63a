import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SourceUnavailable } from '../../../src/domain/errors.js';
import { createEntraDirectory } from '../../../src/entra/directory.js';
import { createTestGraph, GRAPH, guid, never, notFound, serveBatches } from './support.js';

function setUp() {
  const { graph, log, events, calls } = createTestGraph();
  return { directory: createEntraDirectory({ graph, groups: [], users: [], log }), events, calls };
}

/** Answers the next search with these users and tells the filter that was sent. */
function serveSearch(...value: unknown[]) {
  const seen: { filter?: string } = {};
  nock(GRAPH)
    .get('/v1.0/users')
    .query((query) => {
      seen.filter = String(query.$filter);
      return true;
    })
    .reply(200, { value });
  return seen;
}

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

describe('findByUpn', () => {
  it('finds the one user of that name, whatever its case', async () => {
    serveSearch({ id: guid(1).toUpperCase(), userPrincipalName: 'Alice@Example.Test' });
    const { directory } = setUp();

    expect(await directory.findByUpn(' alice@example.test', never())).toBe(guid(1));
  });

  it.each([
    ["o'brien@example.test", "userPrincipalName eq 'o''brien@example.test'"],
    ['guest_ext.test#EXT#@example.test', "userPrincipalName eq 'guest_ext.test#EXT#@example.test'"],
    ["x' or true eq true or 'y&$top=1", "userPrincipalName eq 'x'' or true eq true or ''y&$top=1'"],
    ['jörg+a@example.test', "userPrincipalName eq 'jörg+a@example.test'"],
    [`${'a'.repeat(200)}@example.test`, `userPrincipalName eq '${'a'.repeat(200)}@example.test'`],
  ])('searches for %s to the letter', async (upn, filter) => {
    const seen = serveSearch({ id: guid(1), userPrincipalName: upn });
    const { directory } = setUp();

    const found = await directory.findByUpn(upn, never());

    expect(found).toBe(guid(1));
    expect(seen.filter).toBe(filter);
  });

  it('finds nobody where the hit has another name or none', async () => {
    serveSearch({ id: guid(1), userPrincipalName: 'alice2@example.test' }, { id: guid(2), userPrincipalName: null });
    const { directory } = setUp();

    expect(await directory.findByUpn('alice@example.test', never())).toBeUndefined();
  });

  it('finds nobody where two answer to the name, and says so', async () => {
    serveSearch(
      { id: guid(1), userPrincipalName: 'alice@example.test' },
      { id: guid(2), userPrincipalName: 'ALICE@example.test' },
    );
    const { directory, events } = setUp();

    expect(await directory.findByUpn('alice@example.test', never())).toBeUndefined();
    expect(events).toEqual([
      { event: 'entra.upn.ambiguous', fields: { upn: 'alice@example.test', users: [guid(1), guid(2)] } },
    ]);
  });

  it('asks nothing for an empty name', async () => {
    const { directory, calls } = setUp();

    expect(await directory.findByUpn('  ', never())).toBeUndefined();
    expect(calls).toEqual([]);
  });
});

describe('existingGroups', () => {
  it('gives those that Graph shows, twenty to a call', async () => {
    const ids = Array.from({ length: 25 }, (_, n) => guid(n + 1, 9));
    const gone = ids[3] ?? '';
    const batches = serveBatches(({ url }) => {
      const id = url.slice('/groups/'.length, '/groups/'.length + 36);
      return id === gone ? notFound() : { status: 200, body: { id, displayName: 'Some group' } };
    });
    const { directory } = setUp();

    const existing = await directory.existingGroups(ids, never());

    expect([...existing]).toEqual(ids.filter((id) => id !== gone));
    expect(batches.map((batch) => batch.length)).toEqual([20, 5]);
  });

  it('leaves out what is refused, and what is answered with another group', async () => {
    serveBatches(({ url }) =>
      url.includes(guid(1, 9))
        ? { status: 403, body: { error: { code: 'Denied', message: '' } } }
        : { status: 200, body: { id: guid(5, 9) } },
    );
    const { directory } = setUp();

    expect(await directory.existingGroups([guid(1, 9), guid(2, 9)], never())).toEqual(new Set());
  });

  it('throws when Graph cannot be asked', async () => {
    nock(GRAPH).persist().post('/v1.0/$batch').reply(503, '');
    const { directory } = setUp();

    await expect(directory.existingGroups([guid(1, 9)], never())).rejects.toThrow(SourceUnavailable);
  });
});

describe('groupInfo', () => {
  it('gives the display names that are to be had', async () => {
    serveBatches(({ url }) =>
      url.includes(guid(1, 9)) ? { status: 200, body: { id: guid(1, 9), displayName: 'Linux admins' } } : notFound(),
    );
    const { directory } = setUp();

    const info = await directory.groupInfo([guid(1, 9), guid(2, 9)], never());

    expect([...info.values()]).toEqual([{ id: guid(1, 9), displayName: 'Linux admins' }]);
  });

  it('gives none when Graph cannot be asked', async () => {
    nock(GRAPH).persist().post('/v1.0/$batch').reply(503, '');
    const { directory } = setUp();

    expect(await directory.groupInfo([guid(1, 9)], never())).toEqual(new Map());
  });
});
