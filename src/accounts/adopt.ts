import { AgentError } from './errors.js';
import { type Etc, groupsOf, type PasswdLine, readEtc } from './etc.js';
import type { Entry, Ledger } from './ledger.js';
import { isGuid, isReserved, nameProblem } from './names.js';
import type { Policy } from './policy.js';
import { isShadowLocked } from './workshop.js';

/** What root is shown before an account is adopted. */
export interface Candidate {
  entry: Entry;
  lines: string[];
}

interface Surroundings {
  ledger: Ledger;
  policy: Policy;
  etc: Etc;
}

interface Wish {
  oid: string;
  name: string;
}

/**
 * Looks at an account that root wants to hand over, or hand over again, without changing anything. Throws AgentError
 * for system accounts, uids outside the range, and names, uids or object ids that have an owner already.
 */
export function examineForAdoption(
  { ledger, policy, etcDirectory }: { ledger: Ledger; policy: Policy; etcDirectory: string },
  wish: Wish,
): Candidate {
  const { oid, name } = wish;
  if (!isGuid(oid)) throw new AgentError('invalid', `--oid ${oid} is not a GUID in lower case`);
  const around = { ledger, policy, etc: readEtc(etcDirectory) };
  const known = ledger.get(oid);
  const former = known?.state === 'released' ? known : undefined;
  if (former && !around.etc.passwd.has(former.name)) return madeAnew(former);
  const found = lineToAdopt(around, wish);
  if (typeof found === 'string') throw new AgentError(nameProblem(name) ? 'invalid' : 'refused', found);
  return takenOver(around, wish, found, former);
}

/** Why root cannot hand this account over; undefined where nothing speaks against it. */
export function adoptionObstacle(around: Surroundings, wish: Wish): string | undefined {
  const found = lineToAdopt(around, wish);
  return typeof found === 'string' ? found : undefined;
}

/** The line of the account, or why root cannot hand it over. */
function lineToAdopt({ ledger, policy, etc }: Surroundings, { oid, name }: Wish): PasswdLine | string {
  const problem = nameProblem(name);
  if (problem) return problem;
  if (isReserved(name, policy)) return `${name} is reserved for the system or by the policy`;
  const line = etc.passwd.get(name);
  if (!line || !etc.shadow.has(name)) return `there is no complete account ${name} here`;
  const [first, last] = policy.uidRange;
  if (line.uid < first || line.uid > last) {
    return (
      `${name} keeps its uid ${line.uid}, which is outside uidRange ${first}-${last}: ` +
      'give it one inside (usermod -u, and chown its files), or widen UID_RANGE and the policy'
    );
  }
  const twin = [...etc.passwd.values()].find((other) => other.uid === line.uid && other.name !== name);
  if (twin) return `uid ${line.uid} belongs to ${twin.name} too`;
  const owner = ledger.get(oid) ?? ledger.ownerOfName(name) ?? ledger.ownerOfUid(line.uid);
  if (!owner) return pinnedObstacle(policy, oid, line.uid) ?? line;
  const isBack = owner.oid === oid && owner.state === 'released' && owner.name === name && owner.uid === line.uid;
  return isBack ? line : `${owner.oid} has, or had, the account ${owner.name} with uid ${owner.uid}`;
}

/** A uid that root keeps for somebody must not come to anybody else, and what is pinned must not be given up unseen. */
function pinnedObstacle({ uids }: Policy, oid: string, uid: number): string | undefined {
  const other = Object.entries(uids).find(([pinned, number]) => number === uid && pinned !== oid);
  if (other) return `the policy pins uid ${uid} for ${other[0]}`;
  const own = uids[oid];
  return own === undefined || own === uid ? undefined : `the policy pins uid ${own} for ${oid}, the account has ${uid}`;
}

function takenOver(
  { etc, policy }: Surroundings,
  { oid, name }: Wish,
  line: PasswdLine,
  former: Entry | undefined,
): Candidate {
  const kept = former ? { formerNames: former.formerNames, ...(former.archives && { archives: former.archives }) } : {};
  // The lock that we left on it is still ours to undo; one that was opened meanwhile is not there any more. Nobody
  // watched it in between, so it counts as begun, and the time before a deletion begins when it is locked again.
  const { previousExpiry = '', passwordWasLocked = false } = former?.lock ?? {};
  const isStillLocked = former?.lock !== undefined && isShadowLocked(etc.shadow.get(name));
  const lock = isStillLocked ? { lock: { previousExpiry, passwordWasLocked } } : {};
  const entry: Entry = { oid, name, uid: line.uid, state: 'made', adopted: true, formerNames: [], ...kept, ...lock };
  const groups = groupsOf(etc, name);
  const managed = groups.filter((group) => policy.allowedGroups.includes(group));
  return {
    entry,
    lines: [
      `account  ${name}, uid ${line.uid}, gid ${line.gid}`,
      `name     ${line.gecos}`,
      `home     ${line.home}`,
      `shell    ${line.shell}`,
      `groups   ${groups.join(' ') || 'none'}${managed.length > 0 ? ` (managed from then on: ${managed.join(' ')})` : ''}`,
      `becomes  the account of ${oid}; from then on it is locked and deleted with that identity`,
    ],
  };
}

/** The account that root took back is gone by now: the identity may have a new one of the same uid. */
function madeAnew({ releasedAt: _, lock: __, ...former }: Entry): Candidate {
  return {
    entry: { ...former, state: 'deleted' },
    lines: [
      `account  ${former.name} is gone from this host; the next reconcile makes it anew, with its uid ${former.uid}`,
    ],
  };
}
