import type { SimulatorClock } from './clock.js';
import { type DeltaKind, deltaRows } from './delta-rows.js';
import type { DirectoryState } from './directory-state.js';
import { newId } from './directory-state.js';
import { GraphFailure } from './errors.js';
import { readSelect } from './odata.js';
import { demand, needs } from './roles.js';
import type { Answer, Incoming, Route } from './types.js';

const TOKEN_LIFETIME_MS = 7 * 24 * 3600_000;
const MAX_FILTERED_IDS = 50;
const MAX_SESSIONS = 500;
const UNSUPPORTED = ['$expand', '$top', '$orderby', '$search', '$count', '$skip'];

/** The options of the first call; they stay with the token. */
interface DeltaOptions {
  kind: DeltaKind;
  select: readonly string[] | undefined;
  links: readonly string[];
  ids: ReadonlySet<string> | undefined;
}

/** Where a token stands: which state it has seen, since when, with which options. */
interface DeltaToken extends DeltaOptions {
  version: number;
  issuedAt: number;
}

interface PageSession {
  rows: readonly Record<string, unknown>[];
  next: number;
  token: DeltaToken;
}

export interface DeltaFaults {
  /** The next calls with a token: 410 with Location, or 400 syncStateNotFound. */
  expireTokens(how: 'gone' | 'sync-state-not-found', times?: number): void;
}

export interface DeltaEndpointOptions {
  clock: SimulatorClock;
  state: DirectoryState;
  baseUrl: () => string;
  /** Rows on a page, and members in one row. */
  pageSize: number;
}

/** `/users/delta` and `/groups/delta`. */
export function deltaRoutes(options: DeltaEndpointOptions): { routes: Route[]; faults: DeltaFaults } {
  const { clock, state } = options;
  const tokens = new Map<string, DeltaToken>();
  const sessions = new Map<string, PageSession>();
  let expiring: { how: 'gone' | 'sync-state-not-found'; left: number } = { how: 'gone', left: 0 };

  function remember<T>(store: Map<string, T>, value: T): string {
    const name = newId().replaceAll('-', '');
    store.set(name, value);
    const oldest = store.keys().next().value;
    if (store.size > MAX_SESSIONS && oldest !== undefined) store.delete(oldest);
    return name;
  }

  function gone(kind: DeltaKind): GraphFailure {
    const location = `${options.baseUrl()}/${kind}/delta?$deltatoken=`;
    return new GraphFailure(410, 'syncStateNotFound', 'The sync state is gone, start over.', { Location: location });
  }

  function failIfAsked(kind: DeltaKind): void {
    if (expiring.left <= 0) return;
    expiring.left -= 1;
    throw expiring.how === 'gone' ? gone(kind) : unknownState();
  }

  function page(session: PageSession): Answer {
    const { token } = session;
    const rows = session.rows.slice(session.next, session.next + options.pageSize);
    const next = session.next + rows.length;
    const base = `${options.baseUrl()}/${token.kind}/delta`;
    const more = next < session.rows.length;
    const link = more
      ? { '@odata.nextLink': `${base}?$skiptoken=${remember(sessions, { ...session, next })}` }
      : { '@odata.deltaLink': `${base}?$deltatoken=${remember(tokens, token)}` };
    return {
      status: 200,
      body: { '@odata.context': `${options.baseUrl()}/$metadata#${token.kind}`, ...link, value: rows },
    };
  }

  function begin(before: DeltaToken | undefined, wanted: DeltaOptions, minimal: boolean): Answer {
    const token: DeltaToken = { ...wanted, version: state.version(), issuedAt: clock.now() };
    const since = before?.version;
    return page({ rows: deltaRows(state, since, { ...wanted, minimal, chunk: options.pageSize }), next: 0, token });
  }

  function answer(incoming: Incoming, kind: DeltaKind): Answer {
    demand(incoming.caller, ...(kind === 'users' ? needs.usersDelta : needs.groups));
    const { query } = incoming;
    for (const name of UNSUPPORTED)
      if (query.has(name))
        throw new GraphFailure(400, 'Request_UnsupportedQuery', `${name} is not supported in delta.`);
    const skipToken = query.get('$skiptoken');
    if (skipToken !== null) {
      failIfAsked(kind);
      const session = sessions.get(skipToken);
      if (session?.token.kind !== kind) throw unknownState();
      return page(session);
    }
    const deltaToken = query.get('$deltatoken') ?? query.get('$deltaToken');
    if (deltaToken === null || deltaToken === '') return begin(undefined, readOptions(query, kind), false);
    if (deltaToken === 'latest') {
      const token = { ...readOptions(query, kind), version: state.version(), issuedAt: clock.now() };
      return page({ rows: [], next: 0, token });
    }
    failIfAsked(kind);
    const token = tokens.get(deltaToken);
    if (token?.kind !== kind) throw unknownState();
    if (clock.now() - token.issuedAt > TOKEN_LIFETIME_MS) throw gone(kind);
    return begin(token, token, /\breturn=minimal\b/.test(incoming.headers.prefer ?? ''));
  }

  const routes = (['users', 'groups'] as const).flatMap((kind) =>
    [`/${kind}/delta`, `/${kind}/delta()`].map((template) => ({
      method: 'GET',
      template,
      handle: (incoming: Incoming) => answer(incoming, kind),
    })),
  );
  return {
    routes,
    faults: {
      expireTokens(how, times = 1) {
        expiring = { how, left: times };
      },
    },
  };
}

function readOptions(query: URLSearchParams, kind: DeltaKind): DeltaOptions {
  const allowed = kind === 'groups' ? ['members', 'owners'] : ['manager'];
  const names = query
    .get('$select')
    ?.split(',')
    .map((name) => name.trim());
  const links = names?.filter((name) => allowed.includes(name)) ?? [];
  const plain = names?.filter((name) => !allowed.includes(name));
  const select =
    plain &&
    readSelect(new URLSearchParams({ $select: ['id', ...plain].join(',') }), kind === 'users' ? 'user' : 'group');
  return { kind, select: select && [...new Set(select)], links, ids: readIds(query.get('$filter')) };
}

function readIds(filter: string | null): ReadonlySet<string> | undefined {
  if (filter === null) return undefined;
  const clauses = filter.split(/\s+or\s+/i).map((clause) => /^\s*id\s+eq\s+'([0-9a-f-]{36})'\s*$/i.exec(clause)?.[1]);
  const ids = clauses.filter((id) => id !== undefined);
  if (ids.length !== clauses.length)
    throw new GraphFailure(400, 'Request_UnsupportedQuery', 'Only id eq is supported in a delta filter.');
  if (ids.length > MAX_FILTERED_IDS)
    throw new GraphFailure(400, 'Request_UnsupportedQuery', `At most ${MAX_FILTERED_IDS} ids in a delta filter.`);
  return new Set(ids.map((id) => id.toLowerCase()));
}

function unknownState(): GraphFailure {
  return new GraphFailure(
    400,
    'syncStateNotFound',
    'The sync state generation is not found; the delta token is unknown.',
  );
}
