import { createHash } from 'node:crypto';
import {
  type GuardDecision,
  guard,
  type PastRemoval,
  type PlannedRemoval,
  partOf,
  type Removal,
  removalsIn,
  type Trip,
} from '../domain/guard.js';
import type { ObjectId } from '../domain/identity.js';
import type { IdentityPlan } from '../domain/plan.js';
import type { TargetName } from '../domain/policy.js';
import { describeStep } from '../domain/step.js';
import type { HeldRemoval } from '../ledger/document.js';
import type { Context } from './context.js';
import { lakefsRecord } from './lakefs-port.js';

/** A removal of this pass, with whom it concerns and why, as an operator is to see it. */
export type DueRemoval = HeldRemoval & PlannedRemoval;

/** What these plans would take away. While the clock is in doubt, the mere end of a countdown is a deletion too. */
export function removalsOf(ctx: Context, plans: readonly IdentityPlan[]): DueRemoval[] {
  const clockDoubted = ctx.ledger.data.clock?.doubt ? true : undefined;
  return plans.flatMap((plan) => {
    const { upn, reason } = plan.entry;
    const found = removalsIn(plan.steps);
    const ends = plan.entry.state === 'deleted' && ctx.ledger.entry(plan.oid)?.state === 'grace';
    if (clockDoubted && ends && !found.some(({ kind }) => kind === 'delete')) {
      found.push({ oid: plan.oid, kind: 'delete', targets: [], takes: [] });
    }
    return found.map((removal): DueRemoval => {
      const part = partOf(removal);
      const steps = plan.steps.filter(({ target }) => partOf({ targets: [target] }) === part).map(describeStep);
      const described = { ...removal, upn, reason, steps };
      return clockDoubted && removal.kind === 'delete' ? { ...described, clockDoubted } : described;
    });
  });
}

/** What must be judged together: people's accounts, people in lakeFS, and the groups of lakeFS themselves. */
type Whole = 'accounts' | 'lakefs people' | 'lakefs groups';

/**
 * What the guard says of each whole by itself: a group that is deleted in lakeFS is no person, and nothing that is
 * stopped in lakeFS keeps a leaver's accounts open. `holds`: whether this removal may not be applied.
 */
export function judgeWholes(
  ctx: Context,
  removals: readonly DueRemoval[],
): { holds(removal: Removal): boolean; trips: Trip[] } {
  const groups = new Set(Object.keys(lakefsRecord(ctx.ledger).groups));
  const wholeOf = (removal: Removal): Whole => {
    if (partOf(removal) === 'accounts') return 'accounts';
    // lakeFS's people are never deleted.
    return removal.kind === 'delete' || groups.has(removal.oid) ? 'lakefs groups' : 'lakefs people';
  };
  const { window } = ctx.ledger.data.guard;
  const decisions = new Map<Whole, GuardDecision>();
  const owned = removals.length > 0 ? ownedByTarget(ctx) : new Map<TargetName, number>();
  for (const whole of new Set(removals.map(wholeOf))) {
    const isOfIt = (removal: Removal) => wholeOf(removal) === whole;
    const past: PastRemoval[] = whole === 'accounts' ? window : window.filter(isOfIt);
    const isAboutGroups = whole === 'lakefs groups';
    decisions.set(
      whole,
      guard({
        removals: removals.filter(isOfIt),
        window: past,
        owned: isAboutGroups ? new Map([['lakefs', groups.size]]) : owned,
        limits: ctx.policy.guard,
        now: ctx.clock.now(),
        subject: isAboutGroups ? 'groups' : undefined,
      }),
    );
  }
  return {
    holds: (removal) => decisions.get(wholeOf(removal))?.kind === 'held',
    trips: [...decisions.values()].flatMap((decision) => (decision.kind === 'held' ? decision.trips : [])),
  };
}

/** How many identities we look after in each target: what shares are shares of. */
export function ownedByTarget(ctx: Context): Map<TargetName, number> {
  const living = ctx.ledger.entries().filter((entry) => entry.state !== 'deleted');
  const inLakefs = new Set(
    Object.values(lakefsRecord(ctx.ledger).groups).flatMap(({ members }) => Object.keys(members)),
  );
  const countOf = (target: TargetName) =>
    target === 'lakefs' ? inLakefs.size : living.filter(({ names }) => names[target] !== undefined).length;
  return new Map(ctx.policy.targets.map((target) => [target, countOf(target)]));
}

/**
 * Names a set of removals, whatever their order: who, locked or deleted, what is taken in which target, and whether a
 * deletion waits because of the clock. Reasons, instants and what is given beside it are not in it.
 */
export function hashOf(removals: readonly (Removal & Pick<HeldRemoval, 'takes' | 'clockDoubted'>)[]): string {
  return hashOfLines(
    removals.map(({ kind, oid, takes, clockDoubted }) =>
      [kind, oid, ...(takes ? [...takes].sort() : ['*']), ...(clockDoubted ? ['clock'] : [])].join('\t'),
    ),
  );
}

/** Names what the first run would do, in the same way. */
export function hashOfChanges(changes: readonly { oid: ObjectId; does: readonly string[] }[]): string {
  return hashOfLines(changes.map(({ oid, does }) => ['first-run', oid, ...[...does].sort()].join('\t')));
}

function hashOfLines(lines: readonly string[]): string {
  return createHash('sha256')
    .update([...lines].sort().join('\n'))
    .digest('hex')
    .slice(0, 12);
}
