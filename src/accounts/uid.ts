import { createHash } from 'node:crypto';
import type { Policy } from './policy.js';

type Rules = Pick<Policy, 'uidRange' | 'uids'>;

/**
 * The uid of an identity: what root pinned in the policy, else a number that comes from the object id alone. Never the
 * next free one: what is free differs from host to host, and one person must have one uid everywhere.
 */
export function uidOf(oid: string, { uidRange, uids }: Rules): number {
  return uids[oid] ?? hashed(oid, 0, uidRange);
}

/** Numbers that root may pin for somebody whose own one is taken; again a sequence that comes from the object id alone. */
export function* alternativeUids(oid: string, { uidRange }: Pick<Rules, 'uidRange'>): Generator<number> {
  for (let probe = 1; probe < 64; probe += 1) yield hashed(oid, probe, uidRange);
}

function hashed(oid: string, probe: number, [first, last]: readonly [number, number]): number {
  const number = createHash('sha256')
    .update(probe === 0 ? oid : `${oid}:${probe}`)
    .digest()
    .readUIntBE(0, 6);
  return first + (number % (last - first + 1));
}
