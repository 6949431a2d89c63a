import { type Etc, groupsOf } from './etc.js';
import type { Ledger } from './ledger.js';
import { isReserved, nameProblem } from './names.js';
import type { Policy } from './policy.js';
import type { NameQuestion, NameSight } from './protocol.js';
import { identityProblem } from './workshop.js';

export interface NameStanding extends Omit<NameSight, 'name'> {
  remedy?: string;
}

/** Whether an identity may have a name on this host. `ours`: it has it, or had it before its deletion. */
export function nameStanding(
  { ledger, policy, etc }: { ledger: Ledger; policy: Policy; etc: Etc },
  { oid, name }: NameQuestion,
): NameStanding {
  const problem = nameProblem(name);
  if (problem) return { state: 'invalid', why: problem, remedy: 'give this person another user name' };
  const own = ledger.get(oid);
  if (own && own.state !== 'deleted' && own.name === name) {
    const taken = identityProblem(etc, own);
    if (!taken) return { state: 'ours' };
    return { state: 'foreign', why: taken, remedy: 'give the account back its uid, or remove it by hand' };
  }
  if (isReserved(name, policy)) {
    return {
      state: 'reserved',
      why: `${name} is reserved for the system or by the policy`,
      remedy: 'give this person another name',
    };
  }
  const owner = ledger.ownerOfName(name);
  if (owner && owner.oid !== oid) {
    return owner.state === 'deleted' || owner.name !== name
      ? { state: 'tombstoned', why: `${name} was the name of ${owner.oid}`, remedy: 'names are not given out twice' }
      : { state: 'foreign', why: `${name} is the account of ${owner.oid}`, remedy: 'give one of the two another name' };
  }
  const line = etc.passwd.get(name);
  if (line) return foreign(`an account ${name} (uid ${line.uid}) exists that entramox did not make`);
  if (owner) return { state: 'ours' };
  const group = etc.group.get(name);
  if (group) return foreign(`a group ${name} (gid ${group.gid}) exists that entramox did not make`);
  const memberships = groupsOf(etc, name);
  if (memberships.length > 0 || etc.shadow.has(name) || etc.gshadow.has(name)) {
    const places = memberships.length > 0 ? `as a member of ${memberships.join(', ')}` : 'in shadow or gshadow';
    return foreign(`${name} is still named ${places} without being an account`);
  }
  return { state: 'free' };
}

function foreign(why: string): NameStanding {
  return { state: 'foreign', why, remedy: 'adopt it with `accounts adopt`, remove it, or use another name' };
}
