import type { ReconcilerStatus } from './status.js';

/** One condition of readiness that does not hold, in words. */
export interface Unready {
  condition: string;
  detail: string;
}

/** A due key may wait this long before the reconciler counts as not keeping up. */
const MAX_DUE_AGE_MS = 5 * 60_000;

/** Why the reconciler is not ready; empty when it is. `failOpen`: a degraded sweep alone does not count. */
export function unreadyConditions(status: ReconcilerStatus, now: number, failOpen: boolean): Unready[] {
  const unready: Unready[] = status.problems.map((detail) => ({ condition: 'problem', detail }));
  if (status.held) {
    const detail = `plan ${status.held.hash} waits for approval: ${status.held.why}`;
    unready.push({ condition: status.held.by === 'first-run' ? 'first-run' : 'held', detail });
  }
  if (!status.lastSweep && !status.busy.sweep) {
    unready.push({ condition: 'never-swept', detail: 'no sweep has finished yet' });
  }
  const result = status.lastSweep?.result;
  if (result === 'failed' || (result === 'degraded' && !failOpen)) {
    unready.push({ condition: 'sweep', detail: `the last sweep: ${status.lastSweep?.why ?? result}` });
  }
  const minutes = minutesBehind(status, now);
  if (minutes !== undefined)
    unready.push({ condition: 'queue', detail: `a due key has waited for ${minutes} minutes` });
  const { parked } = status.queue;
  if (parked.length > 0) {
    unready.push({ condition: 'parked', detail: `${parked.length} keys failed too often: ${parked[0]?.error}` });
  }
  return unready;
}

/** How long due work has been left undone, where that is too long. */
export function minutesBehind({ queue: { oldestDueAt } }: ReconcilerStatus, now: number): number | undefined {
  const waitedMs = oldestDueAt === undefined ? 0 : now - Date.parse(oldestDueAt);
  return waitedMs > MAX_DUE_AGE_MS ? Math.round(waitedMs / 60_000) : undefined;
}
