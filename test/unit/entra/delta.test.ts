import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SourceUnavailable } from '../../../src/domain/errors.js';
import { DeltaLost } from '../../../src/entra/delta-pages.js';
import { createTestGraph, GRAPH } from './support.js';

const item = z.object({ id: z.string() });
const skip = (token: string) => `${GRAPH}/v1.0/users/delta?$skiptoken=${token}`;
const delta = (token: string) => `${GRAPH}/v1.0/users/delta?$deltatoken=${token}`;

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

describe('getDelta', () => {
  it('reads every page and gives the link for the next round', async () => {
    nock(GRAPH)
      .get('/v1.0/users/delta')
      .query({ $select: 'id' })
      .reply(200, { '@odata.nextLink': skip('a'), value: [{ id: '1' }] });
    nock(GRAPH)
      .get('/v1.0/users/delta')
      .query({ $skiptoken: 'a' })
      .reply(200, { '@odata.deltaLink': delta('b'), value: [{ id: '2' }, { id: '1' }] });
    const { graph } = createTestGraph();

    const round = await graph.getDelta('/users/delta?$select=id', item);

    expect(round).toEqual({
      items: [{ id: '1' }, { id: '2' }, { id: '1' }],
      deltaLink: delta('b'),
      requests: 2,
    });
  });

  it('goes on from the link of an earlier round', async () => {
    nock(GRAPH)
      .get('/v1.0/users/delta')
      .query({ $deltatoken: 'b' })
      .reply(200, { '@odata.deltaLink': delta('c'), value: [] });
    const { graph } = createTestGraph();

    const round = await graph.getDelta(delta('b'), item);

    expect(round).toMatchObject({ items: [], deltaLink: delta('c'), requests: 1 });
  });

  it.each([
    [410, { error: { code: 'resyncRequired', message: 'start over' } }],
    [410, { error: { code: 'Gone', message: '' } }],
    [410, {}],
    [400, { error: { code: 'syncStateNotFound', message: 'unknown' } }],
    [404, { error: { code: 'SyncStateInvalid', message: 'unknown' } }],
  ])('tells a lost place by %i %j from every other trouble', async (status, body) => {
    nock(GRAPH)
      .get('/v1.0/users/delta')
      .query(true)
      .reply(status, body, { Location: `${GRAPH}/v1.0/users/delta` });
    const { graph } = createTestGraph();

    await expect(graph.getDelta(delta('old'), item)).rejects.toBeInstanceOf(DeltaLost);
  });

  it('does not take a missing permission for a lost place', async () => {
    nock(GRAPH)
      .get('/v1.0/users/delta')
      .query(true)
      .reply(403, { error: { code: 'Authorization_RequestDenied', message: 'no' } });
    const { graph } = createTestGraph();

    await expect(graph.getDelta(delta('b'), item)).rejects.toThrow('Authorization_RequestDenied');
  });

  it.each([
    ['neither link', { value: [] }],
    ['a link in a circle', { value: [], '@odata.nextLink': delta('b') }],
    ['a link to another host', { value: [], '@odata.deltaLink': 'https://evil.test/v1.0/users/delta?$deltatoken=x' }],
    ['an item that is not understood', { value: [{ id: 7 }], '@odata.deltaLink': delta('c') }],
  ])('gives nothing at all when a page has %s', async (_what, page) => {
    nock(GRAPH).persist().get('/v1.0/users/delta').query(true).reply(200, page);
    const { graph } = createTestGraph();

    await expect(graph.getDelta(delta('b'), item)).rejects.toThrow(SourceUnavailable);
  });

  it('does not send the token along a stored link that leads elsewhere', async () => {
    const { graph, calls } = createTestGraph();

    await expect(graph.getDelta('https://evil.test/v1.0/users/delta', item)).rejects.toThrow('evil.test');
    expect(calls).toEqual([]);
  });
});
