import type { Clock } from '../domain/clock.js';
import { messageOf } from '../domain/errors.js';
import { jittered } from '../domain/jitter.js';
import type { Log } from '../telemetry/log.js';
import { unlessAborted } from './deadline.js';
import { GraphUnavailable, type UnwellPart } from './graph-errors.js';

/** Why nothing is asked for the moment. Times are epoch ms. */
export interface Outage {
  part: Exclude<UnwellPart, 'call'>;
  /** In words, as the last attempt told it. */
  why: string;
  mend: string | undefined;
  /** The first failure of those in a row that led here. */
  since: number;
  /** The next attempt. */
  until: number;
}

/** What one attempt said of Graph as a whole. */
export interface Trouble {
  part: Outage['part'];
  why: string;
  mend?: string | undefined;
  /** Trying again at once cannot help: a refused secret, a wrong certificate, a wait that was asked for. */
  lasting: boolean;
  retryAfterMs?: number | undefined;
}

export interface BreakerPolicy {
  /** Failures in a row before nothing more is asked. */
  failures: number;
  /** They must have lasted this long: kept connections that are cut at once all fail in one moment. */
  lastingMs: number;
  /** The first pause; doubled after each attempt that fails. */
  pauseMs: number;
  ceilingMs: number;
  /** No Retry-After counts for longer: a broken proxy in between could ask for a year. */
  longestAskedMs: number;
  /** An outage whose first failure comes so soon after the last one goes on with its pauses: only the look went well. */
  relapseMs: number;
}

export const DEFAULT_BREAKER: BreakerPolicy = {
  failures: 5,
  lastingMs: 3_000,
  pauseMs: 2_000,
  ceilingMs: 60_000,
  longestAskedMs: 900_000,
  relapseMs: 3_000,
};

/** Keeps callers from a Graph or a token endpoint that is unwell as a whole. One for all that share a client. */
export interface Breaker {
  /**
   * Makes an attempt, unless there is an outage; then throws GraphUnavailable at once. Once the pause is over one
   * attempt goes through, and whoever comes meanwhile waits for what it finds.
   */
  pass<T>(
    attempt: () => Promise<T>,
    troubleIn: (answer: T) => Promise<Trouble | undefined>,
    signal?: AbortSignal,
  ): Promise<T>;
  outage(): Outage | undefined;
  /** Calls back when an outage begins, is told anew, or ends (undefined); returns a function that stops it. */
  watch(onChange: (outage: Outage | undefined) => void): () => void;
}

export interface BreakerOptions {
  clock: Clock;
  log: Log;
  random: () => number;
  policy?: BreakerPolicy | undefined;
}

/** Closed. */
export function createBreaker({ clock, log, random, policy = DEFAULT_BREAKER }: BreakerOptions): Breaker {
  let failures = 0;
  let firstAt = 0;
  let outage: Outage | undefined;
  let trial: Promise<void> | undefined;
  let pauses = 0;
  let endedAt = Number.NEGATIVE_INFINITY;
  const watchers = new Set<(outage: Outage | undefined) => void>();

  const tell = () => {
    for (const watcher of watchers) watcher(outage);
  };

  function worked(): void {
    failures = 0;
    if (!outage) return;
    const { part, since } = outage;
    outage = undefined;
    endedAt = clock.now();
    log('entra.outage.ended', { part, lastedMs: endedAt - since });
    tell();
  }

  function failed({ part, why, mend, lasting, retryAfterMs = 0 }: Trouble): void {
    const now = clock.now();
    if (failures === 0) firstAt = now;
    failures += 1;
    const begins = outage === undefined;
    if (begins && !lasting && (failures < policy.failures || now - firstAt < policy.lastingMs)) return;
    pauses = begins && firstAt - endedAt > policy.relapseMs ? 0 : pauses + 1;
    const ownMs = jittered(Math.min(policy.pauseMs * 2 ** pauses, policy.ceilingMs), 0.25, random);
    const pauseMs = Math.round(Math.max(ownMs, Math.min(retryAfterMs, policy.longestAskedMs)));
    outage = { part, why, mend, since: outage?.since ?? firstAt, until: now + pauseMs };
    log(begins ? 'entra.outage.began' : 'entra.outage.lasts', { part, why, since: iso(outage.since), pauseMs });
    tell();
  }

  /** What ends the look, where this attempt is the one that looks; undefined: there is no outage. */
  async function enter(signal: AbortSignal | undefined): Promise<(() => void) | undefined> {
    while (outage) {
      if (clock.now() < outage.until) throw asError(outage);
      const running = trial;
      if (!running) return beginTrial();
      await unlessAborted(() => running, signal);
    }
    return undefined;
  }

  /** In the same turn as the look at whether one is under way, so that there is never a second one. */
  function beginTrial(): () => void {
    let settled = (): void => undefined;
    trial = new Promise((resolve) => {
      settled = resolve;
    });
    return () => {
      trial = undefined;
      settled();
    };
  }

  async function judged<T>(
    attempt: () => Promise<T>,
    troubleIn: (answer: T) => Promise<Trouble | undefined>,
    counts: () => boolean,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    try {
      const answer = await attempt();
      const trouble = await troubleIn(answer);
      if (counts()) trouble ? failed(trouble) : worked();
      return answer;
    } catch (error) {
      if (!signal?.aborted && counts() && error instanceof GraphUnavailable && error.about !== 'call') {
        const { about: part, mend, transient, retryAfterMs } = error;
        // The token network has been patient already.
        failed({ part, why: messageOf(error), mend, retryAfterMs, lasting: !transient });
      }
      throw error;
    }
  }

  return {
    async pass(attempt, troubleIn, signal) {
      const endTrial = await enter(signal);
      // Whoever set out before the outage says nothing about its end.
      if (!endTrial) return judged(attempt, troubleIn, () => outage === undefined, signal);
      try {
        return await judged(attempt, troubleIn, () => true, signal);
      } finally {
        endTrial();
      }
    },
    outage: () => outage,
    watch(onChange) {
      watchers.add(onChange);
      return () => void watchers.delete(onChange);
    },
  };
}

function asError({ part, why, mend, since, until }: Outage): GraphUnavailable {
  const times = `unwell since ${iso(since)}, not asked again before ${iso(until)}`;
  return new GraphUnavailable(`${why} (${times})`, { about: part, mend });
}

/** Without fractions of a second. */
function iso(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}
