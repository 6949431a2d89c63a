import { messageOf, SourceUnavailable } from '../domain/errors.js';
import type { Claim } from '../queue/queue.js';
import { backoffMs } from './backoff.js';
import type { LoopWatch } from './catch-up/catch-up.js';
import type { ClaimWork } from './claim-work.js';
import type { Context } from './context.js';
import { unreadGroups } from './health-groups.js';
import { auditSweep, inPass } from './pass.js';
import type { Outcome } from './settle.js';
import { rememberFailedSweep, type SweepReport, sweep } from './sweep.js';

export interface SweepWorkOptions extends ClaimWork {
  failOpen: boolean;
  random: () => number;
  watch?: LoopWatch | undefined;
  /** Ends the sweep where it is. */
  signal: AbortSignal;
}

/** How far a sweep is, as it tells it itself. */
export interface SweepProgress {
  text: string;
  done?: number | undefined;
  all?: number | undefined;
}

/** Above so many identities that could not be settled a sweep is done again instead. */
const MANY = 100;
const SWEEP_AGAIN_MS = 300_000;
const LONGEST_SWEEP_PAUSE_MS = 3_600_000;
/** When a group that could not be read is looked at again by itself. */
const GROUP_AGAIN_MS = 30_000;

/** The sweeps of a loop: each claim is one, and what it left undone is planned again. */
export function createSweepWork(
  ctx: Context,
  options: SweepWorkOptions,
): { run(claim: Claim): Promise<void>; progress(): SweepProgress | undefined } {
  const { queue, settleClaim, failed, noteUnavailable, failOpen, random, watch, signal } = options;
  let progress: SweepProgress | undefined;
  /** Sweeps in a row that were degraded or failed. */
  let incomplete = 0;

  async function run(claim: Claim): Promise<void> {
    const startedAt = ctx.clock.now();
    const pass = inPass(ctx, { by: 'sweep' });
    const before = new Map(ctx.ledger.entries().map((entry) => [entry.oid, entry]));
    try {
      await ctx.groups?.refresh(signal);
      const report = await sweep(
        pass,
        {
          apply: true,
          progress: (text, done, all) => {
            progress = { text, done, all };
          },
        },
        signal,
      );
      auditSweep(pass, 'sweep', report.record);
      // What a group of lakeFS needs is planned by sweeps alone.
      const people = report.outcomes.filter(({ prepared }) => prepared.plan?.beside !== 'group');
      watch?.swept(startedAt, people, before);
      ctx.problems.delete('directory');
      await lookAgain(people);
      await sweepAgain(report.record);
    } catch (error) {
      // Stopped in the middle: the claim stays in processing, and the next start takes it up again.
      if (signal.aborted) return;
      if (error instanceof SourceUnavailable) noteUnavailable(error);
      await rememberFailedSweep(pass, startedAt, error, failOpen).catch((second: unknown) => {
        ctx.log('reconcile.loop.failed', { error: messageOf(second) });
      });
      auditSweep(pass, 'sweep', ctx.ledger.data.lastSweep);
      return settleClaim(claim, () => failed(claim, error));
    }
    await settleClaim(claim, () => queue.done(claim));
  }

  /** Whoever did not come to rest is tried singly; where a whole target is away, one more sweep is cheaper. */
  async function lookAgain(outcomes: readonly Outcome[]): Promise<void> {
    const restless = outcomes.filter(({ result }) => result === 'failed' || result === 'unknown');
    if (restless.length > MANY) await queue.defer('sweep', ctx.clock.now() + SWEEP_AGAIN_MS);
    else {
      for (const { oid } of restless) {
        await queue.defer(`user:${oid}`, ctx.clock.now() + backoffMs(4, random));
      }
    }
    for (const { oid, recheckAt } of outcomes) {
      if (recheckAt !== undefined) await queue.defer(`user:${oid}`, recheckAt, true);
    }
    // Whoever was given up gets another chance with each sweep.
    for (const { key } of (await queue.stats()).parked) await queue.put(key);
  }

  /** A sweep that did not do all that it should is done again, so that its standing does not outlast the cause. */
  async function sweepAgain({ result }: SweepReport['record']): Promise<void> {
    const now = ctx.clock.now();
    incomplete = result === 'degraded' || result === 'failed' ? incomplete + 1 : 0;
    if (incomplete > 0) {
      const pauseMs = Math.min(SWEEP_AGAIN_MS * 2 ** (incomplete - 1), LONGEST_SWEEP_PAUSE_MS);
      await queue.defer('sweep', now + pauseMs);
    }
    for (const group of unreadGroups(ctx)) await queue.defer(`group:${group}`, now + GROUP_AGAIN_MS);
  }

  return {
    run: (claim) =>
      run(claim).finally(() => {
        progress = undefined;
      }),
    progress: () => progress,
  };
}
