import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SourceUnavailable } from '../../../src/domain/errors.js';
import { createTestGraph, GRAPH } from './support.js';

const item = z.object({ id: z.string() });
const next = (token: string) => `${GRAPH}/v1.0/groups?$skiptoken=${token}&$top=2`;

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

describe('getAllPages', () => {
  it('follows the links to the end and keeps the count of the first page', async () => {
    nock(GRAPH)
      .get('/v1.0/groups')
      .query({ $top: '2' })
      .reply(200, { '@odata.count': 3, '@odata.nextLink': next('a%2Bb='), value: [{ id: '1' }, { id: '2' }] });
    nock(GRAPH)
      .get('/v1.0/groups')
      .query({ $skiptoken: 'a+b=', $top: '2' })
      .reply(200, { value: [{ id: '3' }] });
    const { graph } = createTestGraph();

    const pages = await graph.getAllPages('/groups?$top=2', item);

    expect(pages).toEqual({ items: [{ id: '1' }, { id: '2' }, { id: '3' }], count: 3 });
  });

  it('sends the headers with every page', async () => {
    const scope = nock(GRAPH, { reqheaders: { consistencylevel: 'eventual' } });
    scope.get('/v1.0/groups').reply(200, { '@odata.nextLink': next('b'), value: [] });
    scope.get('/v1.0/groups').query(true).reply(200, { value: [] });
    const { graph } = createTestGraph();

    await graph.getAllPages('/groups', item, { headers: { ConsistencyLevel: 'eventual' } });

    expect(scope.isDone()).toBe(true);
  });

  it.each([
    ['another host', 'https://graph.evil.test/v1.0/groups?$skiptoken=x', 'https://graph.evil.test'],
    ['another port', 'https://graph.example.test:444/v1.0/groups', 'https://graph.example.test:444'],
    ['plain http', 'http://graph.example.test/v1.0/groups', 'http://graph.example.test'],
    ['another path', `${GRAPH}/steal/v1.0/groups`, '/steal'],
    ['a path that climbs out', `${GRAPH}/v1.0/../steal`, '/steal'],
    ['another Graph of Microsoft', 'https://graph.microsoft.com/v1.0/groups', 'https://graph.microsoft.com'],
    ['a user in the address', 'https://graph.example.test@evil.test/v1.0/', 'https://evil.test'],
    ['no address at all', '/v1.0/groups?$skiptoken=x', 'not a URL'],
  ])('does not follow a link to %s', async (_what, link, named) => {
    nock(GRAPH).get('/v1.0/groups').reply(200, { '@odata.nextLink': link, value: [] });
    const { graph, calls } = createTestGraph();

    const failure = await graph.getAllPages('/groups', item).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(SourceUnavailable);
    expect((failure as Error).message).toContain(named);
    expect(calls).toHaveLength(1);
  });

  it('ends when the links lead in a circle', async () => {
    nock(GRAPH)
      .get('/v1.0/groups')
      .reply(200, { '@odata.nextLink': next('a'), value: [] });
    nock(GRAPH)
      .get('/v1.0/groups')
      .query(true)
      .reply(200, { '@odata.nextLink': next('a'), value: [] });
    const { graph } = createTestGraph();

    await expect(graph.getAllPages('/groups', item)).rejects.toThrow('in a circle');
  });

  it('ends when every page names yet another one', async () => {
    let page = 0;
    nock(GRAPH)
      .persist()
      .get('/v1.0/groups')
      .query(true)
      .reply(200, () => {
        page += 1;
        return { '@odata.nextLink': next(String(page)), value: [] };
      });
    const { graph } = createTestGraph();

    await expect(graph.getAllPages('/groups', item)).rejects.toThrow('never end (300 read)');
  });

  it.each([{}, { value: null }, { value: [{ id: 7 }] }, { value: [null] }, { value: [], '@odata.nextLink': 7 }])(
    'gives nothing at all when a page is %j',
    async (page) => {
      nock(GRAPH).get('/v1.0/groups').reply(200, page);
      const { graph } = createTestGraph();

      await expect(graph.getAllPages('/groups', item)).rejects.toThrow(SourceUnavailable);
    },
  );
});
