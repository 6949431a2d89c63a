import type { DirectoryObject, ObjectKind } from './directory-state.js';
import { GraphFailure } from './errors.js';
import { allowOptions, isAdvanced, project, readFilter, readSelect, readTop } from './odata.js';
import type { Answer, Incoming } from './types.js';

const OPTIONS = ['$select', '$top', '$count', '$filter', '$skiptoken'];

export interface ListingOptions {
  /** `https://localhost:1234/v1.0`. */
  baseUrl: string;
  kind: ObjectKind | 'mixed';
  context: string;
  hidden: (id: string, property: string) => boolean;
}

/**
 * One page of a listing. The skip token means "after this id", so an object that stays is never skipped or shown
 * twice, whatever joins or leaves between two pages.
 */
export function listing(incoming: Incoming, objects: readonly DirectoryObject[], options: ListingOptions): Answer {
  const { query } = incoming;
  allowOptions(query, OPTIONS);
  const top = readTop(query);
  const select = readSelect(query, options.kind);
  if (query.has('$count') && !isAdvanced(incoming))
    throw new GraphFailure(400, 'Request_UnsupportedQuery', '$count is not currently supported.');
  const filter = query.get('$filter');
  const chosen = filter === null ? objects : objects.filter(readFilter(filter));

  const start = startOf(chosen, query.get('$skiptoken'));
  const page = chosen.slice(start, start + top);
  const last = page.at(-1);
  const more = last !== undefined && start + top < chosen.length;
  const typed = options.kind === 'mixed';
  return {
    status: 200,
    body: {
      '@odata.context': `${options.baseUrl}/$metadata#${options.context}`,
      ...(query.get('$count') === 'true' && query.get('$skiptoken') === null && { '@odata.count': chosen.length }),
      ...(more && { '@odata.nextLink': nextLink(options.baseUrl, incoming, last.id) }),
      value: page.map((object) => project(object, select, { typed, hidden: options.hidden })),
    },
  };
}

/** The address of the next page: the same call with a skip token. */
export function nextLink(baseUrl: string, incoming: Incoming, after: string): string {
  const query = new URLSearchParams(incoming.query);
  query.set('$skiptoken', Buffer.from(`m~${after}`).toString('base64url'));
  return `${baseUrl}${pathWithQuery({ path: incoming.path, query })}`;
}

/** The path with its query, as a caller would write it. */
export function pathWithQuery({ path, query }: Pick<Incoming, 'path' | 'query'>): string {
  const parts = [...query].map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return parts.length > 0 ? `${path}?${parts.join('&')}` : path;
}

/** The id that a skip token means; throws Graph's 400 for one that it never gave out. */
export function afterOf(token: string): string {
  const text = Buffer.from(token, 'base64url').toString();
  if (!text.startsWith('m~'))
    throw new GraphFailure(
      400,
      'Directory_ExpiredPageToken',
      'The specified page token value is invalid or has expired.',
    );
  return text.slice(2);
}

function startOf(objects: readonly DirectoryObject[], token: string | null): number {
  if (token === null) return 0;
  const after = afterOf(token);
  let low = 0;
  let high = objects.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((objects[middle]?.id ?? '') <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
