import fc from 'fast-check';
import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BatchAnswer, BatchItem } from '../../../src/entra/batch.js';
import type { GraphClient } from '../../../src/entra/graph-client.js';
import { readGroupTree } from '../../../src/entra/group-tree.js';
import { whichAreGroups } from '../../../src/entra/groups.js';
import {
  createTestGraph,
  GRAPH,
  guid,
  never,
  notFound,
  type SubRequest,
  type SubResponse,
  serveBatches,
} from './support.js';

const A = guid(1, 7);
const B = guid(2, 7);
const C = guid(3, 7);

/** Facts and nested groups of some groups, as Graph would answer. */
function tenant(groups: Record<string, { facts?: Record<string, unknown>; below?: string[]; count?: number }>) {
  return ({ url }: SubRequest): SubResponse => {
    const id = /^\/groups\/([^/?]+)/.exec(url)?.[1] ?? '';
    const group = groups[id];
    if (!group) return notFound();
    if (!url.includes('/transitiveMembers/')) return { status: 200, body: bodyOf(id, group.facts) };
    const value = (group.below ?? []).map((nested) => bodyOf(nested, groups[nested]?.facts));
    return { status: 200, body: { '@odata.count': group.count ?? value.length, value } };
  };
}

function bodyOf(id: string, facts: Record<string, unknown> = {}) {
  return { id, displayName: `group ${id.slice(-1)}`, groupTypes: [], membershipRule: null, visibility: null, ...facts };
}

const below = (tree: Awaited<ReturnType<typeof readGroupTree>>, id: string) => tree.get(id)?.below;

describe('the group tree', () => {
  beforeEach(() => nock.disableNetConnect());
  afterEach(() => {
    nock.cleanAll();
    nock.enableNetConnect();
  });

  it('names each configured group with its kind, and every group below it', async () => {
    const dynamic = { groupTypes: ['DynamicMembership'], membershipRule: 'user.department -eq "IT"' };
    serveBatches(
      tenant({ [A]: { below: [B, C] }, [B]: { facts: dynamic }, [C]: { facts: { visibility: 'HiddenMembership' } } }),
    );

    const tree = await readGroupTree(createTestGraph().graph, [A, B], never());

    const b = { id: B, displayName: 'group 2', kind: 'dynamic', hidden: false };
    const c = { id: C, displayName: 'group 3', kind: 'assigned', hidden: true };
    expect(tree.get(A)).toEqual({
      id: A,
      facts: { id: A, displayName: 'group 1', kind: 'assigned', hidden: false },
      below: { certainty: 'present', groups: [b, c] },
    });
    expect(tree.get(B)).toEqual({ id: B, facts: b, below: { certainty: 'present', groups: [] } });
  });

  it('asks for ten groups in one request, each cast with its header and count', async () => {
    const groups = Array.from({ length: 11 }, (_, n) => guid(n, 7));
    const batches = serveBatches(tenant(Object.fromEntries(groups.map((id) => [id, {}]))));

    const tree = await readGroupTree(createTestGraph().graph, [...groups, ...groups], never());

    expect(tree.size).toBe(11);
    expect(batches.map((items) => items.length)).toEqual([20, 2]);
    const casts = batches.flat().filter(({ url }) => url.includes('microsoft.graph.group'));
    expect(casts).toHaveLength(11);
    for (const { url, headers } of casts) {
      expect(url).toContain('$count=true');
      expect(headers).toEqual({ ConsistencyLevel: 'eventual' });
    }
  });

  it('ends at a cycle: a group is never below itself', async () => {
    serveBatches(tenant({ [A]: { below: [B, A] }, [B]: { below: [A, B] } }));

    const tree = await readGroupTree(createTestGraph().graph, [A, B], never());

    expect(below(tree, A)).toMatchObject({ certainty: 'present', groups: [{ id: B }] });
    expect(below(tree, B)).toMatchObject({ certainty: 'present', groups: [{ id: A }] });
  });

  it('follows the pages of a branch with more groups than a page takes', async () => {
    const many = Array.from({ length: 1200 }, (_, n) => guid(n, 8));
    const page = (ids: string[], nextLink?: string) => ({
      '@odata.count': many.length,
      ...(nextLink ? { '@odata.nextLink': nextLink } : {}),
      value: ids.map((id) => bodyOf(id)),
    });
    const path = `/v1.0/groups/${A}/transitiveMembers/microsoft.graph.group`;
    const first = page(many.slice(0, 999), `${GRAPH}${path}?$skiptoken=x`);
    serveBatches(({ url }) => ({ status: 200, body: url.includes('/transitiveMembers/') ? first : bodyOf(A) }));
    nock(GRAPH, { reqheaders: { consistencylevel: 'eventual' } })
      .get(path)
      .query((query) => query.$skiptoken === undefined)
      .reply(200, first)
      .get(path)
      .query({ $skiptoken: 'x' })
      .reply(200, page(many.slice(999)));

    const tree = await readGroupTree(createTestGraph().graph, [A], never());

    const reading = below(tree, A);
    expect(reading?.certainty === 'present' && reading.groups.length).toBe(1200);
  });

  it.each([
    ['is refused', { status: 403, body: { error: { code: 'Authorization_RequestDenied', message: 'no' } } }, /403/],
    ['is not found', notFound(), /gone/],
    ['holds something else', { status: 200, body: { '@odata.count': 1, value: [{ id: 'x' }] } }, /shape/],
    [
      'holds a user',
      { status: 200, body: { '@odata.count': 1, value: [{ ...bodyOf(B), '@odata.type': '#microsoft.graph.user' }] } },
      /no group/,
    ],
    ['is shorter than its count', { status: 200, body: { '@odata.count': 2, value: [bodyOf(B)] } }, /counts 2/],
    ['has no count', { status: 200, body: { value: [] } }, /counts no/],
    ['is unwell', { status: 503, body: {} }, /moment/],
  ])('says unknown for a branch whose listing %s, and reads the others', async (_what, answer, why) => {
    const others = tenant({ [A]: {}, [C]: { below: [B] }, [B]: {} });
    serveBatches((request) => (request.url.includes(`${A}/transitiveMembers`) ? answer : others(request)));

    const tree = await readGroupTree(createTestGraph().graph, [A, C], never());

    expect(below(tree, A)).toEqual({ certainty: 'unknown', why: expect.stringMatching(why) });
    expect(tree.get(A)?.facts?.displayName).toBe('group 1');
    expect(below(tree, C)).toMatchObject({ certainty: 'present', groups: [{ id: B }] });
  });

  it('says unknown for every branch where Graph cannot be asked, and does not ask on', async () => {
    const groups = Array.from({ length: 30 }, (_, n) => guid(n, 7));
    let asked = 0;
    nock(GRAPH)
      .persist()
      .post('/v1.0/$batch')
      .reply(() => {
        asked += 1;
        return [400, { error: { code: 'BadRequest', message: 'no' } }];
      });

    const tree = await readGroupTree(createTestGraph().graph, groups, never());

    expect([...tree.values()].map(({ below: { certainty } }) => certainty)).toEqual(groups.map(() => 'unknown'));
    expect(asked).toBe(1);
  });

  it.each([
    ['no member shows either', [], 'unknown'],
    ['members show, so that we may see them', [{ id: guid(9) }], 'present'],
  ])(
    'believes that nothing is nested in a hidden group only where it shows members: %s',
    async (_what, value, certainty) => {
      serveBatches(tenant({ [A]: { facts: { visibility: 'HiddenMembership' } } }));
      nock(GRAPH).get(`/v1.0/groups/${A}/members`).query({ $select: 'id', $top: '1' }).reply(200, { value });

      const tree = await readGroupTree(createTestGraph().graph, [A], never());

      expect(below(tree, A)?.certainty).toBe(certainty);
    },
  );

  it.each([
    ['a rule without its type', { groupTypes: null, membershipRule: 'user.city -eq "Bern"' }, 'dynamic'],
    ['a Microsoft 365 group', { groupTypes: ['Unified'] }, 'assigned'],
    ['limited information', { displayName: null, groupTypes: null, membershipRule: null }, undefined],
  ])('tells the kind from %s', async (_what, facts, kind) => {
    serveBatches(tenant({ [A]: { facts } }));

    const tree = await readGroupTree(createTestGraph().graph, [A], never());

    expect(tree.get(A)?.facts?.kind).toBe(kind);
  });
});

