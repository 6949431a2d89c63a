import type { Settings } from '../config/settings.js';
import { openHintSink } from '../queue/hint-sink.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { systemClock } from '../telemetry/system-clock.js';
import { ExitCode } from './exit-code.js';
import { watchExpiries } from './parts/expiry-watch.js';
import { type Listener, startListener } from './parts/listener.js';
import { isListenerWanted } from './parts/listener-wanted.js';
import { serveOperators } from './parts/operator-server.js';
import { orUndo } from './parts/or-undo.js';
import { exitAtLatest, untilSignalled } from './parts/shutdown.js';
import { type CommonOptions, equipDaemon } from './settings-of.js';

/**
 * The process that Graph reaches: takes notifications, keeps subscriptions, stores hints. Until a signal ends it. With
 * `poll` as the only source it says that there is nothing to do and waits for its end all the same: a service that ends
 * by itself would be started again or reported as failed.
 */
export async function listenCommand(options: CommonOptions): Promise<ExitCode> {
  const { settings, log, metrics } = equipDaemon('listen', options);
  const expiries = watchExpiries(() => settings.expiries, log, metrics);
  const stopped = untilSignalled();
  const listener = isListenerWanted(settings) ? await startOn(settings, log, metrics) : undefined;
  if (!listener) log('core.idle', { sources: settings.sources });
  const operators = await orUndo(
    serveOperators(settings.paths.listenerSocket, {
      metricsAddress: settings.telemetry.listenerMetrics,
      metrics,
      log,
      routers: listener ? [listener.routes] : [],
      unready: () => Promise.resolve(listener?.unready() ?? []),
      measure() {
        listener?.measure();
        expiries.measure();
      },
    }),
    async () => listener?.stop(),
  );
  log('core.started', { command: 'listen' });
  const signal = await stopped;
  log('core.stopping', { signal });
  exitAtLatest(9500, ExitCode.failed);
  await listener?.stop();
  await operators.close();
  log('core.stopped', {});
  return ExitCode.done;
}

async function startOn(settings: Settings, log: Log, metrics: Metrics): Promise<Listener> {
  const hints = await openHintSink({ dir: settings.paths.spoolDir, clock: systemClock });
  return startListener(settings, hints, log, metrics);
}
