import { Busy, messageOf, SourceUnavailable } from '../domain/errors.js';
import type { ObjectId } from '../domain/identity.js';
import type { Claim, Queue } from '../queue/queue.js';
import { isPassing } from './backoff.js';
import type { LoopWatch } from './catch-up/catch-up.js';
import type { ClaimWork } from './claim-work.js';
import { watchClock } from './clock-watch.js';
import type { Context } from './context.js';
import { compareOnce } from './disagreement.js';
import { workOnGroup } from './group-work.js';
import { groupsAmong, reconcileIdentities } from './identities.js';
import { measureQueue } from './measure-queue.js';
import { inPass } from './pass.js';
import { retryClaim } from './retry-claim.js';
import type { Outcome } from './settle.js';
import { createSweepWork, type SweepProgress } from './sweep-work.js';
import { createTrailing } from './trailing.js';

export interface LoopOptions {
  queue: Queue;
  /** Pauses after which a hinted identity is looked at again. */
  confirmAfterMs: readonly number[];
  maxAttempts: number;
  /** GRAPH_FAIL_OPEN: a source that cannot be read degrades a sweep instead of failing it. */
  failOpen: boolean;
  random: () => number;
  /** Told of what is taken up and how it ends; see `CatchUp`. */
  watch?: LoopWatch | undefined;
}

/** Works the queue off until stopped. A sweep runs beside targeted work, never two sweeps at once. */
export interface Loop {
  start(): void;
  /** Claims nothing more, lets what runs finish, and returns. */
  stop(): Promise<void>;
  busy(): Busyness;
}

/** What is being worked on right now. */
export interface Busyness {
  sweep: boolean;
  progress?: SweepProgress | undefined;
  /** Keys of one identity or group. */
  targeted: number;
}

