import { createHash } from 'node:crypto';
import { AgentError } from './errors.js';

/**
 * The uid of an identity: the same on every host, because it comes from the object id alone; where that one is
 * taken, the next of a sequence that is as fixed. `isTaken` must know every uid ever given out and every uid and
 * gid of this host. Rejects with AgentError `refused` when the range has no room.
 */
export async function chooseUid(
  oid: string,
  range: readonly [number, number],
  isTaken: (uid: number) => boolean | Promise<boolean>,
): Promise<number> {
  const [first, last] = range;
  const size = last - first + 1;
  for (let probe = 0; probe < 64; probe += 1) {
    const uid = first + (hash(oid, probe) % size);
    if (!(await isTaken(uid))) return uid;
  }
  // The range is nearly full: go on one by one from where the hash points.
  const start = hash(oid, 0) % size;
  for (let offset = 0; offset < size; offset += 1) {
    const uid = first + ((start + offset) % size);
    if (!(await isTaken(uid))) return uid;
  }
  throw new AgentError('refused', `every uid from ${first} to ${last} was given out`, 'widen uidRange in the policy');
}

function hash(oid: string, probe: number): number {
  return createHash('sha256')
    .update(probe === 0 ? oid : `${oid}:${probe}`)
    .digest()
    .readUIntBE(0, 6);
}
