import { openHintSink } from '../queue/hint-sink.js';
import { systemClock } from '../telemetry/system-clock.js';
import { ExitCode } from './exit-code.js';
import { watchExpiries } from './parts/expiry-watch.js';
import { startListener } from './parts/listener.js';
import { serveOperators } from './parts/operator-server.js';
import { orUndo } from './parts/or-undo.js';
import { exitAtLatest, untilSignalled } from './parts/shutdown.js';
import { type CommonOptions, equipDaemon } from './settings-of.js';

/** The process that Graph reaches: takes notifications, keeps subscriptions, stores hints. Until a signal ends it. */
export async function listenCommand(options: CommonOptions): Promise<ExitCode> {
  const { settings, log, metrics } = equipDaemon('listen', options);
  const expiries = watchExpiries(settings, log, metrics);
  const stopped = untilSignalled();
  const hints = await openHintSink({ dir: settings.paths.spoolDir, clock: systemClock });
  const listener = await startListener(settings, hints, log, metrics);
  const operators = await orUndo(
    serveOperators(settings.paths.listenerSocket, {
      metricsAddress: settings.telemetry.listenerMetrics,
      metrics,
      log,
      routers: [listener.routes],
      unready: () => Promise.resolve(listener.unready()),
      measure() {
        listener.measure();
        expiries.measure();
      },
    }),
    () => listener.stop(),
  );
  log('core.started', { command: 'listen' });
  const signal = await stopped;
  log('core.stopping', { signal });
  exitAtLatest(9500, ExitCode.failed);
  await listener.stop();
  await operators.close();
  log('core.stopped', {});
  return ExitCode.done;
}
