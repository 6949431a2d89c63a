import { ExitCode } from '../exit-code.js';
import type { Check } from './check.js';

/**
 * 1 where anything is known to be wrong; else 4 where something could not be reached, or not be looked at; else 0.
 * Remarks do not count.
 */
export function exitCodeOfChecks(checks: readonly Pick<Check, 'state'>[]): ExitCode {
  if (checks.some(({ state }) => state === 'wrong')) return ExitCode.failed;
  const isBlind = checks.some(({ state }) => state === 'unreachable' || state === 'skipped');
  return isBlind ? ExitCode.degraded : ExitCode.done;
}
