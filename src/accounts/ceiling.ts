import { AgentError } from './errors.js';
import type { CeilingKind } from './ledger.js';
import type { Workshop } from './workshop.js';

const HOUR_MS = 3_600_000;

/** Throws AgentError `ceiling` when this hour's locks or deletions are used up. Only root can lift it, by policy. */
export function checkCeiling({ ledger, policy, clock }: Workshop, kind: CeilingKind): void {
  const now = clock.now();
  const limit = kind === 'locks' ? policy.locksPerHour : policy.deletesPerHour;
  const times = ledger.recent(kind, now);
  if (times.length < limit) return;
  // When this one is an hour old there are fewer than the limit. With a limit of 0 there never are.
  const last = [...times].sort((a, b) => a - b)[times.length - limit];
  const wait =
    last === undefined ? '' : `wait about ${Math.max(1, Math.ceil((last + HOUR_MS - now) / 60_000))} min, or `;
  throw new AgentError(
    'ceiling',
    `the ceiling of ${limit} ${kind} in an hour is reached`,
    `${wait}raise ${kind}PerHour in the policy as root`,
  );
}
