import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, SourceUnavailable } from '../domain/errors.js';
import { createOperatorClient } from '../operator/client.js';
import { type PlannedIdentity, planned } from '../operator/plan.js';
import type { ReconcilerStatus } from '../operator/status.js';
import { heldView, type SweepView, sweepView } from '../operator/views.js';
import type { Context } from '../reconcile/context.js';
import { rememberFailedSweep, sweep } from '../reconcile/sweep.js';
import { systemClock } from '../telemetry/system-clock.js';
import { ExitCode, exitCodeOfSweep } from './exit-code.js';
import type { Io } from './io.js';
import { openContext } from './parts/context.js';
import { takeKernelLock } from './parts/kernel-lock.js';
import { progressOn } from './parts/progress.js';
import { refusal } from './parts/refusal.js';
import { renderPlan } from './render/plan.js';
import { type CommonOptions, equip } from './settings-of.js';

export interface SweepCommandOptions extends CommonOptions {
  foreground?: boolean | undefined;
}

/** How often the daemon is asked whether the sweep is over. */
const POLL_MS = 500;
const PATIENCE_MS = 6 * 3_600_000;

/** One full pass: by the daemon, or with --foreground in this process without any daemon. */
export async function sweepCommand(options: SweepCommandOptions, io: Io): Promise<ExitCode> {
  return options.foreground ? sweepInForeground(options, io) : sweepByDaemon(options, io);
}

async function sweepByDaemon(options: SweepCommandOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('status', options, io);
  const client = createOperatorClient(settings.paths.operatorSocket);
  const asked = await client.call('POST', '/sweep', {});
  if (asked.status !== 202) return refusal(asked, io);
  const { askedAt } = asked.body as { askedAt: string };
  const progress = progressOn(io);
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const { lastSweep, busy, dryRun } = (await client.call('GET', '/status')).body as ReconcilerStatus;
    if (lastSweep && Date.parse(lastSweep.startedAt) >= Date.parse(askedAt)) {
      progress.end();
      return report(lastSweep, { ...options, dryRun }, io);
    }
    const { text, done, all } = busy.progress ?? { text: busy.sweep ? 'sweeping' : 'waiting for the reconciler' };
    progress.tell(text, done, all);
    await delay(POLL_MS);
  }
  throw new Error('the sweep did not end within six hours: look at "entramox status" and the journal');
}

async function sweepInForeground(options: SweepCommandOptions, io: Io): Promise<ExitCode> {
  const { settings, log, metrics } = equip('sweep', options, io);
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

async function sweepWith(ctx: Context, options: ReportOptions, failOpen: boolean, io: Io): Promise<ExitCode> {
  const progress = progressOn(io);
  const startedAt = systemClock.now();
  try {
    const { signal } = new AbortController();
    const tell = (text: string, done?: number, all?: number) => progress.tell(text, done, all);
    const { record, outcomes } = await sweep(ctx, { apply: true, progress: tell }, signal);
    progress.end();
    const { held } = ctx.ledger.data.guard;
    const identities = planned(ctx, outcomes);
    const plan = { identities, held: held && heldView(held) };
    // The line of the report says so where nothing was to be done.
    if (!options.json && (identities.length > 0 || held)) for (const line of renderPlan(plan, io)) io.out(line);
    return report(sweepView(record), options, io, identities);
  } catch (error) {
    progress.end();
    io.err(messageOf(error));
    await rememberFailedSweep(ctx, startedAt, error, failOpen).catch((second: unknown) => {
      io.err(`that this sweep failed could not be written down: ${messageOf(second)}`);
    });
    return failOpen && error instanceof SourceUnavailable ? ExitCode.degraded : ExitCode.failed;
  }
}

interface ReportOptions extends CommonOptions {
  dryRun: boolean;
}

function report(record: SweepView, options: ReportOptions, io: Io, identities?: readonly PlannedIdentity[]): ExitCode {
  if (options.json) io.out(JSON.stringify({ ...record, identities }));
  else {
    const seconds = ((Date.parse(record.finishedAt) - Date.parse(record.startedAt)) / 1000).toFixed(1);
    const changes = options.dryRun ? `${record.applied} would be changed (DRY_RUN)` : `${record.applied} changed`;
    const why = record.why ? `: ${record.why}` : '';
    io.out(`sweep ${record.result} in ${seconds} s, ${record.identities} identities, ${changes}${why}`);
  }
  return exitCodeOfSweep(record);
}
