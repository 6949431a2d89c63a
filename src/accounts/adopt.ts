import { AgentError } from './errors.js';
import { groupsOf, readEtc } from './etc.js';
import type { Entry, Ledger } from './ledger.js';
import { isGuid, isReserved, nameProblem } from './names.js';
import type { Policy } from './policy.js';

/** What root is shown before an account is adopted. */
export interface Candidate {
  entry: Entry;
  lines: string[];
}

/**
 * Looks at an account that root wants to hand over, without changing anything. Throws AgentError for system
 * accounts, uids outside the range, and names, uids or object ids that have an owner already.
 */
export function examineForAdoption(
  { ledger, policy, etcDirectory }: { ledger: Ledger; policy: Policy; etcDirectory: string },
  { oid, name }: { oid: string; name: string },
): Candidate {
  if (!isGuid(oid)) throw new AgentError('invalid', `--oid ${oid} is not a GUID in lower case`);
  const problem = nameProblem(name);
  if (problem) throw new AgentError('invalid', problem);
  if (isReserved(name, policy)) throw new AgentError('refused', `${name} is reserved for the system or by the policy`);
  const etc = readEtc(etcDirectory);
  const line = etc.passwd.get(name);
  if (!line || !etc.shadow.has(name)) throw new AgentError('refused', `there is no complete account ${name} here`);
  const [first, last] = policy.uidRange;
  if (line.uid < first || line.uid > last) {
    throw new AgentError('refused', `uid ${line.uid} of ${name} is outside uidRange ${first}-${last}`);
  }
  const twin = [...etc.passwd.values()].find((other) => other.uid === line.uid && other.name !== name);
  if (twin) throw new AgentError('refused', `uid ${line.uid} belongs to ${twin.name} too`);
  const owner = ledger.get(oid) ?? ledger.ownerOfName(name) ?? ledger.ownerOfUid(line.uid);
  if (owner) {
    throw new AgentError('refused', `${owner.oid} has, or had, the account ${owner.name} with uid ${owner.uid}`);
  }
  const entry: Entry = { oid, name, uid: line.uid, state: 'made', adopted: true, formerNames: [] };
  return {
    entry,
    lines: [
      `account  ${name}, uid ${line.uid}, gid ${line.gid}`,
      `name     ${line.gecos}`,
      `home     ${line.home}`,
      `shell    ${line.shell}`,
      `groups   ${groupsOf(etc, name).join(' ') || 'none'}`,
      `becomes  the account of ${oid}; from then on it is locked and deleted with that identity`,
    ],
  };
}
