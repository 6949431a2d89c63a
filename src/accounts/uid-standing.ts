import type { Etc } from './etc.js';
import type { Ledger } from './ledger.js';
import type { Policy } from './policy.js';
import { alternativeUids, uidOf } from './uid.js';

/** The uid that an identity gets here, with one that is free beside it, or why it gets none. */
export type UidStanding =
  | { ok: true; uid: number; other?: number | undefined }
  | { ok: false; uid: number; why: string; remedy: string };

interface Surroundings {
  ledger: Ledger;
  policy: Policy;
  etc: Etc;
}

/**
 * The uid that somebody without an account here would get: the former one of this identity, else its own. Where that
 * is taken the identity gets none, rather than another number than on the next host, until root pins one.
 */
export function uidStanding(around: Surroundings, oid: string): UidStanding {
  const { ledger, policy } = around;
  const former = ledger.get(oid);
  if (former) return { ok: true, uid: former.uid };
  const uid = uidOf(oid, policy);
  const [first, last] = policy.uidRange;
  if (uid < first || uid > last) {
    const why = `the policy pins uid ${uid} for ${oid}, outside uidRange ${first}-${last}`;
    return { ok: false, uid, why, remedy: 'correct uids in the policy of every host' };
  }
  const holder = holderOf(around, uid, oid);
  if (holder === undefined) return { ok: true, uid, other: proposalFor(around, oid) };
  const why = `uid ${uid}, which is that of ${oid} on every host, is taken here: ${holder}`;
  return { ok: false, uid, why, remedy: pinRemedy(oid, proposalFor(around, oid)) };
}

/** What root writes into the policy so that this identity gets a uid of its own. */
export function pinRemedy(oid: string, proposal: number | undefined): string {
  const pin = `"uids": {"${oid}": ${proposal ?? 'UID'}}`;
  return `pin another one as root, the same in accounts.policy.json of every host: ${pin}`;
}

function proposalFor(around: Surroundings, oid: string): number | undefined {
  for (const uid of alternativeUids(oid, around.policy)) if (holderOf(around, uid, oid) === undefined) return uid;
  return undefined;
}

/** Whose a uid is or was, in words; undefined where it is nobody's, or only pinned for this identity. */
function holderOf({ ledger, policy, etc }: Surroundings, uid: number, oid: string): string | undefined {
  const owner = ledger.ownerOfUid(uid);
  if (owner) return `it is that of ${owner.name} (${owner.oid})`;
  const pinned = Object.entries(policy.uids).find(([other, number]) => number === uid && other !== oid);
  if (pinned) return `the policy pins it for ${pinned[0]}`;
  const account = etc.nameOfUid.get(uid);
  if (account !== undefined) return `the account ${account} has it`;
  const group = etc.groupOfGid.get(uid);
  return group === undefined ? undefined : `the group ${group} has it as gid`;
}
