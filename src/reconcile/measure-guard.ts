import type { HeldRemoval } from '../ledger/document.js';
import type { Context } from './context.js';

/** Brings the gauges of the guard up to date with the ledger. */
export function measureGuard({ ledger, metrics }: Pick<Context, 'ledger' | 'metrics'>): void {
  const { guard, firstRun } = ledger.data;
  const waiting = firstRun?.state === 'waiting';
  metrics.guardHeld.set(guard.held || waiting ? 1 : 0);
  metrics.firstRunWaiting.set(waiting ? 1 : 0);
  for (const kind of ['lock', 'delete'] as const) {
    const count = (removals: readonly HeldRemoval[] = []) =>
      new Set(removals.filter((item) => item.kind === kind).map(({ oid }) => oid)).size;
    metrics.guardHeldIdentities.set({ kind }, count(guard.held?.removals));
    metrics.guardRejectedIdentities.set({ kind }, count(guard.rejected));
  }
}
