import type { SweepRecord } from '../ledger/document.js';
import type { ReconcilerStatus } from '../operator/status.js';
import type { Outcome } from '../reconcile/settle.js';

/** What the exit code of every command says. */
export const ExitCode = { done: 0, failed: 1, usage: 2, held: 3, degraded: 4 } as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The exit code of a sweep. */
export function exitCodeOfSweep(record: Pick<SweepRecord, 'result'>): ExitCode {
  return ExitCode[record.result];
}

/** The exit code of a status. `isUnheard`: changes are seen late, or a part does not answer. */
export function exitCodeOfStatus(
  { held, problems, lastSweep, failing, queue }: ReconcilerStatus,
  isUnheard: boolean,
): ExitCode {
  if (held) return ExitCode.held;
  if (problems.length > 0 || isUnheard || lastSweep?.result === 'degraded') return ExitCode.degraded;
  // Somebody who left may be open for as long as a step for them fails.
  const fails = failing.length > 0 || queue.parked.length > 0;
  return fails || lastSweep?.result === 'failed' ? ExitCode.failed : ExitCode.done;
}

/** The exit code of a resync or of one planned identity. */
export function exitCodeOfOutcome(result: Outcome['result']): ExitCode {
  switch (result) {
    case 'held':
      return ExitCode.held;
    case 'unknown':
      return ExitCode.degraded;
    case 'failed':
    case 'conflict':
      return ExitCode.failed;
    default:
      return ExitCode.done;
  }
}
