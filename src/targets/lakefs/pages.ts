import { z } from 'zod';
import { SourceUnavailable } from '../../domain/errors.js';
import { page } from './schema.js';

/** lakeFS gives at most 1,000 at once (swagger: PaginationAmount). */
export const PAGE_SIZE = 1000;
const MAX_PAGES = 1000;
/** Characters of all items together; a million users with names and addresses are fewer. */
const MAX_CHARACTERS = 256 * 1024 * 1024;

/**
 * Every item of a listing, or SourceUnavailable: where a page is not understood, the offset does not advance, an item
 * comes twice, or the pages never end or together are larger than any lakeFS. A short listing would look like groups and members that are gone.
 */
export async function readAllPages<T extends { id: string }>(options: {
  /** For messages: `the members of LakeFSProjectX`. */
  what: string;
  item: z.ZodType<T>;
  /** The page after this offset; the first where it is undefined. */
  read: (after: string | undefined) => Promise<unknown>;
}): Promise<T[]> {
  const { what, item, read } = options;
  const found = new Map<string, T>();
  const offsets = new Set<string>();
  let after: string | undefined;
  let characters = 0;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const { results, pagination } = checked(page, await read(after), what);
    if (pagination.results !== results.length) {
      throw new SourceUnavailable(
        `lakeFS listed ${what} in a page of ${results.length} that claims ${pagination.results}; nothing is concluded from it`,
      );
    }
    for (const entry of checked(z.array(item), results, what)) {
      if (found.has(entry.id)) {
        throw new SourceUnavailable(`lakeFS listed ${JSON.stringify(entry.id)} twice among ${what}`);
      }
      found.set(entry.id, entry);
      characters += sizeOf(entry);
    }
    if (characters > MAX_CHARACTERS) {
      throw new SourceUnavailable(
        `lakeFS lists more of ${what} than is read: ${found.size} in ${pages + 1} pages so far`,
      );
    }
    if (!pagination.has_more) return [...found.values()];
    const next = pagination.next_offset;
    if (next === '' || offsets.has(next)) {
      throw new SourceUnavailable(
        `lakeFS says that there is more of ${what} and does not advance past ${JSON.stringify(next.slice(0, 100))}; ask its maintainers`,
      );
    }
    offsets.add(next);
    after = next;
  }
  throw new SourceUnavailable(`lakeFS lists ${what} without an end: ${MAX_PAGES} pages were read`);
}

function sizeOf(item: object): number {
  return Object.values(item).reduce((sum: number, value) => sum + (typeof value === 'string' ? value.length : 0), 0);
}

/** A good answer in its expected shape. Throws SourceUnavailable where it has another. */
export function checked<T>(schema: z.ZodType<T>, answer: unknown, what: string): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.length ? ` at ${issue.path.join('.')}` : '';
  throw new SourceUnavailable(
    `lakeFS's answer about ${what} has an unexpected shape${where}: ${issue?.message ?? ''}; is LAKEFS_ENDPOINT right?`,
  );
}
