/** What Graph said of one person, complete enough to rest a decision on. */
export interface Statement {
  oid: string;
  at: number;
  /** Counts up over all statements. */
  order: number;
  /** Which step of the course it was said in. */
  step: number;
  by: 'single' | 'listing';
  says: 'enabled' | 'disabled' | 'soft-deleted' | 'not-found';
  /** Ids of the configured groups; with a listing, the one that was listed. */
  groups: readonly string[];
  upn?: string | undefined;
}

/** One request with its answer, as the simulator saw both. */
export interface Exchange {
  method: string;
  path: string;
  status: number;
  requestBody: unknown;
  responseBody: unknown;
  inBatch: boolean;
}

/** Reads along with everything that Graph answers, and keeps what it said about people. */
export interface Statements {
  hear(exchange: Exchange): void;
  /** Oldest first. */
  of(oid: string): readonly Statement[];
  /** The last certain word on whether somebody is in a group; undefined: there was none. */
  membership(oid: string, group: string): boolean | undefined;
}

interface Parts {
  user?: { status: number; body: unknown };
  check?: { status: number; body: unknown };
}

type Json = Record<string, unknown>;

export function createStatements(now: () => { at: number; step: number }, groups: readonly string[]): Statements {
  const heard = new Map<string, Statement[]>();
  const memberships = new Map<string, boolean>();
  const parts = new Map<string, Parts>();
  const pages = new Map<string, Json[]>();
  let order = 0;

  function note(statement: Omit<Statement, 'at' | 'step' | 'order'>): void {
    order += 1;
    const list = heard.get(statement.oid) ?? [];
    list.push({ ...statement, ...now(), order });
    heard.set(statement.oid, list);
    if (statement.by !== 'single' || (statement.says !== 'enabled' && statement.says !== 'disabled')) return;
    for (const group of groups) memberships.set(`${group} ${statement.oid}`, statement.groups.includes(group));
  }

  function hearItem(method: string, url: string, status: number, body: unknown): void {
    const [path = ''] = url.split('?');
    const user = /^\/users\/([0-9a-f-]{36})$/.exec(path)?.[1];
    const checked = /^\/users\/([0-9a-f-]{36})\/checkMemberGroups$/.exec(path)?.[1];
    const deleted = /^\/directory\/deletedItems\/([0-9a-f-]{36})$/.exec(path)?.[1];
    if (user && method === 'GET') conclude(user, { ...parts.get(user), user: { status, body } });
    if (checked) conclude(checked, { ...parts.get(checked), check: { status, body } });
    if (deleted && status === 200) note({ oid: deleted, by: 'single', says: 'soft-deleted', groups: [] });
    if (deleted && status === 404 && isMissing(parts.get(deleted)))
      note({ oid: deleted, by: 'single', says: 'not-found', groups: [] });
  }

  function conclude(oid: string, known: Parts): void {
    parts.set(oid, known);
    if (known.user?.status !== 200 || known.check?.status !== 200) return;
    const { accountEnabled, userPrincipalName } = known.user.body as Json;
    const memberOf = (known.check.body as Json).value;
    if (typeof accountEnabled !== 'boolean' || typeof userPrincipalName !== 'string' || !Array.isArray(memberOf))
      return;
    const says = accountEnabled ? 'enabled' : 'disabled';
    note({ oid, by: 'single', says, groups: memberOf.map(String), upn: userPrincipalName });
  }

  function hearPage(group: string, first: boolean, body: Json): void {
    const rows = [...(first ? [] : (pages.get(group) ?? [])), ...((body.value ?? []) as Json[])];
    pages.set(group, rows);
    if (body['@odata.nextLink'] !== undefined) return;
    for (const { id, accountEnabled, userPrincipalName } of rows) {
      if (typeof accountEnabled !== 'boolean' || typeof userPrincipalName !== 'string') continue;
      const says = accountEnabled ? 'enabled' : 'disabled';
      note({ oid: String(id), by: 'listing', says, groups: [group], upn: userPrincipalName });
    }
    // A listing that holds less than it counts proves nobody absent.
    if (body['@odata.count'] !== undefined && body['@odata.count'] !== rows.length) return;
    const members = new Set(rows.map(({ id }) => String(id)));
    for (const oid of heard.keys()) memberships.set(`${group} ${oid}`, members.has(oid));
  }

  return {
    hear({ path, status, requestBody, responseBody, inBatch }) {
      if (inBatch) return;
      if (path === '/$batch' && status === 200) {
        const asked = new Map(((requestBody as Json).requests as Json[]).map((item) => [item.id, item]));
        // Whoever is asked for anew is heard anew.
        for (const { url } of asked.values()) {
          const oid = /^\/users\/([0-9a-f-]{36})\?/.exec(String(url))?.[1];
          if (oid) parts.delete(oid);
        }
        for (const answer of (responseBody as Json).responses as Json[]) {
          const item = asked.get(answer.id);
          if (item) hearItem(String(item.method), String(item.url), Number(answer.status), answer.body);
        }
        return;
      }
      const listed = /^\/groups\/([0-9a-f-]{36})\/transitiveMembers\/microsoft\.graph\.user\?(.*)$/.exec(path);
      if (listed?.[1] && status === 200 && typeof responseBody === 'object' && responseBody !== null)
        hearPage(listed[1], !listed[2]?.includes('skiptoken'), responseBody as Json);
    },
    of: (oid) => heard.get(oid) ?? [],
    membership: (oid, group) => memberships.get(`${group} ${oid}`),
  };
}

/** No such user, and no word of groups either: two that contradict each other prove nothing. */
function isMissing(known: Parts | undefined): boolean {
  return known?.user?.status === 404 && known.check?.status === 404;
}
