import type { Clock } from '../../domain/clock.js';
import type { ObjectId } from '../../domain/identity.js';
import type { LedgerEntry } from '../../domain/ledger-entry.js';
import type { Claim } from '../../queue/queue.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { Outcome } from '../settle.js';

/** What found a change that nobody had told of. */
export type Finder = 'catch-up' | 'sweep';

/** A change that nobody had told of. */
export interface Found {
  by: Finder;
  oid: ObjectId;
  upn: string;
  /** When it was certain that nobody had, epoch ms. */
  at: number;
}

/** How many were found since this process began. */
export interface FoundCounts {
  'catch-up': number;
  sweep: number;
  last: Found | undefined;
}

/** Somebody before and after a pass, as the ledger had them. */
export interface Settled {
  outcome: Pick<Outcome, 'oid' | 'result'>;
  before: LedgerEntry | undefined;
  after: LedgerEntry | undefined;
}

/**
 * Watches who told of which change. From memory: what was told before the process began is not known, so its first
 * sweep proves nothing against anybody.
 */
export interface FoundOnly {
  /** A key was taken up. */
  claimed(claim: Claim): void;
  /** Targeted work on somebody ended. */
  settled(settled: Settled): void;
  /** A sweep that began then has ended. */
  swept(startedAt: number, all: readonly Settled[]): void;
  roundBegan(at: number): void;
  /** A good round of catch-up that began then has named these. */
  roundEnded(startedAt: number, found: ReadonlySet<ObjectId>): void;
  counts(): FoundCounts;
}

export interface FoundOnlyOptions {
  clock: Clock;
  log: Log;
  metrics: Pick<Metrics, 'foundOnly'>;
  /** Somebody is to tell of changes as they happen; otherwise catch-up is the source, and finding is its work. */
  isPushed: boolean;
}

/** What was told of somebody; epoch ms. */
interface Told {
  pushedAt?: number;
  /** Catch-up told it, and a push from `since` on would have been about the same change. */
  caughtUp?: { at: number; since: number };
}

/** Found by a sweep; the next round says whether catch-up was merely later. */
interface Candidate {
  upn: string;
  foundAt: number;
  /** When the sweep before began: what was told since then was told. */
  since: number;
}

/** Graph may have a bad day; a whole tenant is not kept in memory for it. */
const MAX_CANDIDATES = 10_000;
/** Whoever can put hints can make up ids; the oldest are forgotten, which at worst counts a change as untold. */
const MAX_TOLD = 100_000;

export function createFoundOnly({ clock, log, metrics, isPushed }: FoundOnlyOptions): FoundOnly {
  const told = new Map<ObjectId, Told>();
  const candidates = new Map<ObjectId, Candidate>();
  const counts: FoundCounts = { 'catch-up': 0, sweep: 0, last: undefined };
  let roundAt: number | undefined;
  let roundBefore: number | undefined;
  let sweptAt: number | undefined;

  function found(by: Finder, oid: ObjectId, upn: string): void {
    counts[by] += 1;
    counts.last = { by, oid, upn, at: clock.now() };
    metrics.foundOnly.inc({ by });
    log('reconcile.change.untold', { by, oid, upn });
  }

  /** What nobody will ask about any more. */
  function prune(): void {
    const needed = Math.min(roundBefore ?? 0, sweptAt ?? 0);
    for (const [oid, { pushedAt = 0, caughtUp }] of told) {
      if (Math.max(pushedAt, caughtUp?.at ?? 0) < needed) told.delete(oid);
    }
  }

  return {
    claimed({ key, told: by }) {
      if (by === undefined || !key.startsWith('user:')) return;
      const oid = key.slice('user:'.length);
      const known = told.get(oid) ?? {};
      const now = clock.now();
      if (by === 'push') known.pushedAt = now;
      else known.caughtUp = { at: now, since: roundBefore ?? 0 };
      told.delete(oid);
      told.set(oid, known);
      const [oldest] = told.keys();
      if (told.size > MAX_TOLD && oldest !== undefined) told.delete(oldest);
    },
    settled({ outcome, before, after }) {
      if (outcome.result !== 'applied' || !after || !isOfEntra(before, after)) return;
      const { pushedAt, caughtUp } = told.get(outcome.oid) ?? {};
      if (!caughtUp) return;
      // Told once: what is applied to the same person from now on is another change.
      told.set(outcome.oid, pushedAt === undefined ? {} : { pushedAt });
      const wasPushed = pushedAt !== undefined && pushedAt >= caughtUp.since;
      if (isPushed && !wasPushed) found('catch-up', outcome.oid, after.upn);
    },
    swept(startedAt, all) {
      const since = sweptAt;
      sweptAt = startedAt;
      if (since === undefined) return;
      for (const { outcome, before, after } of all) {
        if (outcome.result !== 'applied' || !after || !isOfEntra(before, after)) continue;
        if (candidates.size >= MAX_CANDIDATES) break;
        candidates.set(outcome.oid, { upn: after.upn, foundAt: clock.now(), since });
      }
    },
    roundBegan(at) {
      roundBefore = roundAt;
      roundAt = at;
      prune();
    },
    roundEnded(startedAt, named) {
      for (const [oid, { upn, foundAt, since }] of candidates) {
        // Catch-up had no chance yet to tell of it.
        if (foundAt > startedAt) continue;
        candidates.delete(oid);
        const { pushedAt, caughtUp } = told.get(oid) ?? {};
        if (pushedAt !== undefined && pushedAt >= since) continue;
        const caught = named.has(oid) || (caughtUp !== undefined && caughtUp.at >= since);
        if (!caught) found('sweep', oid, upn);
        else if (isPushed) found('catch-up', oid, upn);
      }
    },
    counts: () => ({ ...counts }),
  };
}

/** Whether Entra changed, and not only a target, a countdown or the memory of the ledger. */
function isOfEntra(before: LedgerEntry | undefined, after: LedgerEntry): boolean {
  if (!before) return true;
  if (before.groupsUnknown || after.state === 'deleted') return false;
  const essence = ({ state, upn, displayName, groups }: LedgerEntry) =>
    JSON.stringify([state, upn, displayName, [...groups].sort()]);
  return essence(before) !== essence(after);
}
