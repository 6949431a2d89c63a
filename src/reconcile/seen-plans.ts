import type { SeenPlan } from '../ledger/document.js';
import type { Context } from './context.js';
import type { OpenPlan } from './open-plans.js';

/** So many plans, and so many lines of them, are remembered: enough for an operator who reads one while it changes. */
const MAX_PLANS = 10;
const MAX_LINES = 20_000;

/**
 * Remembers what an operator may have seen, so that an approval of it can be told what is different by now. In memory;
 * it reaches the disk with whatever is saved next.
 */
export function noteSeen({ ledger }: Pick<Context, 'ledger'>, plans: readonly OpenPlan[]): void {
  const { guard } = ledger.data;
  const hashes = new Set(plans.map(({ hash }) => hash));
  const fresh = plans.map(({ kind, hash, since, lines }): SeenPlan => {
    const brief = lines.map(({ oid, upn, what, same }) => ({ oid, upn, what, same }));
    return { kind, hash, since, lines: brief };
  });
  const all = [...fresh, ...(guard.seen ?? []).filter(({ hash }) => !hashes.has(hash))];
  let room = MAX_LINES;
  guard.seen = all.slice(0, MAX_PLANS).filter(({ lines }) => {
    room -= lines.length;
    return room >= 0;
  });
}

/** The plan of this hash that somebody may have seen, as far as it is remembered: without its steps. */
export function seenPlan({ ledger }: Pick<Context, 'ledger'>, hash: string): OpenPlan | undefined {
  const seen = ledger.data.guard.seen?.find((plan) => plan.hash === hash);
  return seen && { ...seen, lines: seen.lines.map((line) => ({ ...line, steps: [] })), removals: [] };
}
