// A process of its own: fetches what a sweep reads, with plain undici and nothing else.
import { Agent, request } from 'undici';

export interface FetchRequest {
  /** PEM */
  ca: string;
  graphListings: string[];
  graphToken: string;
  proxmoxListing: string;
  proxmoxToken: string;
}

export interface FetchResult {
  /** From the first request to the last parsed answer, on fresh connections. */
  seconds: number;
  users: number;
}

interface Page {
  value: unknown[];
  '@odata.nextLink'?: string;
}

process.on('message', (message: FetchRequest) => {
  void fetchAll(message).then((result) => process.send?.(result));
});

async function fetchAll(wanted: FetchRequest): Promise<FetchResult> {
  const dispatcher = new Agent({ connect: { ca: wanted.ca } });
  const startedAt = performance.now();
  const getJson = async (url: string, headers: Record<string, string>) =>
    (await request(url, { dispatcher, headers })).body.json();
  const [listed] = await Promise.all([
    Promise.all(wanted.graphListings.map((url) => countPages(url, wanted.graphToken, getJson))),
    getJson(wanted.proxmoxListing, { authorization: `PVEAPIToken=${wanted.proxmoxToken}` }),
  ]);
  const seconds = (performance.now() - startedAt) / 1000;
  await dispatcher.close();
  return { seconds, users: listed.reduce((sum, count) => sum + count, 0) };
}

async function countPages(
  first: string,
  token: string,
  getJson: (url: string, headers: Record<string, string>) => Promise<unknown>,
): Promise<number> {
  let users = 0;
  for (let url: string | undefined = first; url !== undefined; ) {
    const page = (await getJson(url, { authorization: `Bearer ${token}`, ConsistencyLevel: 'eventual' })) as Page;
    users += page.value.length;
    url = page['@odata.nextLink'];
  }
  return users;
}
