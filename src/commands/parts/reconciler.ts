import { join } from 'node:path';
import type { Router } from 'express';
import { schedule } from 'node-cron';
import type { Settings } from '../../config/settings.js';
import { messageOf } from '../../domain/errors.js';
import { LedgerBroken } from '../../ledger/ledger.js';
import type { Unready } from '../../operator/health.js';
import { unreadyConditions } from '../../operator/health.js';
import { type ReconcilerPorts, reconcilerRoutes } from '../../operator/reconciler-routes.js';
import { reconcilerStatus } from '../../operator/status.js';
import type { HintSink, Queue } from '../../queue/queue.js';
import { openSpool } from '../../queue/spool.js';
import { createLoop } from '../../reconcile/loop.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { systemClock } from '../../telemetry/system-clock.js';
import { openContext } from './context.js';
import { type KernelLock, takeKernelLock } from './kernel-lock.js';

/** A running reconciler, to be put behind an operator socket. */
export interface Reconciler {
  routes: Router;
  unready(): Promise<Unready[]>;
  measure(): void;
  /** The queue of this process, so that `run` puts hints without a second spool. */
  hints: HintSink;
  stop(): Promise<void>;
}

/** Opens everything, starts the loop and the sweep's schedule, and asks for the start-up sweep. */
export async function startReconciler(settings: Settings, log: Log, metrics: Metrics): Promise<Reconciler> {
  const lock: KernelLock = await takeKernelLock(join(settings.paths.runDir, 'reconciler.lock'), 'reconciler');
  try {
    return await startLocked(settings, log, metrics, lock);
  } catch (error) {
    lock.release();
    if (error instanceof LedgerBroken) log('reconcile.ledger.broken', { error: messageOf(error) });
    throw error;
  }
}

async function startLocked(settings: Settings, log: Log, metrics: Metrics, lock: KernelLock): Promise<Reconciler> {
  const { ctx, targets, close } = await openContext(settings, log, metrics);
  const queue: Queue = await openSpool({ dir: settings.paths.spoolDir, clock: systemClock, log });
  const loop = createLoop(ctx, {
    queue,
    confirmAfterMs: settings.lifecycle.confirmAfterMs,
    maxAttempts: settings.queue.maxAttempts,
    failOpen: settings.entra.failOpen,
    random: Math.random,
  });
  const { linux } = targets;
  const ports: ReconcilerPorts = {
    ctx,
    queue,
    busy: () => loop.busy(),
    startedAt: systemClock.now(),
    checkAccounts: linux && ((signal) => linux.check(signal)),
  };
  const { timeZone, sweepCron } = settings.schedule;
  const sweepTask = schedule(
    sweepCron,
    () => {
      queue.put('sweep').catch((error: unknown) => log('reconcile.loop.failed', { error: messageOf(error) }));
    },
    { ...(timeZone ? { timezone: timeZone } : {}), noOverlap: true },
  );
  metrics.guardHeld.set(ctx.ledger.data.guard.held ? 1 : 0);
  loop.start();
  await queue.put('sweep');
  return {
    routes: reconcilerRoutes(ports),
    unready: async () => unreadyConditions(await reconcilerStatus(ports), systemClock.now(), settings.entra.failOpen),
    measure() {
      const counts = { active: 0, suspended: 0, grace: 0, deleted: 0 };
      for (const entry of ctx.ledger.entries()) counts[entry.state] += 1;
      for (const [state, count] of Object.entries(counts)) metrics.identities.set({ state }, count);
    },
    hints: queue,
    async stop() {
      await sweepTask.destroy();
      await loop.stop();
      await ctx.ledger.save();
      await close();
      lock.release();
    },
  };
}
