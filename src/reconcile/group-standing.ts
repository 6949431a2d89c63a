import type { Clock } from '../domain/clock.js';
import { messageOf } from '../domain/errors.js';
import { branchChanges, type GroupTree, groupsBelow, isNeverRead, keepKnown } from '../domain/group-tree.js';
import type { GroupId } from '../domain/identity.js';
import type { Log } from '../telemetry/log.js';

/** Whether an id is a group; unknown where Graph could not be asked about it. */
export type GroupProof = 'group' | 'no group' | 'unknown';

export interface GroupStandingOptions {
  /** Asked each time, since groups for lakeFS come and go. */
  configured: () => readonly GroupId[];
  /** Reads what is nested below the configured groups; see `readGroupTree`. */
  readTree: (signal: AbortSignal) => Promise<GroupTree>;
  /** See `whichAreGroups`. */
  whichAreGroups: (ids: readonly string[], signal: AbortSignal) => Promise<ReadonlyMap<string, GroupProof>>;
  clock: Clock;
  log: Log;
}

/** How a group stands to one configured group: `left`: it was below it until a moment ago, and is not any more. */
export interface BranchOf {
  configured: GroupId;
  how: 'itself' | 'below' | 'left' | 'unknown';
}

/**
 * What the reconciler knows of the configured groups and those nested below them. In memory: it is read at each sweep,
 * and a start begins with one. A branch that cannot be read keeps what was known of it.
 */
export interface GroupStanding {
  /**
   * The configured groups and every group known below them, each once: what a change source has to look at. The list
   * grows and shrinks while we run; until the first reading it is the configured groups alone.
   */
  watchedGroups(): readonly GroupId[];
  /** The last reading, with what was known where a branch could not be read; undefined before the first one. */
  tree(): GroupTree | undefined;
  /** When it was read, epoch ms. */
  readAt(): number | undefined;
  /**
   * Reads the tree, and gives the configured groups whose branch is not what it was. `since`: a reading that began
   * after this instant, epoch ms, and a moment ago, will do; many hints at once are one reading. Never throws but when
   * aborted: where nothing can be read, what was known stays.
   */
  refresh(signal: AbortSignal, since?: number): Promise<GroupId[]>;
  /** The configured groups whose members a change of this group may change. */
  branchesOf(group: GroupId): BranchOf[];
  /** Which of these ids are groups: known ones without asking. Throws SourceUnavailable when Graph cannot be asked. */
  whichAreGroups(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, GroupProof>>;
}

/** A reading this old is not taken for another hint. */
const FRESH_FOR_MS = 5000;
/** For so long a group that left a branch counts in it: longer than Graph's replicas and our re-checks take. */
const LEFT_FOR_MS = 15 * 60_000;

export function createGroupStanding(options: GroupStandingOptions): GroupStanding {
  const { configured, clock, log } = options;
  /** When a group left a branch, by `configured group`. */
  const left = new Map<GroupId, Map<GroupId, number>>();
  let tree: GroupTree | undefined;
  let readAt: number | undefined;
  /** The latest reading, under way or over. */
  let latest: { begunAt: number; done: Promise<GroupId[]> } | undefined;

  function noteLeft(branch: GroupId, groups: readonly GroupId[]): void {
    const now = clock.now();
    const gone = left.get(branch) ?? new Map<GroupId, number>();
    for (const group of groups) gone.set(group, now);
    for (const [group, at] of gone) if (now - at > LEFT_FOR_MS) gone.delete(group);
    left.set(branch, gone);
  }

  function howIn(branch: GroupId, group: GroupId): BranchOf['how'] | undefined {
    if (branch === group) return 'itself';
    const known = tree?.get(branch);
    if (known && groupsBelow(known).some(({ id }) => id === group)) return 'below';
    if (clock.now() - (left.get(branch)?.get(group) ?? Number.NEGATIVE_INFINITY) <= LEFT_FOR_MS) return 'left';
    return !known || isNeverRead(known) ? 'unknown' : undefined;
  }

  async function read(signal: AbortSignal): Promise<GroupId[]> {
    let now: GroupTree;
    try {
      now = await options.readTree(signal);
    } catch (error) {
      signal.throwIfAborted();
      log('reconcile.tree.unread', { error: messageOf(error) });
      return [];
    }
    const unread = [...now.values()].flatMap(({ id, below }) =>
      below.certainty === 'unknown' ? [{ group: id, why: below.why }] : [],
    );
    if (unread.length > 0) log('reconcile.tree.unread', { unread: unread.length, first: unread[0] });
    const next = keepKnown(tree, now);
    const changes = branchChanges(tree, next);
    for (const { branch, left: gone } of changes) noteLeft(branch, gone);
    tree = next;
    readAt = clock.now();
    return changes.map(({ branch }) => branch);
  }

  function watchedGroups(): GroupId[] {
    const nested = [...(tree?.values() ?? [])].flatMap((branch) => groupsBelow(branch).map(({ id }) => id));
    return [...new Set([...configured(), ...nested])];
  }

  return {
    watchedGroups,
    tree: () => tree,
    readAt: () => readAt,
    async refresh(signal, since) {
      const now = clock.now();
      if (latest && since !== undefined && latest.begunAt > since && now - latest.begunAt < FRESH_FOR_MS) {
        // Whoever had it read looks at what changed.
        await latest.done.catch(() => undefined);
        signal.throwIfAborted();
        return [];
      }
      latest = { begunAt: now, done: read(signal) };
      return latest.done;
    },
    branchesOf(group) {
      return configured().flatMap((branch) => {
        const how = howIn(branch, group);
        return how ? [{ configured: branch, how }] : [];
      });
    },
    async whichAreGroups(ids, signal) {
      const known = new Set(watchedGroups());
      const asked = ids.filter((id) => !known.has(id));
      const proofs = asked.length > 0 ? await options.whichAreGroups(asked, signal) : new Map<string, GroupProof>();
      return new Map(ids.map((id) => [id, proofs.get(id) ?? (known.has(id) ? 'group' : 'unknown')]));
    },
  };
}