/** Ten identities fit one Graph batch. */
const BATCH = 10;
/** How long targeted work may go on once a stop was asked for; the whole stop has ten seconds. */
const PATIENCE_AT_STOP_MS = 6000;
const PAUSE_AFTER_FAILURE_MS = 2000;
export function createLoop(ctx: Context, options: LoopOptions): Loop {
  const { queue } = options;
  const trailing = createTrailing(options.confirmAfterMs);
  const ending = new AbortController();
  const patienceOver = new AbortController();
  let wake = (): void => undefined;
  let running: Promise<void> | undefined;
  let sweeping: Promise<void> | undefined;
  let targeted = 0;
  let unwatch: (() => void) | undefined;
  let unwatchOutages: (() => void) | undefined;
  const claimWork: ClaimWork = { queue, settleClaim, failed, noteUnavailable };
  const sweeps = createSweepWork(ctx, { ...options, ...claimWork, signal: ending.signal });

  async function run(): Promise<void> {
    while (!ending.signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const claimed = await turn();
      if (claimed === 0 && !ending.signal.aborted) await woken;
    }
    await sweeping;
  }

  async function turn(): Promise<number> {
    try {
      // A wait that was meant for minutes may end in a year by a clock that was set back.
      if ((await watchClock(ctx)) === 'jumped') await queue.put('sweep');
      await compareOnce(ctx, patienceOver.signal);
      // While the directory is unwell everything waits as it is; a sweep that somebody asked for ends at once and says so.
      const away = ctx.outages?.outage() !== undefined;
      const claims = await queue.claim(BATCH, away ? (key) => key === 'sweep' : undefined);
      await work(claims);
      ctx.storage.works('spool');
      await measureQueue(ctx, queue);
      return claims.length;
    } catch (error) {
      ctx.log('reconcile.loop.failed', { error: messageOf(error) });
      ctx.storage.fails('spool', `the queue cannot be worked on: ${messageOf(error)}`);
      await ctx.clock.sleep(PAUSE_AFTER_FAILURE_MS, ending.signal).catch(() => undefined);
      return 1;
    }
  }

  async function work(claims: readonly Claim[]): Promise<void> {
    for (const claim of claims) options.watch?.claimed(claim);
    const users = claims.filter((claim) => claim.key.startsWith('user:'));
    const groups = claims.filter((claim) => claim.key.startsWith('group:'));
    for (const claim of claims.filter(({ key }) => key === 'sweep')) {
      // The claim stays in processing while the sweep runs, so a second wish for a sweep waits for its turn.
      sweeping = sweeps.run(claim).finally(() => {
        sweeping = undefined;
        wake();
      });
    }
    targeted = users.length + groups.length;
    try {
      await Promise.all([
        workUsers(users),
        ...groups.map((claim) => workOnGroup(ctx, { ...claimWork, trailing, signal: patienceOver.signal }, claim)),
      ]);
    } finally {
      targeted = 0;
    }
  }

  async function workUsers(claims: readonly Claim[]): Promise<void> {
    if (claims.length === 0) return;
    const byOid = new Map(claims.map((claim) => [claim.key.slice('user:'.length) as ObjectId, claim]));
    const reports = new Map(
      [...byOid].flatMap(([oid, claim]) => (claim.removedAt === undefined ? [] : [[oid, claim.removedAt] as const])),
    );
    const measured = ctx.metrics.reconcileSeconds.startTimer({ by: 'notification' });
    const pass = inPass(ctx, { by: 'notification' });
    const before = new Map([...byOid.keys()].map((oid) => [oid, ctx.ledger.entry(oid)]));
    let outcomes: Map<ObjectId, Outcome>;
    try {
      const request = { by: 'notification', apply: true, removalReports: reports } as const;
      const list = await reconcileIdentities(pass, [...byOid.keys()], request, patienceOver.signal);
      outcomes = new Map(list.map((outcome) => [outcome.oid, outcome]));
      ctx.problems.delete('directory');
    } catch (error) {
      if (error instanceof SourceUnavailable) noteUnavailable(error);
      // One identity that breaks the pass must not take nine others along.
      if (claims.length > 1 && !isPassing(error)) for (const claim of claims) await workUsers([claim]);
      else for (const claim of claims) await settleClaim(claim, () => failed(claim, error));
      return;
    } finally {
      measured();
    }
    for (const outcome of outcomes.values()) options.watch?.settled(outcome, before.get(outcome.oid));
    const nested = await groupsAmong(pass, outcomes, byOid, patienceOver.signal);
    for (const [oid, claim] of byOid) {
      const proof = nested.get(oid);
      await settleClaim(claim, () =>
        proof ? concludeNested(claim, proof, pass) : conclude(claim, outcomes.get(oid), pass),
      );
    }
  }

  /** A claim that cannot be settled is tried again by itself; the others of its batch are settled all the same. */
  async function settleClaim(claim: Claim, settle: () => Promise<void>): Promise<void> {
    try {
      await settle();
    } catch (error) {
      ctx.log('reconcile.loop.failed', { key: claim.key, error: messageOf(error) });
      await failed(claim, error).catch((second: unknown) => {
        ctx.log('reconcile.loop.failed', { key: claim.key, error: messageOf(second) });
      });
    }
  }

  async function conclude(claim: Claim, outcome: Outcome | undefined, pass: Context): Promise<void> {
    if (!outcome) return failed(claim, new Error('the directory gave no reading'));
    const now = ctx.clock.now();
    const { oid, result, why } = outcome;
    if (result !== 'ignored') {
      pass.log('reconcile.identity.settled', {
        oid,
        result,
        why,
        steps: outcome.steps.length,
        sinceMs: now - claim.since,
      });
    }
    if (result === 'failed' || result === 'unknown') {
      // A report of a removal is half of the evidence once: a certain reading has used it up.
      const used = outcome.prepared.assessment.verdict.kind !== 'hold';
      // A source or target that cannot be seen is no fault of the item: it waits for as long as that takes.
      const cause = outcome.error ?? (result === 'unknown' ? new SourceUnavailable(why) : new Error(why));
      return failed(used ? { ...claim, removedAt: undefined } : claim, cause);
    }
    const again = [outcome.recheckAt, trailing.next(oid, now, result === 'ignored')].filter((at) => at !== undefined);
    if (again.length > 0) await queue.defer(claim.key, Math.min(...again), outcome.recheckAt !== undefined);
    await queue.done(claim);
  }

  /** The id is no user's. That of a group was told as a member's; what its change means shows in its branch. */
  async function concludeNested(claim: Claim, proof: 'group' | 'unknown', pass: Context): Promise<void> {
    const id = claim.key.slice('user:'.length);
    if (proof === 'unknown') return failed(claim, new SourceUnavailable(`Graph does not say whether ${id} is a group`));
    pass.log('reconcile.group.member', { group: id });
    await queue.put(`group:${id}`);
    await queue.done(claim);
  }

  function failed(claim: Claim, error: unknown): Promise<void> {
    return retryClaim(ctx, options, claim, error);
  }

  function noteUnavailable(error: SourceUnavailable): void {
    // The whole is told under its own name already.
    if (ctx.outages?.outage()) return;
    if (!ctx.problems.has('directory')) ctx.log('reconcile.source.unavailable', { error: error.message });
    ctx.problems.set('directory', error.message);
  }

  return {
    start() {
      unwatch = queue.watch(() => wake());
      unwatchOutages = ctx.outages?.watch((outage) => {
        if (!outage) queue.hurry();
        wake();
      });
      running = run();
    },
    async stop() {
      ending.abort();
      unwatch?.();
      unwatchOutages?.();
      wake();
      const timer = setTimeout(() => patienceOver.abort(new Busy('stopping')), PATIENCE_AT_STOP_MS);
      await running;
      clearTimeout(timer);
    },
    busy: () => ({ sweep: sweeping !== undefined, progress: sweeps.progress(), targeted }),
  };
}
