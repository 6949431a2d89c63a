import { createHash } from 'node:crypto';
import { type PlannedRemoval, type Removal, removalsIn } from '../domain/guard.js';
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
    const steps = plan.steps.map(describeStep);
    return found.map((removal): DueRemoval => {
      const described = { ...removal, upn, reason, steps };
      return clockDoubted && removal.kind === 'delete' ? { ...described, clockDoubted } : described;
    });
  });
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
