import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, Rejected, SourceUnavailable } from '../domain/errors.js';
import { createOperatorClient } from '../operator/client.js';
import { type PlannedIdentity, planned, waitingIn } from '../operator/plan.js';
import type { ReconcilerStatus } from '../operator/status.js';
import { approvalView, type HeldView, iso, type RejectedView, type SweepView, sweepView } from '../operator/views.js';
import { approve } from '../reconcile/approval.js';
import { confirmClock } from '../reconcile/confirm-clock.js';
import type { Context } from '../reconcile/context.js';
import { auditSweep, inPass } from '../reconcile/pass.js';
import { rememberFailedSweep, sweep } from '../reconcile/sweep.js';
import { createExpiryWatch } from '../telemetry/expiry.js';
import { systemClock } from '../telemetry/system-clock.js';
import { CLOCK, showApproval, showConfirmedClock } from './approve.js';
import { ExitCode, exitCodeOfSweep } from './exit-code.js';
import type { Io } from './io.js';
import { claimedUser } from './parts/claimed-user.js';
import { openContext } from './parts/context.js';
import { requireIntegrity } from './parts/integrity.js';
import { takeKernelLock } from './parts/kernel-lock.js';
import { makeOwnFolders } from './parts/own-folders.js';
import { progressOn } from './parts/progress.js';
import { refusal } from './parts/refusal.js';
import { renderPlan } from './render/plan.js';
import { type CommonOptions, equip } from './settings-of.js';

export interface SweepCommandOptions extends CommonOptions {
  foreground?: boolean | undefined;
  /** With `foreground`: the hash of a plan that this pass may do, as `approve` lets the daemon. */
  approve?: string | undefined;
}

/** How often the daemon is asked whether the sweep is over. */
const POLL_MS = 500;
const PATIENCE_MS = 6 * 3_600_000;

/** One full pass: by the daemon, or with --foreground in this process without any daemon. */
export async function sweepCommand(options: SweepCommandOptions, io: Io): Promise<ExitCode> {
  if (options.foreground) return sweepInForeground(options, io);
  if (options.approve === undefined) return sweepByDaemon(options, io);
  io.err('--approve is for --foreground: the running reconciler is told by "entramox approve"');
  return ExitCode.usage;
}

async function sweepByDaemon(options: SweepCommandOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('status', options, io);
  const client = createOperatorClient(settings.paths.operatorSocket);
  const asked = await client.call('POST', '/sweep', { claimedUser: claimedUser() });
  if (asked.status !== 202) return refusal(asked, io);
  const { askedAt } = asked.body as { askedAt: string };
  const progress = progressOn(io);
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const { lastSweep, busy, dryRun, held } = (await client.call('GET', '/status')).body as ReconcilerStatus;
    if (lastSweep && Date.parse(lastSweep.startedAt) >= Date.parse(askedAt)) {
      progress.end();
      const unwritten = dryRun ? 'DRY_RUN' : held?.by === 'first-run' ? 'the first run waits' : undefined;
      return report(lastSweep, { ...options, unwritten }, io);
    }
    const { text, done, all } = busy.progress ?? { text: busy.sweep ? 'sweeping' : 'waiting for the reconciler' };
    progress.tell(text, done, all);
    await delay(POLL_MS);
  }
  throw new Error('the sweep did not end within six hours: look at "entramox status" and the journal');
}

async function sweepInForeground(options: SweepCommandOptions, io: Io): Promise<ExitCode> {
  const { settings, log, metrics } = equip('sweep', options, io);
  requireIntegrity(settings, log);
  createExpiryWatch({ expiries: settings.expiries, now: systemClock.now, log, metrics }).look();
  await makeOwnFolders(settings);
  const lock = await takeKernelLock(join(settings.paths.runDir, 'reconciler.lock'), 'reconciler');
  try {
    const opened = await openContext(settings, log, metrics);
    try {
      return await sweepWith(opened.ctx, { ...options, dryRun: settings.dryRun }, settings.entra.failOpen, io);
    } finally {
      await opened.close();
    }
  } finally {
    lock.release();
  }
}

