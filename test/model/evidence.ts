import { CONFIRM_MS } from './settings.js';
import type { Statement } from './statements.js';

/** A report that somebody was taken out of a group, as it was let into the queue. */
export interface Report {
  oid: string;
  at: number;
}

/** What the last certain word on somebody amounts to. */
export type Word =
  | { kind: 'none' }
  /** In scope and enabled. */
  | { kind: 'active'; last: Statement }
  /** In scope and disabled: locked, never deleted. */
  | { kind: 'suspended'; last: Statement }
  /** Gone by one word alone: not enough to lock anybody. */
  | { kind: 'doubtful'; last: Statement }
  /** Gone for certain: positive evidence, or a second word long enough after the first. */
  | { kind: 'gone'; last: Statement; since: number };

/**
 * The rule of two: out of all groups has to be said twice, five seconds apart, with nobody saying otherwise in between;
 * a report counts as the first word. Disabled and soft-deleted count at once.
 */
export function wordOn(statements: readonly Statement[], reports: readonly Report[], listed: boolean): Word {
  const last = statements.at(-1);
  if (!last) return { kind: 'none' };
  if (isIn(last, listed)) return { kind: last.says === 'enabled' ? 'active' : 'suspended', last };
  const lastIn = statements.findLastIndex((item) => isIn(item, listed));
  const out = statements.slice(lastIn + 1);
  const since = out[0]?.at ?? last.at;
  if (last.says === 'soft-deleted' || last.says === 'disabled') return { kind: 'gone', last, since };
  // A word against it right after a report may itself be a late one, so it does not clear the report.
  const against = statements.slice(0, lastIn + 1).filter((item) => isIn(item, listed));
  const cleared = (at: number) => against.some((item) => item.at >= at + CONFIRM_MS);
  const firstSigns = [
    ...statements.filter((item) => !isIn(item, listed) && item !== last).map(({ at }) => at),
    ...reports.filter(({ oid }) => oid === last.oid).map(({ at }) => at),
  ].filter((at) => at <= last.at - CONFIRM_MS && !cleared(at));
  return firstSigns.length > 0 ? { kind: 'gone', last, since } : { kind: 'doubtful', last };
}

export function isIn({ says, groups }: Statement, listed: boolean): boolean {
  return (says === 'enabled' || says === 'disabled') && (groups.length > 0 || listed);
}
