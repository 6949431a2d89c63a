import type { Log } from '../telemetry/log.js';
import type { LoadedSettings } from './load.js';

/** Logs what the configuration was accepted with: one line for each old name, insecure setting and other notice. */
export function logRemarks(
  log: Log,
  { deprecations, notices }: Pick<LoadedSettings, 'deprecations' | 'notices'>,
): void {
  for (const { alias, canonical } of deprecations) log('config.deprecated', { alias, canonical });
  for (const { kind, key, text } of notices) {
    log(kind === 'insecure' ? 'config.insecure' : 'config.notice', { setting: key, kind, notice: text });
  }
}
