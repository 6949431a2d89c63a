import { messageOf } from '../../domain/errors.js';
import type { ObjectId } from '../../domain/identity.js';
import { jittered } from '../../domain/jitter.js';
import type { LedgerEntry } from '../../domain/ledger-entry.js';
import type { Claim } from '../../queue/queue.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { Outcome } from '../settle.js';
import { createFoundOnly, type FoundCounts } from './found-only.js';
import type { KnownPeople } from './known.js';
import { catchUpRound, type RoundOptions, type RoundReport } from './round.js';

/** What the loop tells of its work, so that it is known who told of which change and who is known at all. */
export interface LoopWatch {
  claimed(claim: Claim): void;
  settled(outcome: Outcome, before: LedgerEntry | undefined): void;
  swept(startedAt: number, outcomes: readonly Outcome[], before: ReadonlyMap<ObjectId, LedgerEntry>): void;
}

/** How catch-up stands. Times are epoch ms. */
export interface CatchUpStanding {
  intervalMs: number;
  startedAt: number;
  lastGoodAt: number | undefined;
  /** Of the last good round. */
  last: Pick<RoundReport, 'requests' | 'users' | 'keys'> | undefined;
  failing: { since: number; attempts: number; why: string } | undefined;
  found: FoundCounts;
}

/** Asks again and again what changed, beside everything that is told. */
export interface CatchUp {
  /** The first round comes after one interval: until then there is the sweep at the start. */
  start(): void;
  /** Lets go of the round that runs, and resolves once it has ended. */
  stop(): Promise<void>;
  /** Whatever made rounds fail is over: the next one is not waited for. */
  hurry(): void;
  /** One round at once; never two at the same time. Never rejects. */
  round(): Promise<void>;
  standing(): CatchUpStanding;
  watch: LoopWatch;
}

export interface CatchUpOptions extends Omit<RoundOptions, 'watched'> {
  groups: () => readonly string[];
  known: KnownPeople;
  entry: (oid: ObjectId) => LedgerEntry | undefined;
  intervalMs: number;
  isPushed: boolean;
  metrics: Metrics;
  /** From 0 up to 1. */
  random: () => number;
}

/** A round that takes longer is given up: what it would have told is told by the next one. */
const ROUND_LIMIT_MS = 240_000;
/** Between failing rounds, at most, unless the interval is longer. */
const MAX_PAUSE_MS = 900_000;

export function createCatchUp(options: CatchUpOptions): CatchUp {
  const { clock, log, metrics, intervalMs, known, random } = options;
  const foundOnly = createFoundOnly(options);
  const startedAt = clock.now();
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let lastGoodAt: number | undefined;
  let last: CatchUpStanding['last'];
  let failing: CatchUpStanding['failing'];
  /** Rounds in a row in which Graph had lost our place: a link that never lives must not mean sweep after sweep. */
  let lost = 0;

  async function runRound(): Promise<void> {
    const limit = new AbortController();
    const overdue = setTimeout(
      () => limit.abort(new Error(`the round took longer than ${ROUND_LIMIT_MS / 1000} s and was given up`)),
      ROUND_LIMIT_MS,
    );
    const began = clock.now();
    foundOnly.roundBegan(began);
    const watched = () => ({ groups: options.groups(), users: known.list() });
    try {
      const report = await catchUpRound({ ...options, watched }, AbortSignal.any([stopping.signal, limit.signal]));
      foundOnly.roundEnded(began, report.found);
      succeeded(report);
    } catch (error) {
      if (!stopping.signal.aborted) failed(error);
    } finally {
      clearTimeout(overdue);
    }
  }

  function succeeded(report: RoundReport): void {
    const { requests, users, keys, swept } = report;
    lastGoodAt = clock.now();
    last = { requests, users, keys };
    lost = swept === undefined ? 0 : lost + 1;
    for (const kind of ['users', 'groups'] as const) {
      metrics.catchUpRequests.inc({ kind }, requests[kind]);
      metrics.catchUpRoundRequests.set({ kind }, requests[kind]);
    }
    metrics.catchUpLastSuccessSeconds.set(lastGoodAt / 1000);
    log('reconcile.catchup.read', { requests, users, keys });
    if (failing) log('reconcile.catchup.recovered', { sinceMs: lastGoodAt - failing.since });
    failing = undefined;
  }

  function failed(error: unknown): void {
    const why = messageOf(error);
    metrics.catchUpFailures.inc();
    if (!failing) log('reconcile.catchup.failed', { error: why });
    failing = { since: failing?.since ?? clock.now(), attempts: (failing?.attempts ?? 0) + 1, why };
  }

  function round(): Promise<void> {
    running ??= runRound().finally(() => {
      running = undefined;
    });
    return running;
  }

  function after(pauseMs: number): void {
    timer = setTimeout(() => void round().then(schedule), pauseMs);
  }

  function schedule(): void {
    if (stopping.signal.aborted) return;
    // The first place is taken by a sweep as well, and it is no trouble.
    const doublings = Math.min(20, (failing?.attempts ?? 0) + Math.max(0, lost - 1));
    const pauseMs = Math.min(intervalMs * 2 ** doublings, Math.max(intervalMs, MAX_PAUSE_MS));
    // Many hosts of one tenant should not all ask at the same second.
    after(jittered(pauseMs, 0.05, random));
  }

  return {
    start: schedule,
    async stop() {
      clearTimeout(timer);
      stopping.abort();
      await running;
    },
    hurry() {
      // The one that runs is followed by the next in its turn.
      if (!failing || running || stopping.signal.aborted) return;
      clearTimeout(timer);
      after(0);
    },
    round,
    standing: () => ({ intervalMs, startedAt, lastGoodAt, last, failing, found: foundOnly.counts() }),
    watch: {
      claimed: (claim) => foundOnly.claimed(claim),
      settled(outcome, before) {
        known.settled(outcome);
        foundOnly.settled({ outcome, before, after: options.entry(outcome.oid) });
      },
      swept(sweepStartedAt, outcomes, before) {
        known.swept(outcomes);
        foundOnly.swept(
          sweepStartedAt,
          outcomes.map((outcome) => ({
            outcome,
            before: before.get(outcome.oid),
            after: options.entry(outcome.oid),
          })),
        );
      },
    },
  };
}
