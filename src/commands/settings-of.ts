import { join } from 'node:path';
import { DEFAULT_CONFIG_FILE, type LoadedSettings, loadSettings } from '../config/load.js';
import { logRemarks } from '../config/log-remarks.js';
import type { CommandName } from '../config/needs.js';
import { messageOf } from '../domain/errors.js';
import { createLog, createPino, type Log } from '../telemetry/log.js';
import { createLogFile, type LineSink } from '../telemetry/log-file.js';
import { createMetrics, type Metrics } from '../telemetry/metrics.js';
import { systemClock } from '../telemetry/system-clock.js';
import type { Io } from './io.js';
import { requireIntegrity } from './parts/integrity.js';
import { createPlainLog } from './parts/plain-log.js';

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

/** The configuration checked for this daemon. It logs JSON lines on standard output, deprecations and notices first. */
export function equipDaemon(command: CommandName, options: CommonOptions): Equipment {
  // As the unit has it: for user and group. A hint then gets its mode without a call of its own.
  if (command === 'listen' || command === 'run') process.umask(0o007);
  const loaded = load(command, options);
  const log = createLog(createPino(loaded.settings.telemetry.logLevel, process.stdout, ...logFile(command, loaded)));
  logRemarks(log, loaded);
  requireIntegrity(loaded.settings, log);
  return { loaded, settings: loaded.settings, log, metrics: createMetrics({ processMetrics: true }) };
}

/** The configuration checked for a command that a person waits for: plain lines on standard error, if any. */
export function equip(command: CommandName, options: CommonOptions, io: Io): Equipment {
  const loaded = load(command, options);
  const log = createPlainLog(io, loaded.settings.telemetry.logLevel);
  return { loaded, settings: loaded.settings, log, metrics: createMetrics({ processMetrics: false }) };
}

function load(command: CommandName, options: CommonOptions): LoadedSettings {
  return loadSettings({ configFile: options.config, fallbackFile: DEFAULT_CONFIG_FILE, command });
}

/** The reconciler keeps its log beside the audit log too; the listener may not write there. */
function logFile(command: CommandName, { settings }: LoadedSettings): LineSink[] {
  if (command !== 'reconcile' && command !== 'run') return [];
  const path = join(settings.paths.logDir, 'entramox.log');
  const complain = (error: unknown) => process.stderr.write(`${path} cannot be written: ${messageOf(error)}\n`);
  return [createLogFile(path, systemClock.now, complain)];
}
