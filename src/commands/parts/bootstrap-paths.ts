import { join } from 'node:path';
import type { PathSettings } from '../../config/settings.js';

/** Where the set-up commands keep what is theirs. */
export interface BootstrapPaths {
  /** `/var/lib/entramox-bootstrap`: root's; others may read what is no secret. */
  stateDir: string;
  /** `/var/log/entramox-bootstrap`. */
  logDir: string;
  /** Held by whichever set-up command writes. */
  lock: string;
  audit: string;
  auditHead: string;
  /** What is known of the declared tokens' ends, for the reconciler. */
  tokenExpiries: string;
}

/**
 * Beside the reconciler's own directories and not in them: these commands run as root, and whoever owns the reconciler
 * must not be able to rename, link or empty what they write.
 */
export function bootstrapPaths({ stateDir, logDir }: Pick<PathSettings, 'stateDir' | 'logDir'>): BootstrapPaths {
  const state = `${stateDir.replace(/\/+$/, '')}-bootstrap`;
  const logs = `${logDir.replace(/\/+$/, '')}-bootstrap`;
  return {
    stateDir: state,
    logDir: logs,
    lock: join(state, 'bootstrap.lock'),
    audit: join(logs, 'audit.ndjson'),
    auditHead: join(state, 'audit.head'),
    tokenExpiries: join(state, 'token-expiries.json'),
  };
}
