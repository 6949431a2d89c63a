import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../domain/errors.js';
import type { SweepRecord } from '../ledger/document.js';
import { createOperatorClient } from '../operator/client.js';
import { planned } from '../operator/reconciler-routes.js';
import type { ReconcilerStatus } from '../operator/status.js';
import { rememberFailedSweep, sweep } from '../reconcile/sweep.js';
import { systemClock } from '../telemetry/system-clock.js';
import { ExitCode, exitCodeOfSweep } from './exit-code.js';
import type { Io } from './io.js';
import { openContext } from './parts/context.js';
import { takeKernelLock } from './parts/kernel-lock.js';
import { progressOn } from './parts/progress.js';
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
  const { settings } = equip('status', options, 'stderr');
  const client = createOperatorClient(settings.paths.operatorSocket);
  const asked = await client.call('POST', '/sweep', {});
  const { askedAt } = asked.body as { askedAt: number };
  const progress = progressOn(io);
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const status = (await client.call('GET', '/status')).body as ReconcilerStatus;
    const record = status.lastSweep;
    if (record && record.startedAt >= askedAt) {
      progress.end();
      return report(record, options, io);
    }
    progress.tell(status.busy.sweep ? 'sweeping' : 'waiting for the reconciler');
    await delay(POLL_MS);
  }
  throw new Error('the sweep did not end within six hours: look at "entramox status" and the journal');
}

async function sweepInForeground(options: SweepCommandOptions, io: Io): Promise<ExitCode> {
  const { settings, log, metrics } = equip('sweep', options, 'stderr');
  const lock = await takeKernelLock(join(settings.paths.runDir, 'reconciler.lock'), 'reconciler');
  const opened = await openContext(settings, log, metrics);
  const progress = progressOn(io);
  const startedAt = systemClock.now();
  try {
    const signal = new AbortController().signal;
    const tell = (text: string, done?: number, all?: number) => progress.tell(text, done, all);
    const { record, outcomes } = await sweep(opened.ctx, { apply: true, progress: tell }, signal);
    progress.end();
    const identities = planned(outcomes);
    if (!options.json)
      for (const line of renderPlan({ identities, held: opened.ctx.ledger.data.guard.held }, io)) io.out(line);
    return report(record, options, io, identities);
  } catch (error) {
    progress.end();
    await rememberFailedSweep(opened.ctx, startedAt, error, settings.entra.failOpen);
    io.err(messageOf(error));
    const result = opened.ctx.ledger.data.lastSweep?.result;
    return result === 'degraded' ? ExitCode.degraded : ExitCode.failed;
  } finally {
    await opened.close();
    lock.release();
  }
}

function report(record: SweepRecord, options: CommonOptions, io: Io, identities?: unknown): ExitCode {
  if (options.json) io.out(JSON.stringify({ ...record, identities }));
  else {
    const seconds = ((record.finishedAt - record.startedAt) / 1000).toFixed(1);
    const why = record.why ? `: ${record.why}` : '';
    io.out(`sweep ${record.result} in ${seconds} s, ${record.identities} identities, ${record.applied} changed${why}`);
  }
  return exitCodeOfSweep(record);
}
