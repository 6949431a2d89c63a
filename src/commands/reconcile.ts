import { systemClock } from '../telemetry/system-clock.js';
import { ExitCode } from './exit-code.js';
import { watchExpiries } from './parts/expiry-watch.js';
import { liveExpiries } from './parts/live-expiries.js';
import { serveOperators } from './parts/operator-server.js';
import { orUndo } from './parts/or-undo.js';
import { theRealOutside } from './parts/outside.js';
import { startReconciler } from './parts/reconciler.js';
import { exitAtLatest, untilSignalled } from './parts/shutdown.js';
import { type CommonOptions, equipDaemon } from './settings-of.js';

/** The process that works the queue off and sweeps. Until a signal ends it. */
export async function reconcileCommand(options: CommonOptions): Promise<ExitCode> {
  const { settings, log, metrics } = equipDaemon('reconcile', options);
  const live = liveExpiries(settings, log, systemClock.now);
  const expiries = watchExpiries(live.all, log, metrics);
  const stopped = untilSignalled();
  const reconciler = await startReconciler(settings, log, metrics, theRealOutside, live);
  const operators = await orUndo(
    serveOperators(settings.paths.operatorSocket, {
      metricsAddress: settings.telemetry.metrics,
      metrics,
      log,
      routers: [reconciler.routes],
      unready: () => reconciler.unready(),
      async measure() {
        await reconciler.measure();
        expiries.measure();
      },
    }),
    () => reconciler.stop(),
  );
  log('core.started', { command: 'reconcile' });
  const signal = await stopped;
  log('core.stopping', { signal });
  exitAtLatest(9500, ExitCode.failed);
  await operators.close();
  await reconciler.stop();
  log('core.stopped', {});
  return ExitCode.done;
}