async function sweepWith(opened: Context, options: ForegroundOptions, failOpen: boolean, io: Io): Promise<ExitCode> {
  const operator = { uid: process.getuid?.(), proof: 'kernel', claimed: claimedUser() } as const;
  const ctx = inPass(opened, { by: 'sweep', operator });
  const refused = options.approve === undefined ? undefined : await approveFirst(ctx, options.approve, options, io);
  if (refused !== undefined) return refused;
  const progress = progressOn(io);
  const startedAt = systemClock.now();
  try {
    const { signal } = new AbortController();
    const tell = (text: string, done?: number, all?: number) => progress.tell(text, done, all);
    const swept = await sweep(ctx, { apply: true, progress: tell }, signal);
    const { record } = swept;
    auditSweep(ctx, 'sweep', record);
    progress.end();
    const identities = planned(ctx, swept.outcomes);
    const waiting = options.dryRun ? {} : waitingIn(ctx, swept);
    const plan = { identities, ...waiting };
    // The line of the report says so where nothing was to be done.
    if (!options.json && (identities.length > 0 || plan.held)) for (const line of renderPlan(plan, io)) io.out(line);
    const unwritten = options.dryRun ? 'DRY_RUN' : swept.firstPlan ? 'the first run waits' : undefined;
    return report(sweepView(record), { ...options, unwritten }, io, { identities, ...waiting });
  } catch (error) {
    progress.end();
    io.err(messageOf(error));
    await rememberFailedSweep(ctx, startedAt, error, failOpen).catch((second: unknown) => {
      io.err(`that this sweep failed could not be written down: ${messageOf(second)}`);
    });
    auditSweep(ctx, 'sweep', ctx.ledger.data.lastSweep);
    return failOpen && error instanceof SourceUnavailable ? ExitCode.degraded : ExitCode.failed;
  }
}

/** Lets a plan go ahead before the pass; an exit code where nothing came of it. */
async function approveFirst(ctx: Context, hash: string, options: CommonOptions, io: Io): Promise<ExitCode | undefined> {
  const progress = progressOn(io);
  progress.tell('reading everything for the approval');
  try {
    if (hash === CLOCK) {
      const { why } = await confirmClock(ctx, { operator: 'operator', claimedUser: claimedUser() });
      progress.end();
      if (!options.json) showConfirmedClock({ why, now: iso(ctx.clock.now()) }, options, io);
      return undefined;
    }
    const approval = await approve(ctx, hash, 'operator', new AbortController().signal, claimedUser());
    progress.end();
    // With --json one object is printed: that of the sweep, where there is one.
    if (!approval.approved || !options.json) showApproval(approvalView(hash, approval), options, io);
    return approval.approved ? undefined : ExitCode.held;
  } catch (error) {
    progress.end();
    if (!(error instanceof Rejected || error instanceof SourceUnavailable)) throw error;
    io.err(error.message);
    return error instanceof Rejected ? ExitCode.usage : ExitCode.degraded;
  }
}

interface ForegroundOptions extends CommonOptions {
  dryRun: boolean;
  approve?: string | undefined;
}

interface ReportOptions extends CommonOptions {
  /** Why nothing was written; undefined where it was. */
  unwritten?: string | undefined;
}

/** What a pass in the foreground knows besides its record. */
interface Details {
  identities?: readonly PlannedIdentity[];
  held?: HeldView | undefined;
  rejected?: RejectedView[] | undefined;
}

function report(record: SweepView, options: ReportOptions, io: Io, details: Details = {}): ExitCode {
  const { unwritten } = options;
  if (options.json) io.out(JSON.stringify({ ...record, ...details }));
  else {
    const seconds = ((Date.parse(record.finishedAt) - Date.parse(record.startedAt)) / 1000).toFixed(1);
    const changes = unwritten ? `${record.applied} would be changed (${unwritten})` : `${record.applied} changed`;
    const why = record.why ? `: ${record.why}` : '';
    io.out(`sweep ${record.result} in ${seconds} s, ${record.identities} identities, ${changes}${why}`);
  }
  return exitCodeOfSweep(record);
}
