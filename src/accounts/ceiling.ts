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
  const minutes = Math.max(1, Math.ceil((Math.min(...times) + HOUR_MS - now) / 60_000));
  throw new AgentError(
    'ceiling',
    `the ceiling of ${limit} ${kind} in an hour is reached`,
    `wait about ${minutes} min, or raise ${kind}PerHour in the policy as root`,
  );
}
