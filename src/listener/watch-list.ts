import type { Clock } from '../domain/clock.js';
import { messageOf } from '../domain/errors.js';
import { branchChanges, type GroupTree, groupsBelow, isNeverRead, isWhole, keepKnown } from '../domain/group-tree.js';
import type { GroupId, ObjectId } from '../domain/identity.js';
import type { HintSink, Key } from '../queue/queue.js';
import type { Log } from '../telemetry/log.js';
import { areCollections, singleGroups, wantedResources } from './subscriptions/wanted.js';

export interface WatchListOptions {
  configured: readonly GroupId[];
  /** Users that are configured by their id. */
  users: readonly ObjectId[];
  /**
   * Which groups are watched beside the configured ones, where Entra itself says so; undefined: that cannot be told
   * now, so what was known stays.
   */
  discover?: ((signal: AbortSignal) => Promise<readonly GroupId[] | undefined>) | undefined;
  /** Reads what is nested below these groups; see `readGroupTree`. */
  readTree: (signal: AbortSignal, groups: readonly GroupId[]) => Promise<GroupTree>;
  /** The resources that we have subscriptions for on disk: what was known before this process started. */
  recorded: () => readonly string[];
  hints: HintSink;
  clock: Clock;
  log: Log;
  /** Told when what is wanted is not what it was: the subscriptions are to be looked after now. */
  onChange: () => void;
  /** Ends reads that a notification asked for. */
  signal: AbortSignal;
}

/**
 * What the listener watches: the configured groups and every group found below them. A branch that cannot be read
 * keeps what was known of it, also over a restart, since the store still has its subscriptions.
 */
export interface WatchList {
  /** The resources to subscribe to now. */
  wanted(): readonly string[];
  /** For the intake: whether a change of this group concerns us. */
  isWatchedGroup(group: GroupId): boolean;
  /**
   * For the intake: something about a watched group changed that may be about nesting, since members are told by
   * their ids alone. The tree is read soon, and once more a little later; many calls are one read.
   */
  noteNesting(): void;
  /** The same sink, where an id that is known to be a group is put as one: a member's item does not tell its type. */
  hints: HintSink;
  /**
   * Reads the tree, unless that was done a moment ago. Before each look at the subscriptions, which does not wait for
   * long: what a slow reading finds is told by `onChange`. Never throws.
   */
  refresh(): Promise<void>;
}

/** Graph tells of a change before all of its replicas have it, and changes come in bursts. */
const SETTLE_MS = 2000;
/** However many notifications come, the tree is not read for them more often than this; nor for more looks. */
const REST_MS = 15_000;
/** Which groups there are is asked less often than what is in them. */
const DISCOVER_AFTER_MS = 5 * 60_000;
/** The care of the subscriptions waits so long for the tree, and goes by what was known after that. */
const PATIENCE_MS = 10_000;
const COLLECTIONS: readonly string[] = ['/groups', '/users'];

