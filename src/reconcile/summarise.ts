import type { SweepRecord } from '../ledger/document.js';
import type { Context } from './context.js';
import { type FirstPlan, summaryOfFirst } from './first-run.js';
import type { Outcome } from './settle.js';

interface Circumstances {
  startedAt: number;
  /** How many groups could not be read. */
  unreadable: number;
  /** What Proxmox lacks, in words. */
  lacking: readonly string[];
  firstPlan: FirstPlan | undefined;
}

/** How a sweep ended, for status, health and the exit code: the worst of its parts, in words where it is not `done`. */
export function summarise(
  ctx: Context,
  { startedAt, unreadable, lacking, firstPlan }: Circumstances,
  outcomes: readonly Outcome[],
): SweepRecord {
  const count = (result: Outcome['result']) => outcomes.filter((outcome) => outcome.result === result).length;
  const [held, unknown, failed] = [count('held'), count('unknown'), count('failed')];
  const record: SweepRecord = {
    startedAt,
    finishedAt: ctx.clock.now(),
    result:
      held > 0 || firstPlan
        ? 'held'
        : failed > 0
          ? 'failed'
          : unknown + unreadable + lacking.length > 0
            ? 'degraded'
            : 'done',
    identities: outcomes.filter(({ result, prepared }) => result !== 'ignored' && prepared.plan?.beside !== 'group')
      .length,
    applied: count('applied') + count('planned'),
    failed,
  };
  const parts = [
    firstPlan ? summaryOfFirst(outcomes) : '',
    held > 0 ? `${held} held by the guard` : '',
    failed > 0 ? `${failed} failed` : '',
    ...lacking,
    unreadable > 0 ? `${unreadable} groups unreadable` : '',
    unknown > 0 ? `${unknown} identities unknown, the first because: ${whyUnknown(outcomes)}` : '',
  ].filter(Boolean);
  return parts.length > 0 ? { ...record, why: parts.join('; ') } : record;
}

function whyUnknown(outcomes: readonly Outcome[]): string {
  return outcomes.find((outcome) => outcome.result === 'unknown')?.why ?? '';
}
