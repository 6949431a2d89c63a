import { ExitCode } from './exit-code.js';
import { startListener } from './parts/listener.js';
import { serveOperators } from './parts/operator-server.js';
import { startReconciler } from './parts/reconciler.js';
import { exitAtLatest, untilSignalled } from './parts/shutdown.js';
import { type CommonOptions, equip } from './settings-of.js';

/** Listener and reconciler in one process, for a container, a lab and the demo. Until a signal ends it. */
export async function runCommand(options: CommonOptions): Promise<ExitCode> {
  const { settings, log, metrics } = equip('run', options, 'stdout');
  const stopped = untilSignalled();
  const reconciler = await startReconciler(settings, log, metrics);
  // With the Proxmox realm as the source there is nothing that Graph could tell.
  const listener = settings.entra.enforce ? await startListener(settings, reconciler.hints, log, metrics) : undefined;
  const operators = await serveOperators(settings, settings.paths.operatorSocket, {
    metrics,
    log,
    routers: listener ? [reconciler.routes, listener.routes] : [reconciler.routes],
    unready: async () => [...(await reconciler.unready()), ...(listener?.unready() ?? [])],
    measure() {
      reconciler.measure();
      listener?.measure();
    },
  });
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
