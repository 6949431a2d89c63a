import { join } from 'node:path';
import type { Router } from 'express';
import { schedule } from 'node-cron';
import type { Settings } from '../../config/settings.js';
import { messageOf } from '../../domain/errors.js';
import { watchOutages } from '../../entra/outage-watch.js';
import { LedgerBroken } from '../../ledger/ledger.js';
import type { Unready } from '../../operator/health.js';
import { unreadyConditions } from '../../operator/health.js';
import { type ReconcilerPorts, reconcilerRoutes } from '../../operator/reconciler-routes.js';
import { reconcilerStatus } from '../../operator/status.js';
import type { HintSink, Queue } from '../../queue/queue.js';
import { openSpool } from '../../queue/spool.js';
import { watchClock } from '../../reconcile/clock-watch.js';
import type { Context } from '../../reconcile/context.js';
import { createPendingWatch } from '../../reconcile/lakefs-pending.js';
import { createLoop } from '../../reconcile/loop.js';
import { measureGuard } from '../../reconcile/measure-guard.js';
import { measureLakefs } from '../../reconcile/measure-lakefs.js';
import { measureQueue } from '../../reconcile/measure-queue.js';
import { WRITES_PROBLEM } from '../../targets/proxmox/hindrance.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { openCatchUp } from './catch-up.js';
import { openContext } from './context.js';
import { integrityOf } from './integrity.js';
import type { KernelLock } from './kernel-lock.js';
import { type LiveExpiries, liveExpiries } from './live-expiries.js';
import { type Outside, theRealOutside } from './outside.js';
import { watchOwnToken } from './own-token.js';

/** A running reconciler, to be put behind an operator socket. */
export interface Reconciler {
  /** What the routes work with. */
  ports: ReconcilerPorts;
  routes: Router;
  unready(): Promise<Unready[]>;
  measure(): Promise<void>;
  /** The queue of this process, so that `run` puts hints without a second spool. */
  hints: HintSink;
  stop(): Promise<void>;
}

/** Opens everything, starts the loop and the sweep's schedule, and asks for the start-up sweep. */
export async function startReconciler(
  settings: Settings,
  log: Log,
  metrics: Metrics,
  outside: Outside = theRealOutside,
  live: LiveExpiries = liveExpiries(settings, log, outside.clock.now),
): Promise<Reconciler> {
  const lock: KernelLock = await outside.lock(join(settings.paths.runDir, 'reconciler.lock'), 'reconciler');
  try {
    return await startLocked(settings, log, metrics, lock, outside, live);
  } catch (error) {
    lock.release();
    if (error instanceof LedgerBroken) log('reconcile.ledger.broken', { error: messageOf(error) });
    throw error;
  }
}

/** What needs nobody's asking: a look at the clock, and another try at what could not be written. */
async function tend(ctx: Context, queue: Queue): Promise<void> {
  if ((await watchClock(ctx)) === 'jumped') await queue.put('sweep');
  if (ctx.storage.failing().includes('ledger')) await ctx.ledger.save();
  if (ctx.storage.failing().includes('audit')) ctx.audit.flush();
}

async function startLocked(
  settings: Settings,
  log: Log,
  metrics: Metrics,
  lock: KernelLock,
  outside: Outside,
  live: LiveExpiries,
): Promise<Reconciler> {
  const { clock } = outside;
  const { ctx, targets, graph, close } = await openContext(settings, log, metrics, outside);
  const queue: Queue = await openSpool({ dir: settings.paths.spoolDir, clock, log });
  const catchUp = graph && (await openCatchUp(settings, { ctx, graph: graph.client, queue, random: outside.random }));
  const loop = createLoop(ctx, {
    queue,
    confirmAfterMs: settings.lifecycle.confirmAfterMs,
    maxAttempts: settings.queue.maxAttempts,
    failOpen: settings.entra.failOpen,
    random: outside.random,
    watch: catchUp?.watch,
  });
  const { linux } = targets;
  const ports: ReconcilerPorts = {
    ctx,
    queue,
    busy: () => loop.busy(),
    startedAt: clock.now(),
    expiries: live.all,
    integrity: () => integrityOf(settings),
    catchUp: catchUp && (() => catchUp.standing()),
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
  const ownToken = watchOwnToken(settings, live, log, metrics, outside);
  const stopping = new AbortController();
  const pending = createPendingWatch(ctx, queue);
  const everyMinute = setInterval(() => {
    ownToken?.look().catch((error: unknown) => log('reconcile.loop.failed', { error: messageOf(error) }));
    pending.look(stopping.signal).catch((error: unknown) => {
      if (!stopping.signal.aborted) log('reconcile.loop.failed', { error: messageOf(error) });
    });
    tend(ctx, queue).catch((error: unknown) => log('reconcile.loop.failed', { error: messageOf(error) }));
  }, 60_000);
  const outageWatch = graph && watchOutages({ ...graph, clock });
  const unwatchOutages = ctx.outages?.watch((outage) => outage ?? catchUp?.hurry());
  await watchClock(ctx);
  loop.start();
  await queue.put('sweep');
  catchUp?.start();
  return {
    ports,
    routes: reconcilerRoutes(ports),
    unready: async () => unreadyConditions(await reconcilerStatus(ports), clock.now(), settings.entra.failOpen),
    async measure() {
      await measureQueue(ctx, queue);
      measureGuard(ctx);
      live.measure(metrics);
      metrics.proxmoxWritesHindered.set(ctx.problems.has(WRITES_PROBLEM) ? 1 : 0);
      measureLakefs(ctx);
      const counts = { active: 0, suspended: 0, grace: 0, deleted: 0 };
      for (const entry of ctx.ledger.entries()) counts[entry.state] += 1;
      for (const [state, count] of Object.entries(counts)) metrics.identities.set({ state }, count);
    },
    hints: queue,
    async stop() {
      clearInterval(everyMinute);
      stopping.abort();
      await ownToken?.close();
      outageWatch?.stop();
      unwatchOutages?.();
      await catchUp?.stop();
      await sweepTask.destroy();
      await loop.stop();
      await ctx.ledger.save();
      await close();
      lock.release();
    },
  };
}
