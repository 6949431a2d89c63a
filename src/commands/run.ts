import { systemClock } from '../telemetry/system-clock.js';
import { ExitCode } from './exit-code.js';
import { watchExpiries } from './parts/expiry-watch.js';
import { startListener } from './parts/listener.js';
import { isListenerWanted } from './parts/listener-wanted.js';
import { liveExpiries } from './parts/live-expiries.js';
import { serveOperators } from './parts/operator-server.js';
import { orUndo } from './parts/or-undo.js';
import { theRealOutside } from './parts/outside.js';
import { startReconciler } from './parts/reconciler.js';
import { exitAtLatest, untilSignalled } from './parts/shutdown.js';
import { type CommonOptions, equipDaemon } from './settings-of.js';

/** Listener and reconciler in one process, for a container, a lab and the demo. Until a signal ends it. */
export async function runCommand(options: CommonOptions): Promise<ExitCode> {
  const { settings, log, metrics } = equipDaemon('run', options);
  const live = liveExpiries(settings, log, systemClock.now);
  const expiries = watchExpiries(live.all, log, metrics);
  const stopped = untilSignalled();
  const reconciler = await startReconciler(settings, log, metrics, theRealOutside, live);
  const listener = isListenerWanted(settings)
    ? await orUndo(startListener(settings, reconciler.hints, log, metrics), () => reconciler.stop())
    : undefined;
  const operators = await orUndo(
    serveOperators(settings.paths.operatorSocket, {
      metricsAddress: settings.telemetry.metrics,
      metrics,
      log,
      routers: listener ? [reconciler.routes, listener.routes] : [reconciler.routes],
      unready: async () => [...(await reconciler.unready()), ...(listener?.unready() ?? [])],
      async measure() {
        await reconciler.measure();
        listener?.measure();
        expiries.measure();
      },
    }),
    async () => listener?.stop(),
    () => reconciler.stop(),
  );
  log('core.started', { command: 'run' });
  const signal = await stopped;
  log('core.stopping', { signal });
  exitAtLatest(9500, ExitCode.failed);
  await listener?.stop();
  await operators.close();
  await reconciler.stop();
  log('core.stopped', {});
  return ExitCode.done;
}
