import { badRequest } from './errors.js';

export interface Page<T> {
  pagination: { has_more: boolean; next_offset: string; results: number; max_per_page: number };
  results: T[];
}

const DEFAULT_AMOUNT = 100;
const SMALLEST_AMOUNT = -1;
const LARGEST_AMOUNT = 1000;

/** A page of items, sorted by id: those after `after`, exclusive, that begin with `prefix`. */
export function pageOf<T extends { id: string }>(items: readonly T[], query: URLSearchParams): Page<T> {
  const unknown = [...query.keys()].find((name) => !['prefix', 'after', 'amount'].includes(name));
  if (unknown !== undefined) throw badRequest(`unknown parameter ${unknown}`);
  const amount = amountOf(query.get('amount'));
  const after = query.get('after') ?? '';
  const prefix = query.get('prefix') ?? '';
  const rest = items
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .filter(({ id }) => id.startsWith(prefix) && (after === '' || id > after));
  const results = rest.slice(0, amount);
  const more = rest.length > results.length;
  // The server leaves max_per_page at 0 in these listings.
  const next = more ? (results.at(-1)?.id ?? '') : '';
  return { pagination: { has_more: more, next_offset: next, results: results.length, max_per_page: 0 }, results };
}

function amountOf(text: string | null): number {
  if (text === null) return DEFAULT_AMOUNT;
  if (!/^-?\d{1,9}$/.test(text)) throw badRequest('amount: must be integer');
  const amount = Number(text);
  // The validator in front refuses these before the code could cap them.
  if (amount > LARGEST_AMOUNT) throw badRequest(`amount: number must be at most ${LARGEST_AMOUNT}`);
  if (amount < SMALLEST_AMOUNT) throw badRequest(`amount: number must be at least ${SMALLEST_AMOUNT}`);
  return amount <= 0 ? DEFAULT_AMOUNT : amount;
}
