import type { Clock } from '../../domain/clock.js';
import { SourceUnavailable } from '../../domain/errors.js';
import type { ObjectId } from '../../domain/identity.js';
import type { DeltaQuery, DeltaSource } from '../../entra/delta-hints.js';
import { DeltaLost } from '../../entra/delta-pages.js';
import type { HintSink, Key } from '../../queue/queue.js';
import type { Log } from '../../telemetry/log.js';
import type { KeptLink, LinkStore } from './links.js';
import { isSameQuery, uncovered, type Watched, wantedQueries } from './queries.js';

export interface RoundOptions {
  source: DeltaSource;
  hints: HintSink;
  links: LinkStore;
  watched: () => Watched;
  clock: Clock;
  log: Log;
}

/** What a round did. */
export interface RoundReport {
  /** Calls to Graph, of users and of groups. */
  requests: Record<DeltaQuery['kind'], number>;
  /** Users by their ids, or the whole collection. */
  users: 'by-id' | 'collection';
  /** Whom somebody should look at. */
  found: ReadonlySet<ObjectId>;
  /** Keys that were put. */
  keys: number;
  /** Why a sweep was asked for as well. */
  swept: string | undefined;
}

/** Graph knows a link for seven days (Graph: delta-query-overview); before that it is renewed. */
const RENEW_AFTER_MS = 6 * 86_400_000;
/** Above so many keys one sweep is cheaper than a reading of each. */
const MAX_KEYS = 1000;

/**
 * Asks Graph what changed since the last round and puts a key for each object that it names. The links are stored after
 * every key is durable, so whatever ends the process costs a repetition and never a change. Where a query begins anew
 * its place is taken before the old one is read to its end, so that the two overlap; where there is no old one any more,
 * or Graph does not know it, a sweep is asked for after the new place was taken. Throws what the first failing query or
 * the queue threw; what the other queries told is safe by then.
 */
export async function catchUpRound(options: RoundOptions, signal: AbortSignal): Promise<RoundReport> {
  const { source, hints, links, clock, log } = options;
  const kept = links.list();
  const watched = options.watched();
  const wanted = wantedQueries(
    watched,
    kept.map(({ query }) => query),
  );
  const requests = { users: 0, groups: 0 };
  const failures: unknown[] = [];
  const away = new Set<DeltaQuery['kind']>();
  const gaps: string[] = [];
  const keys = new Set<Key>();
  const next: KeptLink[] = [];

  /**
   * undefined: it failed, which is remembered. Where Graph was away for one kind, no more of that kind is asked for; the
   * other may be well, and where it is not, the breaker keeps the call from being made.
   */
  async function attempt<T>(kind: DeltaQuery['kind'], work: () => Promise<T>): Promise<T | undefined> {
    if (away.has(kind)) return undefined;
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SourceUnavailable) away.add(kind);
      failures.push(error);
      return undefined;
    }
  }

  async function begin(query: DeltaQuery): Promise<boolean> {
    const begun = await attempt(query.kind, () => source.begin(query, signal));
    if (!begun) return false;
    requests[query.kind] += begun.requests;
    next.push({ query, link: begun.link, issuedAt: clock.now() });
    return true;
  }

  /** What an earlier link has to tell; the link to go on from, or undefined where it failed or is lost. */
  async function follow({ query, link, issuedAt }: KeptLink): Promise<KeptLink | 'lost' | undefined> {
    return attempt(query.kind, async () => {
      try {
        const told = await source.follow(query.kind, link, signal);
        requests[query.kind] += told.requests;
        for (const oid of told.users) keys.add(`user:${oid}`);
        for (const group of told.groups) keys.add(`group:${group}`);
        return { query, link: told.link, issuedAt: told.link === link ? issuedAt : clock.now() };
      } catch (error) {
        if (!(error instanceof DeltaLost)) throw error;
        requests[query.kind] += 1;
        gaps.push(error.message);
        return 'lost';
      }
    });
  }

  const isAsked = ({ query }: KeptLink) => wanted.some((other) => isSameQuery(query, other));
  const isOld = ({ issuedAt }: KeptLink) => clock.now() - issuedAt > RENEW_AFTER_MS;
  const staying = kept.filter((link) => isAsked(link) && !isOld(link));
  const leaving = kept.filter((link) => !staying.includes(link));

  const fresh = wanted.filter((query) => !staying.some((link) => isSameQuery(link.query, query)));
  for (const query of fresh) {
    if (!(await begin(query))) continue;
    const before = kept.map((link) => link.query).filter(({ kind }) => kind === query.kind);
    if (before.length === 0) gaps.push(`no earlier place among the changes of ${query.kind} is known`);
    // Whoever nobody watched until now may have changed before this place was taken.
    for (const id of uncovered(query, before, watched)) keys.add(query.kind === 'users' ? `user:${id}` : `group:${id}`);
  }
  const isWhole = (kind: DeltaQuery['kind']) =>
    wanted.every(
      (query) => query.kind !== kind || [...staying, ...next].some((link) => isSameQuery(link.query, query)),
    );
  for (const link of leaving) {
    const followed = await follow(link);
    // Given up only once every query that takes its place has begun.
    if (followed !== 'lost' && !isWhole(link.query.kind)) next.push(followed ?? link);
    else if (!followed)
      gaps.push(`an earlier place among the changes of ${link.query.kind} could not be read to its end`);
  }
  for (const link of staying) {
    const followed = await follow(link);
    if (followed !== 'lost') next.push(followed ?? link);
    else await begin(link.query);
  }

  const swept = whySwept(gaps, keys);
  const put: Key[] = keys.size > MAX_KEYS ? [] : [...keys];
  await Promise.all(put.map((key) => hints.put(key, 'caught-up')));
  if (swept !== undefined) {
    log('reconcile.catchup.gap', { why: swept });
    await hints.put('sweep', 'caught-up');
  }
  await links.replace(next);
  if (failures.length > 0) throw failures[0];
  return {
    requests,
    users: wanted.some(({ kind, ids }) => kind === 'users' && ids === undefined) ? 'collection' : 'by-id',
    found: new Set([...keys].flatMap((key) => (key.startsWith('user:') ? [key.slice('user:'.length)] : []))),
    keys: put.length,
    swept,
  };
}

function whySwept(gaps: readonly string[], keys: ReadonlySet<Key>): string | undefined {
  if (keys.size > MAX_KEYS) return `${keys.size} objects changed, more than are looked at one by one`;
  return gaps.length > 0 ? gaps.join('; ') : undefined;
}
