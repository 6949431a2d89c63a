import { join } from 'node:path';
import type { LoadedSettings } from '../config/load.js';
import { loadSettings } from '../config/load.js';
import { logRemarks } from '../config/log-remarks.js';
import type { CommandName } from '../config/needs.js';
import { messageOf } from '../domain/errors.js';
import { createLog, createPino, type Log } from '../telemetry/log.js';
import { createLogFile, type LineSink } from '../telemetry/log-file.js';
import { createMetrics, type Metrics } from '../telemetry/metrics.js';
import { systemClock } from '../telemetry/system-clock.js';

/** Options that every command takes. */
export interface CommonOptions {
  config?: string | undefined;
  json?: boolean | undefined;
}

export interface Equipment {
  loaded: LoadedSettings;
  settings: LoadedSettings['settings'];
  log: Log;
  metrics: Metrics;
}

/** Where a daemon writes its log, and a command its complaints: standard output carries a command's answer. */
type LogDestination = 'stdout' | 'stderr';

/** The configuration checked for this command, with logging and metrics; deprecations and notices are logged once. */
export function equip(command: CommandName, options: CommonOptions, destination: LogDestination): Equipment {
  const loaded = loadSettings({ configFile: options.config, command });
  const { settings } = loaded;
  const stream = destination === 'stderr' ? process.stderr : process.stdout;
  // A person at a terminal wants the answer, not the journal of it.
  const level =
    destination === 'stderr' && settings.telemetry.logLevel === 'info' ? 'warn' : settings.telemetry.logLevel;
  const log = createLog(createPino(level, stream, ...(logFile(command, loaded) ?? [])));
  if (destination === 'stdout') logRemarks(log, loaded);
  return { loaded, settings, log, metrics: createMetrics({ processMetrics: destination === 'stdout' }) };
}

/** The reconciler keeps its log beside the audit log too; the listener may not write there. */
function logFile(command: CommandName, { settings }: LoadedSettings): LineSink[] | undefined {
  if (command !== 'reconcile' && command !== 'run') return undefined;
  const path = join(settings.paths.logDir, 'entramox.log');
  const complain = (error: unknown) => process.stderr.write(`${path} cannot be written: ${messageOf(error)}\n`);
  return [createLogFile(path, systemClock.now, complain)];
}
