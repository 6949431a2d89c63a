import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Invariant } from '../../../src/domain/errors.js';
import type { BatchItem } from '../../../src/entra/batch.js';
import { createTestGraph, GRAPH, serveBatches } from './support.js';

const items = (...ids: string[]): BatchItem[] => ids.map((id) => ({ id, method: 'GET', path: `/groups/${id}` }));

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

describe('batch', () => {
  it('finds each answer by its id, in whatever order they come', async () => {
    nock(GRAPH)
      .post('/v1.0/$batch')
      .reply(200, {
        responses: [
          { id: 'b', status: 200, body: { name: 'B' } },
          { id: 'a', status: 200, body: { name: 'A' } },
        ],
      });
    const { graph } = createTestGraph();

    const answers = await graph.batch(items('a', 'b'));

    expect(answers.get('a')).toEqual({ kind: 'answer', status: 200, body: { name: 'A' } });
    expect(answers.get('b')).toEqual({ kind: 'answer', status: 200, body: { name: 'B' } });
  });

  it('repeats only the items that were refused for the moment, after their Retry-After', async () => {
    const batches = serveBatches((request, round) =>
      round === 1 && request.id !== 'b'
        ? { status: request.id === 'a' ? 429 : 503, headers: { 'Retry-After': request.id === 'a' ? '9' : '4' } }
        : { status: 200, body: {} },
    );
    const { graph, clock } = createTestGraph();

    const answers = await graph.batch(items('a', 'b', 'c'));

    expect(batches.map((batch) => batch.map(({ id }) => id))).toEqual([
      ['a', 'b', 'c'],
      ['a', 'c'],
    ]);
    expect(clock.sleeps).toEqual([9_000]);
    expect([...answers.values()].every(({ kind }) => kind === 'answer')).toBe(true);
  });

  it('gives up an item that is refused for longer than all patience, and not the others', async () => {
    const batches = serveBatches((request, round) =>
      round === 1
        ? { status: 429, headers: { 'retry-after': request.id === 'a' ? '7200' : '1' } }
        : { status: 200, body: {} },
    );
    const { graph } = createTestGraph();

    const answers = await graph.batch(items('a', 'b'));

    expect(answers.get('a')).toMatchObject({ kind: 'failure', why: expect.stringContaining('429') });
    expect(answers.get('b')).toMatchObject({ kind: 'answer', status: 200 });
    expect(batches).toHaveLength(2);
  });

  it('ends repeating an item that is always refused', async () => {
    const batches = serveBatches(() => ({ status: 503 }));
    const { graph } = createTestGraph();

    const answers = await graph.batch(items('a'));

    expect(answers.get('a')).toMatchObject({ kind: 'failure', why: expect.stringContaining('503') });
    expect(batches).toHaveLength(5);
  });

  it('takes an unanswered item for failed', async () => {
    serveBatches((request) => (request.id === 'a' ? undefined : { status: 200, body: {} }));
    const { graph } = createTestGraph();

    const answers = await graph.batch(items('a', 'b'));

    expect(answers.get('a')).toMatchObject({ kind: 'failure', why: expect.stringContaining('unanswered') });
    expect(answers.get('b')?.kind).toBe('answer');
  });

  it('takes an item that was answered twice for failed', async () => {
    const responses = [
      { id: 'a', status: 200, body: {} },
      { id: 'a', status: 200, body: { other: true } },
    ];
    nock(GRAPH).post('/v1.0/$batch').reply(200, { responses });
    const { graph } = createTestGraph();

    expect((await graph.batch(items('a'))).get('a')?.kind).toBe('failure');
  });

  it.each([
    ['a 404 without an error of Graph', { status: 404, body: '<html>' }],
    ['a 401', { status: 401, body: { error: { code: 'InvalidAuthenticationToken', message: '' } } }],
    ['a redirect', { status: 302 }],
  ])('takes %s for failed', async (_what, response) => {
    serveBatches(() => response);
    const { graph } = createTestGraph();

    expect((await graph.batch(items('a'))).get('a')?.kind).toBe('failure');
  });

  it('hands on a refusal of Graph as an answer', async () => {
    const body = { error: { code: 'Request_ResourceNotFound', message: 'gone' } };
    serveBatches(() => ({ status: 404, body }));
    const { graph } = createTestGraph();

    expect((await graph.batch(items('a'))).get('a')).toEqual({ kind: 'answer', status: 404, body });
  });

  it('refuses more than twenty items and two of one id', async () => {
    const { graph } = createTestGraph();

    await expect(graph.batch(items(...Array.from({ length: 21 }, (_, n) => String(n))))).rejects.toThrow(Invariant);
    await expect(graph.batch(items('a', 'a'))).rejects.toThrow(Invariant);
  });
});
