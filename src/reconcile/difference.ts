import { createHash } from 'node:crypto';
import { partOf } from '../domain/guard.js';
import type { HeldRemoval } from '../ledger/document.js';

/** One line of a plan, of whichever kind, as it is compared and shown. */
export interface PlanLine {
  oid: string;
  upn: string;
  what: 'lock' | 'delete' | 'change';
  /** Where, in words: lakeFS is judged for itself. */
  part?: 'lakefs' | undefined;
  reason?: string | undefined;
  steps: readonly string[];
  /** What makes it the same line, see `hashOf`; 12 hexadecimal digits. */
  same: string;
}

/** What sets a fresh plan apart from the one that an operator has seen. */
export interface Difference {
  /** In the fresh plan and not in the seen one. */
  came: PlanLine[];
  went: PlanLine[];
  /** In both, and something else would be done; as it is in the fresh plan. */
  changed: PlanLine[];
}

export function differenceOf(seen: readonly PlanLine[], fresh: readonly PlanLine[]): Difference {
  const before = new Map(seen.map((line) => [keyOf(line), line]));
  const after = new Map(fresh.map((line) => [keyOf(line), line]));
  return {
    came: fresh.filter((line) => !before.has(keyOf(line))),
    went: seen.filter((line) => !after.has(keyOf(line))),
    changed: fresh.filter((line) => {
      const earlier = before.get(keyOf(line));
      return earlier !== undefined && earlier.same !== line.same;
    }),
  };
}

function keyOf({ oid, what, part }: PlanLine): string {
  return `${what}:${oid}:${part ?? 'accounts'}`;
}

export function linesOfRemovals(removals: readonly HeldRemoval[]): PlanLine[] {
  return removals.map(({ oid, upn, kind, reason, steps, takes, targets, clockDoubted }) => ({
    ...(partOf({ targets }) === 'lakefs' ? { part: 'lakefs' as const } : {}),
    oid,
    upn: upn ?? oid,
    what: kind,
    reason,
    steps,
    same: digestOf([...(takes ? [...takes].sort() : ['*']), ...(clockDoubted ? ['clock'] : [])]),
  }));
}

export function linesOfChanges(
  changes: readonly { oid: string; upn: string; steps: readonly string[]; does: readonly string[] }[],
): PlanLine[] {
  return changes.map(({ oid, upn, steps, does }) => ({
    oid,
    upn,
    what: 'change',
    steps,
    same: digestOf([...does].sort()),
  }));
}

function digestOf(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 12);
}
