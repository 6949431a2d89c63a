import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { connectGraph, type Graph } from '../../../src/commands/parts/graph.js';
import { loadSettings } from '../../../src/config/load.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';
import { createTestLog } from './support.js';

const TENANT = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
const CLIENT = '99999999-8888-4777-8666-555555555555';
const GROUP = '11111111-2222-4333-8444-555555555555';
const item = z.object({ id: z.string() });

/** National cloud deployments of Microsoft Graph; in China msal prefers another name of the same sign-in endpoint. */
const CLOUDS = [
  { cloud: 'global', login: 'https://login.microsoftonline.com', graph: 'https://graph.microsoft.com' },
  { cloud: 'usgov', login: 'https://login.microsoftonline.us', graph: 'https://graph.microsoft.us' },
  { cloud: 'dod', login: 'https://login.microsoftonline.us', graph: 'https://dod-graph.microsoft.us' },
  {
    cloud: 'china',
    login: 'https://login.chinacloudapi.cn',
    network: 'https://login.partner.microsoftonline.cn',
    graph: 'https://microsoftgraph.chinacloudapi.cn',
  },
] as const satisfies readonly { cloud: string; login: string; network?: string; graph: string }[];

interface Seen {
  tokens: { origin: string; path: string; scope: string | null }[];
  calls: { origin: string; path: string; authorization: string | undefined }[];
}

const graphs: Graph[] = [];

function load(changes: Record<string, string>) {
  return loadSettings({
    command: 'listen',
    env: {
      ENTRA_TENANT_ID: TENANT,
      ENTRA_CLIENT_ID: CLIENT,
      ENTRA_CLIENT_SECRET: 'S3cr3t~value',
      ENTRA_GROUP_IDS: GROUP,
      PUBLIC_URL: 'https://entramox.example.com',
      ...changes,
    },
  });
}

function connect(changes: Record<string, string>): Graph {
  const graph = connectGraph(load(changes).settings, createTestLog().log, createMetrics());
  graphs.push(graph);
  return graph;
}

/** Every endpoint of every cloud answers; whoever asks is written down. */
function serveAll(more: readonly string[] = [], links: Record<string, string> = {}): Seen {
  const seen: Seen = { tokens: [], calls: [] };
  const origins = new Set([
    ...CLOUDS.flatMap((entry) => [entry.login, entry.graph, ...('network' in entry ? [entry.network] : [])]),
    ...more,
  ]);
  for (const origin of origins) {
    nock(origin)
      .persist()
      .post(/\/oauth2\/v2\.0\/token$/)
      .query(true)
      .reply(200, (uri: string, body: unknown) => {
        const form = new URLSearchParams(typeof body === 'string' ? body : (body as Record<string, string>));
        seen.tokens.push({ origin, path: uri.split('?')[0] ?? '', scope: form.get('scope') });
        return {
          token_type: 'Bearer',
          expires_in: 3599,
          ext_expires_in: 3599,
          access_token: `for ${form.get('scope')}`,
        };
      });
    nock(origin)
      .persist()
      .get(/^\/.*v1\.0\//)
      .query(true)
      .reply(200, function (uri: string) {
        const authorization = this.req.headers.authorization;
        seen.calls.push({
          origin,
          path: uri,
          authorization: Array.isArray(authorization) ? authorization[0] : authorization,
        });
        return uri.includes('page')
          ? { value: [{ id: 'b' }], '@odata.deltaLink': links.delta }
          : { value: [{ id: 'a' }], ...links };
      });
  }
  return seen;
}

beforeEach(() => nock.disableNetConnect());
afterEach(async () => {
  for (const graph of graphs.splice(0)) await graph.close();
  nock.cleanAll();
  nock.enableNetConnect();
});

describe.each(CLOUDS)('the cloud $cloud', (entry) => {
  const { cloud, login, graph: graphUrl } = entry;
  const network = 'network' in entry ? entry.network : login;

  it('gets its token from its own sign-in endpoint for its own Graph, and calls that Graph alone', async () => {
    const seen = serveAll();

    const { items } = await connect({ ENTRA_CLOUD: cloud }).client.getAllPages('/users', item);

    expect(items).toEqual([{ id: 'a' }]);
    expect(seen.tokens).toHaveLength(1);
    expect([login, network]).toContain(seen.tokens[0]?.origin);
    expect(seen.tokens[0]).toMatchObject({
      path: `/${TENANT}/oauth2/v2.0/token`,
      scope: expect.stringContaining(`${graphUrl}/.default`),
    });
    expect(seen.calls).toEqual([
      {
        origin: graphUrl,
        path: '/v1.0/users',
        authorization: expect.stringMatching(`^Bearer for .*${graphUrl}/.default`),
      },
    ]);
  });

  it('takes the links of its own Graph', async () => {
    const seen = serveAll([], { '@odata.nextLink': `${graphUrl}/v1.0/users/page?$skiptoken=x` });

    const { items } = await connect({ ENTRA_CLOUD: cloud }).client.getAllPages('/users', item);

    expect(items.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(new Set(seen.calls.map(({ origin }) => origin))).toEqual(new Set([graphUrl]));
  });

  it.each(CLOUDS.map((other) => other.graph).filter((other) => other !== graphUrl))(
    'sends nothing to %s, wherever a link to there comes from',
    async (other) => {
      const seen = serveAll([], {
        '@odata.nextLink': `${other}/v1.0/users/page`,
        '@odata.deltaLink': `${other}/v1.0/users/delta`,
      });
      const { client } = connect({ ENTRA_CLOUD: cloud });

      const next = client.getAllPages('/users', item);
      await expect(next).rejects.toThrow(`the token is for ${graphUrl}/v1.0/ only`);
      const delta = client.getDelta(`${other}/v1.0/users/delta?$deltatoken=x`, item);
      await expect(delta).rejects.toThrow(`the token is for ${graphUrl}/v1.0/ only`);

      expect(seen.calls.filter(({ origin }) => origin !== graphUrl)).toEqual([]);
    },
  );

  it('is shown with the endpoints that follow from it', () => {
    const shown = new Map(load({ ENTRA_CLOUD: cloud }).shown.map((row) => [row.name, row]));

    expect(shown.get('ENTRA_AUTHORITY')).toMatchObject({
      value: login,
      origin: { kind: 'derived', from: 'ENTRA_CLOUD' },
    });
    expect(shown.get('GRAPH_BASE_URL')).toMatchObject({
      value: graphUrl,
      origin: { kind: 'derived', from: 'ENTRA_CLOUD' },
    });
  });

  it('keeps its scope and its other endpoint where one of them is moved', async () => {
    const moved = 'https://gateway.example.com';
    const seen = serveAll([moved]);

    await connect({ ENTRA_CLOUD: cloud, GRAPH_BASE_URL: `${moved}/graph` }).client.getAllPages('/users', item);
    await connect({ ENTRA_CLOUD: cloud, ENTRA_AUTHORITY: `${moved}/login` }).client.getAllPages('/users', item);

    const [first, second] = seen.tokens;
    expect([login, network]).toContain(first?.origin);
    expect(second).toMatchObject({ origin: moved, path: `/login/${TENANT}/oauth2/v2.0/token` });
    expect(seen.tokens.every(({ scope }) => scope?.includes(`${graphUrl}/.default`))).toBe(true);
    expect(seen.calls.map(({ origin, path }) => origin + path)).toEqual([
      `${moved}/graph/v1.0/users`,
      `${graphUrl}/v1.0/users`,
    ]);
  });
});
