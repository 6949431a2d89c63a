import { type Etc, groupsOf } from './etc.js';
import type { Entry, Ledger } from './ledger.js';
import { isReserved, nameProblem } from './names.js';
import type { Policy } from './policy.js';
import type { NameQuestion, NameSight } from './protocol.js';
import { identityProblem } from './workshop.js';

export type NameStanding = Omit<NameSight, 'name'>;

/** Whether an identity may have a name on this host. `ours`: it has it, or had it before its deletion. */
export function nameStanding(
  { ledger, policy, etc }: { ledger: Ledger; policy: Policy; etc: Etc },
  { oid, name }: NameQuestion,
): NameStanding {
  const own = ledger.get(oid);
  if (own?.state === 'released') return releasedStanding(own);
  const problem = nameProblem(name);
  if (problem) return { state: 'invalid', why: problem, remedy: OTHER_NAME };
  if (own && own.state !== 'deleted' && own.name === name) {
    const taken = identityProblem(etc, own);
    if (!taken) return { state: 'ours' };
    return { state: 'foreign', why: taken, remedy: 'give the account back its uid, or remove it by hand' };
  }
  if (isReserved(name, policy)) {
    return {
      state: 'reserved',
      why: `${name} is reserved for the system or by the policy`,
      remedy: OTHER_NAME,
    };
  }
  const owner = ledger.ownerOfName(name);
  if (owner && owner.oid !== oid) {
    return owner.state === 'deleted' || owner.name !== name
      ? {
          state: 'tombstoned',
          why: `${name} was the name of ${owner.oid}`,
          remedy: 'names are never given to a second person: change the user name in Entra',
        }
      : {
          state: 'foreign',
          why: `${name} is the account of ${owner.oid}`,
          remedy: 'change the user name of one of the two in Entra',
        };
  }
  const line = etc.passwd.get(name);
  if (line) {
    const adopt = `if it is this person's, see what "entramox adopt ${oid}" says`;
    return foreign(
      `an account ${name} (uid ${line.uid}) exists that entramox did not make`,
      `${adopt}; else remove it or change the user name in Entra`,
    );
  }
  if (owner) return { state: 'ours' };
  const group = etc.group.get(name);
  if (group) {
    return foreign(
      `a group ${name} (gid ${group.gid}) exists that entramox did not make`,
      `groupdel ${name} where nobody needs it, or change the user name in Entra`,
    );
  }
  const memberships = groupsOf(etc, name);
  if (memberships.length > 0 || etc.shadow.has(name) || etc.gshadow.has(name)) {
    const places = memberships.length > 0 ? `as a member of ${memberships.join(', ')}` : 'in shadow or gshadow';
    return foreign(
      `${name} is still named ${places} without being an account`,
      'look with pwck and grpck, and take the name out',
    );
  }
  return { state: 'free' };
}

/** An account that root took back: it is nobody's here, and its identity gets no second one. */
export function releasedStanding({
  oid,
  name,
  uid,
  releasedAt,
}: Entry): NameStanding & { why: string; remedy: string } {
  const since = releasedAt === undefined ? '' : ` on ${new Date(releasedAt).toISOString().slice(0, 10)}`;
  return {
    state: 'foreign',
    released: true,
    why: `root took ${name} (uid ${uid}) back${since}, so it is not managed`,
    remedy: `"entramox adopt ${oid} --yes" takes it under management again`,
  };
}

const OTHER_NAME = 'change the user name in Entra, or leave this person out of the groups';

function foreign(why: string, remedy: string): NameStanding {
  return { state: 'foreign', why, remedy };
}
