import type { Clock } from '../../domain/clock.js';

/** How reading the hub goes, for a person. Times are epoch ms. */
export interface HubView {
  /**
   * `starting`: nothing was heard of the hub yet. `away`: it cannot be read. `waiting`: it can, and our own spool takes
   * nothing. A hub without events is `reading`.
   */
  state: 'starting' | 'reading' | 'away' | 'waiting';
  since: number;
  problem: string | undefined;
  partitions: number;
  /** When events came last; undefined: none since the start. */
  lastEventAt: number | undefined;
}

/** Keeps account of every partition, and of the hub as a whole. */
export interface HubStanding {
  view(): HubView;
  /** The partition was read, with or without events. True: after trouble that had lasted. */
  alive(partition: string): boolean;
  /** Counts and gives the failures in a row. */
  unwell(partition: string | undefined, problem: string): number;
  /** Keys of it are on their way to the spool, which may fail or simply not answer. */
  storing(partition: string): void;
  unstored(partition: string, problem: string): void;
  stored(partition: string): void;
  /** Events of it are stored. */
  took(partition: string): void;
  /** Partitions of which nothing was heard since, though nothing of theirs is in our hands. */
  silentSince(instant: number): string[];
  /** The partition is to be read from now on. */
  expect(partition: string): void;
  /** The hub has these partitions and no others. */
  keepOnly(partitions: readonly string[]): void;
}

interface Trouble {
  since: number;
  problem: string;
  failures: number;
}

const HUB = '';
/** A disk that takes longer is blocked, even if it refuses nothing. */
const SLOW_STORE_MS = 10_000;

export function createHubStanding(clock: Clock): HubStanding {
  const troubles = new Map<string, Trouble>();
  const blocked = new Map<string, { since: number; problem: string }>();
  const storingSince = new Map<string, number>();
  const heardAt = new Map<string, number>();
  const startedAt = clock.now();
  let readingSince: number | undefined;
  let lastEventAt: number | undefined;

  /** Where the spool has not answered for too long. */
  function hanging(): { since: number; problem: string } | undefined {
    const since = Math.min(...storingSince.values());
    return clock.now() - since >= SLOW_STORE_MS ? { since, problem: 'the spool does not answer' } : undefined;
  }

  return {
    view() {
      const common = { partitions: heardAt.size, lastEventAt };
      const waiting = oldest(blocked) ?? hanging();
      if (waiting) return { ...common, state: 'waiting', ...waiting };
      const trouble = oldest(troubles);
      if (trouble) return { ...common, state: 'away', since: trouble.since, problem: trouble.problem };
      if (readingSince === undefined) return { ...common, state: 'starting', since: startedAt, problem: undefined };
      return { ...common, state: 'reading', since: readingSince, problem: undefined };
    },
    alive(partition) {
      heardAt.set(partition, clock.now());
      const had = troubles.delete(partition);
      const hubHad = troubles.delete(HUB);
      if (readingSince === undefined || ((had || hubHad) && troubles.size === 0)) readingSince = clock.now();
      return had || hubHad;
    },
    unwell(partition = HUB, problem) {
      if (partition !== HUB) heardAt.set(partition, clock.now());
      const before = troubles.get(partition);
      const failures = (before?.failures ?? 0) + 1;
      troubles.set(partition, { since: before?.since ?? clock.now(), problem, failures });
      return failures;
    },
    storing(partition) {
      storingSince.set(partition, clock.now());
    },
    unstored(partition, problem) {
      blocked.set(partition, { since: blocked.get(partition)?.since ?? clock.now(), problem });
    },
    stored(partition) {
      blocked.delete(partition);
      storingSince.delete(partition);
      heardAt.set(partition, clock.now());
    },
    took(_partition) {
      lastEventAt = clock.now();
    },
    silentSince: (instant) =>
      [...heardAt]
        .filter(([partition, at]) => at < instant && !storingSince.has(partition))
        .map(([partition]) => partition),
    expect(partition) {
      heardAt.set(partition, clock.now());
    },
    keepOnly(partitions) {
      const kept = new Set([HUB, ...partitions]);
      for (const all of [heardAt, troubles, blocked, storingSince]) {
        for (const partition of all.keys()) if (!kept.has(partition)) all.delete(partition);
      }
    },
  };
}

function oldest<T extends { since: number; problem: string }>(all: ReadonlyMap<string, T>) {
  const [first] = [...all.values()].sort((a, b) => a.since - b.since);
  return first && { since: first.since, problem: first.problem };
}
