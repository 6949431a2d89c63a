import { z } from 'zod';
import { checkShape } from './answers.js';
import { GraphUnavailable } from './graph-errors.js';
import type { GraphRoot } from './graph-root.js';
import { pinnedLink } from './own-origin.js';

export interface Pages<T> {
  items: T[];
  /** `@odata.count` of the first page; undefined where Graph gave none. */
  count: number | undefined;
}

const MAX_PAGES = 300;

const pageSchema = z.object({
  value: z.array(z.unknown()),
  '@odata.nextLink': z.string().nullish(),
  '@odata.count': z.number().int().nonnegative().nullish(),
});

/**
 * Follows `@odata.nextLink` to the end. Throws SourceUnavailable where a page or an item is not understood, a link
 * leads away from the configured Graph, or the pages never end: a list is whole or it is nothing.
 */
export async function readAllPages<T>({
  path,
  itemSchema,
  root,
  get,
}: {
  path: string;
  itemSchema: z.ZodType<T>;
  root: GraphRoot;
  get: (target: string) => Promise<unknown>;
}): Promise<Pages<T>> {
  const call = { method: 'GET', path: path.split('?')[0] ?? path };
  const items: T[] = [];
  const seen = new Set<string>();
  let count: number | undefined;
  let target: string | undefined = path;
  while (target !== undefined) {
    if (seen.has(target) || seen.size >= MAX_PAGES) {
      throw new GraphUnavailable(`${call.path}: the pages lead in a circle or never end (${seen.size} read)`, {
        status: 200,
      });
    }
    seen.add(target);
    const page: z.infer<typeof pageSchema> = checkShape(pageSchema, await get(target), call);
    count ??= page['@odata.count'] ?? undefined;
    for (const item of checkShape(z.array(itemSchema), page.value, call)) items.push(item);
    target = page['@odata.nextLink'] ? pinnedLink(page['@odata.nextLink'], root, call.path) : undefined;
  }
  return { items, count };
}
