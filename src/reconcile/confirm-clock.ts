import { Rejected } from '../domain/errors.js';
import type { ClockDoubt } from '../ledger/document.js';
import { letGo, tellOfClock, watchClock } from './clock-watch.js';
import type { Context } from './context.js';

/** Who says that the clock is right. */
export interface ClockConfirmer {
  operator: string;
  claimedUser?: string | undefined;
  /** The plan whose approval says so; undefined where the clock alone was confirmed. */
  hash?: string | undefined;
}

/**
 * An operator looked at the clock and says that it is right: what waited for that alone waits no longer, and the next
 * sweep judges it by the limits of the guard. Throws Rejected where the clock is not in doubt, where it jumped since the
 * operator can have looked, and in a dry run.
 */
export async function confirmClock(ctx: Context, confirmer: ClockConfirmer): Promise<ClockDoubt> {
  if (ctx.dryRun) throw new Rejected('DRY_RUN is on, so nothing is confirmed: nothing would come of it');
  if ((await watchClock(ctx)) === 'jumped') {
    throw new Rejected('the clock of this host jumped just now: look at "entramox status" and at the clock once more');
  }
  const doubt = ctx.ledger.data.clock?.doubt;
  if (!doubt) throw new Rejected('the clock of this host is not in doubt, so there is nothing to confirm');
  endDoubt(ctx, confirmer);
  await ctx.ledger.save();
  return doubt;
}

/** The doubt ends, in the audit log first; in memory, the caller saves it. Throws where it cannot be audited. */
export function endDoubt(ctx: Context, { operator, claimedUser, hash }: ClockConfirmer): void {
  const { data } = ctx.ledger;
  const { clock } = data;
  if (!clock?.doubt) return;
  const { since, why } = clock.doubt;
  const record = { kind: 'decision', by: operator, action: 'confirm-clock', outcome: 'done' } as const;
  ctx.audit.append({ ...record, claimedUser, plan: hash, before: { since, why } });
  ctx.audit.flush();
  clock.doubt = undefined;
  letGo(data);
  ctx.ledger.changed();
  tellOfClock(ctx);
  ctx.log('reconcile.clock.confirmed', { hash, operator, claimedUser, why });
}
