import { catchUpLateness } from './catch-up.js';
import type { ReconcilerStatus } from './status.js';

/** One condition of readiness that does not hold, in words. */
export interface Unready {
  condition: string;
  detail: string;
  /** ISO 8601; undefined where nobody knows since when. */
  since?: string | undefined;
  /** What an operator can do. */
  mend?: string | undefined;
}

/** A hint may wait this long to be settled before the reconciler counts as not keeping up. */
const MAX_DUE_AGE_MS = 5 * 60_000;

/** Why the reconciler is not ready; empty when it is. `failOpen`: a degraded sweep alone does not count. */
export function unreadyConditions(status: ReconcilerStatus, now: number, failOpen: boolean): Unready[] {
  const unready: Unready[] = problemsOf(status);
  if (status.held) {
    const detail = `plan ${status.held.hash} waits for approval: ${status.held.why}`;
    const condition = status.held.by === 'first-run' ? 'first-run' : 'held';
    unready.push({ condition, detail, since: status.held.since });
  }
  if (!status.lastSweep && !status.busy.sweep) {
    unready.push({ condition: 'never-swept', detail: 'no sweep has finished yet', since: status.startedAt });
  }
  const result = status.lastSweep?.result;
  if (result === 'failed' || (result === 'degraded' && !failOpen)) {
    const detail = `the last sweep: ${status.lastSweep?.why ?? result}`;
    unready.push({ condition: 'sweep', detail, since: status.lastSweep?.finishedAt });
  }
  const late = lateness(status, now);
  if (late) {
    unready.push({ condition: 'queue', detail: late.detail, since: late.since });
  }
  const unasked = catchUpLateness(status.catchUp, now);
  if (unasked) unready.push({ condition: 'catch-up', ...unasked });
  const { parked } = status.queue;
  if (parked.length > 0) {
    unready.push({ condition: 'parked', detail: `${parked.length} keys failed too often: ${parked[0]?.error}` });
  }
  return [...unready, ...openLeavers(status)];
}

/** How long work has been left undone, where that is too long, and in which words. */
export function lateness(
  { queue: { oldestDueAt, oldestUnprovedAt } }: ReconcilerStatus,
  now: number,
): { minutes: number; since: string; detail: string } | undefined {
  const due = waited(oldestDueAt, now, (minutes) => `a due key has waited for ${minutes} minutes`);
  const unproved = waited(
    oldestUnprovedAt,
    now,
    (minutes) => `what arrived ${minutes} minutes ago is not settled yet, however often it was tried`,
  );
  return due ?? unproved;
}

function waited(since: string | undefined, now: number, words: (minutes: number) => string) {
  const waitedMs = since === undefined ? 0 : now - Date.parse(since);
  if (since === undefined || waitedMs <= MAX_DUE_AGE_MS) return undefined;
  const minutes = Math.round(waitedMs / 60_000);
  return { minutes, since, detail: words(minutes) };
}

function problemsOf({ problems, conditions }: ReconcilerStatus): Unready[] {
  return conditions ? [...conditions] : problems.map((detail) => ({ condition: 'problem', detail }));
}

/** Somebody who left or was suspended and whose lock fails may be in still, whatever it fails by. */
function openLeavers({ failing }: ReconcilerStatus): Unready[] {
  const open = failing.filter(({ locks }) => locks);
  const [first] = open;
  if (!first) return [];
  const since = open.flatMap((item) => item.since ?? []).sort()[0];
  const who = open.length === 1 ? first.upn : `${open.length} people who left, ${first.upn} among them`;
  const detail = `${who}: a lock or a deletion fails: ${first.problem}`;
  return [{ condition: 'leaver', detail, since, mend: 'entramox status names everybody; it is tried again by itself' }];
}
