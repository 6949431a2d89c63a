// A process of its own: the bare cost of what a sync reads and writes, with plain undici and nothing else.
import { Agent, request } from 'undici';

export interface SyncRequest {
  /** PEM */
  ca: string;
  graphListings: string[];
  graphToken: string;
  lakefsListings: string[];
  /** Each is one PUT without a body; what is there already counts as done. */
  lakefsPuts: string[];
  lakefsKey: { accessKeyId: string; secretAccessKey: string };
}

export interface SyncResult {
  readSeconds: number;
  writeSeconds: number;
  rows: number;
}

interface Page {
  value: unknown[];
  '@odata.nextLink'?: string;
}

process.on('message', (message: SyncRequest) => {
  void work(message).then((result) => process.send?.(result));
});

async function work(wanted: SyncRequest): Promise<SyncResult> {
  const dispatcher = new Agent({ connect: { ca: wanted.ca } });
  const { accessKeyId, secretAccessKey } = wanted.lakefsKey;
  const basic = `Basic ${Buffer.from(`${accessKeyId}:${secretAccessKey}`).toString('base64')}`;
  const bearer = { authorization: `Bearer ${wanted.graphToken}`, ConsistencyLevel: 'eventual' };
  let rows = 0;
  const startedAt = performance.now();
  for (const first of wanted.graphListings) {
    for (let url: string | undefined = first; url !== undefined; ) {
      const page = (await (await request(url, { dispatcher, headers: bearer })).body.json()) as Page;
      rows += page.value.length;
      url = page['@odata.nextLink'];
    }
  }
  for (const url of wanted.lakefsListings) {
    const { body } = await request(url, { dispatcher, headers: { authorization: basic } });
    rows += ((await body.json()) as { results: unknown[] }).results.length;
  }
  const readAt = performance.now();
  for (const url of wanted.lakefsPuts) {
    const { body } = await request(url, { dispatcher, method: 'PUT', headers: { authorization: basic } });
    await body.dump();
  }
  const seconds = (from: number, to: number) => (to - from) / 1000;
  const result = { readSeconds: seconds(startedAt, readAt), writeSeconds: seconds(readAt, performance.now()), rows };
  await dispatcher.close();
  return result;
}
