import type { DirectoryObject, ObjectKind } from './directory-state.js';
import { GraphFailure, unsupportedQuery } from './errors.js';
import { GROUP_DEFAULTS, GROUP_PROPERTIES, LIST_PROPERTIES, USER_DEFAULTS, USER_PROPERTIES } from './properties.js';
import type { Incoming } from './types.js';

const MAX_PAGE = 999;
const DEFAULT_PAGE = 100;

/** Refuses every `$option` that this call does not take. */
export function allowOptions(query: URLSearchParams, allowed: readonly string[]): void {
  for (const name of query.keys())
    if (name.startsWith('$') && !allowed.includes(name))
      throw unsupportedQuery(`The query option '${name}' is not supported here.`);
}

/** `$select`, checked against what the type has; undefined where nothing is selected. */
export function readSelect(query: URLSearchParams, kind: ObjectKind | 'mixed'): readonly string[] | undefined {
  const text = query.get('$select');
  if (text === null) return undefined;
  const names = text.split(',').map((name) => name.trim());
  const known = kind === 'user' ? USER_PROPERTIES : kind === 'group' ? GROUP_PROPERTIES : undefined;
  for (const name of names) {
    const exists = known ? known.has(name) : USER_PROPERTIES.has(name) || GROUP_PROPERTIES.has(name);
    if (!exists)
      throw new GraphFailure(
        400,
        'BadRequest',
        `Parsing OData Select and Expand failed: Could not find a property named '${name}' on type 'microsoft.graph.${known ? kind : 'directoryObject'}'.`,
      );
  }
  return names.includes('id') ? names : ['id', ...names];
}

/** `$top`, 1 to 999, 100 where it is missing. */
export function readTop(query: URLSearchParams): number {
  const text = query.get('$top');
  if (text === null) return DEFAULT_PAGE;
  const top = /^\d+$/.test(text) ? Number(text) : 0;
  if (top < 1 || top > MAX_PAGE)
    throw unsupportedQuery(`Invalid page size specified: '${text}'. Must be between 1 and ${MAX_PAGE} inclusive.`);
  return top;
}

/** Whether the call carries what Graph calls advanced query parameters: the eventual header and `$count=true`. */
export function isAdvanced(incoming: Incoming): boolean {
  return incoming.headers.consistencylevel?.toLowerCase() === 'eventual' && incoming.query.get('$count') === 'true';
}

/**
 * The object as Graph sends it: only what was selected (or the default set), null where a property has no value,
 * with the type in mixed listings.
 */
export function project(
  object: DirectoryObject,
  select: readonly string[] | undefined,
  options: { typed: boolean; hidden: (id: string, property: string) => boolean },
): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  if (options.typed) shown['@odata.type'] = `#microsoft.graph.${object.kind}`;
  for (const name of select ?? defaultsOf(object)) {
    if (select && !hasProperty(object.kind, name)) continue;
    const value = object.properties[name];
    const empty = LIST_PROPERTIES.has(name) ? [] : null;
    shown[name] = name !== 'id' && options.hidden(object.id, name) ? empty : (value ?? empty);
  }
  return shown;
}

function defaultsOf(object: DirectoryObject): readonly string[] {
  if (object.kind === 'user') return USER_DEFAULTS;
  if (object.kind === 'group') return GROUP_DEFAULTS;
  return Object.keys(object.properties);
}

function hasProperty(kind: ObjectKind, name: string): boolean {
  if (kind === 'user') return USER_PROPERTIES.has(name);
  if (kind === 'group') return GROUP_PROPERTIES.has(name);
  return ['id', 'displayName', 'accountEnabled', 'deletedDateTime'].includes(name);
}

const STARTS_WITH = /^\s*startswith\(\s*([A-Za-z]+)\s*,\s*'((?:[^']|'')*)'\s*\)\s*$/i;

/**
 * `$filter` of equalities joined by `or`, or one `startswith`, as a predicate. Anything else is refused, as Graph
 * refuses what its index does not carry.
 */
export function readFilter(text: string): (object: DirectoryObject) => boolean {
  const [, property, start] = STARTS_WITH.exec(text) ?? [];
  if (property !== undefined && start !== undefined) {
    const prefix = String(fold(start.replaceAll("''", "'")));
    return ({ properties }) => String(fold(properties[property] ?? '')).startsWith(prefix);
  }
  const CLAUSE = /\s*([A-Za-z]+)\s+eq\s+(?:'((?:[^']|'')*)'|(true|false|null))\s*/y;
  const wanted: { name: string; value: unknown }[] = [];
  let position = 0;
  for (;;) {
    CLAUSE.lastIndex = position;
    const found = CLAUSE.exec(text);
    if (!found?.[1]) throw unsupportedQuery(`Unsupported or invalid query filter clause specified: '${text}'.`);
    const literal = found[2] === undefined ? JSON.parse(found[3] ?? 'null') : found[2].replaceAll("''", "'");
    wanted.push({ name: found[1], value: fold(literal) });
    position = CLAUSE.lastIndex;
    if (position >= text.length) break;
    if (!/^or\s/i.test(text.slice(position)))
      throw unsupportedQuery(`Unsupported or invalid query filter clause specified: '${text}'.`);
    position += 2;
  }
  return (object) => wanted.some(({ name, value }) => fold(object.properties[name] ?? null) === value);
}

function fold(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase() : value;
}
