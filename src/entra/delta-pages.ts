import { z } from 'zod';
import { checkShape } from './answers.js';
import { GraphError, GraphUnavailable } from './graph-errors.js';
import type { GraphRoot } from './graph-root.js';
import { pinnedLink } from './own-origin.js';

/** One round of a delta query, read to its end. */
export interface DeltaRound<T> {
  /** In the order in which they came; one object may come more than once, and the last one counts. */
  items: T[];
  /** Where the next round starts. Worth something only once `items` are safe. */
  deltaLink: string;
  /** Calls that this round took. */
  requests: number;
}

/** Graph does not know where we stood any more: what happened since is lost to delta, and a full reading is due. */
export class DeltaLost extends Error {
  override readonly name = 'DeltaLost';
}

/** A busy tenant's week fits; what is longer is a circle. */
const MAX_PAGES = 2000;

const pageSchema = z.object({
  value: z.array(z.unknown()),
  '@odata.nextLink': z.string().nullish(),
  '@odata.deltaLink': z.string().nullish(),
});

/**
 * Reads from `start` (a path, or a delta link of an earlier round) until Graph gives a delta link. Throws DeltaLost where
 * the link is too old or unknown, SourceUnavailable where a page is not understood or leads away from the configured
 * Graph: a round is whole or it is nothing, and the earlier link stays good.
 */
export async function readDeltaRound<T>({
  start,
  itemSchema,
  root,
  get,
}: {
  start: string;
  itemSchema: z.ZodType<T>;
  root: GraphRoot;
  get: (target: string) => Promise<unknown>;
}): Promise<DeltaRound<T>> {
  const path = start.startsWith('/') ? (start.split('?')[0] ?? start) : new URL(start).pathname;
  const call = { method: 'GET', path };
  const items: T[] = [];
  const seen = new Set<string>();
  let target = start.startsWith('/') ? start : pinnedLink(start, root, path);
  for (;;) {
    if (seen.has(target) || seen.size >= MAX_PAGES) {
      throw new GraphUnavailable(`${path}: the pages lead in a circle or never end (${seen.size} read)`, {
        status: 200,
      });
    }
    seen.add(target);
    const page = checkShape(pageSchema, await getPage(get, target, path), call);
    for (const item of checkShape(z.array(itemSchema), page.value, call)) items.push(item);
    const { '@odata.nextLink': next, '@odata.deltaLink': last } = page;
    if (last) return { items, deltaLink: pinnedLink(last, root, path), requests: seen.size };
    if (!next) throw new GraphUnavailable(`${path}: a page has neither a next nor a delta link`, { status: 200 });
    target = pinnedLink(next, root, path);
  }
}

/** Graph: an expired or unknown token gives 410 Gone, or a 40x with syncStateNotFound or syncStateInvalid. */
async function getPage(get: (target: string) => Promise<unknown>, target: string, path: string): Promise<unknown> {
  try {
    return await get(target);
  } catch (error) {
    const status = error instanceof GraphError || error instanceof GraphUnavailable ? error.status : undefined;
    const code = error instanceof GraphError ? error.code : '';
    if (status === 410 || /^(syncState|resyncRequired)/i.test(code)) {
      throw new DeltaLost(`${path}: Graph does not know our place any more (${code || status})`, { cause: error });
    }
    throw error;
  }
}
