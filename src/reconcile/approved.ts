import type { ApprovedRemoval } from '../ledger/document.js';
import type { DueRemoval } from './removals.js';

/** How long an approval lasts; what was not applied by then is guarded again. */
export const APPROVAL_MS = 3_600_000;

/** Whether an approval still counts. One that would last longer than any was given in another time: the clock went back. */
export function isCurrent({ until }: ApprovedRemoval, now: number): boolean {
  return until > now && until <= now + APPROVAL_MS;
}

/** Whether an operator approved this removal: everything that it takes, not merely that something is taken. */
export function isApproved(approved: readonly ApprovedRemoval[], removal: DueRemoval, now: number): boolean {
  return approved.some(
    (item) =>
      item.oid === removal.oid &&
      item.kind === removal.kind &&
      isCurrent(item, now) &&
      removal.takes.every((take) => item.takes?.includes(take) ?? true),
  );
}
