import { GraphFailure } from './errors.js';
import type { Answer, Incoming } from './types.js';

const MAX_ITEMS = 20;
const WRITES: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

interface Item {
  id: string;
  method: string;
  url: string;
  headers: Record<string, string>;
  body: unknown;
  dependsOn: readonly string[];
}

/**
 * `POST /$batch`: 200 whatever happens to the items, which come back in another order than they were asked in.
 * An item whose predecessor failed is a 424.
 */
export async function answerBatch(incoming: Incoming, run: (inner: Incoming) => Promise<Answer>): Promise<Answer> {
  const items = readItems(incoming.body);
  const answers = new Map<string, Promise<Answer>>();
  for (const item of items)
    answers.set(
      item.id,
      (async () => {
        const before = await Promise.all(item.dependsOn.map((id) => answers.get(id)));
        if (before.some((answer) => !answer || answer.status >= 400)) return failedDependency();
        return run(innerOf(item, incoming));
      })(),
    );
  const settled = await Promise.all(items.map(async (item) => ({ item, answer: await answers.get(item.id) })));
  if (settled.some(({ answer }) => answer?.drop)) return { status: 0, drop: true };
  const responses = settled.reverse().map(({ item, answer }) => ({
    id: item.id,
    status: answer?.status ?? 500,
    headers: { 'Cache-Control': 'no-cache', 'Content-Type': 'application/json', ...answer?.headers },
    ...(answer?.status !== 204 && { body: answer?.text ?? answer?.body ?? null }),
  }));
  return { status: 200, body: { responses } };
}

function innerOf(item: Item, outer: Incoming): Incoming {
  const [path = '', query = ''] = item.url.split(/\?(.*)/s);
  return {
    method: item.method,
    path: path.startsWith('/') ? path : `/${path}`,
    query: new URLSearchParams(query),
    headers: item.headers,
    body: item.body,
    inBatch: true,
    caller: outer.caller,
  };
}

function readItems(body: unknown): Item[] {
  const requests = typeof body === 'object' && body !== null && 'requests' in body ? body.requests : undefined;
  if (!Array.isArray(requests) || requests.length === 0)
    throw bad("Invalid batch payload: 'requests' is missing or empty.");
  if (requests.length > MAX_ITEMS)
    throw bad(`Number of batch request steps exceeds the maximum value of ${MAX_ITEMS}.`);
  const items = requests.map(readItem);
  const seen = new Set<string>();
  for (const item of items) {
    if (seen.has(item.id)) throw bad(`Request id '${item.id}' is used more than once.`);
    for (const id of item.dependsOn)
      if (!seen.has(id)) throw bad(`Request id '${item.id}' depends on '${id}', which does not come before it.`);
    seen.add(item.id);
  }
  return items;
}

function readItem(value: unknown): Item {
  if (typeof value !== 'object' || value === null) throw bad('A batch request is not an object.');
  const item = value as Record<string, unknown>;
  if (typeof item.id !== 'string' || item.id === '') throw bad("A batch request has no 'id'.");
  if (typeof item.method !== 'string') throw bad(`Request id '${item.id}' has no 'method'.`);
  if (typeof item.url !== 'string' || /^[a-z]+:/i.test(item.url))
    throw bad(`Request id '${item.id}' needs a 'url' relative to the version.`);
  const headers = Object.fromEntries(
    Object.entries((item.headers ?? {}) as Record<string, unknown>).map(([name, text]) => [
      name.toLowerCase(),
      String(text),
    ]),
  );
  const method = item.method.toUpperCase();
  if (WRITES.has(method) && item.body !== undefined && !headers['content-type'])
    throw bad(`Write request id : ${item.id} does not contain Content-Type header or body.`);
  const dependsOn = Array.isArray(item.dependsOn) ? item.dependsOn.map(String) : [];
  return { id: item.id, method, url: item.url, headers, body: item.body, dependsOn };
}

function failedDependency(): Answer {
  return {
    status: 424,
    body: { error: { code: 'FailedDependency', message: 'A request that this one depends on has failed.' } },
  };
}

function bad(message: string): GraphFailure {
  return new GraphFailure(400, 'BadRequest', message);
}