describe('the group tree of garbage', () => {
  const guidOrNot = fc.oneof(fc.constantFrom(A, B, C), fc.anything());
  const item = fc.oneof(
    fc.record({ id: guidOrNot, '@odata.type': fc.anything(), groupTypes: fc.anything() }, { requiredKeys: [] }),
    fc.anything(),
  );
  const page = fc.oneof(
    fc.record(
      {
        value: fc.oneof(fc.array(item, { maxLength: 3 }), fc.anything()),
        '@odata.count': fc.oneof(fc.nat(3), fc.anything()),
      },
      { requiredKeys: [] },
    ),
    fc.anything(),
  );
  const answer = fc.record({ status: fc.constantFrom(200, 200, 200, 404, 403, 204), body: page });

  it('is never a branch that is shorter than what was counted, and never thrown', async () => {
    await fc.assert(
      fc.asyncProperty(answer, fc.boolean(), async ({ status, body }, spoilsFacts) => {
        const graph = {
          batch: async (items: readonly BatchItem[]) =>
            new Map(
              items.map(({ id }): [string, BatchAnswer] => {
                const isSpoilt = id.startsWith('facts:') === spoilsFacts;
                const sound = id.startsWith('facts:') ? bodyOf(A) : { value: [bodyOf(B)], '@odata.count': 1 };
                return [id, isSpoilt ? { kind: 'answer', status, body } : { kind: 'answer', status: 200, body: sound }];
              }),
            ),
        } as unknown as GraphClient;

        const reading = below(await readGroupTree(graph, [A], never()), A);

        const counted = spoilsFacts ? 1 : (body as { '@odata.count'?: unknown } | undefined)?.['@odata.count'];
        if (reading?.certainty !== 'present') return;
        expect(status === 200 || spoilsFacts).toBe(true);
        const listed = new Set(reading.groups.map(({ id }) => id));
        expect([listed.size, listed.size + 1]).toContain(counted);
        expect([...listed].every((id) => /^[0-9a-f-]{36}$/.test(id) && id !== A)).toBe(true);
      }),
      { numRuns: 500, seed: 20261122 },
    );
  });
});

describe('whether an id is a group', () => {
  beforeEach(() => nock.disableNetConnect());
  afterEach(() => {
    nock.cleanAll();
    nock.enableNetConnect();
  });

  it('is said for each, and never guessed', async () => {
    const throttled = guid(4, 7);
    serveBatches(({ url }) => {
      if (url.includes(throttled)) return { status: 429, body: {} };
      return url.includes(A) ? { status: 200, body: { id: A } } : notFound();
    });

    const proofs = await whichAreGroups(createTestGraph().graph, [A, B, throttled], never());

    expect([...proofs]).toEqual([
      [A, 'group'],
      [B, 'no group'],
      [throttled, 'unknown'],
    ]);
  });
});
