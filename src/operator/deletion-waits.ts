import type { LedgerEntry } from '../domain/ledger-entry.js';
import type { Context } from '../reconcile/context.js';
import { heldBackFor } from '../reconcile/disagreement.js';
import { stands } from '../reconcile/rejection.js';

const LEFT = { kind: 'outsider', reason: '', positive: false } as const;

/** Why the deletion of a leaver waits, whatever the time, in a few words; undefined where only the time is awaited. */
export function deletionWaits(ctx: Context, { oid }: LedgerEntry): string | undefined {
  const { guard, clock, firstRun } = ctx.ledger.data;
  const isTheirs = (item: { oid: string; kind: string }) => item.oid === oid && item.kind === 'delete';
  if (guard.held?.removals.some(isTheirs)) return `held: plan ${guard.held.hash}`;
  const rejection = guard.rejected?.find(isTheirs);
  if (rejection && stands(rejection, ctx.clock.now())) return 'kept by a rejection';
  if (clock?.doubt) return 'waits for the clock';
  if (heldBackFor(ctx, oid, LEFT) !== undefined) return 'waits: the records disagree';
  if (firstRun?.state === 'waiting') return 'waits for the first run';
  return undefined;
}