export function createWatchList(options: WatchListOptions): WatchList {
  const { users, recorded, clock, log } = options;
  const watches = options.configured.length > 0 || options.discover !== undefined;
  let configured: readonly GroupId[] = options.configured;
  let own = new Set(configured);
  let discovered: readonly GroupId[] | undefined;
  let discoveredAt = Number.NEGATIVE_INFINITY;
  let tree: GroupTree | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let isFollowing = false;
  /** When a notification last gave reason to doubt the tree. */
  let notedAt = Number.NEGATIVE_INFINITY;
  /** When it was last read for that reason. */
  let followedAt = Number.NEGATIVE_INFINITY;
  /** Groups of an earlier process that no certain reading has placed or removed yet. */
  const inherited = new Set(singleGroups(recorded()));
  let nested: ReadonlySet<GroupId> = new Set();
  let resources: readonly string[] = areCollections(recorded()) ? COLLECTIONS : [];
  /** Hints about branches that changed and could not be stored yet. */
  const owed = new Set<Key>();
  settle();

  /** What is wanted by what is known now; whether that is another list than before. */
  function settle(): boolean {
    const before = resources;
    const collections = areCollections(before);
    const known = [...(tree?.values() ?? [])].flatMap((branch) => groupsBelow(branch).map(({ id }) => id));
    // A branch that was never read may hold any group that an earlier process had found.
    const isUndiscovered = options.discover !== undefined && discovered === undefined;
    const blind = watches && (!tree || isUndiscovered || [...tree.values()].some(isNeverRead));
    const all = blind ? [...known, ...inherited] : known;
    nested = new Set(all.filter((id) => !own.has(id)));
    // Collections are watched because there were many groups; until those are counted again that stays.
    if (blind && collections) return false;
    const groupIds = [...configured, ...[...nested].sort()];
    resources = wantedResources({ groupIds, userIds: users, collections, log });
    return resources.length !== before.length || resources.some((resource) => !before.includes(resource));
  }

  async function read(): Promise<void> {
    readAt = clock.now();
    await discover();
    const now = await options.readTree(options.signal, configured);
    const next = keepKnown(tree, now);
    const changes = branchChanges(tree, next);
    for (const { left } of changes) for (const id of left) inherited.delete(id);
    const changed = [...changes.map(({ branch }) => branch), ...firstSeen(next)];
    if (!isWhole(now)) {
      const unread = [...now.values()].flatMap(({ id, below }) =>
        below.certainty === 'unknown' ? [{ group: id, why: below.why }] : [],
      );
      log('listener.tree.unread', { unread: unread.length, first: unread[0] });
    }
    tree = next;
    const differs = settle();
    if (differs) log('listener.tree.changed', { nested: nested.size, branches: changed });
    // A change within a branch that was not heard of, while it was not watched, shows in its listing.
    for (const group of changed) owed.add(`group:${group}`);
    await payOwed();
    if (differs) options.onChange();
  }

  /** Groups that Entra itself selects: one that came or went is looked at by a sweep. */
  async function discover(): Promise<void> {
    if (!options.discover || clock.now() - discoveredAt < DISCOVER_AFTER_MS) return;
    // Whatever keeps these from being told, the configured ones are watched.
    const found = await options.discover(options.signal).catch(tellUnlessStopped);
    if (!found) return;
    discoveredAt = clock.now();
    const differs = discovered && (found.length !== discovered.length || found.some((id) => !discovered?.includes(id)));
    if (differs) owed.add('sweep');
    discovered = found;
    configured = [...new Set([...options.configured, ...found])];
    own = new Set(configured);
  }

  /**
   * Branches that can be read only now and hold groups that we did not know: whatever was told of those was dropped
   * meanwhile. Not at the very first reading, since the sweep of a start comes after it.
   */
  function firstSeen(next: GroupTree): GroupId[] {
    return [...next.values()].flatMap((branch) => {
      const earlier = tree?.get(branch.id);
      if (!earlier || !isNeverRead(earlier)) return [];
      return groupsBelow(branch).some(({ id }) => !own.has(id) && !nested.has(id)) ? [branch.id] : [];
    });
  }

  async function payOwed(): Promise<void> {
    for (const key of [...owed]) {
      try {
        await options.hints.put(key);
        owed.delete(key);
      } catch (error) {
        log('listener.sweep.unstored', { key, error: messageOf(error) });
        return;
      }
    }
  }

  /** One read at a time; what asks while one runs is content with it. */
  function readOnce(): Promise<void> {
    reading ??= read()
      .catch(tellUnlessStopped)
      .finally(() => {
        reading = undefined;
      });
    return reading;
  }

  /** Soon, and once more when every replica of Graph should have it; then whatever came in between is read as well. */
  async function follow(): Promise<void> {
    do {
      await clock.sleep(Math.max(SETTLE_MS, followedAt + REST_MS - clock.now()), options.signal);
      followedAt = clock.now();
      await readOnce();
    } while (followedAt < notedAt + REST_MS);
  }

  function tellUnlessStopped(error: unknown): void {
    if (!options.signal.aborted) log('listener.tree.unread', { error: messageOf(error) });
  }

  return {
    wanted: () => resources,
    isWatchedGroup: (group) => own.has(group) || nested.has(group),
    noteNesting() {
      if (!watches) return;
      notedAt = clock.now();
      if (isFollowing) return;
      isFollowing = true;
      void follow()
        .catch(tellUnlessStopped)
        .finally(() => {
          isFollowing = false;
        });
    },
    hints: {
      put(key, reason) {
        const id = key.startsWith('user:') ? key.slice('user:'.length) : undefined;
        const isGroup = id !== undefined && (own.has(id) || nested.has(id));
        return isGroup ? options.hints.put(`group:${id}`) : options.hints.put(key, reason);
      },
    },
    async refresh() {
      await payOwed();
      if (!watches || clock.now() - readAt < REST_MS) return;
      const enough = new AbortController();
      const patience = clock.sleep(PATIENCE_MS, AbortSignal.any([options.signal, enough.signal]));
      await Promise.race([readOnce(), patience.catch(() => undefined)]);
      enough.abort();
    },
  };
}
